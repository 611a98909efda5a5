"""Sending requests to a running Flow and taking its answers, synchronously."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from mproc_flow.errors import BadOption, ErrorInfo, FlowClosed, MprocFlowError, PodDied
from mproc_flow.model.request import Response, batches
from mproc_flow.options.address import tcp_address
from mproc_flow.options.groups import CLIENT
from mproc_flow.posting import Callback, Callbacks, Posting, PostOptions, Sent, response
from mproc_flow.transport import channel
from mproc_flow.transport.exchange import Call, Connection, ConnectionLost

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mproc_flow.options.signatures import ClientOptions

Explain = Callable[[], MprocFlowError | None]

_CONNECT_BOUND = 5.0


class Client(Posting):
    """Talks to a running Flow. Threads may share one; each call has its own connection.

    Args:
        host: Host the Flow listens on.
        port: Its port.
        **options: See the options table, for instance ``prefetch``: how many requests of one :meth:`post` may be
            under way at once; 0 for no limit.

    Raises:
        BadOption: There is no port, or an option does not exist or cannot have this value.
    """

    def __init__(self, host: str | None = None, port: int | None = None, **options: Unpack[ClientOptions]) -> None:
        checked = CLIENT.check({**options, 'host': host, 'port': port}, 'Client()')
        if not checked.get('port'):
            raise BadOption('Client(port=...) is needed: the port that was given to Flow(port=...)')
        chosen = CLIENT.with_defaults(checked)
        address = tcp_address(chosen['host'], chosen['port'])
        self._set_up(address, chosen, lambda: None, lambda seconds: seconds > _CONNECT_BOUND)

    @classmethod
    def at(
        cls, address: str, options: Mapping[str, Any], explain: Explain, is_hopeless: Callable[[float], bool]
    ) -> Client:
        """Make a Client for a ZeroMQ address.

        Args:
            address: Where the gateway listens, or will.
            options: Options of a Client or a Flow, with defaults.
            explain: May say why the connection was lost.
            is_hopeless: See :class:`~mproc_flow.transport.exchange.Connection`.
        """
        client = cls.__new__(cls)
        client._set_up(address, options, explain, is_hopeless)
        return client

    def _set_up(
        self, address: str, options: Mapping[str, Any], explain: Explain, is_hopeless: Callable[[float], bool]
    ) -> None:
        self._address = address
        self._prefetch = options['prefetch'] or 1 << 62
        self._return_responses = options['return_responses']
        self._explain = explain
        self._is_hopeless = is_hopeless
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._context: channel.Context | None = None
        self._idle: list[Connection] = []
        self._count = 0
        self._closed = False

    def post(  # parameters: Jina's signature
        self,
        on: str,
        inputs: Any = None,
        on_done: Callback | None = None,
        on_error: Callback | None = None,
        on_always: Callback | None = None,
        parameters: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Send inputs in requests and wait for all answers.

        Args:
            on: Endpoint, e.g. ``/index``.
            inputs: See :func:`mproc_flow.model.request.batches`; read no further ahead than the prefetch.
            on_done: Called with each Response that succeeded.
            on_error: Called with each that failed; then no error is raised for it.
            on_always: Called with each, after the others.
            parameters: Data for the Executors; ``name__key`` or ``{name: {key: ...}}`` is for the one of that name.
            **options: See :class:`PostOptions`.

        Returns:
            The Documents of all answers in the order in which they came (or the Responses); None if ``on_done`` or
            ``on_always`` is given.

        Raises:
            MprocFlowError: BadServer, PodDied, FlowFailed, FlowClosed, DeadlineExceeded, Overloaded: how a request
                ended. BadClientInput: inputs that are no Documents. BadClientCallback: a callback raised.
        """
        chosen = PostOptions.of({'return_responses': self._return_responses, **options})
        callbacks = Callbacks(on_done, on_error, on_always, chosen.continue_on_error)
        exchange = self._exchange(on, inputs, dict(parameters or {}), chosen)
        with contextlib.closing(exchange):  # an error's traceback would keep it, and its connection, open
            responses = [callbacks.call(response, info) for response, info in exchange]
        return callbacks.result(responses, chosen.return_responses)

    def is_flow_ready(self, timeout: float = _CONNECT_BOUND) -> bool:
        """Say whether the Flow is there and every Executor that an answer waits for has a process that takes work.

        Args:
            timeout: Seconds to wait for its word; without any, it is not ready.
        """
        connection = self._acquire()
        try:
            pong = connection.ping(timeout)
        finally:
            self._release(connection)
        return pong is not None and not pong.missing

    def close(self) -> None:
        """Close the connections; calls that are under way end with an error when theirs is lost."""
        with self._lock:
            if self._pid != os.getpid():
                return
            self._closed = True
            while self._idle:
                self._drop(self._idle.pop())
            self._end_context()

    # ---- inside ----

    def _exchange(
        self, on: str, inputs: Any, parameters: dict[str, Any], options: PostOptions
    ) -> Generator[tuple[Response, ErrorInfo | None], None, None]:
        connection = self._acquire()
        try:
            sent = Sent(batches(inputs, options.request_size), parameters)
            call = Call(on or '/', options.target_executor or '')
            replies = connection.exchange(call, sent, lambda: self._prefetch, options.timeout)
            with contextlib.closing(replies):
                for reply in replies:
                    yield response(call, reply, sent.ids.pop(reply.position))
        except ConnectionLost as lost:
            raise self._loss() from lost
        finally:
            self._release(connection)

    def _loss(self) -> MprocFlowError:
        return self._explain() or PodDied(f'there is no connection to a gateway at {self._address}, or it was lost')

    def _acquire(self) -> Connection:
        with self._lock:
            if self._pid != os.getpid():  # a fork of the program: ZeroMQ's sockets did not come along
                self._forget()
            if self._closed:
                raise FlowClosed
            while self._idle:
                connection = self._idle.pop()
                connection.update()
                if not connection.is_lost:
                    return connection
                self._drop(connection)
            if self._context is None:
                self._context = channel.context()
            connection = Connection(self._context, self._address, self._is_hopeless)
            self._count += 1
            return connection

    def _release(self, connection: Connection) -> None:
        with self._lock:
            if self._closed or connection.is_lost:
                self._drop(connection)
                self._end_context()
            else:
                self._idle.append(connection)

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._count -= 1

    def _end_context(self) -> None:
        if self._closed and not self._count and self._context is not None:
            self._context.term()
            self._context = None

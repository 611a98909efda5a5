"""Sending requests to a running Flow and taking its answers, synchronously."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec

from mproc_flow.errors import (
    BadClientCallback,
    BadOption,
    ErrorInfo,
    FlowClosed,
    MprocFlowError,
    PodDied,
    from_info,
)
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.reduce import reduce
from mproc_flow.model.request import Header, Response, Status, batches
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.transport import channel
from mproc_flow.transport.exchange import Connection, ConnectionLost, Reply

Callback = Callable[[Response], Any]
Explain = Callable[[], MprocFlowError | None]

_PREFETCH = 1000
_CONNECT_BOUND = 5.0


class PostOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How :meth:`Client.post` goes about it.

    Attributes:
        request_size: Documents in one request; 0 or less puts all in one.
        continue_on_error: Go on after a request failed or a callback raised.
        return_responses: Give the Responses instead of their Documents.
        timeout: Seconds for the whole call, None for no limit.
    """

    request_size: int = 100
    continue_on_error: bool = False
    return_responses: bool = False
    timeout: float | None = None

    @classmethod
    def of(cls, options: dict[str, Any]) -> PostOptions:
        """Check the options of a call.

        Raises:
            BadOption: One does not exist or has a value it cannot take.
        """
        for name in options:
            if name not in cls.__struct_fields__:
                hint = did_you_mean(name, cls.__struct_fields__)
                raise BadOption(f'post({name}=...) is not an option of post(){hint}')
        try:
            return msgspec.convert(options, cls)
        except msgspec.ValidationError as error:
            raise BadOption(f'post(): {error}') from None


class Client:
    """Talks to a running Flow. Threads may share one; each call has its own connection.

    Args:
        host: Host the Flow listens on.
        port: Its port.
        prefetch: How many requests of one :meth:`post` may be under way at once; 0 for no limit.
    """

    def __init__(self, host: str = '127.0.0.1', port: int | None = None, *, prefetch: int = _PREFETCH) -> None:
        if port is None:
            raise BadOption('Client(port=...) is needed: the port that was given to Flow(port=...)')
        self._set_up(f'tcp://{host}:{port}', prefetch, lambda: None, lambda seconds: seconds > _CONNECT_BOUND)

    @classmethod
    def at(cls, address: str, prefetch: int, explain: Explain, is_hopeless: Callable[[float], bool]) -> Client:
        """Make a Client for a ZeroMQ address.

        Args:
            address: Where the gateway listens, or will.
            prefetch: See the class.
            explain: May say why the connection was lost.
            is_hopeless: See :class:`~mproc_flow.transport.exchange.Connection`.
        """
        client = cls.__new__(cls)
        client._set_up(address, prefetch, explain, is_hopeless)
        return client

    def _set_up(self, address: str, prefetch: int, explain: Explain, is_hopeless: Callable[[float], bool]) -> None:
        self._address = address
        self._prefetch = prefetch or 1 << 62
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
        chosen = PostOptions.of(options)
        callbacks = _Callbacks(on_done, on_error, on_always, chosen.continue_on_error)
        exchange = self._exchange(on, inputs, dict(parameters or {}), chosen)
        with contextlib.closing(exchange):  # an error's traceback would keep it, and its connection, open
            responses = [callbacks.call(response, info) for response, info in exchange]
        return callbacks.result(responses, chosen.return_responses)

    def index(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/index``."""
        return self.post('/index', inputs, **options)

    def search(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/search``."""
        return self.post('/search', inputs, **options)

    def update(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/update``."""
        return self.post('/update', inputs, **options)

    def delete(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/delete``."""
        return self.post('/delete', inputs, **options)

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
            requests = (encode(docs, parameters) for docs in batches(inputs, options.request_size))
            replies = connection.exchange(on or '/', requests, self._prefetch, options.timeout)
            with contextlib.closing(replies):
                for reply in replies:
                    yield _response(on, reply)
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


class _Callbacks:
    def __init__(
        self, on_done: Callback | None, on_error: Callback | None, on_always: Callback | None, go_on: bool
    ) -> None:
        self._on_done = on_done
        self._on_error = on_error
        self._on_always = on_always
        self._go_on = go_on
        self._keeps = on_done is None and on_always is None

    def call(self, response: Response, info: ErrorInfo | None) -> Response | None:
        """Call what fits the response; raise its error if nobody else takes it."""
        self._run(self._on_error if info is not None else self._on_done, response)
        self._run(self._on_always, response)
        if info is not None and self._on_error is None and not self._go_on:
            raise from_info(info)
        return response if self._keeps else None

    def result(self, responses: Sequence[Response | None], whole: bool) -> Any:
        """Give what the call returns."""
        if not self._keeps:
            return None
        kept = [response for response in responses if response is not None]
        return kept if whole else DocumentArray([doc for response in kept for doc in response.docs])

    def _run(self, callback: Callback | None, response: Response) -> None:
        if callback is None:
            return
        try:
            callback(response)
        except Exception as error:
            if not self._go_on:
                raise BadClientCallback(f'{callback!r} raised {type(error).__name__}: {error}') from error


def _response(on: str, reply: Reply) -> tuple[Response, ErrorInfo | None]:
    info = reply.outcome if isinstance(reply.outcome, ErrorInfo) else None
    header = Header(request_id=str(reply.request), status=Status.of(info), exec_endpoint=on)
    if isinstance(reply.outcome, ErrorInfo):
        return Response(header=header), info
    docs, parameters = reduce([decode(part) for part in reply.outcome])
    return Response(header=header, docs=docs, parameters=parameters), None

"""Sending requests to a running Flow and taking its answers, synchronously."""

from __future__ import annotations

import contextlib
import importlib
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from mproc_flow.errors import BadOption, MprocFlowError, PodDied
from mproc_flow.model.request import Response
from mproc_flow.options.address import tcp_address
from mproc_flow.options.groups import CLIENT, FLOW
from mproc_flow.posting.callbacks import Callback, Callbacks
from mproc_flow.posting.inputs import sync_batches
from mproc_flow.posting.letters import Delivery, Letters
from mproc_flow.posting.options import Posting, PostOptions, checked_endpoint, checked_parameters
from mproc_flow.posting.pool import IsHopeless, Pool
from mproc_flow.posting.progress import progress
from mproc_flow.transport.exchange import Call, Connection, ConnectionLost

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mproc_flow.options.signatures import ClientOptions

Explain = Callable[[], 'MprocFlowError | None']

READY_BOUND = 5.0
# By name: it stands above this module, and asyncio is for those who use it.
_ASYNC_CLIENT = 'mproc_flow.async_client'
_NO_LIMIT = 1 << 62
_SHARED_FROM = FLOW['shared_memory_from'].default

_Self = TypeVar('_Self', bound='BaseClient')


class BaseClient(Posting):
    """What clients of all kinds have in common.

    Args:
        host: Host the Flow listens on.
        port: Its port.
        **options: See the options table.

    Raises:
        BadOption: There is no port, or an option does not exist or cannot have this value.
    """

    def __init__(self, host: str | None = None, port: int | None = None, **options: Unpack[ClientOptions]) -> None:
        checked = CLIENT.check({**options, 'host': host, 'port': port}, 'Client()')
        if not checked.get('port'):
            raise BadOption('Client(port=...) is needed: the port that was given to Flow(port=...)')
        chosen = CLIENT.with_defaults(checked)
        self._choose_kind(chosen)
        address = tcp_address(chosen['host'], chosen['port'])
        self._set_up(address, chosen, lambda: None, lambda seconds: seconds > READY_BOUND)
        # Who forgets to close it: the collector may end ZeroMQ's context before its sockets, and would wait for them.
        weakref.finalize(self, self._pool.close).atexit = False

    @classmethod
    def at(
        cls: type[_Self], address: str, options: Mapping[str, Any], explain: Explain, is_hopeless: IsHopeless
    ) -> _Self:
        """Make a client for a ZeroMQ address.

        Args:
            address: Where the gateway listens, or will.
            options: Options of a Client or a Flow, with defaults.
            explain: May say why the connection was lost.
            is_hopeless: See :class:`~mproc_flow.transport.exchange.Connection`.
        """
        client = cls.__new__(cls)
        client._set_up(address, options, explain, is_hopeless)
        return client

    def close(self) -> None:
        """Close the connections; calls that are under way end with an error when theirs is lost."""
        self._pool.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # ---- inside ----

    def _choose_kind(self, options: Mapping[str, Any]) -> None:
        """Become the kind of client that the options ask for."""

    def _connect(self) -> Callable[..., Any]:
        """Give what makes a connection; it must not refer to this client, which else would never be forgotten."""
        raise NotImplementedError

    def _set_up(self, address: str, options: Mapping[str, Any], explain: Explain, is_hopeless: IsHopeless) -> None:
        self._address = address
        self._prefetch = options['prefetch'] or _NO_LIMIT
        self._usual = PostOptions(return_responses=options['return_responses'])
        self._explain = explain
        self._pool: Pool[Any] = Pool(
            self._connect(), address, is_hopeless, options.get('shared_memory_from', _SHARED_FROM)
        )

    def _chosen(self, options: Mapping[str, Any]) -> PostOptions:
        """Give the options of a call: nearly always those of every call."""
        if not options:
            return self._usual
        return PostOptions.of({'return_responses': self._usual.return_responses, **options})

    def _letters(self, on: str, parameters: Any, options: PostOptions) -> Letters:
        call = Call(checked_endpoint(on), options.target_executor or '')
        prefetch = self._prefetch if options.prefetch is None else options.prefetch or _NO_LIMIT
        return Letters(call, checked_parameters(parameters), options, prefetch)

    def _loss(self) -> MprocFlowError:
        return self._explain() or PodDied(
            f'there is no connection to a gateway at {self._address}, or it was lost: is a Flow serving there?'
        )


class Client(BaseClient):
    """Talks to a running Flow. Threads may share one; each call has its own connection.

    ``Client(asyncio=True)`` is an :class:`~mproc_flow.AsyncClient`.
    """

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
            inputs: See :func:`mproc_flow.model.request.batches`, or an asynchronous iterable of the same; read no
                further ahead than the prefetch.
            on_done: Called with each Response that succeeded.
            on_error: Called with each that failed, which has the Documents that were sent; then no error is raised.
            on_always: Called with each, after the others.
            parameters: Data for the Executors; ``name__key`` or ``{name: {key: ...}}`` is for the one of that name.
            **options: See :class:`~mproc_flow.posting.options.PostOptions`.

        Returns:
            The Documents of all answers in the order in which they came (or the Responses); None if ``on_done`` or
            ``on_always`` is given. With ``stream=True`` a generator of the Documents (or the Response) of each answer
            and each partial one, whatever callbacks there are: it sends nothing before it is asked for the first, and
            cancels what is under way when it is closed.

        Raises:
            MprocFlowError: BadServer, PodDied, FlowFailed, FlowClosed, DeadlineExceeded, Overloaded: how a request
                ended. BadClientInput: inputs that are no Documents. BadClientCallback: a callback raised.
        """
        chosen = self._chosen(options)
        callbacks = Callbacks(on_done, on_error, on_always, chosen.continue_on_error)
        exchange = self._exchange(self._letters(on, parameters, chosen), inputs, chosen)
        return (_each if chosen.stream else _all)(exchange, callbacks, chosen, (inputs, on or '/'))

    def is_flow_ready(self, timeout: float = READY_BOUND) -> bool:
        """Say whether the Flow is there and every Executor that an answer waits for has a process that takes work.

        Args:
            timeout: Seconds to wait for its word; without any, it is not ready.
        """
        connection = self._pool.acquire()
        try:
            pong = connection.ping(timeout)
        finally:
            self._pool.release(connection)
        return pong is not None and not pong.missing

    # ---- inside ----

    def _choose_kind(self, options: Mapping[str, Any]) -> None:
        if options['asyncio']:
            self.__class__ = importlib.import_module(_ASYNC_CLIENT).AsyncClient

    def _connect(self) -> Callable[..., Connection]:
        return Connection

    def _exchange(  # nesting: rounds, and the replies of one
        self, letters: Letters, inputs: Any, options: PostOptions
    ) -> Generator[Delivery, None, None]:
        letters.begin()
        documents = sync_batches(inputs, options.request_size, letters.call.deadline)
        while letters.unfinished:
            pause = letters.pause
            if pause:  # even sleep(0) takes as long as half of a call
                time.sleep(pause)
            letters.check_time()
            connection = self._pool.acquire()
            try:
                round_ = letters.round(documents)
                with contextlib.closing(connection.exchange(letters.call, round_, letters.window)) as replies:
                    for reply in replies:
                        yield from letters.take(reply)
            except ConnectionLost as lost:
                if not letters.lost():
                    raise self._loss() from lost
            finally:
                self._pool.release(connection)


def _all(
    exchange: Generator[Delivery, None, None], callbacks: Callbacks, options: PostOptions, what: tuple[Any, str]
) -> Any:
    """Give the answers when all are there."""
    kept: list[Response] = []
    # An error's traceback would keep the exchange, and its connection, open.
    with contextlib.closing(exchange), progress(options.show_progress, *what) as bar:
        for delivery in exchange:
            bar.add(delivery)
            kept += callbacks.call(delivery.response, delivery.info)
    return callbacks.result(kept, options.return_responses, options.return_type)


def _each(
    exchange: Generator[Delivery, None, None], callbacks: Callbacks, options: PostOptions, what: tuple[Any, str]
) -> Generator[Any, None, None]:
    """Give the answers one by one, after their callbacks."""
    with contextlib.closing(exchange), progress(options.show_progress, *what) as bar:
        for delivery in exchange:
            bar.add(delivery)
            if not delivery.is_empty:
                callbacks.call(delivery.response, delivery.info)
                yield from given(delivery, options)


def given(delivery: Delivery, options: PostOptions) -> Iterator[Any]:
    """Give what the caller who iterates gets of a delivery: its Response, or the Documents if it did not fail."""
    if options.return_responses:
        yield delivery.response
    elif delivery.info is None:
        yield delivery.response.docs

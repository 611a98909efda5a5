"""Sending requests to a running Flow and taking its answers, in an event loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import functools
import inspect
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any

from mproc_flow.background import finished, in_thread
from mproc_flow.client import READY_BOUND, BaseClient, given
from mproc_flow.model.request import Response
from mproc_flow.posting.callbacks import Callback, Callbacks
from mproc_flow.posting.letters import Delivery, Letters
from mproc_flow.posting.options import PostOptions
from mproc_flow.posting.progress import progress
from mproc_flow.posting.reader import reading
from mproc_flow.transport.exchange import ConnectionLost
from mproc_flow.transport.exchange_async import AsyncConnection, Requests
from mproc_flow.transport.turns import Turns


class Answers(Coroutine[Any, Any, Any]):
    """What the post() of an asynchronous client gives; nothing is sent before it is awaited or iterated over.

    ``await answers`` gives what the synchronous post() returns. ``async for docs in answers`` gives the Documents (or
    the Response) of each request as it comes, whatever callbacks there are; with ``stream=True`` also what is only a
    part of an answer. One of the two, once. It is a coroutine: ``asyncio.create_task(answers)`` works.
    """

    def __init__(
        self,
        deliveries: AsyncGenerator[Delivery, None],
        callbacks: Callbacks,
        options: PostOptions,
        what: tuple[Any, str],
    ) -> None:
        self._deliveries = deliveries
        self._callbacks = callbacks
        self._options = options
        self._what = what
        self._used = False
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        # Who iterates holds it: when they stop, it goes, and what is under way is cancelled.
        self._iteration: Callable[[], AsyncGenerator[Any, None] | None] = lambda: None

    def __await__(self) -> Generator[Any, None, Any]:
        return self._begun().__await__()

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        self._use()
        iteration = self._each()
        self._iteration = weakref.ref(iteration)
        return iteration

    async def aclose(self) -> None:
        """Take no more answers, or never begin: what is under way is cancelled; for ``contextlib.aclosing()``."""
        self.close()
        iteration = self._iteration()
        if iteration is not None:
            await iteration.aclose()

    def send(self, value: Any) -> Any:
        """Go on until the next wait; for event loops."""
        if self._coroutine is None:
            self._coroutine = self._begun()
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error where it waits; for event loops."""
        if self._coroutine is None:
            self._coroutine = self._begun()
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """Give up waiting, or never begin."""
        self._used = True
        if self._coroutine is not None:
            self._coroutine.close()

    def __del__(self) -> None:
        if not self._used:
            warnings.warn('post() was never awaited, and sent nothing', RuntimeWarning, stacklevel=2)

    def __repr__(self) -> str:
        state = 'awaited already' if self._used else 'nothing is sent before it is awaited or iterated over'
        return f'<answers of post({self._what[1]!r}): {state}>'

    def _begun(self) -> Coroutine[Any, Any, Any]:
        self._use()
        return self._all()

    def _use(self) -> None:
        if self._used:
            raise RuntimeError('these answers were awaited or iterated over already: call post() once more')
        self._used = True

    async def _all(self) -> Any:
        kept: list[Response] = []
        async with aclosing(self._handled()) as handled:
            async for delivery in handled:
                kept += self._callbacks.kept(delivery.response, delivery.info)
        return self._callbacks.result(kept, self._options.return_responses, self._options.return_type)

    async def _each(self) -> AsyncGenerator[Any, None]:
        async with aclosing(self._handled()) as handled:
            async for delivery in handled:
                self._callbacks.kept(delivery.response, delivery.info)
                for item in given(delivery, self._options):
                    yield item

    async def _handled(self) -> AsyncGenerator[Delivery, None]:  # nesting: two that have to be closed
        """Call the callbacks for each delivery; those that are coroutines are awaited."""
        async with aclosing(self._deliveries) as deliveries:
            with progress(self._options.show_progress, *self._what) as bar:
                async for delivery in deliveries:
                    bar.add(delivery)
                    if not delivery.is_empty:
                        await self._call_fitting(delivery)
                        yield delivery

    async def _call_fitting(self, delivery: Delivery) -> None:
        for callback in self._callbacks.fitting(delivery.info):
            await self._call(callback, delivery.response)

    async def _call(self, callback: Callback, response: Response) -> None:
        try:
            returned = callback(response)
            if inspect.isawaitable(returned):
                await returned
        except Exception as error:  # of the user's
            self._callbacks.raised(callback, error)


class AsyncClient(BaseClient):
    """Talks to a running Flow from an event loop, and never holds it up. Tasks may share one."""

    def post(  # parameters: Jina's signature
        self,
        on: str,
        inputs: Any = None,
        on_done: Callback | None = None,
        on_error: Callback | None = None,
        on_always: Callback | None = None,
        parameters: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Answers:
        """Send inputs in requests; arguments and errors as in :meth:`mproc_flow.Client.post`.

        Callbacks may be coroutine functions, and inputs asynchronous iterables. If the task is cancelled, what was not
        given to an Executor yet never will be.

        Returns:
            What can be awaited for all answers, or iterated over as they come; with ``stream=True`` partial ones too.
        """
        chosen = self._chosen(options)
        callbacks = Callbacks(on_done, on_error, on_always, chosen.continue_on_error)
        exchange = self._exchange(self._letters(on, parameters, chosen), inputs, chosen)
        return Answers(exchange, callbacks, chosen, (inputs, on or '/'))

    def stream_doc(
        self, on: str, inputs: Any = None, parameters: Any = None, **options: Any
    ) -> AsyncGenerator[Any, None]:
        """Do what :meth:`mproc_flow.Client.stream_doc` does, for ``async for``."""
        answers = self.post(on, inputs, parameters=parameters, stream=True, return_responses=False, **options)
        return each_document(answers)

    async def is_flow_ready(self, timeout: float = READY_BOUND) -> bool:
        """Do what :meth:`mproc_flow.Client.is_flow_ready` does."""
        connection = self._pool.acquire()
        try:
            pong = await connection.ping_async(timeout)
        finally:
            self._pool.release(connection)
        return pong is not None and not pong.missing

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await in_thread(self.close)

    # ---- inside ----

    def _set_up(self, *args: Any) -> None:
        self._turns = Turns()
        super()._set_up(*args)

    def _connect(self) -> Callable[..., AsyncConnection]:
        return functools.partial(AsyncConnection, turns=self._turns, aside=_aside)

    async def _exchange(  # nesting: rounds, and the deliveries of one
        self, letters: Letters, inputs: Any, options: PostOptions
    ) -> AsyncGenerator[Delivery, None]:
        letters.begin()
        async with reading(inputs, options.request_size) as source:
            while letters.unfinished:
                await asyncio.sleep(letters.pause)
                letters.check_time()
                async with aclosing(self._round(letters, letters.round(source))) as deliveries:
                    async for delivery in deliveries:
                        yield delivery

    async def _round(  # nesting: replies, and what can be delivered then
        self, letters: Letters, requests: Requests
    ) -> AsyncGenerator[Delivery, None]:
        await self._turns.pass_on()
        connection = self._pool.acquire()
        try:
            async with aclosing(connection.exchange_async(letters.call, requests, letters.window)) as replies:
                async for reply in replies:
                    for delivery in letters.take(reply):
                        yield delivery
        except ConnectionLost as lost:
            if not letters.lost():
                raise await in_thread(self._loss) from lost
        finally:
            self._pool.release(connection)


async def _aside(function: Callable[[], None]) -> None:
    await finished(in_thread(function))


async def each_document(answers: Answers) -> AsyncGenerator[Any, None]:
    """Give the Documents of answers, which are not Responses, one by one."""
    async with aclosing(answers):
        async for docs in answers:
            for doc in docs:
                yield doc

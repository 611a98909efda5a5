"""The loop of an Executor pod with ``async def`` methods: many pieces of work at a time, in one event loop."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection

from mproc_flow.errors import ErrorInfo, FlowClosed
from mproc_flow.runtime.batch import Batch
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.dispatch import Call, Dispatcher, each, started_async
from mproc_flow.runtime.stopping import Interrupted
from mproc_flow.runtime.worker_base import EXPIRED, NOBODY_TAKES, WITHDRAWN, BaseWorker
from mproc_flow.transport import channel
from mproc_flow.transport.frames import Done, Failed, Frame, Part, Piece, Work

_CONCURRENT = 100


class _Held:
    """A piece of work in the loop. A task that is cancelled before it begins would never get to its reply."""

    __slots__ = ('begun', 'credit', 'forgotten', 'more', 'task', 'withdrawn')

    def __init__(self, credit: int = 0) -> None:
        self.task: asyncio.Task[None] | None = None
        # Of a stream: how many pieces its reader takes now, and what tells that this has grown.
        self.credit = credit
        self.more: asyncio.Event | None = None
        self.begun = self.withdrawn = self.forgotten = False

    def cancel(self) -> None:
        """Cancel it, if it has begun; else it is to see itself that it need not."""
        if self.begun and self.task is not None:
            self.task.cancel()


class AsyncWorker(BaseWorker):
    """Works for one Executor that has ``async def`` methods; its plain methods run in the loop, one at a time."""

    def __init__(self, pod: Pod, dispatcher: Dispatcher, listen: str) -> None:
        super().__init__(pod, dispatcher, listen, _CONCURRENT)
        self._held: dict[int, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def _loop(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._news = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(channel.fileno(self._socket), self._on_socket)
        for fd in self._stopping.filenos():
            loop.add_reader(fd, self._on_news)
        self._on_news()  # what came together with the Assignment has been read, and no descriptor tells of it
        self._on_socket()
        while not self._over:
            await self._news.wait()
            self._news.clear()
        self._stopping.hurry = True
        self._begin_batches()
        for held in self._held.values():
            if held.more is not None:
                held.more.set()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _on_news(self) -> None:
        self._heed()
        if self._stopping.interrupted:
            for task in self._tasks:
                task.cancel()
        self._on_socket()
        self._news.set()

    def _on_socket(self) -> None:
        has_news = not self._over
        while has_news:
            self._take()
            while self._backlog:
                self._begin(*self._backlog.popleft())
            self._begin_batches()
            # What was sent meanwhile may have taken the edge that the loop waits for on the descriptor.
            has_news = not self._over and channel.is_readable(self._socket)
        if self._over:
            self._news.set()

    def _begin(self, work: Work, parts: list[Part]) -> None:
        held = self._held[work.key] = _Held(work.window)
        held.task = asyncio.get_running_loop().create_task(self._do_async(held, work, parts))
        self._tasks.add(held.task)
        held.task.add_done_callback(self._tasks.discard)

    def _begin_batches(self) -> None:
        """Begin those whose time has come, and see to it that this happens again when the next one's comes."""
        while not self._stopping.interrupted and (batch := self._next_batch()) is not None:
            task = asyncio.get_running_loop().create_task(self._run_async(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        moment = self._next_moment()
        if moment != math.inf and not self._over:
            delay = max(0.0, moment - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_socket)

    async def _run_async(self, batch: Batch) -> None:
        calls = batch.run()
        try:
            call = next(calls)
            while True:
                try:
                    returned = await started_async(call, self._stopping)
                except Exception as error:  # the batch makes it a reply
                    call = calls.throw(error)
                else:
                    call = calls.send(returned)
        except StopIteration:
            pass
        except (Interrupted, asyncio.CancelledError) as error:
            self._abandon(batch, self._cancelled(_Held(), error))
        self._on_socket()

    def _withdraw(self, keys: Collection[int]) -> None:
        super()._withdraw(keys)
        for key in self._held.keys() & keys:
            self._held[key].withdrawn = True
            self._held[key].cancel()

    def _forget(self, first_key: int) -> None:
        super()._forget(first_key)
        for key in [key for key in self._held if key < first_key]:
            held = self._held.pop(key)
            held.forgotten = True
            held.cancel()

    async def _do_async(self, held: _Held, work: Work, parts: list[Part]) -> None:
        header, answer = await self._outcome(held, work, parts)
        if not held.forgotten:
            del self._held[work.key]
            self._wire.send(header, answer)
        self._on_socket()  # sending may take the edge that the loop waits for

    async def _outcome(self, held: _Held, work: Work, parts: list[Part]) -> tuple[Done | Failed, Part]:
        begin = time.monotonic()
        if held.withdrawn or held.forgotten or 0.0 < work.deadline < begin:
            return Failed(work.key, WITHDRAWN if held.withdrawn else EXPIRED), ()
        held.begun = True
        if self._started is not None:
            self._started.mark(work.slot, work.key)
        try:
            answer = await self._answer(held, work, self._dispatcher.prepare(work, parts))
        except (Interrupted, asyncio.CancelledError) as error:
            return Failed(work.key, self._cancelled(held, error)), ()
        except Exception as error:  # the reply to the sender
            return Failed(work.key, self._describe(error)), ()
        return Done(work.key, self._credit, (time.monotonic() - begin) / max(1, len(self._held))), answer

    async def _answer(self, held: _Held, work: Work, call: Call) -> list[Frame]:
        returned = await started_async(call, self._stopping)
        if not call.streams:
            return call.finish(returned)
        pieces = each(returned, self._stopping)
        try:
            if not work.window:
                return call.finish([piece async for piece in pieces])
            async for piece in pieces:
                await self._send_piece(held, work.key, call.piece(piece))
        finally:
            await pieces.aclose()
        return []

    async def _send_piece(self, held: _Held, key: int, frames: list[Frame]) -> None:
        while held.credit <= 0:
            if self._over:
                raise Interrupted(NOBODY_TAKES)
            held.more = asyncio.Event()
            await held.more.wait()
        held.credit -= 1
        self._wire.send(Piece(key), frames)
        self._on_socket()  # see _do_async

    def _give_credit(self, key: int, count: int) -> None:
        held = self._held.get(key)
        if held is not None:
            held.credit += count
            if held.more is not None:
                held.more.set()

    def _cancelled(self, held: _Held, error: BaseException) -> ErrorInfo:
        if isinstance(error, Interrupted) or self._stopping.interrupted:
            self._over = True
            self._news.set()
            return ErrorInfo(FlowClosed.code, str(error) or 'the Flow was stopped while this request was worked on')
        return WITHDRAWN if held.withdrawn else self._describe(error)

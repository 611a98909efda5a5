"""The same connection for an event loop: while it waits, the loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

from mproc_flow.transport import channel
from mproc_flow.transport.exchange import Call, Connection, Reply, Window
from mproc_flow.transport.frames import Frame, Pong
from mproc_flow.transport.sharing import Sharing
from mproc_flow.transport.turns import Turns

# The kernel of a notebook cancels the task that is interrupted without waking the loop: so long may that be unheard.
_SIGNALS = 0.2
# To copy so many bytes takes a few milliseconds: more than it takes to let a thread do it.
_ASIDE_FROM = 1 << 22

# Each a request, or what to wait for before the next one is there.
Requests = Iterator['list[Frame] | asyncio.Future[Any]']
# Runs a function in another thread, and ends when that ends, whatever happens.
Aside = Callable[[Callable[[], None]], Awaitable[None]]


class AsyncConnection(Connection):
    """One socket to the gateway, used by one task at a time; in whichever loop that runs.

    Args:
        context: See :class:`Connection`.
        address: See there.
        is_hopeless: See there.
        turns: Keeps what is done at once short.
        aside: Sends what takes long.
        sharing: See there.
    """

    def __init__(
        self,
        context: channel.Context,
        address: str,
        is_hopeless: Callable[[float], bool],
        sharing: Sharing | None = None,
        *,
        turns: Turns,
        aside: Aside,
    ) -> None:
        super().__init__(context, address, is_hopeless, sharing)
        self._turns = turns
        self._aside = aside

    async def exchange_async(self, call: Call, requests: Requests, window: Window) -> AsyncGenerator[Reply, None]:
        """Do what :meth:`exchange` does; the next request may also have to be awaited.

        Raises:
            ConnectionLost, DeadlineExceeded: See there.
        """
        pending = self._begin(call)
        feed = _Feed(requests)
        try:
            while feed.more or pending:
                for payload in feed.take(self._room(pending, window)):
                    await self._send_async(call, payload, pending)
                idle = not feed.more or feed.waiting is not None or self._room(pending, window) <= 0
                patience = self._patience(idle) if feed.more or pending else 0.0
                reply = self._receive(pending)
                if reply is None:
                    await self._rest(patience, feed.waiting)
                    reply = self._receive(pending)
                while reply is not None:
                    yield reply
                    await self._turns.pass_on()
                    reply = self._receive(pending) if pending else None
                if feed.more or pending:
                    self._check(patience, len(pending))
        finally:
            self._give_up(pending)

    async def ping_async(self, timeout: float) -> Pong | None:
        """Do what :meth:`ping` does."""
        number = self._ask()
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0 and not self.is_lost:
            await self._rest(left, None)
            pong = self._pong(number)
            if pong is not None:
                return pong
        return None

    async def _send_async(self, call: Call, payload: list[Frame], pending: set[int]) -> None:
        if sum(map(len, payload)) < _ASIDE_FROM:
            self._send(call, payload, pending)
        else:
            await self._aside(lambda: self._send(call, payload, pending))
        await self._turns.pass_on()

    async def _rest(self, patience: float | None, also: asyncio.Future[Any] | None) -> None:
        """Let the loop go on until there is news, ``also`` is done, or patience is at its end."""
        if patience == 0.0:
            await asyncio.sleep(0)
            self.update()
            return
        loop = asyncio.get_running_loop()
        news: asyncio.Future[None] = loop.create_future()
        sources = [channel.fileno(self._socket), channel.fileno(self._monitor)]
        for source in sources:
            loop.add_reader(source, _settle, news)
        try:
            # The descriptors tell changes only: what came before has to be asked for.
            if not (channel.is_readable(self._socket) or channel.is_readable(self._monitor)):
                waiting: set[asyncio.Future[object]] = {news} if also is None else {news, also}  # type: ignore[arg-type]
                bound = self._look_again(_SIGNALS if patience is None else min(patience, _SIGNALS))
                await asyncio.wait(waiting, timeout=bound, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for source in sources:
                loop.remove_reader(source)
        self._woken(news.done() or channel.is_readable(self._socket))


class _Feed:
    """The requests to send next, as far as they are there.

    Attributes:
        more: There are more, or may be.
        waiting: What to wait for before the next one is there.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self.more = True
        self.waiting: asyncio.Future[Any] | None = None

    def take(self, most: int) -> Iterator[list[Frame]]:
        """Give up to so many that are there."""
        self.waiting = None
        for _ in range(most if self.more else 0):
            payload = next(self._requests, None)
            if payload is None:
                self.more = False
                return
            if isinstance(payload, asyncio.Future):
                self.waiting = payload
                return
            yield payload


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

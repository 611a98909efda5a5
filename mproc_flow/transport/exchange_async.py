"""The same connection for an event loop: while it waits, the loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from mproc_flow.errors import DeadlineExceeded
from mproc_flow.transport import channel
from mproc_flow.transport.exchange import AT_ONCE, Call, Connection, ConnectionLost, Reply, Window
from mproc_flow.transport.frames import Frame, Pong

_LONG = 60.0

Requests = Iterator[list[Frame]] | AsyncIterator[list[Frame]]


class AsyncConnection(Connection):
    """One socket to the gateway, used by one task at a time; in whichever loop that runs."""

    async def exchange_async(
        self, call: Call, requests: Requests, window: Window, timeout: float | None
    ) -> AsyncGenerator[Reply, None]:
        """Do what :meth:`exchange` does; the next request may also have to be awaited.

        Raises:
            ConnectionLost, DeadlineExceeded: See there.
        """
        pending, deadline = self._begin(timeout)
        feed = _Feed(requests)
        try:
            while feed.more or pending:
                for payload in feed.take(min(AT_ONCE, window() - len(pending))):
                    self._send(call, payload, pending)
                full = not feed.more or feed.waiting is not None or len(pending) >= window()
                reply = self._receive(pending)
                if reply is None:
                    await self._rest(_left(deadline, pending) if full else 0.0, feed.waiting)
                    reply = self._receive(pending)
                while reply is not None:
                    yield reply
                    reply = self._receive(pending) if pending else None
                if self.is_lost and pending:
                    raise ConnectionLost
        finally:
            feed.close()
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

    async def _rest(self, patience: float | None, also: asyncio.Future[object] | None) -> None:
        """Let the loop go on until there is news, ``also`` is done, or patience is at its end."""
        if patience == 0.0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        news = loop.create_future()
        sources = [channel.fileno(self._socket), channel.fileno(self._monitor)]
        for source in sources:
            loop.add_reader(source, _settle, news)
        try:
            # The descriptors tell changes only: what came before has to be asked for.
            if not (channel.is_readable(self._socket) or channel.is_readable(self._monitor)):
                waiting = {news} if also is None else {news, also}
                bound = self._look_again(_LONG if patience is None else patience)
                await asyncio.wait(waiting, timeout=bound, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for source in sources:
                loop.remove_reader(source)
        self._woken(news.done() or channel.is_readable(self._socket))


class _Feed:
    """The requests to send next, whether they are there or have to be awaited.

    Attributes:
        more: There are more, or may be.
        waiting: The next one is being awaited.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self.more = True
        self.waiting: asyncio.Future[object] | None = None

    def take(self, most: int) -> Iterator[list[Frame]]:
        """Give up to so many that are there."""
        for _ in range(most if self.more else 0):
            payload = next(self._requests, None) if isinstance(self._requests, Iterator) else self._awaited()
            if payload is None:
                self.more = self.waiting is not None
                return
            yield payload

    def close(self) -> None:
        """Await no more."""
        if self.waiting is not None:
            self.waiting.cancel()

    def _awaited(self) -> list[Frame] | None:
        if self.waiting is None:
            self.waiting = asyncio.ensure_future(anext(self._requests, None))  # type: ignore[arg-type]
        if not self.waiting.done():
            return None
        task, self.waiting = self.waiting, None
        payload: list[Frame] | None = task.result()  # type: ignore[assignment]
        return payload


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _left(deadline: float | None, pending: set[int]) -> float | None:
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise DeadlineExceeded(f'time is over and {len(pending)} requests are not answered')
    return left

"""Event loops: the kinds of them, and how long one is held up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import uvloop

from mproc_flow import Document, DocumentArray
from tests.support.waiting import took

Run = Callable[[Coroutine[Any, Any, Any]], Any]
RUNNERS: dict[str, Run] = {'asyncio': asyncio.run, 'uvloop': uvloop.run}
STALL = 0.05
_BEAT = 0.001

# libuv makes pipes for signals when it is first used, and keeps them for the life of the process: not our leak.
uvloop.run(asyncio.sleep(0))


def texts(docs: DocumentArray) -> list[Any]:
    """The text of each Document."""
    return [doc.text for doc in docs]


def numbers(count: int) -> Iterator[Document]:
    """Documents that can be told apart."""
    return (Document(text=str(number)) for number in range(count))


class Heartbeat:
    """Beats in the loop.

    Attributes:
        count: How often.
        stall: The longest it had to wait for its turn, in seconds.
    """

    def __init__(self) -> None:
        self.count = 0
        self.stall = 0.0

    async def beat(self) -> None:
        """Go on for ever."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            self.count += 1
            self.stall = max(self.stall, now - last - _BEAT)
            last = now


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[Heartbeat]:
    """Let a heart beat while the body runs."""
    heart = Heartbeat()
    task = asyncio.ensure_future(heart.beat())
    await asyncio.sleep(0)
    try:
        yield heart
    finally:
        await asyncio.sleep(0)
        task.cancel()


def check_stall(what: str, measure: Callable[[], float], attempts: int = 8) -> None:
    """Fail if the loop is held up too long every time it is measured.

    Other programs of this machine can make any attempt look worse, never better: the best one is the one that counts.
    """
    stalls: list[float] = []
    while len(stalls) < attempts and min(stalls, default=STALL + 1) > STALL:
        stalls.append(measure())
    took(what, STALL, min(stalls))
    assert min(stalls) <= STALL, f'{what}: {[f"{stall * 1000:.0f} ms" for stall in stalls]}'

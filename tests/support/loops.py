"""Event loops: the kinds of them, and how long one is held up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
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
        stall: The longest it had to wait for its turn, in seconds, without the time in which the thread could have run
            but other programs had the processor.
    """

    def __init__(self) -> None:
        self.count = 0
        self.stall = 0.0

    async def beat(self) -> None:
        """Go on for ever."""
        last, waited = time.monotonic(), _waited()
        while True:
            await asyncio.sleep(_BEAT)
            now, waiting = time.monotonic(), _waited()
            self.count += 1
            self.stall = max(self.stall, now - last - _BEAT - (waiting - waited))
            last, waited = now, waiting


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


def _waited() -> float:
    """Seconds for which this thread was ready to run and did not have a processor."""
    try:
        return int(Path('/proc/thread-self/schedstat').read_text().split()[1]) / 1e9
    except FileNotFoundError:  # a kernel that does not count it
        return 0.0


def check_stall(what: str, measure: Callable[[], float], attempts: int = 8) -> None:
    """Fail if the loop is held up too long every time it is measured.

    What disturbs the machine can make any attempt look worse, never better: the best one is the one that counts.
    """
    stalls: list[float] = []
    while len(stalls) < attempts and min(stalls, default=STALL + 1) > STALL:
        stalls.append(measure())
    took(what, STALL, min(stalls))
    assert min(stalls) <= STALL, f'{what}: {[f"{stall * 1000:.0f} ms" for stall in stalls]}'

"""Sharing out the time of an event loop."""

from __future__ import annotations

import asyncio
import time

from mproc_flow.transport.turns import Turns


def spin(seconds: float) -> None:
    """Use time without waiting."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def longest_stall(tasks: int, pieces: int) -> float:
    """Let so many tasks do pieces of work of a millisecond, and give how long the loop did not go round."""
    turns = Turns()

    async def work() -> None:
        for _ in range(pieces):
            await turns.pass_on()
            spin(0.001)

    async def main() -> float:
        last, stall = time.monotonic(), 0.0
        working = [asyncio.ensure_future(work()) for _ in range(tasks)]
        while not all(task.done() for task in working):
            await asyncio.sleep(0)
            now = time.monotonic()
            last, stall = now, max(stall, now - last)
        return stall

    return asyncio.run(main())


def test_many_tasks_share_a_slice() -> None:
    """A hundred of a millisecond each would stop the loop for a tenth of a second."""
    assert min(longest_stall(100, 1) for _ in range(5)) < 0.03


def test_one_task_with_much_to_do_lets_others_run() -> None:
    """However many pieces."""
    assert min(longest_stall(1, 100) for _ in range(5)) < 0.03


def test_there_is_no_wait_while_there_is_time() -> None:
    """Within its slice a task goes straight on."""
    turns = Turns()

    async def main() -> int:
        rounds = 0

        async def count() -> None:
            nonlocal rounds
            while True:
                rounds += 1
                await asyncio.sleep(0)

        await turns.pass_on()
        counting = asyncio.ensure_future(count())
        for _ in range(50):
            await turns.pass_on()
        counting.cancel()
        return rounds

    assert min(asyncio.run(main()) for _ in range(5)) == 0

"""Work that an event loop leaves to a thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from mproc_flow.background import finished, in_thread


def test_in_thread_gives_what_the_function_returns_or_raises() -> None:
    """The loop goes on meanwhile."""

    def fail() -> None:
        raise KeyError('mine')

    async def main() -> None:
        free = threading.Event()
        waiting = in_thread(lambda: free.wait(10) and threading.current_thread().name)
        await asyncio.sleep(0)
        free.set()
        assert await waiting == 'mproc_flow-background'
        with pytest.raises(KeyError, match='mine'):
            await in_thread(fail)

    asyncio.run(main())


def test_the_thread_is_gone_when_its_result_is_there() -> None:
    """Who waited for it may fork."""

    async def main() -> None:
        before = threading.enumerate()
        for _ in range(200):
            await in_thread(lambda: None)
            assert threading.enumerate() == before

    asyncio.run(main())


def test_a_thread_may_outlive_its_loop() -> None:
    """Nobody waits for it any more, and it says nothing."""
    free, done = threading.Event(), threading.Event()

    async def main() -> None:
        in_thread(lambda: (free.wait(10), done.set()))

    asyncio.run(main())
    free.set()
    assert done.wait(10)


@pytest.mark.parametrize('fails', [False, True])
def test_finished_ends_after_the_work_even_if_cancelled(fails: bool) -> None:
    """The cancellation comes through then, once; a second one hurries."""
    order: list[str] = []

    async def main() -> None:
        free = threading.Event()

        def work() -> None:
            free.wait(10)
            order.append('work')
            if fails:
                raise KeyError

        waiter = asyncio.ensure_future(finished(in_thread(work), lambda: (order.append('hurry'), free.set())))
        await asyncio.sleep(0)
        waiter.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiter.done()
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        order.append('cancelled')

    asyncio.run(main(), debug=True)
    assert order == ['hurry', 'work', 'cancelled']


def test_finished_gives_the_result_or_the_error() -> None:
    """Where nobody cancels."""

    async def main() -> Any:
        with pytest.raises(KeyError):
            await finished(in_thread(lambda: {}['x']))
        return await finished(in_thread(lambda: 5))

    assert asyncio.run(main()) == 5

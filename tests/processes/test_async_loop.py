"""AsyncFlow in an event loop: what it does to the loop and to other tasks, and what post() gives."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import Any

import numpy as np
import pytest

from mproc_flow import AsyncClient, AsyncFlow, Document, errors
from tests.support.contexts import Task
from tests.support.executors import Echo, Slow, SlowAsync
from tests.support.loops import Run, check_stall, heartbeat, numbers, texts
from tests.support.waiting import within

# ---- the loop goes on ----


def test_the_loop_goes_on_while_a_flow_starts_serves_and_closes(run: Run, start_method: str) -> None:
    """At most 50 ms, also the first time, when modules are imported."""

    async def main() -> float:
        async with heartbeat() as heart:
            async with AsyncFlow(start_method=start_method).add(uses=Echo).add(uses=SlowAsync) as f:
                await f.post('/', numbers(50), request_size=1)
            return heart.stall

    check_stall(f'stall of the loop, {start_method}', lambda: float(run(main())))


def test_the_loop_goes_on_during_many_small_requests(run: Run) -> None:
    """There is always one more to send and one more answer: the loop has its turn nevertheless."""

    async def main() -> float:
        async with AsyncFlow().add(uses=Echo) as f:
            async with heartbeat() as heart:
                assert len(await f.post('/', numbers(3000), request_size=1)) == 3000
                return heart.stall

    check_stall('stall of the loop, 3000 requests', lambda: float(run(main())), attempts=4)


def test_the_loop_goes_on_while_much_is_sent() -> None:
    """Large arrays are copied by a thread."""

    async def main() -> float:
        docs = [Document(tensor=np.zeros((8, 1 << 20), np.uint8)) for _ in range(25)]
        async with AsyncFlow().add() as f:
            async with heartbeat() as heart:
                answers = await f.post('/', docs, request_size=25)
                assert [doc.tensor.shape for doc in answers] == [(8, 1 << 20)] * 25
                return heart.stall

    check_stall('stall of the loop, 200 MB in one request', lambda: float(asyncio.run(main())))


def test_the_loop_goes_on_while_calls_lose_their_flow() -> None:
    """It is closed under a hundred of them; each gets its error."""

    async def main() -> float:
        f = AsyncFlow(timeout_ctrl=0.2).add(uses=SlowAsync, uses_with={'seconds': 30}, timeout_ctrl=0.2)
        async with heartbeat() as heart:
            async with f:
                calls = [asyncio.ensure_future(f.post('/', Document())) for _ in range(100)]
                await asyncio.sleep(0.2)
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(end) for end in ends} <= {errors.FlowClosed, errors.PodDied}
            return heart.stall

    check_stall('stall of the loop, closed under 100 calls', lambda: float(asyncio.run(main())))


# ---- tasks at the same time ----


def test_a_hundred_posts_overlap(run: Run) -> None:
    """Each takes a tenth of a second; each gets its own answer."""

    async def main() -> None:
        async with AsyncFlow().add(uses=SlowAsync, uses_with={'seconds': 0.1}) as f:
            with within(1.0, '100 posts of 0.1 s at a time'):
                answers = await asyncio.gather(*(f.post('/', Document(text=str(n))) for n in range(100)))
        assert [texts(docs) for docs in answers] == [[str(n)] for n in range(100)]

    run(main())


def test_index_overlaps_with_another_coroutine(run: Run) -> None:
    """The other one runs all the time that the Executor needs."""

    async def main() -> None:
        async with AsyncFlow().add(uses=Slow, uses_with={'seconds': 0.5}) as f:
            begun = time.monotonic()

            async def other() -> list[float]:
                moments = []
                while time.monotonic() - begun < 0.3:
                    await asyncio.sleep(0.01)
                    moments.append(time.monotonic() - begun)
                return moments

            docs, moments = await asyncio.gather(f.index(Document(text='a')), other())
            assert time.monotonic() - begun >= 0.5
            assert texts(docs) == ['a']
            assert len(moments) > 5

    run(main())


def test_two_loops_in_two_threads_share_a_flow_and_a_client() -> None:
    """Each gets its own answers."""
    f = AsyncFlow(port=0).add(uses=SlowAsync, uses_with={'seconds': 0.01})

    async def ask(who: str, client: Any) -> list[list[Any]]:
        answers = await asyncio.gather(*(client.post('/', Document(text=f'{who}{n}')) for n in range(50)))
        return [texts(docs) for docs in answers]

    with f:
        client = AsyncClient(port=int(f.address.rpartition(':')[2]))
        clients = {'a': f, 'b': f, 'c': client, 'd': client}
        askers = {who: Task(functools.partial(asyncio.run, ask(who, c))) for who, c in clients.items()}
        for who, asker in askers.items():
            assert asker.join(20) == [[f'{who}{n}'] for n in range(50)]
        client.close()


def test_one_flow_in_one_loop_after_the_other(run: Run, start_method: str) -> None:
    """Started anew in each, or once outside and used in each."""
    f = AsyncFlow(start_method=start_method).add(uses=Echo, uses_with={'mark': '!'})

    async def whole() -> list[Any]:
        async with f:
            return texts(await f.post('/', Document(text='a')))

    async def ask() -> list[Any]:
        return texts(await f.post('/', Document(text='b')))

    assert run(whole()) == run(whole()) == ['a!']
    with f:
        assert run(ask()) == run(ask()) == ['b!']


# ---- what post() gives ----


def test_answers_are_a_coroutine() -> None:
    """They can be a task, wait with a timeout, and be the argument of ``asyncio.run``."""

    async def main() -> None:
        task = asyncio.create_task(f.post('/', Document(text='a')))
        assert texts(await task) == ['a']
        assert texts(await asyncio.wait_for(f.post('/', Document(text='b')), 10)) == ['b']

    with AsyncFlow().add(uses=Echo) as f:
        asyncio.run(main())
        assert texts(asyncio.run(f.post('/', Document(text='c')))) == ['c']


def test_answers_are_used_once() -> None:
    """A second time would give nothing, so it is an error."""

    async def main() -> None:
        async with AsyncFlow().add(uses=Echo) as f:
            answers = f.post('/', Document())
            assert 'nothing is sent before' in repr(answers)
            await answers
            with pytest.raises(RuntimeError, match='awaited or iterated over already'):
                await answers
            with pytest.raises(RuntimeError, match='awaited or iterated over already'):
                async for _ in answers:
                    pass
            unused = f.post('/', Document())
            with pytest.warns(RuntimeWarning, match='never awaited'):
                del answers, unused

    asyncio.run(main())


@pytest.mark.parametrize('is_async', [False, True], ids=['function', 'coroutine function'])
def test_a_callback_that_raises(run: Run, is_async: bool) -> None:
    """``BadClientCallback``, with its own error as the cause; the Flow goes on serving."""

    def fail(response: Any) -> None:
        raise KeyError('mine')

    async def fail_async(response: Any) -> None:
        await asyncio.sleep(0)
        raise KeyError('mine')

    async def main() -> None:
        async with AsyncFlow().add(uses=Echo) as f:
            callback = fail_async if is_async else fail
            with pytest.raises(errors.BadClientCallback, match='KeyError') as caught:
                await f.post('/', numbers(10), request_size=1, on_done=callback)
            assert isinstance(caught.value.__cause__, KeyError)
            await f.post('/', numbers(10), on_done=callback, continue_on_error=True)
            assert len(await f.post('/', numbers(10))) == 10

    run(main())

"""AsyncFlow when tasks are cancelled, starts fail, and inputs are awaited: what it says has ended has ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator

import pytest

from mproc_flow import AsyncFlow, Document, errors
from tests.support.contexts import Task
from tests.support.executors import Echo, Slow, SlowBoot, SlowToClose, notes
from tests.support.faulty import Boot
from tests.support.loops import Run, numbers, texts
from tests.support.programs import Programs
from tests.support.waiting import eventually, let_pass, took, within

# ---- inputs that have to be awaited ----


def test_an_asynchronous_input_runs_in_one_task(run: Run) -> None:
    """So it may have a timeout or a task group around several items."""

    async def items() -> AsyncIterator[Document]:
        first = asyncio.current_task()
        for number in range(5):
            await asyncio.sleep(0.001)
            assert asyncio.current_task() is first
            yield Document(text=str(number))

    async def main() -> None:
        async with AsyncFlow().add(uses=Echo) as f:
            assert sorted(texts(await f.post('/', items, request_size=1))) == list('01234')

    run(main())


def test_an_asynchronous_input_that_raises_or_is_cancelled_has_ended_then(run: Run) -> None:
    """Its error goes to the caller, its ``finally`` is done."""
    ended = []

    async def items(error: Exception | None) -> AsyncIterator[Document]:
        try:
            yield Document()
            if error is not None:
                raise error
            await asyncio.sleep(60)
        finally:
            ended.append(error)

    async def main() -> None:
        async with AsyncFlow().add(uses=Echo) as f:
            with pytest.raises(LookupError, match='mine'):
                await f.post('/', items(LookupError('mine')), request_size=1)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(f.post('/', items(None), request_size=1), 0.1)
            assert [type(error) for error in ended] == [LookupError, type(None)]

    run(main())


def test_a_deadline_ends_a_call_that_always_has_more_to_send(run: Run) -> None:
    """However fast the answers come."""

    async def main() -> None:
        async with AsyncFlow().add(uses=Echo) as f:
            with within(0.5, 'a call with timeout=0.5'), pytest.raises(errors.DeadlineExceeded):
                await f.post('/', iter(Document, None), request_size=1, timeout=0.5, on_done=lambda response: None)
            assert len(await f.post('/', Document(), timeout=30)) == 1

    run(main())


# ---- cancelling ----


def test_a_cancelled_task_takes_its_queued_work_with_it(run: Run, record: str) -> None:
    """What no Executor has begun is never executed."""

    async def main() -> None:
        async with AsyncFlow().add(uses=Slow, uses_with={'seconds': 0.1, 'record': record}) as f:
            call = asyncio.ensure_future(f.post('/', numbers(50), request_size=1))
            while not notes(record, 'begin'):
                await asyncio.sleep(0.005)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await f.post('/', Document())
            begun = len(notes(record, 'begin'))
            assert begun <= 4, 'the one at work, what the pod held already, and the last one'

    run(main())


@pytest.mark.parametrize('part', [0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 0.98, 1.0, 1.05])
def test_a_cancelled_start_leaves_nothing(start_method: str, part: float) -> None:
    """Whenever it is cancelled, down to the moment in which it has just succeeded; afterwards it can be started."""
    f = AsyncFlow(start_method=start_method).add(uses=Echo)

    async def main() -> None:
        begun = time.monotonic()
        async with f:
            whole = time.monotonic() - begun

        async def use() -> None:
            async with f:
                await asyncio.sleep(60)

        user = asyncio.ensure_future(use())
        await asyncio.sleep(part * whole)
        user.cancel()
        with within(1.0, 'a cancelled start is down'), pytest.raises(asyncio.CancelledError):
            await user
        assert not f.is_running
        async with f:
            assert texts(await f.post('/', Document(text='a'))) == ['a']

    asyncio.run(main())


def test_a_start_that_hangs_is_cancelled_in_time(start_method: str, record: str) -> None:
    """The Executor's constructor takes long, and the user does not want to wait."""

    async def main() -> None:
        f = AsyncFlow(start_method=start_method).add(uses=SlowBoot, uses_with={'seconds': 60, 'record': record})
        starting = asyncio.ensure_future(f.__aenter__())
        while not notes(record, 'begin'):
            await asyncio.sleep(0.005)
        starting.cancel()
        starting.cancel()
        with within(2.0, 'a cancelled start is down, constructor at work'), pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(main())


def test_a_start_that_fails(run: Run) -> None:
    """The same error as without a loop, and the Flow can be used again."""

    async def main() -> None:
        f = AsyncFlow().add(uses=Boot)
        for _ in range(2):
            with pytest.raises(errors.RuntimeFailToStart, match='boom'):
                async with f:
                    pass
            assert not f.is_running

    run(main())


def test_a_cancelled_close_is_finished(run: Run, record: str) -> None:
    """Executors are closed, and nothing is left when the cancellation comes through."""

    async def main() -> None:
        f = AsyncFlow().add(uses=SlowToClose, uses_with={'seconds': 0.3, 'record': record})
        await f.__aenter__()
        closing = asyncio.ensure_future(f.__aexit__(None, None, None))
        while not notes(record, 'close-begin'):
            await asyncio.sleep(0.005)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert len(notes(record, 'close')) == 1
        assert not f.is_running

    run(main())


def test_a_close_that_is_cancelled_twice_kills(record: str) -> None:
    """As the second Ctrl-C does."""

    async def main() -> None:
        f = AsyncFlow().add(uses=SlowToClose, uses_with={'seconds': 60, 'record': record})
        await f.__aenter__()
        closing = asyncio.ensure_future(f.__aexit__(None, None, None))
        while not notes(record, 'close-begin'):
            await asyncio.sleep(0.005)
        for _ in range(2):
            closing.cancel()
            await asyncio.sleep(0.01)
        with within(1.0, 'a close that was cancelled twice'), pytest.raises(asyncio.CancelledError):
            await closing

    asyncio.run(main())


def test_closed_while_it_starts_in_another_thread() -> None:
    """Whoever started it hears of it, and nothing is left."""
    for delay in (0.0, 0.001, 0.01, 0.03):
        f = AsyncFlow(start_method='spawn').add(uses=Echo)
        starter = Task(f.start)
        eventually(lambda f=f, starter=starter: f.is_running or not starter.running, 5, 'it starts')
        let_pass(delay)
        f.close()
        with contextlib.suppress(errors.MprocFlowError):
            starter.join(10)
        f.close()
        assert not f.is_running


def test_ready_is_told_at_once(run: Run, start_method: str) -> None:
    """Never a no from a Flow that has just started."""

    async def main() -> None:
        for _ in range(5):
            f = AsyncFlow(start_method=start_method).add(uses=Echo)
            assert not await f.is_flow_ready()
            async with f:
                begun = time.monotonic()
                assert await f.is_flow_ready()
                took('is_flow_ready() of a Flow that is', 0.1, time.monotonic() - begun)

    run(main())


BLOCKING = """\
import asyncio

from mproc_flow import AsyncFlow, Executor, requests


class Closing(Executor):
    @requests
    def work(self, **kwargs):
        pass

    def close(self):
        print('closed')


async def main():
    {form} AsyncFlow().add(uses=Closing) as f:
        print('serving')
        f.block()
    print('after the with')


asyncio.run(main())
"""


@pytest.mark.parametrize('form', ['with', 'async with'])
def test_ctrl_c_ends_a_block_that_holds_up_the_loop(programs: Programs, form: str) -> None:
    """As it does without a loop: it is closed in good order, and the program goes on."""
    program = programs.script(BLOCKING.format(form=form))
    program.wait_until_blocking()
    program.send_group(signal.SIGINT)
    with within(1.5, 'Ctrl-C in a loop that block() holds up'):
        assert program.wait(10) == 0, program.text
    assert any(line.endswith('| closed') for line in program.texts('out'))
    assert program.texts('out')[-1] == 'after the with'
    assert 'Traceback' not in program.text

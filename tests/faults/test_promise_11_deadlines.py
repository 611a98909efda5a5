"""Promise 11: deadlines and cancels travel: what nobody waits for any more is not executed, and who waits is told."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from functools import partial

import pytest

from mproc_flow import AsyncFlow, Document, Flow, errors
from tests.support import outcomes, proc
from tests.support.contexts import Context, Task
from tests.support.executors import Slow, SlowAsync, notes
from tests.support.fragile import KINDS
from tests.support.outcomes import RESULT, Outcome
from tests.support.programs import Programs
from tests.support.waiting import eventually, let_pass, took, within

TOLD = 0.05
# Between the last look at the deadline and the first line of the method.
STEP = 0.02
# What a pod has taken from its socket when news of a withdrawal come: the one it works on, and the next.
TAKEN = 2

CLIENT = """\
import sys

from mproc_flow import Client, Document

if __name__ == '__main__':
    with Client(port=int(sys.argv[1])) as client:
        print('posting', flush=True)
        client.post('/', (Document() for _ in range(200)), request_size=1, prefetch=0)
"""

# The clock of the wall jumps by hours at every look at it, in the owner, in the gateway and in the Executors.
JUMPS = """\
import random
import time

real, monotonic = time.time, time.monotonic
time.time = lambda: real() + random.uniform(-1, 1) * 7200

from mproc_flow import Document, Flow, errors
from tests.support.executors import Slow

if __name__ == '__main__':
    with Flow(start_method='fork').add(uses=Slow, name='it', uses_with={'seconds': 0.3}) as f:
        for _ in range(3):
            begun = monotonic()
            try:
                f.post('/', Document(), timeout=0.15)
            except errors.DeadlineExceeded:
                print('late', monotonic() - begun - 0.15, flush=True)
            print('answers', len(f.post('/', Document(), timeout=5)), flush=True)
"""


def port_of(f: Flow) -> int:
    """The port it listens on."""
    return int(f.address.rpartition(':')[2])


@pytest.mark.parametrize('kind', ['sync', 'batched'])
def test_what_expires_in_a_queue_of_a_thousand_is_never_executed(record: str, kind: str) -> None:
    """Each caller is told at its own deadline, and no Document is begun after it."""
    options = {'record': record, 'seconds': 0.02}
    with Flow(port=0).add(uses=KINDS[kind], uses_with=options) as f:
        texts = outcomes.named(0, 1000)
        moments_of = random.Random(11)
        deadlines = {text: moments_of.uniform(0.1, 1.6) for text in texts}
        start = time.monotonic()
        found = outcomes.all_at_once(f.address, {text: start + seconds for text, seconds in deadlines.items()})
        let_pass(0.3)
        moments = {text: moment - start for text, moment in begun_at(record).items()}
    outcomes.check_exactly_once(found, texts, frozenset({RESULT, 'DeadlineExceeded'}))
    late = {text: moment - deadlines[text] for text, moment in moments.items() if moment > deadlines[text] + STEP}
    assert not late, f'{len(late)} were begun after their deadline: {list(late.items())[:5]}'
    took('the error of a request that expired', TOLD, max(outcome.late for outcome in found))
    answered = {outcome.sent for outcome in found if outcome.what == RESULT}
    assert 10 <= len(answered) < 1000
    assert answered <= set(moments)


def begun_at(record: str) -> dict[str, float]:
    """When each text was begun."""
    return {note.word.partition(':')[2]: note.moment for note in notes(record) if note.word.startswith('begun:')}


def test_callers_are_told_in_time(start_method: str, context: Context, record: str) -> None:
    """Eight threads with deadlines of their own behind a slow Executor, from every context."""

    def body() -> None:
        with Flow(start_method=start_method).add(uses=Slow, uses_with={'seconds': 1.0, 'record': record}) as f:
            tasks = [Task(partial(outcomes.posted, f.post, '-', 0.1 + 0.05 * number)) for number in range(8)]
            found: list[Outcome] = [task.join(20) for task in tasks]  # type: ignore[misc]
            assert {outcome.what for outcome in found} == {'DeadlineExceeded'}
            took('the error of a request that expired', TOLD, max(outcome.late for outcome in found))
            let_pass(0.5)

    context.run(body)
    assert len(notes(record, 'begin')) == 1


@pytest.mark.parametrize('timeout', [0.15, 0.45])
def test_one_deadline_holds_for_three_executors_in_line(start_method: str, record: str, timeout: float) -> None:
    """It does not begin anew with each Executor: those after it are not reached."""
    f = Flow(start_method=start_method)
    for number in range(3):
        f = f.add(uses=Slow, name=f'e{number}', uses_with={'seconds': 0.2, 'record': record})
    with f:
        outcome = outcomes.posted(f.post, '-', timeout)
        took('the error of a request that expired', TOLD, outcome.late)
        let_pass(0.6 - timeout + 0.3)
    assert outcome.what == 'DeadlineExceeded'
    reached = 1 + int(timeout / 0.2)
    assert [note.pod for note in notes(record, 'begin')] == [f'e{number}/rep-0' for number in range(reached)]


def test_a_step_of_the_system_clock_changes_nothing(programs: Programs) -> None:
    """Only the monotonic clock counts."""
    program = programs.script(JUMPS)
    assert program.wait(20) == 0, program.text
    late = [float(text.split()[1]) for text in program.texts('out') if text.startswith('late')]
    assert len(late) == 3
    took('the error of a request that expired', TOLD, max(late))
    assert program.texts('out').count('answers 1') == 3


def queued(record: str) -> None:
    """Wait until work has begun."""
    eventually(lambda: len(notes(record, 'begin')) >= 3, 10, 'three were begun')


def check_abandoned(record: str, moment: float) -> None:
    """Since that moment no more was begun than what the pod had in its hands already."""
    let_pass(0.5)
    since = [note.moment - moment for note in notes(record, 'begin') if note.moment > moment]
    assert len(since) <= TAKEN, since


def test_the_work_of_a_client_that_was_killed_is_not_done(programs: Programs, start_method: str, record: str) -> None:
    """Two hundred requests wait when their client is killed; those of others are served at once."""
    options = {'seconds': 0.05, 'record': record}
    with Flow(start_method=start_method, port=0).add(uses=Slow, uses_with=options) as f:
        program = programs.script(CLIENT, str(port_of(f)))
        queued(record)
        program.send(signal.SIGKILL)
        moment = time.monotonic()
        program.wait_exit(5)
        check_abandoned(record, moment)
        with within(0.05, 'an answer after a client was killed'):
            f.post('/', Document(), timeout=5)


def test_what_is_under_way_when_a_stream_is_closed_is_not_done(record: str) -> None:
    """Who reads answers as they come may stop after some."""
    with Flow().add(uses=Slow, uses_with={'seconds': 0.05, 'record': record}) as f:
        responses = f.post('/', (Document() for _ in range(200)), request_size=1, prefetch=0, stream=True)
        for _ in range(3):
            next(responses)
        responses.close()
        check_abandoned(record, time.monotonic())


def test_the_work_of_an_answer_that_nobody_takes_is_not_done(record: str) -> None:
    """A callback raises: the call ends, and what else it had sent is not begun."""

    def give_up(response: object) -> None:
        raise ValueError('enough')

    with Flow().add(uses=Slow, uses_with={'seconds': 0.05, 'record': record}) as f:
        with pytest.raises(errors.BadClientCallback, match='enough'):
            f.post('/', (Document() for _ in range(200)), request_size=1, on_done=give_up)
        check_abandoned(record, time.monotonic())


def test_a_cancelled_task_takes_its_work_back(record: str) -> None:
    """What waits is not begun."""

    async def body() -> float:
        async with AsyncFlow().add(uses=Slow, uses_with={'seconds': 0.05, 'record': record}) as f:
            docs = [Document() for _ in range(200)]
            task = asyncio.ensure_future(f.post('/', docs, request_size=1, prefetch=0))
            while len(notes(record, 'begin')) < 3:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            moment = time.monotonic()
            await asyncio.to_thread(check_abandoned, record, moment)
            return moment

    assert asyncio.run(body())


def test_work_in_an_event_loop_is_cancelled_with_its_caller(record: str) -> None:
    """What an asynchronous method waits for is not waited for to the end: nobody wants it."""

    async def body() -> None:
        async with AsyncFlow().add(uses=SlowAsync, uses_with={'seconds': 0.5, 'record': record}) as f:
            task = asyncio.ensure_future(f.post('/', Document()))
            while not notes(record, 'begin'):
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.7)

    asyncio.run(body())
    assert not notes(record, 'end')


def test_timeout_send_names_the_executor(start_method: str, record: str) -> None:
    """The caller learns which Executor did not answer in time, and the next request waits for it no longer."""
    f = Flow(start_method=start_method).add(name='quick')
    f = f.add(uses=Slow, name='slow', timeout_send=200, uses_with={'seconds': 1.0, 'record': record})
    with f:
        begun = time.monotonic()
        with pytest.raises(errors.DeadlineExceeded, match='slow'):
            f.post('/', Document())
        took('the error of an Executor that is too slow', 0.2 + TOLD, time.monotonic() - begun)


def test_timeout_send_holds_for_a_pod_that_stopped(record: str) -> None:
    """SIGSTOP: nobody can tell the pod, but the caller is told, and other replicas go on."""
    f = Flow().add(uses=Slow, name='it', timeout_send=300, uses_with={'seconds': 0.0, 'record': record})
    with f:
        stopped = f.post('/', Document())[0].tags['pid']
        proc.send(stopped, signal.SIGSTOP)
        with contextlib.ExitStack() as stack:
            stack.callback(proc.send, stopped, signal.SIGCONT)
            begun = time.monotonic()
            with pytest.raises(errors.DeadlineExceeded, match='it'):
                f.post('/', Document())
            took('the error of an Executor that stands still', 0.3 + TOLD, time.monotonic() - begun)

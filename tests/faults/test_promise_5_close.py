"""Promise 5: close is bounded whatever user code does; ``Executor.close()`` runs exactly once unless killed."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import proc
from tests.support.contexts import Context, Task
from tests.support.executors import Echo, Slow, notes
from tests.support.faulty import DEATHS, Crash, Family, Stuck
from tests.support.flows import all_gone, kill_pod, pids, pod, wait_for_state
from tests.support.waiting import eventually, within

GRACE = 1
BOUND = GRACE + 1

IN_A_CALL = ('hang', 'spin', 'gil', 'sigstop', 'sigterm')


@pytest.mark.parametrize('how', IN_A_CALL)
def test_close_is_bounded_with_a_stuck_call(start_method: str, record: str, how: str) -> None:
    """A call that sleeps, loops, holds the GIL, is stopped or ignores SIGTERM ends with the grace and a second."""
    f = stuck(start_method, how, record)
    f.start()
    call = Task(lambda: f.post('/stick', Document()))
    eventually(lambda: notes(record, 'stuck'), 10, 'the call is stuck')
    numbers = pids(f)
    with within(BOUND, f'close() with a call stuck by {how}'):
        f.close()
    assert all_gone(numbers)
    if how == 'sigterm':
        call.join(2)
    else:
        with pytest.raises(errors.MprocFlowError):
            call.join(2)


def test_close_is_bounded_wherever_it_is_called(start_method: str, context: Context, record: str) -> None:
    """The same from another thread and inside a running loop, with an Executor whose ``close()`` hangs."""

    def body() -> list[int]:
        with stuck(start_method, 'close', record) as f:
            return pids(f)

    with within(BOUND + 2, 'start and close() with a hanging Executor.close()'):
        numbers = context.run(body)
    assert all_gone(numbers)
    assert len(notes(record, 'close')) == 1


def test_close_with_pods_that_are_stopped_or_dead(start_method: str, record: str) -> None:
    """One pod is SIGSTOPped, one is dead and given up: close() does not wait for either beyond its bound."""
    f = Flow(start_method=start_method, timeout_ctrl=GRACE).add(uses=Echo, name='stopped')
    f = f.add(uses=Echo, name='dead', restart=False).add(uses=Echo, name='well', uses_with={'record': record})
    f.start()
    kill_pod(f, 'dead/rep-0')
    wait_for_state(f, 'dead/rep-0', 'failed')
    kill_pod(f, 'stopped/rep-0', signal.SIGSTOP)
    numbers = pids(f)
    with within(BOUND, 'close() with a stopped and a dead pod'):
        f.close()
    assert all_gone(numbers)
    assert len(notes(record, 'close')) == 1


def test_grandchildren_end_with_the_flow(start_method: str, record: str) -> None:
    """Children of an Executor are gone after close(), also a daemon that left for its own session."""
    with Flow(start_method=start_method, timeout_ctrl=GRACE).add(uses=Family, uses_with={'record': record}):
        children = [note.pid for note in eventually(lambda: two_children(record), 10, 'both children run')]
        assert not all_gone(children)
    assert all_gone(children)
    assert len(notes(record, 'close')) == 1


def test_a_clean_close_is_quick(start_method: str, record: str) -> None:
    """Nothing hangs: close() needs no part of the grace, and does not kill."""
    f = Flow(start_method=start_method).add(uses=Echo, replicas=3, uses_with={'record': record})
    f.start()
    with within(0.3, 'close() of an idle Flow'):
        f.close()
    assert len(notes(record, 'close')) == 3


@pytest.mark.parametrize('how', ['close', 'with', 'exception', 'sigterm', 'sys-exit', 'gateway', 'replaced'])
def test_executor_close_runs_exactly_once(start_method: str, record: str, how: str) -> None:
    """On every path but SIGKILL."""
    f = Flow(start_method=start_method).add(uses=Crash, name='it', uses_with={'record': record, 'how': 'sys-exit'})
    with contextlib.suppress(KeyError), f:
        pid = pod(f, 'it/rep-0').pid
        if how == 'exception':
            raise KeyError('mine')
        if how in ('sigterm', 'replaced'):
            proc.send(pid, signal.SIGTERM)
            eventually(lambda: notes(record, 'close'), 10, 'it is closed')
        if how == 'sys-exit':
            with pytest.raises(errors.PodDied):
                f.post('/crash', Document())
        if how == 'gateway':
            kill_pod(f, 'gateway')
        if how == 'close':
            f.close()
        if how == 'replaced':
            f.post('/', Document(), timeout=10)
    closed = [note.pid for note in notes(record, 'close')]
    assert len(closed) == len(set(closed))
    assert sorted(closed) == sorted(note.pid for note in notes(record, 'init'))


def test_close_from_another_thread_ends_block(context: Context) -> None:
    """``block()`` returns at once when somebody else closes the Flow."""

    def body() -> None:
        with Flow() as f:
            closing = Task(lambda: (blocked.wait(10), f.close()))
            blocked.set()
            with within(0.5, 'end of block() by close() in another thread'):
                f.block()
            closing.join(5)

    blocked = threading.Event()
    context.run(body)


def test_two_threads_close_at_once(start_method: str) -> None:
    """Both calls return, and both only when everything is down."""
    f = Flow(start_method=start_method).add(uses=Echo)
    f.start()
    numbers = pids(f)
    both = [Task(lambda: (f.close(), all_gone(numbers))[1]) for _ in range(2)]
    assert [task.join(5) for task in both] == [True, True]


def test_close_twice_or_before_start_is_harmless() -> None:
    """Closing what is closed does nothing."""
    f = Flow().add(uses=Echo)
    f.close()
    f.start()
    f.close()
    f.close()
    with pytest.raises(errors.FlowClosed):
        f.post('/', Document())


def test_an_exception_in_the_body_comes_out_after_closing(start_method: str) -> None:
    """The user's own error is what is raised, and the Flow is down by then."""
    with pytest.raises(KeyError, match='mine'), Flow(start_method=start_method).add(uses=Echo) as f:
        numbers = pids(f)
        raise KeyError('mine')
    assert all_gone(numbers)


def test_work_in_flight_is_finished_before_the_end(start_method: str, record: str) -> None:
    """close() refuses new work and lets the request that runs come back with its result."""
    f = Flow(start_method=start_method).add(uses=Slow, uses_with={'seconds': 0.5, 'record': record})
    f.start()
    call = Task(lambda: f.post('/', Document(text='mine')))
    eventually(lambda: notes(record, 'begin'), 10, 'the call has begun')
    f.close()
    assert call.join(1)[0].text == 'mine'  # type: ignore[index]
    assert len(notes(record, 'end')) == len(notes(record, 'close')) == 1


def stuck(start_method: str, how: str, record: str) -> Flow:
    """A Flow with an Executor that resists its end."""
    assert how in DEATHS or how in ('close', 'sigterm')
    f = Flow(start_method=start_method, timeout_ctrl=GRACE)
    return f.add(uses=Stuck, uses_with={'how': how, 'record': record}, timeout_ctrl=GRACE)


def two_children(record: str | Path) -> list[object]:
    """The notes of both children of :class:`Family`, once both are there."""
    found = notes(record, 'child')
    return list(found) if len(found) == 2 else []

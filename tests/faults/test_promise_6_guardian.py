"""Promise 6, seen by the owner: the Guardian or the gateway is killed, or the thread that started the Flow ends."""

from __future__ import annotations

import signal
import threading

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import proc
from tests.support.contexts import Context, Task
from tests.support.executors import Echo, Slow, notes
from tests.support.faulty import Stuck
from tests.support.flows import all_gone, kill_pod, pids, pod, wait_until_restarted
from tests.support.waiting import MARGIN, eventually, within


def test_a_killed_guardian_is_noticed(start_method: str, context: Context) -> None:
    """The next post and ``block()`` raise FlowFailed at once; the pods are gone within 2 s; close() is quick."""

    def body() -> None:
        f = Flow(start_method=start_method).add(uses=Echo)
        f.start()
        numbers = pids(f)
        proc.send(f.guardian_pid, signal.SIGKILL)
        with within(0.5, 'block() after the death of the Guardian'), pytest.raises(errors.FlowFailed, match='uardian'):
            f.block()
        with within(0.2, 'post after the death of the Guardian'), pytest.raises(errors.FlowFailed, match='uardian'):
            f.post('/', Document(), timeout=20)
        eventually(lambda: all_gone(numbers), 2 + MARGIN, 'the pods are gone')
        with within(0.5, 'close() after the death of the Guardian'):
            f.close()

    context.run(body)


def test_a_killed_guardian_ends_calls_in_flight(start_method: str, record: str) -> None:
    """A call that runs when the Guardian dies ends with an error, not never."""
    f = Flow(start_method=start_method).add(uses=Slow, uses_with={'seconds': 60, 'record': record})
    f.start()
    call = Task(lambda: f.post('/', Document()))
    eventually(lambda: notes(record, 'begin'), 10, 'the call has begun')
    proc.send(f.guardian_pid, signal.SIGKILL)
    with within(1.0, 'error of a call when the Guardian dies'), pytest.raises((errors.FlowFailed, errors.PodDied)):
        call.join(10)
    f.close()


def test_a_guardian_killed_while_closing_does_not_hold_close(start_method: str, record: str) -> None:
    """close() waits for a hanging Executor when the Guardian is killed: it returns, and nothing is left."""
    f = Flow(start_method=start_method, timeout_ctrl=30)
    f = f.add(uses=Stuck, uses_with={'how': 'close', 'record': record})
    f.start()
    numbers = pids(f)
    closing = Task(f.close)
    eventually(lambda: notes(record, 'close'), 10, 'the Executor is closing')
    proc.send(f.guardian_pid or numbers[0], signal.SIGKILL)
    with within(2.0, 'close() when the Guardian is killed meanwhile'):
        closing.join(10)
    assert all_gone(numbers)


def test_a_flow_starts_again_after_its_guardian_was_killed(start_method: str) -> None:
    """A new start gets a new Guardian."""
    f = Flow(start_method=start_method).add(uses=Echo, uses_with={'mark': '!'})
    f.start()
    proc.send(f.guardian_pid, signal.SIGKILL)
    f.close()
    with f:
        assert f.post('/', Document(text='a'))[0].text == 'a!'


def test_a_killed_gateway_is_replaced(start_method: str) -> None:
    """SIGKILL of the gateway while idle: a new one serves, the Executors keep their processes."""
    with Flow(start_method=start_method).add(uses=Echo) as f:
        before = f.post('/', Document())[0].tags['pid']
        old = kill_pod(f, 'gateway')
        eventually(lambda: pod(f, 'gateway').pid != old, 5, 'the death is noticed')
        assert f.post('/', Document(), timeout=20)[0].tags['pid'] == before
        assert wait_until_restarted(f, 'gateway', old).restarts == 1


def test_a_killed_gateway_ends_calls_in_flight(start_method: str, record: str) -> None:
    """SIGKILL of the gateway while a call runs: the caller is told within 0.1 s; later calls work."""
    f = Flow(start_method=start_method).add(uses=Slow, uses_with={'seconds': 1, 'record': record})
    with f:
        call = Task(lambda: f.post('/', Document()))
        eventually(lambda: notes(record, 'begin'), 10, 'the call has begun')
        pid = kill_pod(f, 'gateway')
        with within(0.1, 'error of a call when the gateway dies'):
            with pytest.raises(errors.PodDied, match='gateway') as caught:
                call.join(10)
        assert caught.value.failure is not None
        assert caught.value.failure.pid == pid
        assert len(f.post('/', Document(), timeout=20)) == 1


@pytest.mark.parametrize('victim', ['gateway', 'executor0/rep-0'])
def test_a_pod_killed_while_closing_does_not_hold_close(start_method: str, record: str, victim: str) -> None:
    """SIGKILL of the gateway or of the Executor that hangs in its ``close()``: close() returns."""
    f = Flow(start_method=start_method, timeout_ctrl=3)
    f = f.add(uses=Stuck, uses_with={'how': 'close', 'record': record})
    f.start()
    victims = {status.name: status.pid for status in f.pods}
    closing = Task(f.close)
    eventually(lambda: notes(record, 'close'), 10, 'the Executor is closing')
    if all_gone([victims[victim]]) is False:
        proc.send(victims[victim], signal.SIGKILL)
    with within(3.0 + 1, 'close() when a pod is killed meanwhile'):
        closing.join(10)


def test_the_thread_that_started_may_end(start_method: str) -> None:
    """The kernel's parent-death signal follows threads; nothing of ours dies with the thread that called start()."""
    flows = [Flow(start_method=start_method).add(uses=Echo, restart=False) for _ in range(3)]
    numbers = []
    for f in flows:
        thread = threading.Thread(target=f.start)
        thread.start()
        thread.join(20)
        numbers += pids(f)
    for f in flows:
        assert len(f.post('/', Document(), timeout=10)) == 1
        f.close()
    assert len(numbers) == 9
    assert all_gone(numbers)


def test_hundred_starts_from_threads_that_end() -> None:
    """Started in one thread, used in the main thread, closed in another: a hundred times, and each one answers."""
    for _ in range(100):
        f = Flow(start_method='fork')
        Task(f.start).join(10)
        assert len(f.post('/', Document(), timeout=10)) == 1
        Task(f.close).join(10)

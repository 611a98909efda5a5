"""Weaknesses of Jina's process control while a Flow serves, by their numbers in the reference; here they are gone."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import audit, proc
from tests.support.contexts import Task
from tests.support.executors import Echo, Slow, notes
from tests.support.faulty import Crash
from tests.support.flows import kill_pod, pod, wait_for_state, wait_until_restarted
from tests.support.programs import Programs
from tests.support.waiting import eventually, let_pass, within

SERVE = """\
import sys

from mproc_flow import Flow
from tests.support.executors import Echo

if __name__ == '__main__':
    with Flow().add(uses=Echo, replicas=3, uses_with={'record': sys.argv[1]}) as f:
        print('serving', flush=True)
        f.block()
"""


def test_w01_an_executor_killed_while_idle_is_restarted() -> None:
    """Jina: never restarted, a zombie until close, each call fails. Here: restarted, reaped, the next call works."""
    with Flow().add(uses=Echo, name='it') as f:
        old = kill_pod(f, 'it/rep-0')
        status = wait_until_restarted(f, 'it/rep-0', old)
        assert proc.read(old) is None
        assert f.post('/', Document(), timeout=10)[0].tags['pid'] == status.pid


def test_w02_a_call_in_flight_learns_who_died(record: str) -> None:
    """Jina: ConnectionError that names an address. Here: PodDied with pod, pid and signal, as fast."""
    with Flow().add(uses=Slow, name='it', uses_with={'seconds': 60, 'record': record}) as f:
        call = Task(lambda: f.post('/', Document()))
        eventually(lambda: notes(record, 'begin'), 10, 'the call has begun')
        pid = kill_pod(f, 'it/rep-0')
        with within(0.1, 'error of a call in flight'):
            with pytest.raises(errors.PodDied, match=rf'it/rep-0 \(pid {pid}.*SIGKILL'):
                call.join(10)


@pytest.mark.parametrize('deaths', [1, 3])
def test_w03_close_after_deaths_does_not_wait(deaths: int) -> None:
    """Jina: close() waits ``timeout_ctrl`` (60 s) for each dead Executor in turn. Here: for none of them."""
    f = Flow().add(uses=Echo, name='it', replicas=3, restart=False)
    f.start()
    for number in range(deaths):
        kill_pod(f, f'it/rep-{number}')
        wait_for_state(f, f'it/rep-{number}', 'failed')
    with within(0.3, 'close() after deaths'):
        f.close()


def test_w04_a_killed_gateway_is_replaced() -> None:
    """Jina: nothing notices, calls are refused, close() waits. Here: a new gateway, calls work, close() is quick."""
    f = Flow().add(uses=Echo)
    f.start()
    old = kill_pod(f, 'gateway')
    wait_until_restarted(f, 'gateway', old)
    assert len(f.post('/', Document(), timeout=10)) == 1
    with within(0.3, 'close() after the gateway was replaced'):
        f.close()


def test_w04_close_right_after_the_gateway_was_killed() -> None:
    """Jina: close() waits ``timeout_ctrl``. Here: not even if it comes in the moment of the gateway's death."""
    f = Flow().add(uses=Echo)
    f.start()
    kill_pod(f, 'gateway')
    with within(0.5, 'close() in the moment of the death of the gateway'):
        f.close()


def test_w05_a_killed_parent_leaves_nothing(programs: Programs, record: str) -> None:
    """Jina: all children go on serving. Here: all gone within two seconds."""
    program = programs.script(SERVE, record)
    program.wait_until_blocking()
    with within(2.0, 'end of all processes of a killed parent'):
        program.send(signal.SIGKILL)
        audit.gone(program.descendants, 5, 'processes of a killed parent')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_w06_systemd_and_closed_terminals_end_it_properly(
    programs: Programs, record: str, number: signal.Signals
) -> None:
    """Jina: exit -15, three orphans, no ``close()``. Here: exit 0, nothing left, every Executor closed."""
    program = programs.script(SERVE, record)
    program.wait_until_blocking()
    program.send(number)
    assert program.wait(10) == 0, program.text
    assert not program.descendants()
    assert len(notes(record, 'close')) == 3


def test_w07_the_command_line_ends_properly(programs: Programs, record: str) -> None:
    """Jina: ``jina flow`` ends by SIGTERM with -15 and orphans. Here: 0, closed, nothing left."""
    options = f"{{uses: 'tests.support.executors:Echo', uses_with: {{record: {record}}}}}"
    programs.save('flow.yml', f"jtype: Flow\nversion: '1'\nexecutors: [{options}]\n")
    program = programs.module('mproc_flow', 'flow', '--uses', 'flow.yml')
    program.wait_line('is ready')
    eventually(lambda: proc.catches(program.pid, signal.SIGTERM), 5, 'the CLI catches SIGTERM')
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0, program.text
    assert not program.descendants()
    assert len(notes(record, 'close')) == 1


def test_w11_a_segmentation_fault_ends_the_process(record: str) -> None:
    """Jina 3.34: the fault repeats for ever at 100 % CPU, close() never returns. Here: dead, named, replaced."""
    with Flow().add(uses=Crash, name='it', uses_with={'how': 'sigsegv', 'record': record}) as f:
        with pytest.raises(errors.PodDied, match='SIGSEGV') as caught:
            f.post('/crash', Document(), timeout=10)
        assert caught.value.failure is not None
        pid = caught.value.failure.pid
        eventually(lambda: proc.read(pid) is None, 2, 'the process is gone')
        assert f.post('/', Document(), timeout=10)[0].tags['pid'] != pid


def test_w15_a_stopped_executor_does_not_hold_its_callers() -> None:
    """Jina: no answer, and ``timeout_send`` comes late or never. Here: the deadline holds, and close() too."""
    f = Flow(timeout_ctrl=1).add(uses=Echo, name='it', timeout_ctrl=1)
    f.start()
    kill_pod(f, 'it/rep-0', signal.SIGSTOP)
    with within(0.5 + 0.05, 'DeadlineExceeded'), pytest.raises(errors.DeadlineExceeded):
        f.post('/', Document(), timeout=0.5)
    with within(1.0 + 1, 'close() with a stopped Executor'):
        f.close()


def test_w22_two_classes_of_one_name(start_method: str, tmp_path: Path) -> None:
    """Jina: the last definition runs for both. Here: each runs as itself."""
    for mark in 'ab':
        (tmp_path / f'mod_{mark}.py').write_text(
            'from mproc_flow import Executor, requests\n\n\nclass Same(Executor):\n    @requests\n'
            f'    def work(self, docs, **kwargs):\n        docs[0].text += {mark!r}\n'
        )
    sys.path.insert(0, str(tmp_path))
    try:
        import mod_a  # type: ignore[import-not-found]
        import mod_b  # type: ignore[import-not-found]

        with Flow(start_method=start_method).add(uses=mod_a.Same).add(uses=mod_b.Same) as f:
            assert f.post('/', Document(text=''))[0].text == 'ab'
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop('mod_a', None)
        sys.modules.pop('mod_b', None)


def test_w35_sigterm_to_an_executor_loses_nothing(record: str) -> None:
    """Jina 3.34: the call that runs is lost, the Flow not told. Here: it completes, and the pod is replaced."""
    with Flow().add(uses=Slow, name='it', uses_with={'seconds': 0.5, 'record': record}) as f:
        call = Task(lambda: f.post('/', Document()))
        eventually(lambda: notes(record, 'begin'), 10, 'the call has begun')
        pid = kill_pod(f, 'it/rep-0', signal.SIGTERM)
        assert call.join(10)[0].tags['pid'] == pid  # type: ignore[index]
        wait_until_restarted(f, 'it/rep-0', pid)
        assert f.post('/', Document(), timeout=10)[0].tags['pid'] != pid
        assert [note.pid for note in notes(record, 'close')] == [pid]


def test_w35_sigterm_to_an_executor_with_work_waiting(record: str) -> None:
    """Work that waits for the pod that was told to end goes to its successor; not one call fails."""
    with Flow().add(uses=Slow, name='it', uses_with={'seconds': 0.1, 'record': record}) as f:
        calls = [Task(lambda: f.post('/', Document(), timeout=20)) for _ in range(8)]
        eventually(lambda: notes(record, 'begin'), 10, 'the first call has begun')
        kill_pod(f, 'it/rep-0', signal.SIGTERM)
        for call in calls:
            assert len(call.join(20)) == 1  # type: ignore[arg-type]
        assert len(notes(record, 'end')) == 8
        assert pod(f, 'it/rep-0').restarts == 1
        let_pass(0.1)
        assert pod(f, 'it/rep-0').restarts == 1

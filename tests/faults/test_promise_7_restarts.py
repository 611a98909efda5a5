"""Promise 7: restarts are bounded; after that the Flow has failed, and says so to everybody."""

from __future__ import annotations

import itertools
import time

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import proc
from tests.support.contexts import Context, Task
from tests.support.executors import Echo, notes
from tests.support.faulty import Boot, CrashLoop
from tests.support.flows import kill_pod, pod, wait_for_state, wait_until_restarted
from tests.support.programs import Programs
from tests.support.waiting import let_pass, within

RESTARTS = 5
DELAYS = (0.1, 0.2, 0.4, 0.8, 1.6)

LOOP = """\
import sys

from mproc_flow import Flow
from tests.support.faulty import CrashLoop

if __name__ == '__main__':
    with Flow(start_method='fork').add(uses=CrashLoop, name='bad', uses_with={'record': sys.argv[1]}) as f:
        f.block()
"""


def test_a_crash_loop_ends(start_method: str, record: str) -> None:
    """Six processes and no more, each after a longer pause; then posts fail at once and ``block()`` raises."""
    f = Flow(start_method=start_method)
    with f.add(uses=CrashLoop, name='bad', uses_with={'record': record}) as f:
        with pytest.raises(errors.FlowFailed, match=r'bad/rep-0') as caught:
            f.block()
        assert 'code 7' in str(caught.value)
        with within(0.05, 'a post to a failed Flow'), pytest.raises(errors.FlowFailed, match='bad/rep-0'):
            f.post('/', Document(), timeout=20)
        status = pod(f, 'bad/rep-0')
        assert (status.state, status.restarts) == ('failed', RESTARTS)
    check_pauses([note.moment for note in notes(record, 'init')])


def test_every_caller_gets_an_error_of_its_own(record: str) -> None:
    """An exception object that several callers share would collect the tracebacks of all of them, for ever."""
    with Flow().add(uses=Echo, name='it', restart=False, uses_with={'record': record}) as f:
        kill_pod(f, 'it/rep-0')
        wait_for_state(f, 'it/rep-0', 'failed')
        found = []
        for _ in range(2):
            with pytest.raises(errors.FlowFailed) as caught:
                f.post('/', Document())
            found.append(caught.value)
    assert found[0] is not found[1]


def check_pauses(moments: list[float]) -> None:
    """The pauses between processes double, with jitter; each also holds a start and the life until the crash."""
    assert len(moments) == RESTARTS + 1
    pauses = [later - earlier - 0.1 for earlier, later in itertools.pairwise(moments)]
    for pause, delay in zip(pauses, DELAYS, strict=True):
        assert pause >= 0.75 * delay, pauses
        assert pause <= 1.25 * delay + 2, pauses


def test_siblings_serve_during_a_crash_loop(start_method: str, record: str) -> None:
    """One of two replicas crash-loops until it is given up: the other one answers all the time, and after it."""
    f = Flow(start_method=start_method)
    with f.add(uses=CrashLoop, name='it', replicas=2, uses_with={'record': record, 'replica': 1}) as f:
        answers, deaths = 0, 0
        while pod(f, 'it/rep-1').state != 'failed':
            try:
                f.post('/', Document(), timeout=10)
                answers += 1
            except errors.PodDied:
                deaths += 1
        assert deaths <= RESTARTS + 1
        assert answers > 10 * deaths
        assert f.post('/', Document(), timeout=10)[0].tags['pod'] == 'it/rep-0'
        assert pod(f, 'it/rep-0').restarts == 0
    assert len([note for note in notes(record, 'init') if note.pod == 'it/rep-1']) == RESTARTS + 1


def test_the_guardian_needs_no_cpu_for_a_crash_loop(record: str) -> None:
    """While it waits out the pauses of a crash loop it does not spin: below 1 % of a core besides the six starts."""
    with Flow(start_method='spawn').add(uses=CrashLoop, name='bad', uses_with={'record': record, 'replica': 0}) as f:
        begun, before = time.monotonic(), proc.cpu_seconds(f.guardian_pid)
        wait_for_state(f, 'bad/rep-0', 'failed', 30)
        used, passed = proc.cpu_seconds(f.guardian_pid) - before, time.monotonic() - begun
    per_start = 0.03
    assert used <= 0.01 * passed + RESTARTS * per_start, f'{used:.3f} s of CPU in {passed:.1f} s'


def test_boot_errors_do_not_loop(start_method: str, record: str) -> None:
    """A constructor that raises in the first start is run once; one that raises in a restart ends the restarts."""
    with pytest.raises(errors.RuntimeFailToStart):
        Flow(start_method=start_method).add(uses=Boot, uses_with={'record': record}).start()
    assert len(notes(record, 'boot')) == 1
    other = f'{record}-2'
    f = Flow(start_method=start_method)
    with f.add(uses=CrashLoop, name='bad', uses_with={'record': other, 'boots': False}) as f:
        with pytest.raises(errors.FlowFailed, match='boom'):
            f.block()
        assert pod(f, 'bad/rep-0').state == 'failed'
    assert len(notes(other, 'init')) == 2


def test_restart_false_is_not_restarted(start_method: str, record: str) -> None:
    """With ``restart=False`` the first death is the last: FlowFailed, with the cause."""
    f = Flow(start_method=start_method)
    with f.add(uses=Echo, name='once', restart=False, uses_with={'record': record}) as f:
        pid = kill_pod(f, 'once/rep-0')
        with within(0.2, 'FlowFailed for a pod that is not restarted'):
            with pytest.raises(errors.FlowFailed, match=f'{pid}.*SIGKILL'):
                f.block()
    assert len(notes(record, 'init')) == 1


def test_a_replacement_starts_after_the_old_process_is_gone(start_method: str, record: str) -> None:
    """The dead process is reaped, no zombie stays, and the new one serves; three times in a row."""
    with Flow(start_method=start_method).add(uses=Echo, name='it', uses_with={'record': record}) as f:
        for number in range(1, 4):
            old = kill_pod(f, 'it/rep-0')
            status = wait_until_restarted(f, 'it/rep-0', old)
            assert proc.read(old) is None
            assert status.restarts == number
            assert f.post('/', Document(), timeout=10)[0].tags['pid'] == status.pid
    assert len(notes(record, 'init')) == 4


def test_a_failed_flow_can_be_closed_and_started_again(start_method: str, context: Context) -> None:
    """FAILED is the state of one start, not of the Flow; from every context."""

    def body() -> None:
        f = Flow(start_method=start_method).add(uses=Echo, name='it', restart=False)
        for _ in range(2):
            with f:
                assert len(f.post('/', Document(), timeout=10)) == 1
                kill_pod(f, 'it/rep-0')
                with pytest.raises(errors.FlowFailed):
                    f.block()

    context.run(body)


def test_calls_that_wait_are_told_when_the_flow_fails(record: str) -> None:
    """A post that waits for a pod in back-off ends with FlowFailed when it is given up."""
    f = Flow(start_method='fork').add(uses=CrashLoop, name='bad', uses_with={'record': record, 'after': 0.02})
    with f:
        calls = [Task(lambda: post_until_failed(f)) for _ in range(4)]
        for call in calls:
            assert 'bad/rep-0' in str(call.join(30))


def post_until_failed(f: Flow) -> errors.FlowFailed:
    """Post again and again; every other end than a result, a death or FlowFailed is raised."""
    while True:
        try:
            f.post('/', Document(), timeout=20)
        except errors.PodDied:
            continue
        except errors.FlowFailed as error:
            return error


def test_the_exit_code_tells(programs: Programs, record: str) -> None:
    """A program that blocks on a Flow which fails ends by itself, not with 0, and names pod and cause."""
    program = programs.script(LOOP, record)
    assert program.wait(30) not in (0, None)
    assert 'FlowFailed' in program.text
    assert 'bad/rep-0' in program.text


def test_an_idle_flow_uses_no_cpu(start_method: str) -> None:
    """Guardian, gateway and Executor together need less than 0.5 % of a core while nothing happens."""
    with Flow(start_method=start_method).add(uses=Echo) as f:
        everyone = [f.guardian_pid, *(status.pid for status in f.pods)]
        used = []
        # Once after a start Python's collector may look at all that was imported: what never ends is in each window.
        while len(used) < 3 and (not used or used[-1] > 0.005 * 2):
            before = sum(map(proc.cpu_seconds, everyone))
            let_pass(2)
            used.append(sum(map(proc.cpu_seconds, everyone)) - before)
    assert used[-1] <= 0.005 * 2, f'seconds of CPU in 2 s each: {used}'

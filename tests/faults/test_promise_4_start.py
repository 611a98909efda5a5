"""Promise 4: the start is all or nothing, bounded and explained; the audit shows that nothing of it stays."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import proc
from tests.support.contexts import Context, Task
from tests.support.executors import Echo, SlowBoot, notes
from tests.support.faulty import Boot
from tests.support.flows import all_gone, pod
from tests.support.waiting import eventually, took, within

DEATHS = {
    'raise': 'ValueError: boom',
    'import': 'a_module_that_does_not_exist',
    'sys-exit': 'sys.exit',
    'sigkill': 'SIGKILL',
    'sigsegv': 'SIGSEGV',
    'abort': 'SIGABRT',
    'exit-0': 'code 0',
    'exit-1': 'code 1',
}

WITH_TRACEBACK = ('raise', 'import', 'sys-exit')


@pytest.mark.parametrize('how', DEATHS)
def test_a_death_in_the_constructor_is_explained(start_method: str, record: str, how: str) -> None:
    """At most 1 s after the death: an error with pod, pid, phase and the child's own traceback or exit cause."""
    error, seconds = fail(Flow(start_method=start_method).add(uses=Boot, name='bad', uses_with=boot(how, record)))
    took('start error after a death in the constructor', 1.0, seconds - notes(record, 'boot')[0].moment)
    (failure,) = error.failures
    assert (failure.pod, failure.pid, failure.phase) == ('bad/rep-0', notes(record, 'boot')[0].pid, 'init')
    assert DEATHS[how] in failure.cause
    for word in ('bad/rep-0', str(failure.pid), DEATHS[how]):
        assert word in str(error)
    if how in WITH_TRACEBACK:
        assert 'in __init__' in str(error.__cause__)
    else:
        assert 'booting' in failure.last_lines[0]


def test_every_context_gets_the_same_error(start_method: str, context: Context, record: str) -> None:
    """A failed start is explained in other threads and in a running loop alike, and leaves nothing there either."""
    f = Flow(start_method=start_method).add(uses=Echo, name='good')
    f = f.add(uses=Boot, name='bad', uses_with=boot('raise', record))
    error, _ = context.run(lambda: fail(f))
    assert [failure.pod for failure in error.failures] == ['bad/rep-0']
    assert 'boom' in str(error.__cause__)


def test_every_failed_pod_is_named(start_method: str, record: str) -> None:
    """Three pods fail, for two reasons: all three are in the error; the one that was ready is not."""
    f = Flow(start_method=start_method).add(uses=Echo, name='good')
    f = f.add(uses=Boot, name='two', replicas=2, uses_with=boot('raise', record), needs='gateway')
    f = f.add(uses=Boot, name='one', uses_with=boot('exit-1', record), needs='gateway')
    error, _ = fail(f.needs_all(name='join') if hasattr(f, 'needs_all') else f)
    assert {failure.pod for failure in error.failures} == {'two/rep-0', 'two/rep-1', 'one/rep-0'}


@pytest.mark.parametrize('how', ['hang', 'gil', 'spin', 'sigstop'])
def test_a_silent_child_is_given_up_in_time(start_method: str, record: str, how: str) -> None:
    """No word within ``timeout_ready``: an error 0.3 s after it, with the stacks the child has now."""
    f = Flow(start_method=start_method).add(uses=Echo, name='good')
    seconds = 1.0 if start_method == 'fork' else 2.5  # an import alone can take a second on a busy machine
    f = f.add(uses=Boot, name='bad', uses_with=boot(how, record), timeout_ready=int(1000 * seconds))
    error, moment = fail(f)
    took('start error after timeout_ready', seconds + 0.3, moment - notes(record, 'boot')[0].moment)
    (failure,) = error.failures
    assert (failure.pod, failure.phase) == ('bad/rep-0', 'init')
    assert f'{seconds:g} s' in failure.cause
    if how != 'sigstop':  # what is stopped cannot show its stacks
        assert 'faulty.py' in str(error.__cause__), error.__cause__


def test_timeout_ready_minus_one_waits_for_ever(record: str) -> None:
    """-1 switches the limit off: a slow constructor is waited for."""
    with Flow().add(uses=SlowBoot, uses_with={'seconds': 0.3, 'record': record}, timeout_ready=-1) as f:
        assert len(f.post('/', Document())) == 1


def test_a_missing_module_or_class_is_explained(
    start_method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``uses`` that nothing can be imported from: the error names it and the Executor, before a process is started."""
    (tmp_path / 'has_one.py').write_text('from tests.support.executors import Echo\n')
    monkeypatch.syspath_prepend(tmp_path)
    for uses, word in (('no_such_module:Thing', 'no_such_module'), ('has_one:Thing', 'Thing')):
        f = Flow(start_method=start_method).add(uses=uses, name='bad')
        with pytest.raises(errors.BadOption, match=rf"(?s)'bad'.*{word}"):
            f.start()
        assert not f.pods


def test_an_import_error_of_the_users_file_is_explained(start_method: str, tmp_path: Path) -> None:
    """A module that raises while it is imported: phase, line and reason are in the error."""
    path = tmp_path / 'broken.py'
    path.write_text('import a_module_that_does_not_exist\nfrom tests.support.executors import Echo as Thing\n')
    error, _ = fail(Flow(start_method=start_method).add(uses='Thing', name='bad', py_modules=[str(path)]))
    (failure,) = error.failures
    assert failure.phase == 'importing'
    assert 'a_module_that_does_not_exist' in str(error)
    assert 'broken.py' in str(error.__cause__)


def test_a_taken_port_is_named(start_method: str) -> None:
    """Another program listens on the Flow's port: the error names the port."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises((errors.RuntimeFailToStart, errors.PortAlreadyUsed), match=str(port)):
            Flow(start_method=start_method, port=port).start()


class Model:
    """Something with a lock inside."""

    def __init__(self) -> None:
        self.session = {'lock': threading.Lock()}


@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
@pytest.mark.parametrize('value', [{'model': Model()}, {'model': [1, Model()]}], ids=['attribute', 'item'])
def test_an_argument_that_cannot_travel_is_named_by_its_path(method: str, value: dict[str, Any]) -> None:
    """A lock deep inside ``uses_with``: the error says where, before any process is started."""
    f = Flow(start_method=method).add(uses=Echo, name='bad', uses_with=value)
    with pytest.raises(errors.MprocFlowError, match=r'model.*session.*lock') as caught:
        f.start()
    assert 'bad' in str(caught.value)


def test_the_rest_is_down_when_the_error_is_raised(start_method: str, record: str) -> None:
    """Pods that were ready or still loading are gone at most 2 s after the death, and close() of the ready one ran."""
    f = Flow(start_method=start_method).add(uses=Echo, name='good', uses_with={'record': record})
    f = f.add(uses=SlowBoot, name='slow', uses_with={'seconds': 60, 'record': record})
    f = f.add(uses=Boot, name='bad', uses_with={**boot('raise', record)})
    fail(f)
    died = notes(record, 'boot')[0].moment
    numbers = [note.pid for note in notes(record, 'init')]
    eventually(lambda: all_gone(numbers), 5, 'all pods are gone')
    took('end of the other pods after a failed start', 2.0, time.monotonic() - died)


def test_a_failed_flow_can_be_started_again(record: str, tmp_path: Path) -> None:
    """After the reason is gone, the same Flow starts."""
    path = tmp_path / 'mine.py'
    path.write_text('raise RuntimeError("not yet")\nMine = None\n')
    f = Flow(start_method='spawn').add(uses='Mine', py_modules=[str(path)], uses_with={'record': record})
    fail(f)
    path.write_text('from tests.support.executors import Echo\n\n\nclass Mine(Echo):\n    pass\n')
    with f:
        assert len(f.post('/', Document())) == 1


@pytest.mark.parametrize('victim', ['guardian', 'executor'])
def test_a_kill_during_the_start_is_explained(start_method: str, record: str, victim: str) -> None:
    """SIGKILL of the Guardian or of an Executor that is loading: the start fails at once and names it."""
    f = Flow(start_method=start_method).add(uses=SlowBoot, name='slow', uses_with={'seconds': 60, 'record': record})
    starting = Task(f.start)
    loading = eventually(lambda: notes(record, 'begin'), 10, 'the Executor is loading')[0].pid
    proc.send(f.guardian_pid if victim == 'guardian' else loading, signal.SIGKILL)
    with within(1.0, f'start error after a kill of the {victim}'):
        with pytest.raises((errors.RuntimeFailToStart, errors.FlowFailed)) as caught:
            starting.join(10)
    assert ('uardian' if victim == 'guardian' else f'slow/rep-0 (pid {loading}, init): killed by') in str(caught.value)


def test_a_gateway_killed_during_the_start_is_replaced_or_explained(start_method: str, record: str) -> None:
    """If it was ready it is replaced and the start goes on; if not, the start fails at once and names it."""
    f = Flow(start_method=start_method).add(uses=SlowBoot, name='slow', uses_with={'seconds': 2, 'record': record})
    starting = Task(f.start)
    eventually(lambda: notes(record, 'begin'), 10, 'the Executor is loading')
    old = eventually(lambda: pod(f, 'gateway').pid, 10, 'the gateway has a process')
    proc.send(old, signal.SIGKILL)
    try:
        starting.join(10)
    except errors.RuntimeFailToStart as error:
        assert f'gateway (pid {old}' in str(error)
        return
    assert len(f.post('/', Document(), timeout=10)) == 1
    assert pod(f, 'gateway').pid != old
    f.close()


def boot(how: str, record: str) -> dict[str, str]:
    """Arguments for an Executor that fails in its constructor."""
    return {'how': how, 'record': record}


def fail(f: Flow) -> tuple[errors.RuntimeFailToStart, float]:
    """Start a Flow that cannot start; give the error and the moment it came."""
    with pytest.raises(errors.RuntimeFailToStart) as caught:
        f.start()
    return caught.value, time.monotonic()

"""Around the start: warnings and refusals under fork, long paths, many cycles, quiet and talkative programs."""

from __future__ import annotations

import os
import stat
import sys
import threading
import types
import warnings
from pathlib import Path

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import proc
from tests.support.contexts import Task
from tests.support.executors import Echo, SlowBoot
from tests.support.flows import kill_pod
from tests.support.programs import Programs
from tests.support.waiting import eventually

PROGRAM = """\
import sys

from mproc_flow import Document, Executor, Flow, requests


class Talker(Executor):
    @requests
    def talk(self, **kwargs):
        print('printed')
        print('to stderr', file=sys.stderr)


if __name__ == '__main__':
    with Flow(name='shop', start_method=sys.argv[1], quiet='quiet' in sys.argv).add(uses=Talker, name='it') as f:
        f.post('/', Document())
        print('pid', next(pod.pid for pod in f.pods if pod.name == 'it/rep-0'))
"""

DEFAULT_DIRECTORY = """\
from mproc_flow import Document, Flow

with Flow() as f:
    print('directory', f.run_directory)
    print(f.post('/', Document(text='works'))[0].text)
"""


CLOSED = """\
import sys

from mproc_flow import Executor, Flow, requests


class Talker(Executor):
    @requests
    def talk(self, docs, **kwargs):
        print('nobody sees this')
        print('nor that', file=sys.stderr)
        docs[0].text += '!'


if __name__ == '__main__':
    with Flow(start_method=sys.argv[1]).add(uses=Talker) as f:
        answer = f.post('/', 'works', show_progress=True)[0].text
    with open('answer.txt', 'w') as file:
        file.write(answer)
"""


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub of torch whose CUDA is initialised."""
    torch = types.ModuleType('torch')
    torch.cuda = types.SimpleNamespace(is_initialized=lambda: True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'torch', torch)


@pytest.mark.usefixtures('cuda')
def test_fork_with_cuda_initialised_is_refused() -> None:
    """One message that names the way out, before any process is made."""
    before = proc.ours()
    with pytest.raises(errors.RuntimeFailToStart, match='JINA_MP_START_METHOD=spawn'):
        Flow(start_method='fork').add(uses=Echo).start()
    with pytest.raises(errors.RuntimeFailToStart, match='JINA_MP_START_METHOD=spawn'):
        Flow(start_method='spawn').add(uses=Echo, start_method='fork').start()
    assert proc.ours() == before


@pytest.mark.usefixtures('cuda')
@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
def test_fresh_interpreters_with_cuda_initialised_work(method: str) -> None:
    """The way out works."""
    with Flow(start_method=method).add(uses=Echo, uses_with={'mark': '!'}) as f:
        assert f.post('/', Document(text='a'))[0].text == 'a!'


@pytest.mark.filterwarnings('default::mproc_flow.errors.ForkWithThreadsWarning')
def test_fork_beside_threads_warns_once_and_names_them() -> None:
    """A thread of the program's may hold a lock: one warning with its name, where the program called start()."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name='my-loader')
    thread.start()
    try:
        with pytest.warns(errors.ForkWithThreadsWarning) as caught, Flow(start_method='fork'):
            pass
    finally:
        stop.set()
        thread.join()
    ours = [item for item in caught if issubclass(item.category, errors.ForkWithThreadsWarning)]
    assert len(ours) == 1
    assert 'my-loader' in str(ours[0].message)
    assert ours[0].filename == __file__


@pytest.mark.parametrize('method', ['spawn', 'forkserver', 'fork'])
def test_no_warning_without_a_reason(method: str) -> None:
    """Fresh interpreters never warn; fork does not warn of a second Flow's own threads."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with Flow(start_method=method), Flow(start_method=method):
            pass


@pytest.mark.parametrize('name', ['TMPDIR', 'MPROC_FLOW_RUN_DIR', 'XDG_RUNTIME_DIR'])
def test_a_temp_directory_of_200_characters(programs: Programs, tmp_path: Path, name: str) -> None:
    """Socket paths are limited to 107 bytes; a long base directory is passed over or its error says what to do."""
    long = tmp_path / ('x' * (200 - len(str(tmp_path)) - 1))
    long.mkdir()
    env = {'MPROC_FLOW_RUN_DIR': None, name: str(long)}
    program = programs.script(DEFAULT_DIRECTORY, env=env)
    code = program.wait(10)
    if name == 'MPROC_FLOW_RUN_DIR':
        assert code == 1
        assert 'Set MPROC_FLOW_RUN_DIR to a short path' in program.text
    else:
        assert code == 0, program.text
        assert program.texts('out')[-1] == 'works'
    assert not list(long.iterdir())


def test_the_run_directory_is_private_and_in_memory(start_method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode 0700 whatever the umask, ours, in /dev/shm by default, and gone afterwards."""
    monkeypatch.delenv('MPROC_FLOW_RUN_DIR')
    old = os.umask(0)
    try:
        with Flow(start_method=start_method) as f:
            path = Path(f.run_directory)
            found = path.lstat()
            assert path.parent == Path('/dev/shm')
            assert path.name.startswith(f'mproc_flow-{os.getuid()}-')
            assert stat.S_IMODE(found.st_mode) == 0o700
            assert found.st_uid == os.getuid()
        assert not path.exists()
    finally:
        os.umask(old)


def test_thirty_cycles_in_threads_leak_nothing() -> None:
    """Start, post, close, each in a new thread; memory stays, and the audit sees no thread and no descriptor."""
    cycle()
    before = resident()
    for _ in range(30):
        Task(cycle).join(10)
    assert resident() - before < 2 << 20


def cycle() -> None:
    """One short life of a Flow."""
    with Flow(start_method='fork').add(uses=Echo) as f:
        assert len(f.post('/', Document())) == 1


def resident() -> int:
    """Memory of this process in bytes."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_a_program_without_logging_sees_plain_lines(programs: Programs, start_method: str) -> None:
    """What a pod prints comes out on the same stream, marked with pod and pid; the banner names the Flow."""
    program = programs.script(PROGRAM, start_method)
    assert program.wait(15) == 0, program.text
    pid = next(line.split()[1] for line in program.texts('out') if line.startswith('pid'))
    assert f'it/rep-0[{pid}] | printed' in program.texts('out')
    assert f'it/rep-0[{pid}] | to stderr' in program.texts('err')
    banner = '\n'.join(program.texts('err'))
    for word in ('shop', 'it/rep-0', 'gateway', pid, ' s '):
        assert word in banner


@pytest.mark.parametrize('how', ['option', 'environment'])
def test_quiet(programs: Programs, how: str) -> None:
    """``quiet=True`` or ``JINA_LOG_CONFIG=QUIET``: the program's own output and nothing else."""
    words = ['quiet'] if how == 'option' else []
    env = {'JINA_LOG_CONFIG': 'QUIET'} if how == 'environment' else {}
    program = programs.script(PROGRAM, 'fork', *words, env=env)
    assert program.wait(15) == 0
    assert [line.split()[0] for line in program.text.splitlines()] == ['pid']


def test_a_slow_start_says_whom_it_waits_for(programs: Programs) -> None:
    """After a second of waiting, a line names the pod and what it is doing."""
    text = PROGRAM.replace(
        '    @requests', '    def __init__(self, **kwargs):\n        time.sleep(1.6)\n\n    @requests'
    )
    program = programs.script('import time\n' + text, 'fork')
    assert 'init' in program.wait_line(r'waiting for it/rep-0 \(\w+\)').group()
    assert program.wait(15) == 0


def test_start_twice_is_an_error_and_changes_nothing() -> None:
    """The second start() is refused, and the Flow goes on serving."""
    with Flow().add(uses=Echo) as f:
        with pytest.raises(errors.FlowBuildLevelError):
            f.start()
        with pytest.raises(errors.FlowBuildLevelError), f:
            pass
        assert len(f.post('/', Document())) == 1


def test_a_call_while_it_starts_is_refused_and_one_afterwards_is_answered() -> None:
    """Another thread may call too early; it is told so, and may ask whether the time has come."""
    f = Flow(start_method='spawn').add(name='slow', uses=SlowBoot)
    assert not f.is_flow_ready()
    starting = Task(f.start)
    eventually(lambda: f.is_running, 5.0, 'start() has begun')
    assert not f.is_flow_ready()
    with pytest.raises(errors.FlowClosed, match='still starting'):
        f.post('/')
    starting.join(20.0)
    try:
        assert f.is_flow_ready()
        assert len(f.post('/', Document())) == 1
        kill_pod(f, 'slow/rep-0')
        eventually(lambda: not f.is_flow_ready(), 5.0, 'the loss of the only replica is known')
        eventually(f.is_flow_ready, 10.0, 'it is replaced')
    finally:
        f.close()
    assert not f.is_flow_ready()


def test_the_start_method_is_read_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """``JINA_MP_START_METHOD`` counts when start() is called, not when the package is imported."""
    f = Flow().add(uses=Echo, name='it')
    for method, fresh in (('fork', False), ('spawn', True)):
        monkeypatch.setenv('JINA_MP_START_METHOD', method)
        with f:
            pid = next(status.pid for status in f.pods if status.name == 'it/rep-0')
            assert ('executor_pod' in str(proc.read(pid))) == fresh
    monkeypatch.setenv('JINA_MP_START_METHOD', 'fokr')
    with pytest.raises(errors.MprocFlowError, match='fork'):
        f.start()


@pytest.mark.parametrize('method', ['fork', 'spawn', 'forkserver'])
@pytest.mark.parametrize('closed', ['2>&-', '<&- >&- 2>&-'])
def test_a_program_without_standard_streams(method: str, closed: str, programs: Programs) -> None:
    """As a service may be started; pipes and sockets with their numbers would be taken for them."""
    script = programs.save('closed.py', CLOSED)
    program = programs.run(['bash', '-c', f'exec {sys.executable} {script} {method} {closed}'])
    assert program.wait(20) == 0, program.text
    assert script.with_name('answer.txt').read_text() == 'works!'

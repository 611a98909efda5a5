"""Promise 6: no orphans. The owner is a program of its own here, so that it can die of anything at any moment."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest

from mproc_flow import Flow
from tests.support import audit, proc
from tests.support.executors import notes
from tests.support.programs import Program, Programs
from tests.support.waiting import MARGIN, eventually, wait_until, within

OWNER = """\
import ctypes
import os
import signal
import sys
import threading

from mproc_flow import Document, Flow
from tests.support import executors, faulty

COMMANDS = {
    'segv': lambda: ctypes.string_at(0),
    '_exit': lambda: os._exit(0),
    'fork': lambda: print('child', os.fork() or signal.pause(), flush=True),
    'post': lambda: threading.Thread(target=f.post, args=('/stick', Document())).start(),
    'close': lambda: threading.Thread(target=f.close).start(),
}

if __name__ == '__main__':
    method, record, name, how = sys.argv[1:]
    options = {'record': record, 'how': how} if name in ('Stuck', 'Boot') else {'record': record}
    f = Flow(start_method=method, timeout_ctrl=30)
    f = f.add(uses=executors.Echo, uses_with={'record': record})
    f = f.add(uses=getattr(faulty, name, executors.Echo), uses_with=options)
    print('begin', flush=True)
    f.start()
    print('guardian', f.guardian_pid, 'serving', flush=True)
    for line in open(sys.argv[2] + '.orders'):
        COMMANDS[line.strip()]()
    threading.Event().wait()
"""

# phase: (Executor, how it behaves, what shows that the phase is reached, what the owner is told to do)
PHASES = {
    'loading': ('Boot', 'hang', 'boot', ''),
    'loading with the GIL held': ('Boot', 'gil', 'boot', ''),
    'idle': ('Family', '-', '', ''),
    'serving': ('Stuck', 'spin', 'stuck', 'post'),
    'serving with the GIL held': ('Stuck', 'gil', 'stuck', 'post'),
    'closing': ('Stuck', 'close', 'close', 'close'),
    'one stopped': ('Stuck', 'sigstop', 'stuck', 'post'),
}


@pytest.mark.parametrize('phase', PHASES)
def test_nothing_outlives_a_killed_owner(programs: Programs, start_method: str, record: str, phase: str) -> None:
    """SIGKILL of the owner: two seconds later every process below it is gone, whatever it was doing."""
    program = reach(programs, start_method, record, phase)
    assert program.descendants()
    program.send(signal.SIGKILL)
    check_gone(program, f'owner killed while {phase}')


@pytest.mark.parametrize('number', range(6))
def test_nothing_outlives_an_owner_killed_while_spawning(
    programs: Programs, start_method: str, record: str, number: int
) -> None:
    """SIGKILL while the processes are being made: six moments from the first one on."""
    program = start(programs, start_method, record, 'Echo', '-')
    begin = program.moment('^begin')
    wait_until(begin + number * 0.03)
    program.send(signal.SIGKILL)
    check_gone(program, 'owner killed while spawning')


@pytest.mark.parametrize('how', ['segv', '_exit'])
def test_nothing_outlives_an_owner_that_dies_of_itself(
    programs: Programs, start_method: str, record: str, how: str
) -> None:
    """A segmentation fault or ``os._exit`` of the owner, its Executors' children included."""
    order(record, how)
    program = start(programs, start_method, record, 'Family', '-')
    program.wait(20)
    check_gone(program, f'owner ended by {how}')
    assert all(not proc.alive(note.pid) for note in notes(record, 'child'))


def test_executors_of_a_dead_owner_are_closed(programs: Programs, start_method: str, record: str) -> None:
    """An Executor that is idle when its owner dies gets the chance to close, exactly once."""
    program = reach(programs, start_method, record, 'idle')
    program.send(signal.SIGKILL)
    check_gone(program, 'owner killed while idle')
    assert sorted(note.pod for note in notes(record, 'close')) == ['executor0/rep-0', 'executor1/rep-0']


@pytest.mark.parametrize('phase', [phase for phase in PHASES if phase != 'closing'])
def test_nothing_outlives_a_killed_guardian(programs: Programs, start_method: str, record: str, phase: str) -> None:
    """SIGKILL of the Guardian: all pods and their children end, though nobody is left to kill them."""
    program = reach(programs, start_method, record, phase)
    guardian = next(process for process in program.descendants() if process.ppid == program.pid)
    proc.send(guardian.pid, signal.SIGKILL)
    audit.gone(program.descendants, 2 + MARGIN, f'processes after the Guardian was killed while {phase}')


@pytest.mark.parametrize('first', ['owner', 'guardian'])
def test_owner_and_guardian_killed_together(programs: Programs, start_method: str, record: str, first: str) -> None:
    """Both die within a moment, in either order: the pods end all the same, though nobody is left to kill them."""
    program = reach(programs, start_method, record, 'serving with the GIL held')
    guardian = next(process for process in program.descendants() if process.ppid == program.pid)
    for pid in (program.pid, guardian.pid) if first == 'owner' else (guardian.pid, program.pid):
        proc.send(pid, signal.SIGKILL)
    check_gone(program, 'owner and Guardian killed together')
    for path in run_directories(program):  # nobody could remove it; the next start would, see the next test
        shutil.rmtree(path)


def test_the_next_start_removes_what_was_left(programs: Programs, record: str) -> None:
    """Owner and Guardian were killed: the next start of any Flow ends their grandchildren and removes the directory."""
    program = reach(programs, 'fork', record, 'idle')
    (path,) = run_directories(program)
    guardian = next(process for process in program.descendants() if process.ppid == program.pid)
    for pid in (guardian.pid, program.pid):
        proc.send(pid, signal.SIGKILL)
    wait_until(os.stat(path).st_ctime - time.time() + time.monotonic() + 10.5)  # a younger one may be in the making
    with Flow():
        assert not os.path.exists(path)
        audit.gone(program.descendants, 1, 'grandchildren of a Flow whose Guardian was killed')


def run_directories(program: Program) -> list[str]:
    """The run directories that the program made and that are still there."""
    return [path for path in audit.files() if f'-{program.pid}-' in path]


def test_a_child_of_the_owner_does_not_keep_the_flow_alive(programs: Programs, start_method: str, record: str) -> None:
    """The owner forked a child, with copies of all its descriptors, and died: the Flow ends, the child does not."""
    order(record, 'fork')
    program = start(programs, start_method, record, 'Echo', '-')
    child = int(program.wait_line(r'^child (\d+)$').group(1))
    program.send(signal.SIGKILL)
    with within(2.0, 'end of a Flow whose owner left a child behind'):
        eventually(
            lambda: [process.pid for process in program.descendants()] == [child],
            5,
            lambda: f'only {child} is left of {[str(process) for process in program.descendants()]}',
        )
    proc.send(child, signal.SIGKILL)


def reach(programs: Programs, start_method: str, record: str, phase: str) -> Program:
    """Start the owner and wait until it is in the phase."""
    name, how, sign, command = PHASES[phase]
    order(record, command)
    program = start(programs, start_method, record, name, how)
    if not phase.startswith('loading'):
        program.wait_line('serving')
    if sign:
        eventually(lambda: notes(record, sign), 10, lambda: f'{phase}\n{program.text}')
    return program


def order(record: str, command: str) -> None:
    """Tell the owner what to do once it serves."""
    with open(f'{record}.orders', 'w') as file:
        file.write(f'{command}\n' if command else '')


def start(programs: Programs, start_method: str, record: str, name: str, how: str) -> Program:
    """Start the owner."""
    if not os.path.exists(f'{record}.orders'):
        order(record, '')
    return programs.script(OWNER, start_method, record, name, how)


def check_gone(program: Program, what: str) -> None:
    """Every process below the program must be gone two seconds after its death."""
    with within(2.0, what):
        program.wait_exit(10)
        audit.gone(program.descendants, 5, what)

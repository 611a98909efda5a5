"""Promise 5 by signals: Ctrl-C once and twice, SIGTERM at any moment of a start; programs, so that the exit shows."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.support import audit
from tests.support.executors import notes
from tests.support.programs import Program, Programs
from tests.support.waiting import eventually, wait_until, within

APP = """\
import sys

from mproc_flow import Document, Flow
from tests.support import executors, faulty

if __name__ == '__main__':
    method, record, name, how, grace = sys.argv[1:]
    options = {'record': record, 'how': how} if name in ('Stuck', 'Boot') else {'record': record}
    f = Flow(start_method=method, timeout_ctrl=float(grace))
    f = f.add(uses=executors.Echo, uses_with={'record': record})
    kind = getattr(faulty, name, executors.Echo)
    f = f.add(uses=kind, uses_with=options, timeout_ctrl=float(grace))
    with f:
        print('serving', flush=True)
        if how in ('spin', 'gil'):
            import threading
            threading.Thread(target=f.post, args=('/stick', Document()), daemon=True).start()
        f.block()
"""


@pytest.mark.parametrize('how', ['spin', 'gil', 'close'])
def test_ctrl_c_with_a_stuck_executor(programs: Programs, start_method: str, record: str, how: str) -> None:
    """Once: the grace and a second, exit code 0 and no traceback of ours."""
    program = stick(programs, start_method, record, how, grace=1)
    with within(2.0, f'Ctrl-C with an Executor stuck by {how}'):
        program.send_group(signal.SIGINT)
        code = program.wait(20)
    assert code == 0, program.text
    assert 'block()' not in program.text
    assert not program.descendants()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['ctrl-c', 'sigterm'])
def test_a_second_signal_does_not_wait_for_the_grace(programs: Programs, record: str, number: signal.Signals) -> None:
    """Ctrl-C twice kills at once; a second SIGTERM ends the program, and what it leaves is gone two seconds later."""
    program = stick(programs, 'fork', record, 'close', grace=30)
    program.send_group(number)
    eventually(lambda: len(notes(record, 'close')) == 2, 10, 'the stuck Executor is closing')
    with within(1.0 if number == signal.SIGINT else 2.0, f'end after a second {number.name}'):
        program.send_group(number)
        program.wait_exit(20)
        audit.gone(program.descendants, 5, 'processes after a second signal')
    assert 'File "' not in program.text, program.text


def test_executors_are_closed_once_by_ctrl_c(programs: Programs, start_method: str, record: str) -> None:
    """The terminal sends SIGINT to its whole group; ``close()`` still runs exactly once in each Executor."""
    program = start(programs, start_method, record, 'Echo', '-', 10)
    program.wait_until_blocking()
    program.send_group(signal.SIGINT)
    assert program.wait(10) == 0, program.text
    closed = [note.pid for note in notes(record, 'close')]
    assert sorted(closed) == sorted(note.pid for note in notes(record, 'init'))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['ctrl-c', 'sigterm'])
def test_a_signal_while_a_constructor_runs(
    programs: Programs, start_method: str, record: str, number: signal.Signals
) -> None:
    """The start is given up at once; no constructor is waited for."""
    program = start(programs, start_method, record, 'Boot', 'hang', 10)
    eventually(lambda: notes(record, 'boot'), 10, 'the constructor runs')
    with within(2.0, 'end of a start by a signal'):
        program.send_group(number)
        assert program.wait_exit(20) != 0
        audit.gone(program.descendants, 5, 'processes of an interrupted start')


@pytest.mark.timeout(120)
def test_sigterm_at_random_moments_of_the_start(programs: Programs, start_method: str, tmp_path: Path) -> None:
    """Eight moments for each start method, from the first import to serving: the end is bounded and clean."""
    moments = random.Random(f'5-{start_method}')
    usual = start_time(programs, start_method, tmp_path)
    for number in range(8):
        program = start(programs, start_method, str(tmp_path / f'record-{number}'), 'Echo', '-', 1)
        moment = program.begun + moments.uniform(0.3, 1.1) * usual
        wait_until(moment)
        with within(2.0, 'end by SIGTERM at a random moment of the start'):
            program.send(signal.SIGTERM)
            program.wait_exit(20)
            audit.gone(program.descendants, 5, f'processes after SIGTERM at {moment - program.begun:.3f} s')


def start_time(programs: Programs, start_method: str, tmp_path: Path) -> float:
    """Seconds until the program serves."""
    program = start(programs, start_method, str(tmp_path / 'record'), 'Echo', '-', 1)
    seconds = program.moment('^serving') - program.begun
    program.send(signal.SIGTERM)
    program.wait(10)
    return seconds


def stick(programs: Programs, start_method: str, record: str, how: str, grace: float) -> Program:
    """Start the program and wait until its Executor is stuck, if it sticks in a call."""
    program = start(programs, start_method, record, 'Stuck', how, grace)
    program.wait_until_blocking()
    if how != 'close':
        eventually(lambda: notes(record, 'stuck'), 10, 'the call is stuck')
    return program


def start(programs: Programs, method: str, record: str, name: str, how: str, grace: float) -> Program:
    """Start the program with one of the Executors."""
    return programs.script(APP, method, record, name, how, str(grace))

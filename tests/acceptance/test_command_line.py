"""``python -m mproc_flow flow --uses flow.yml`` serves until it is told to stop."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.support import proc
from tests.support.executors import notes
from tests.support.programs import Program, Programs
from tests.support.waiting import eventually, within

FLOW = """\
jtype: Flow
version: '1'
with:
  name: shop
executors:
  - name: first
    uses: tests.support.executors:Echo
    uses_with:
      record: {record}
  - name: second
    uses: Own
    py_modules: own.py
    uses_with:
      record: {record}
"""

OWN = """\
from tests.support.executors import Echo


class Own(Echo):
    pass
"""


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it_with_code_0(programs: Programs, record: str, number: signal.Signals) -> None:
    """Each stop signal ends it in time, with 0, after the ``close()`` of every Executor."""
    program = serve(programs, record)
    with within(1.0, f'end of the CLI by {number.name}'):
        program.send(number)
        assert program.wait(10) == 0, program.text
    assert {note.pod for note in notes(record, 'close')} == {'first/rep-0', 'second/rep-0'}
    assert 'Traceback' not in program.text
    assert not program.descendants()


def test_the_banner_names_what_runs(programs: Programs, record: str) -> None:
    """Before it serves it tells the Flow's name, its pods and how long the start took."""
    program = serve(programs, record)
    for word in ('shop', 'first', 'second', 'gateway', r'\d+(\.\d+)? ?m?s'):
        assert re.search(word, program.text), f'{word} in {program.text}'


@pytest.mark.parametrize(
    ('text', 'word'),
    [('jtype: Flow\nexecutors: [', 'flow.yml'), ('jtype: Flow\nexecuters: []', 'executors'), (None, 'flow.yml')],
    ids=['no-yaml', 'misspelt', 'no-file'],
)
def test_a_bad_file_is_a_short_error(programs: Programs, text: str | None, word: str) -> None:
    """A file that cannot be used: exit code not 0, a message that says where and what, no traceback."""
    if text is not None:
        programs.save('flow.yml', text)
    program = programs.module('mproc_flow', 'flow', '--uses', 'flow.yml')
    assert program.wait(10) not in (0, -signal.SIGTERM)
    assert word in program.text
    assert 'Traceback' not in program.text


def test_an_executor_that_cannot_start_is_named(programs: Programs, record: str) -> None:
    """The start fails: exit code not 0, and the pod and its error are told."""
    programs.save('flow.yml', FLOW.format(record=record))
    programs.save('own.py', f'{OWN}\nraise ImportError("not today")\n')
    program = programs.module('mproc_flow', 'flow', '--uses', 'flow.yml')
    assert program.wait(10) == 1, program.text
    assert 'second/rep-0' in program.text
    assert 'not today' in program.text
    assert 'own.py", line' in program.text
    assert not frames_of_ours(program)
    assert not program.descendants()


@pytest.mark.parametrize('words', ['flow --uses flow.yml', 'executor --uses os:path --port 0'])
def test_what_is_no_executor_is_told_without_a_traceback(programs: Programs, words: str) -> None:
    """The message says all; the traceback would be ours."""
    programs.save('flow.yml', "jtype: Flow\nexecutors: [{uses: 'os:path'}]")
    program = programs.module('mproc_flow', *words.split())
    assert program.wait(10) == 1, program.text
    assert 'is no Executor: derive the class' in program.text
    assert 'Traceback' not in program.text


def frames_of_ours(program: Program) -> list[str]:
    """The lines of tracebacks that show our own code."""
    return [line for line in program.texts('err') if 'File "' in line and 'mproc_flow' in Path(line).parts]


def serve(programs: Programs, record: str) -> Program:
    """Start the command and wait until it serves."""
    path: Path = programs.save('flow.yml', FLOW.format(record=record))
    programs.save('own.py', OWN)
    program = programs.module('mproc_flow', 'flow', '--uses', path.name)
    eventually(lambda: len(notes(record, 'init')) == 2, 10, lambda: f'both Executors are made\n{program.text}')
    program.wait_line('second', 10)
    eventually(lambda: proc.catches(program.pid, signal.SIGTERM), 5, 'the CLI catches SIGTERM')
    return program

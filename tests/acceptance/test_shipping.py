"""Executors and arguments that no import can find: they reach fresh interpreters by value."""

from __future__ import annotations

import sys

import pytest

from tests.support.programs import Programs

FRESH = pytest.mark.parametrize('method', ['spawn', 'forkserver'])

BY_VALUE = """\
import sys

from mproc_flow import Document, Executor, Flow, requests

FACTOR = 3


class InMain(Executor):
    def __init__(self, how, **kwargs):
        super().__init__(**kwargs)
        self.how = how

    @requests
    def work(self, docs, **kwargs):
        for doc in docs:
            doc.text = self.how(doc.text * FACTOR)


def make(mark):
    class InFunction(InMain):
        @requests
        def work(self, docs, **kwargs):
            super().work(docs)
            for doc in docs:
                doc.text += mark

    return InFunction


if __name__ == '__main__':
    mark = '!'
    f = Flow(start_method=sys.argv[1])
    f = f.add(uses=InMain, uses_with={'how': lambda text: text + mark})
    f = f.add(uses=make('?'), uses_with={'how': str.upper})
    with f:
        print(f.post('/', Document(text='a'))[0].text)
"""

NO_GUARD = """\
import os
import sys

from mproc_flow import Document, Executor, Flow, requests

print('top level of', os.getpid())


class Work(Executor):
    @requests
    def work(self, docs, **kwargs):
        docs[0].text += ' worked'


f = Flow(start_method='spawn').add(uses=Work)
with f:
    print(f.post('/', Document(text='it'))[0].text)
"""

NO_GUARD_BY_IMPORT = """\
import threading

from mproc_flow import Executor, Flow, requests

print('top level')
LOCK = threading.Lock()


class Work(Executor):
    @requests
    def work(self, **kwargs):
        with LOCK:
            pass


with Flow(start_method='spawn', quiet=True).add(uses=Work):
    print('started')
"""


@FRESH
def test_classes_of_main_of_functions_and_lambdas(programs: Programs, method: str) -> None:
    """A class of ``__main__``, one made in a function, and a lambda in ``uses_with`` work."""
    program = programs.script(BY_VALUE, method)
    assert program.wait(15) == 0, program.text
    assert program.texts('out')[-1] == 'AAA!AAA!AAA!?', program.text


@FRESH
def test_what_is_typed_at_a_prompt_works(programs: Programs, method: str) -> None:
    """A program read from stdin has no file that a child could import; it works all the same."""
    path = programs.save('typed.py', BY_VALUE)
    program = programs.run(['bash', '-c', f'"$PYTHON" - {method} < {path}'], env={'PYTHON': sys.executable})
    assert program.wait(15) == 0, program.text
    assert 'AAA!AAA!AAA!?' in program.texts('out')


def test_no_main_guard_is_needed_where_the_class_travels_by_value(programs: Programs) -> None:
    """Without the guard the script runs once, not once per child, and does its work."""
    program = programs.script(NO_GUARD)
    assert program.wait(15) == 0, program.text
    assert 'it worked' in program.texts('out')
    assert len([line for line in program.texts('out') if line.startswith('top level')]) == 1


def test_no_main_guard_where_it_is_needed_is_told_at_once(programs: Programs) -> None:
    """A class that cannot travel by value, and no guard: six lines at most that name the guard, and no fork bomb."""
    program = programs.script(NO_GUARD_BY_IMPORT)
    assert program.wait(15) != 0
    assert program.texts('out') == ['top level'], program.text
    message = last_error(program.texts('err'))
    assert '__main__' in '\n'.join(message)
    assert len(message) <= 6, program.text


def last_error(lines: list[str]) -> list[str]:
    """The lines from the last exception's name on: what a person reads first."""
    starts = [number for number, line in enumerate(lines) if line.startswith('mproc_flow.')]
    assert starts, '\n'.join(lines)
    return lines[starts[-1] :]

"""Batch scripts end soon after their last result and tell the truth by their exit code."""

from __future__ import annotations

import time

import pytest

from tests.support.programs import Programs
from tests.support.waiting import took

BATCH = """\
import sys

from mproc_flow import Document, Executor, Flow, requests


class Work(Executor):
    @requests
    def work(self, docs, **kwargs):
        docs[0].text += ' worked'

    @requests(on='/fail')
    def fail(self, **kwargs):
        raise ValueError('no good')


def work(f):
    print(f.post('/', Document(text='it'))[0].text)
    print('last result', flush=True)
    {end}


if __name__ == '__main__':
    f = Flow(start_method={method!r}).add(uses=Work)
    {use}
"""

WITH = 'with f: work(f)'
NEVER_CLOSED = 'f.start(); work(f)'

DROPPED = """\
import gc

from mproc_flow import Document, Flow


def forget():
    f = Flow()
    f.start()
    f.post('/', Document())


if __name__ == '__main__':
    forget()
    gc.collect()
    print('last result', flush=True)
"""

ENDS = {
    'done': ('pass', 0),
    'sys-exit': ('sys.exit(3)', 3),
    'own-error': ('raise KeyError("mine")', 1),
    'executor-error': ('f.post("/fail", Document())', 1),
}

FAILING_TEST = """\
from mproc_flow import Document, Flow


def test_that_fails_with_a_live_flow():
    f = Flow()
    f.start()
    assert f.post('/', Document(text='a'))[0].text == 'b'
"""


@pytest.mark.parametrize('use', [WITH, NEVER_CLOSED], ids=['with', 'never-closed'])
@pytest.mark.parametrize('name', ENDS)
def test_exit_code_and_time(programs: Programs, name: str, use: str) -> None:
    """The exit code is the script's own, at most 2 s after its last result, also if nobody closed the Flow."""
    check_batch(programs, name, use, 'fork')


@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
@pytest.mark.parametrize('use', [WITH, NEVER_CLOSED], ids=['with', 'never-closed'])
def test_exit_code_and_time_in_fresh_interpreters(programs: Programs, use: str, method: str) -> None:
    """The same where pods are fresh interpreters."""
    check_batch(programs, 'own-error', use, method)


def test_a_running_flow_that_nobody_holds_any_more(programs: Programs) -> None:
    """Started in a function and forgotten: neither the garbage collector nor the exit hangs on it."""
    program = programs.script(DROPPED)
    last = program.moment('^last result', 10)
    assert program.wait(20) == 0, program.text
    took('end of a batch script', 2.0, time.monotonic() - last)
    assert not program.descendants()


def test_exit_of_a_failing_test_with_a_live_flow(programs: Programs) -> None:
    """A failing test that leaves its Flow running does not hang the test runner."""
    programs.save('test_failing.py', FAILING_TEST)
    program = programs.module('pytest', '-q', '-p', 'no:cacheprovider', 'test_failing.py')
    end = program.moment('1 failed')
    code = program.wait(20)
    took('end of a test run with a live Flow', 2.0, time.monotonic() - end)
    assert code == 1, program.text
    assert not program.descendants()


def check_batch(programs: Programs, name: str, use: str, method: str) -> None:
    """Run one batch script and look at its end."""
    end, code = ENDS[name]
    program = programs.script(BATCH.format(end=end, use=use, method=method))
    last = program.moment('^last result')
    assert program.wait(20) == code, program.text
    took('end of a batch script', 2.0, time.monotonic() - last)
    assert program.texts('out')[0] == 'it worked', program.text
    assert not program.descendants()

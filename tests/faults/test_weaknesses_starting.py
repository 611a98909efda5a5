"""Weaknesses of Jina's process control while a Flow starts, by their numbers in the reference; here they are gone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from mproc_flow import Document, Executor, Flow, errors, requests
from tests.support import audit, proc
from tests.support.executors import Echo, SlowBoot, notes
from tests.support.faulty import Boot
from tests.support.programs import Programs
from tests.support.waiting import eventually, took, within

SLOW_START = """\
import sys

from mproc_flow import Flow
from tests.support.executors import SlowBoot

if __name__ == '__main__':
    options = {'seconds': 12, 'record': sys.argv[1]}
    with Flow().add(uses=SlowBoot, uses_with=options).add(uses=SlowBoot, uses_with=options) as f:
        f.block()
"""

NO_GUARD = """\
from mproc_flow import Document, Flow
from tests.support.executors import Echo

with Flow(start_method='spawn').add(uses=Echo, uses_with={'mark': '!'}) as f:
    print(f.post('/', Document(text='works'))[0].text)
"""

AT_IMPORT = """\
import os

from mproc_flow import Executor, requests

AT_IMPORT = os.environ.get('MY_SETTING')


class Show(Executor):
    @requests
    def show(self, docs, **kwargs):
        docs[0].text = str(AT_IMPORT)
"""


def test_w09_timeout_ready_is_obeyed(record: str) -> None:
    """Jina: ``timeout_ready=2000`` raises after the constructor's 15 s. Here: after the 1 s that was given."""
    f = Flow(start_method='fork').add(uses=SlowBoot, uses_with={'seconds': 15, 'record': record}, timeout_ready=1000)
    with within(1.0 + 0.3, 'start error after timeout_ready'), pytest.raises(errors.RuntimeFailToStart):
        f.start()


@pytest.mark.parametrize('how', ['exit-1', 'sigkill', 'sigsegv'])
def test_w10_a_death_in_the_constructor_is_noticed(record: str, how: str) -> None:
    """Jina: noticed only when ``timeout_ready`` (10 minutes) is over. Here: at once."""
    with pytest.raises(errors.RuntimeFailToStart):
        Flow(start_method='fork').add(uses=Boot, uses_with={'how': how, 'record': record}).start()
    took('notice of a death in the constructor', 1.0, time.monotonic() - notes(record, 'boot')[0].moment)


def test_w12_the_error_says_what_happened(record: str) -> None:
    """Jina: ``RuntimeFailToStart()`` without message, cause or name. Here: pod, pid, phase, the child's traceback."""
    with pytest.raises(
        errors.RuntimeFailToStart, match=r'bad/rep-0 \(pid \d+, init\): raised ValueError: boom'
    ) as caught:
        Flow().add(uses=Boot, name='bad', uses_with={'record': record}).start()
    assert isinstance(caught.value.__cause__, errors.RemoteTraceback)
    assert 'raise_value_error' in str(caught.value.__cause__)


def test_w13_ctrl_c_during_the_start(programs: Programs, record: str) -> None:
    """Jina: 22 s until two constructors of 12 s have run one after the other. Here: at once."""
    program = programs.script(SLOW_START, record)
    eventually(lambda: len(notes(record, 'begin')) == 2, 10, 'both constructors run')
    with within(1.0, 'Ctrl-C during the start'):
        program.send_group(signal.SIGINT)
        assert program.wait_exit(20) != 0
    assert not program.descendants()


def test_w18_constructors_run_at_the_same_time(record: str) -> None:
    """Jina: a lock across programs makes constructors of one class run one by one. Here: all four at once."""
    with Flow().add(uses=SlowBoot, replicas=4, uses_with={'seconds': 0.5, 'record': record}):
        begins, ends = notes(record, 'begin'), notes(record, 'end')
    assert len(begins) == len(ends) == 4
    assert max(note.moment for note in begins) < min(note.moment for note in ends)


def test_w23_spawn_without_a_main_guard(programs: Programs) -> None:
    """Jina: an empty error when ``timeout_ready`` is over. Here: it works, since nothing imports the script again."""
    program = programs.script(NO_GUARD)
    assert program.wait(15) == 0, program.text
    assert program.texts('out') == ['works!']


def test_w24_an_unused_class_in_a_function_does_no_harm() -> None:
    """Jina: every registered class is shipped to every child, so the start fails. Here: only what is used travels."""

    class Unused(Executor):
        """Never added to a Flow."""

        lock = open(os.devnull)  # noqa: SIM115 - cannot be pickled

        @requests
        def work(self, **kwargs: object) -> None:
            """Do nothing."""

    with Unused.lock, Flow(start_method='spawn').add(uses=Echo) as f:
        assert len(f.post('/', Document())) == 1


def test_w26_one_failure_ends_the_start(record: str) -> None:
    """Jina: the error waits for the slowest constructor (8 s). Here: at once, and the slow one is ended."""
    f = Flow().add(uses=SlowBoot, uses_with={'seconds': 8, 'record': record})
    f = f.add(uses=Boot, uses_with={'record': record})
    with pytest.raises(errors.RuntimeFailToStart):
        f.start()
    took('start error beside a slow constructor', 1.0, time.monotonic() - notes(record, 'boot')[0].moment)
    assert not notes(record, 'end')


def test_w27_early_stop_leaves_no_orphans(programs: Programs, record: str) -> None:
    """Jina: ``JINA_EARLY_STOP=1`` ends the parent by ``os._exit`` and orphans the rest. Here: it changes nothing."""
    text = SLOW_START.replace(
        'add(uses=SlowBoot, uses_with=options) as f', "add(uses=SlowBoot, uses_with={'no': 1}) as f"
    )
    program = programs.script(text, record, env={'JINA_EARLY_STOP': '1'})
    assert program.wait(10) == 1, program.text
    assert 'RuntimeFailToStart' in program.text
    audit.gone(program.descendants, 1, 'processes after a failed start')


def test_w28_the_owners_environment_is_not_touched(start_method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jina: ``Flow(env=)`` deletes a variable that existed before. Here: the owner's environment never changes."""
    monkeypatch.setenv('MY_SETTING', 'mine')
    before = dict(os.environ)
    with Flow(start_method=start_method, env={'MY_SETTING': 'theirs', 'MY_OTHER': 'x'}).add(uses=ShowEnviron) as f:
        assert dict(os.environ) == before
        assert f.post('/', Document())[0].text == 'theirs x'
    assert dict(os.environ) == before


class ShowEnviron(Executor):
    """Tells what it finds in its environment."""

    @requests
    def show(self, docs: list[Document], **kwargs: object) -> None:
        """Put it into the text."""
        docs[0].text = ' '.join(os.environ[name] for name in ('MY_SETTING', 'MY_OTHER'))


def test_w29_env_is_there_before_the_import(start_method: str, tmp_path: Path) -> None:
    """Jina: ``add(env=)`` comes after the import of the user's module. Here: before it."""
    path = tmp_path / 'at_import.py'
    path.write_text(AT_IMPORT)
    f = Flow(start_method=start_method).add(uses='Show', py_modules=[str(path)], env={'MY_SETTING': 'early'})
    with f.add(uses='Show', py_modules=[str(path)], env={'MY_SETTING': 'late'}, name='last') as f:
        assert f.post('/', Document())[0].text == 'late'
    with Flow(start_method=start_method).add(uses='Show', py_modules=[str(path)], env={'MY_SETTING': 'early'}) as f:
        assert f.post('/', Document())[0].text == 'early'


@pytest.mark.parametrize('needs', ['nobody', 'itself', ['gateway', 'nobody']], ids=str)
def test_w30_a_wrong_graph_is_an_error(needs: str | list[str]) -> None:
    """Jina: unknown names and cycles start, and return unprocessed Documents. Here: an error before any process."""
    before = proc.ours()
    with pytest.raises(errors.FlowTopologyError, match=r'nobody|itself'):
        Flow().add(uses=Echo, name='itself', needs=needs).start()
    assert proc.ours() == before

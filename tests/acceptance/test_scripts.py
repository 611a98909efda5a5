"""The scripts of the project's promise to newcomers, run exactly as written."""

from __future__ import annotations

import signal

import pytest

from tests.support.programs import Programs
from tests.support.waiting import within

WITH_PASS = """\
from mproc_flow import Flow

f = Flow()
with f:
    pass
"""

START_CLOSE = """\
from mproc_flow import Flow

f = Flow()
f.start()
f.close()
"""

GUARDED = """\
from mproc_flow import Document, Executor, Flow, requests


class Greet(Executor):
    @requests
    def greet(self, docs, **kwargs):
        for doc in docs:
            doc.text = f'hello {doc.text}'


if __name__ == '__main__':
    f = Flow().add(uses=Greet)
    with f:
        print(f.post('/', Document(text='world'))[0].text)
"""

BLOCK = """\
from mproc_flow import Flow

if __name__ == '__main__':
    f = Flow()
    with f:
        print('serving')
        f.block()
    print('after the with')
"""

THREAD_EVENT = """\
import threading

from mproc_flow import Flow


def serve(e):
    with Flow() as f:
        serving.set()
        f.block(stop_event=e)


serving = threading.Event()
e = threading.Event()
t = threading.Thread(target=serve, args=(e,))
t.start()
serving.wait()
e.set()
t.join()
print('joined')
"""

PROCESS_EVENT = """\
import multiprocessing
import threading

from mproc_flow import Flow


def serve(e, serving):
    with Flow() as f:
        serving.set()
        f.block(stop_event=e)


def stop(e):
    e.set()


if __name__ == '__main__':
    context = multiprocessing.get_context({method!r})
    e = context.Event()
    serving = threading.Event()
    t = threading.Thread(target=serve, args=(e, serving))
    t.start()
    serving.wait()
    p = context.Process(target=stop, args=(e,))
    p.start()
    p.join()
    t.join()
    print('joined', p.exitcode)
"""

METHODS = (None, 'fork', 'spawn', 'forkserver')


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('text', [WITH_PASS, START_CLOSE], ids=['with', 'start-close'])
def test_an_empty_flow_starts_and_ends_the_program(programs: Programs, text: str, method: str | None) -> None:
    """The shortest programs end with 0 and without a word of complaint, under every start method."""
    program = programs.script(text, env={'JINA_MP_START_METHOD': method})
    assert program.wait(10) == 0, program.text
    assert 'Traceback' not in program.text
    assert 'Warning' not in program.text


@pytest.mark.parametrize('method', METHODS)
def test_start_method_by_environment_under_a_main_guard(programs: Programs, method: str | None) -> None:
    """``JINA_MP_START_METHOD=spawn python app.py`` does the work."""
    program = programs.script(GUARDED, env={'JINA_MP_START_METHOD': method})
    assert program.wait(15) == 0, program.text
    assert 'hello world' in program.texts('out')


@pytest.mark.parametrize('end', ['ctrl-c', 'sigint', 'sigterm', 'sighup'])
def test_block_ends_normally_by_a_signal(programs: Programs, end: str) -> None:
    """Ctrl-C in the terminal, and the signals of kill, systemd and a closed terminal, end ``block()`` normally."""
    program = programs.script(BLOCK)
    program.wait_until_blocking()
    with within(1.0, f'end of block() by {end}'):
        if end == 'ctrl-c':
            program.send_group(signal.SIGINT)
        else:
            program.send(getattr(signal, end.upper()))
        assert program.wait(10) == 0, program.text
    assert 'after the with' in program.texts('out')
    assert 'Traceback' not in program.text
    assert not program.descendants()


def test_block_in_a_thread_ends_by_its_event(programs: Programs) -> None:
    """A Flow in a thread is stopped by ``e.set()`` in the main thread."""
    program = programs.script(THREAD_EVENT)
    assert program.wait(10) == 0, program.text
    assert 'joined' in program.texts('out')


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_block_in_a_thread_ends_by_an_event_of_another_process(programs: Programs, method: str) -> None:
    """The same with a ``multiprocessing.Event`` that a child process sets."""
    program = programs.script(PROCESS_EVENT.format(method=method))
    assert program.wait(15) == 0, program.text
    assert 'joined 0' in program.texts('out')

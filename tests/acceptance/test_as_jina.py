"""Programs that import jina get us: in their pods and in their other children too."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import proc
from tests.support.hide_docarray import hiding
from tests.support.programs import ROOT, Program, Programs
from tests.support.waiting import eventually, within

METHODS = pytest.mark.parametrize('method', ['fork', 'spawn', 'forkserver'])

MODULE = """\
import jina
from jina import Executor, requests
from jina.logging.logger import JinaLogger


class Upper(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.log = JinaLogger('upper')

    @requests
    def upper(self, docs, **kwargs):
        self.log.info('work')
        for doc in docs:
            doc.text = f'{doc.text.upper()} {jina.__version__}'
"""

BY_CLASS = """\
from jina import Document, Flow

from upper import Upper

if __name__ == '__main__':
    with Flow().add(uses=Upper) as f:
        print(f.post('/', Document(text='a'))[0].text)
"""

BY_NAME = """\
import sys

from jina import Document, Flow

if __name__ == '__main__':
    with Flow().add(uses='upper:Upper') as f:
        print(f.post('/', Document(text='a'))[0].text, 'upper' in sys.modules)
"""

IN_MAIN = """\
import jina
import jina.excepts
from jina import requests


class Replace(jina.Executor):
    @requests
    def replace(self, docs, **kwargs):
        if docs[0].text == 'bad':
            raise jina.excepts.BadClientInput('it is bad')
        return jina.DocumentArray([jina.Document(text='replaced')])


if __name__ == '__main__':
    with jina.Flow().add(uses=Replace) as f:
        print(f.post('/', jina.Document())[0].text)
        try:
            f.post('/', jina.Document(text='bad'))
        except jina.excepts.BadClientInput as error:
            print(error)
"""

INSTALLED = """\
import mproc_flow

mproc_flow.install_as_jina()
{text}
"""

OTHER_CHILDREN = """\
import multiprocessing
import sys

from jina import Flow


def serve(serving, stop):
    with Flow() as f:
        serving.set()
        f.block(stop_event=stop)


if __name__ == '__main__':
    multiprocessing.set_start_method(sys.argv[1])
    serving, stop = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(name='Blocked-Flow', target=serve, args=(serving, stop))
    process.start()
    serving.wait()
    stop.set()
    process.join()
    print('exit code', process.exitcode)
"""


def run(programs: Programs, text: str, *words: str, method: str | None = None) -> Program:
    """Run a script written for Jina, and wait for its end."""
    path = programs.save('app.py', text)
    program = programs.module('mproc_flow', 'run', str(path), *words, env={'JINA_MP_START_METHOD': method})
    program.wait(20)
    return program


# ---- Executors ----


@METHODS
@pytest.mark.parametrize('text', [BY_CLASS, BY_NAME], ids=['class', 'name'])
def test_an_executor_in_a_module_that_imports_jina(programs: Programs, text: str, method: str) -> None:
    """Whoever imports the module, this program or the pod: jina is there before."""
    programs.save('upper.py', MODULE)
    program = run(programs, text, method=method)
    lines = [line for line in program.texts('out') if line.startswith('A ')]
    assert lines == ['A 3.6.16 False' if text is BY_NAME else 'A 3.6.16'], program.text
    assert any('INFO upper: work' in line for line in program.texts('err')), program.text


@METHODS
def test_an_executor_in_main_that_uses_the_module_jina(programs: Programs, method: str) -> None:
    """It travels by value, with the module as one of its globals."""
    program = run(programs, IN_MAIN, method=method)
    assert program.texts('out')[0] == 'replaced', program.text
    assert 'it is bad' in program.texts('out')[1]


@METHODS
def test_a_program_that_installs_it_itself(programs: Programs, method: str) -> None:
    """``install_as_jina()`` at the top, and plain ``python app.py``."""
    programs.save('upper.py', MODULE)
    program = programs.script(INSTALLED.format(text=BY_NAME), env={'JINA_MP_START_METHOD': method})
    assert program.wait(20) == 0, program.text
    assert 'A 3.6.16 False' in program.texts('out')


@METHODS
def test_the_names_of_docarray_where_it_is_not_installed(programs: Programs, method: str, tmp_path: Path) -> None:
    """Documents that a program takes from docarray are ours, in its pods too."""
    programs.save('upper.py', MODULE.replace('import jina\n', 'from docarray import DocumentArray\nimport jina\n'))
    text = BY_NAME.replace('from jina import Document, Flow', 'from docarray import Document\nfrom jina import Flow')
    path = programs.save('app.py', text)
    environment = {'JINA_MP_START_METHOD': method, 'PYTHONPATH': f'{hiding(tmp_path / "hiding")}{os.pathsep}{ROOT}'}
    program = programs.module('mproc_flow', 'run', str(path), env=environment)
    assert program.wait(20) == 0, program.text
    assert 'A 3.6.16 False' in program.texts('out')


@METHODS
def test_other_children_of_the_program(programs: Programs, method: str) -> None:
    """multiprocessing starts a child in which the program's main module is imported: the Flow runs there."""
    program = run(programs, OTHER_CHILDREN, method)
    assert program.texts('out') == ['exit code 0'], program.text


# ---- what a program may ask of Python ----

ASKING = """\
import os
import sys

from jina import Flow

main = sys.modules['__main__']
print(__name__, main.__spec__, main.Flow is Flow, __file__ == os.path.abspath(sys.argv[0]))
print(sys.argv[1:], sys.path[0] == os.path.dirname(__file__))


def fail():
    raise KeyError('mine')


if sys.argv[1] == 'fail':
    fail()
sys.exit(int(sys.argv[2]))
"""


def test_main_module_arguments_and_exit_code(programs: Programs) -> None:
    """Everything is as under ``python app.py``."""
    program = run(programs, ASKING, '--help', '7')
    assert program.wait(1) == 7
    assert program.texts('out') == ['__main__ None True True', "['--help', '7'] True"]
    assert program.texts('err') == []


def test_a_traceback_has_only_the_programs_own_frames(programs: Programs) -> None:
    """Nothing of ours is in it."""
    program = run(programs, ASKING, 'fail')
    assert program.wait(1) == 1
    frames = [line for line in program.texts('err') if line.lstrip().startswith('File ')]
    assert [frame.rpartition(', in ')[2] for frame in frames] == ['<module>', 'fail']
    assert program.texts('err')[-1] == "KeyError: 'mine'"


def test_a_module_and_a_text(programs: Programs) -> None:
    """``-m`` and ``-c`` are Python's own."""
    programs.save('app.py', 'import sys\nfrom jina import Flow\nprint(__spec__.name, sys.argv[1:])\n')
    program = programs.module('mproc_flow', 'run', '-m', 'app', '-x', '--help')
    assert program.wait(10) == 0, program.text
    assert program.texts('out') == ["app ['-x', '--help']"]
    program = programs.module('mproc_flow', 'run', '-c', 'import jina, sys; print(jina.__name__, sys.argv)', 'a')
    assert program.wait(10) == 0, program.text
    assert program.texts('out') == ["jina ['-c', 'a']"]


def test_a_file_that_serves_executors_written_for_jina(programs: Programs) -> None:
    """The commands of ours that import Executors can be run so, too."""
    programs.save('upper.py', MODULE)
    programs.save('flow.yml', 'jtype: Flow\nexecutors: [{name: upper, uses: Upper, py_modules: upper.py}]\n')
    program = programs.module('mproc_flow', 'run', '-m', 'mproc_flow', 'flow', '--uses', 'flow.yml')
    program.wait_line('is ready')
    eventually(lambda: proc.catches(program.pid, signal.SIGTERM), 5, lambda: f'SIGTERM is caught\n{program.text}')
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0, program.text


def test_ctrl_c_reaches_the_program(programs: Programs) -> None:
    """The process that was started is the one that runs the program."""
    text = "from jina import Flow\n\nwith Flow() as f:\n    print('serving')\n    f.block()\nprint('after')\n"
    path = programs.save('app.py', text)
    program = programs.module('mproc_flow', 'run', str(path))
    program.wait_until_blocking()
    with within(1.0, 'end of a program that was run as Jina'):
        program.send_group(signal.SIGINT)
        assert program.wait(10) == 0, program.text
    assert program.texts('out')[-1] == 'after'

"""Flows in a notebook: a real kernel, which runs cells as Jupyter has it run them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest

from tests.support import proc
from tests.support.notebook import ECHO, IMPORTS, Kernel, nothing_left, quiet
from tests.support.programs import Programs

pytestmark = pytest.mark.timeout(120)

AS_JINA = """\
import mproc_flow

mproc_flow.install_as_jina()
"""

SEED = """\
import numpy as np
from jina import AsyncFlow
from jina.types.document.generators import from_ndarray

with AsyncFlow().add() as f:
    await f.index(from_ndarray(np.random.random([5, 4])), on_done=print)
"""

OVERLAP = """\
class Slow(Executor):
    @requests
    def work(self, docs, **kwargs):
        time.sleep(0.5)


async def heartbeat():
    beats = 0
    while time.monotonic() < begun + 0.4:
        await asyncio.sleep(0.01)
        beats += 1
    return beats


async with AsyncFlow().add(uses=Slow) as f:
    begun = time.monotonic()
    docs, beats = await asyncio.gather(f.index(Document(text='a')), heartbeat())
    took = time.monotonic() - begun
print(len(docs), 'Document', 'overlapped' if beats > 10 and took < 0.8 else f'{beats} beats in {took} s')
"""


def test_the_seed_as_printed(kernel: Kernel) -> None:
    """It runs in a cell, and shows a line that a person wants to read."""
    kernel.run(AS_JINA)
    cell = kernel.run(SEED)
    assert cell.stdout == '<Response of /index: 5 Documents, ok>\n'
    quiet(cell)


def test_the_seed_in_a_notebook_file(programs: Programs, tmp_path: Path, start_method: str) -> None:
    """Run from the first cell to the last by nbclient, as ``jupyter execute`` and continuous integration do."""
    cells = [nbformat.v4.new_code_cell(code) for code in (AS_JINA, IMPORTS, SEED, OVERLAP)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    path = tmp_path / 'seed.ipynb'
    nbformat.write(notebook, path)
    words = [sys.executable, '-c', 'from nbclient.cli import main; main()', '--inplace', str(path)]
    program = programs.run(words, {'JINA_MP_START_METHOD': start_method, 'IPYTHONDIR': str(tmp_path)})
    assert program.wait(60) == 0, program.text
    cells = nbformat.read(path, as_version=4).cells
    shown = [''.join(out.text for out in cell.outputs if out.get('name') == 'stdout') for cell in cells]
    assert shown == ['', '', '<Response of /index: 5 Documents, ok>\n', '1 Document overlapped\n']


def test_index_overlaps_with_another_coroutine(kernel: Kernel) -> None:
    """As asyncio.gather() has it."""
    assert kernel.run(OVERLAP).stdout == '1 Document overlapped\n'


def test_an_executor_of_a_cell(each_kernel: Kernel) -> None:
    """Defined in a cell, changed, and the cell run again: the new class is the one that runs."""
    use = "with Flow().add(uses=Echo) as f:\n    print(f.post('/', Document(text='a'))[0].text)"
    each_kernel.run(ECHO)
    quiet(each_kernel.run(use))
    each_kernel.run(ECHO.replace('!', '?'))
    assert each_kernel.run(use).stdout == 'a?\n'
    each_kernel.run(ECHO)
    assert each_kernel.run(use).stdout == 'a!\n'


def test_an_executor_that_uses_what_other_cells_defined(each_kernel: Kernel) -> None:
    """Functions, modules and data of the notebook; and its own class by name."""
    each_kernel.run('import math\nfactor = 3\ndef scaled(x):\n    return math.floor(x) * factor')
    cell = each_kernel.run(
        'class Base(Executor):\n'
        '    def __init__(self, **kwargs):\n'
        '        super().__init__(**kwargs)\n'
        '        self.kind = Base.__name__\n'
        'class Scale(Base):\n'
        '    @requests\n'
        '    async def scale(self, docs, **kwargs):\n'
        '        for doc in docs:\n'
        '            doc.tags = {"value": scaled(doc.tags["value"]), "kind": self.kind}\n'
        'with Flow().add(uses=Scale) as f:\n'
        '    print(f.post("/", Document(tags={"value": 2.5}))[0].tags)'
    )
    assert cell.stdout == "{'value': 6, 'kind': 'Base'}\n"


def test_every_way_to_run_a_flow(each_kernel: Kernel) -> None:
    """``with``, ``async with``, started in one cell and closed in another; asked with and without ``await``."""
    each_kernel.run(ECHO)
    for form in ('with AsyncFlow()', 'async with AsyncFlow()'):
        text = f"{form}.add(uses=Echo) as f:\n    print((await f.post('/', Document(text='a')))[0].text)"
        assert each_kernel.run(text).stdout == 'a!\n'
    for kind, ask in (('Flow', 'f.post'), ('AsyncFlow', 'await f.post')):
        each_kernel.run(f'f = {kind}().add(uses=Echo)\nf.start()')
        assert each_kernel.run(f"{ask}('/', Document(text='b'))").result.startswith('<DocumentArray')
        assert each_kernel.run(f"({ask}('/', Document(text='b')))[0].text").result == "'b!'"
        quiet(each_kernel.run('f.close()'))
    nothing_left(each_kernel, 2.0, 'after close() in a cell')


def test_iterating_in_a_cell(kernel: Kernel) -> None:
    """``async for`` gives the Documents of each request as they come."""
    cell = kernel.run(
        f'{ECHO}\nasync with AsyncFlow().add(uses=Echo) as f:\n'
        '    async for docs in f.post("/", [Document(text=str(n)) for n in range(4)], request_size=2):\n'
        '        print(len(docs))'
    )
    assert cell.stdout == '2\n2\n'


def test_what_pods_print_and_log_is_shown(each_kernel: Kernel) -> None:
    """In the notebook, with the pod's name; also what comes when no cell runs."""
    each_kernel.run(
        'import logging, threading\n'
        'class Talker(Executor):\n'
        '    @requests\n'
        '    def talk(self, **kwargs):\n'
        '        print("a print", flush=True)\n'
        '        self.logger.warning("a warning")\n'
        '        threading.Timer(0.5, print, ["a late print"]).start()\n'
        'f = Flow().add(uses=Talker, name="talker").start()'
    )
    each_kernel.run('f.post("/")')
    each_kernel.wait_shown(r'talker/rep-0\[\d+\] \| a print')
    each_kernel.wait_shown(r'talker/rep-0\[\d+\] \| WARNING .*a warning')
    each_kernel.wait_shown(r'talker/rep-0\[\d+\] \| a late print')
    each_kernel.run('f.close()')


def test_a_flow_shows_itself(kernel: Kernel) -> None:
    """As a table, with its processes while it runs."""
    cell = kernel.run('f = Flow(name="<shop>").add(name="echo", replicas=2)\nf')
    assert '&lt;shop&gt;' in cell.html
    assert '2 replicas' in cell.html
    running = kernel.run('f.start()').html
    pids = re.findall(r'echo/rep-\d: ready, pid (\d+)', running)
    assert len(pids) == 2
    assert all(proc.alive(int(pid)) for pid in pids)
    assert 'not running' in kernel.run('f.close()\nf').html
    assert 'Deployment' in kernel.run('Deployment()').html

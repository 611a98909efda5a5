"""The examples of the page on event loops and notebooks, run as they are printed."""

from __future__ import annotations

import re

import pytest

from tests.support.notebook import Kernel, quiet
from tests.support.pages import blocks, read
from tests.support.programs import Programs

PAGE = read('docs/asyncio.md')
SCRIPTS, CELLS = blocks(PAGE), blocks(PAGE, 'python notebook')

OUTPUT = [r"\['ALL', 'AT ONCE'\]\n1\n1", '50 answers at the same time']
SHOWN = ['', '<Response of /index: 1 Document, ok>\n', '', 'hello!\n']


@pytest.mark.parametrize('number', range(len(OUTPUT)))
def test_scripts(programs: Programs, number: int) -> None:
    """Each prints what the page says it does, and nothing goes wrong."""
    assert len(SCRIPTS) == len(OUTPUT)
    program = programs.script(SCRIPTS[number], env={'PYTHONASYNCIODEBUG': '1', 'PYTHONDEVMODE': '1'})
    assert program.wait(30) == 0, program.text
    assert re.fullmatch(OUTPUT[number], '\n'.join(program.texts('out'))), program.text
    # Python 3.12 counts threads that are just ending, see pyproject.toml.
    err = [line for line in program.texts('err') if 'is multi-threaded, use of fork()' not in line]
    assert not re.search('Warning|never|Traceback', '\n'.join(err)), program.text


def test_cells(kernel: Kernel) -> None:
    """One after the other in one notebook."""
    assert len(CELLS) == len(SHOWN)
    for code, shown in zip(CELLS, SHOWN, strict=True):
        cell = kernel.run(code)
        quiet(cell)
        assert cell.stdout == shown
        if code.endswith('\nflow\n'):
            assert 'shout/rep-1: ready' in cell.html

"""What ``docs/migrating.md`` shows is so."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import blocks, read
from tests.support.programs import Programs

PAGE = read('docs/migrating.md')
BLOCKS = blocks(PAGE)
ROWS = re.findall(r'^\| `(from jina\S* import [^`]*)`[^|]*\| `(from mproc_flow\S* import [^`]*)`', PAGE, re.MULTILINE)

SAME = """\
import mproc_flow

mproc_flow.install_as_jina()
for theirs, ours in {rows!r}:
    one, other = {{}}, {{}}
    exec(theirs, one)
    exec(ours, other)
    del one['__builtins__'], other['__builtins__']
    same = one.keys() == other.keys() and all(one[name] is other[name] for name in one)
    print('same' if same else f'{{theirs}} is not {{ours}}')
"""


@pytest.mark.parametrize('block', BLOCKS, ids=range(len(BLOCKS)))
def test_the_programs_run(programs: Programs, block: str) -> None:
    """Each is a whole program, and does something."""
    program = programs.script(block)
    assert program.wait(20) == 0, program.text
    assert program.texts('out') == ['hello world'], program.text


def test_both_sides_of_the_table_are_the_same_objects(programs: Programs) -> None:
    """Line by line."""
    program = programs.script(SAME.format(rows=ROWS))
    assert program.wait(10) == 0, program.text
    assert len(ROWS) == 9
    assert program.texts('out') == ['same'] * len(ROWS)

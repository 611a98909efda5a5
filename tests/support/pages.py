"""The pages of the documentation, whose programs are run as they are printed."""

from __future__ import annotations

import re

from tests.support.programs import ROOT, Programs


def read(name: str) -> str:
    """The text of a page, by its path in the repository."""
    return (ROOT / name).read_text(encoding='utf-8')


def blocks(text: str, language: str = 'python') -> list[str]:
    """The code of a page, or of a part of one."""
    return re.findall(rf'^```{language}\n(.*?)^```', text, re.DOTALL | re.MULTILINE)


def run_as_one(programs: Programs, name: str, lines: int) -> None:
    """Run all Python of a page as one script; each ``# ->`` is what it writes, ``...`` for any rest of the line.

    Args:
        programs: Runs it.
        name: The page.
        lines: So many are written.
    """
    code = '\n'.join(blocks(read(name)))
    wanted = re.findall(r'# -> (.*)', code)
    program = programs.script(code)
    assert program.wait(30) == 0, program.text
    assert len(program.texts('out')) == len(wanted) == lines, program.text
    for line, text in zip(program.texts('out'), wanted, strict=True):
        assert line.startswith(text.removesuffix('...')) if text.endswith('...') else line == text

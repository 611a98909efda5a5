"""The examples on the page about typed documents do what it says."""

from __future__ import annotations

import re

from tests.support.programs import ROOT, Programs


def test_the_examples_print_what_the_page_says(programs: Programs) -> None:
    """All blocks of the page as one script; each ``# ->`` is what it writes, ``...`` for any rest."""
    code = '\n'.join(re.findall(r'```python\n(.*?)```', (ROOT / 'docs' / 'typed.md').read_text(), re.DOTALL))
    wanted = re.findall(r'# -> (.*)', code)
    assert len(wanted) == 4
    program = programs.script(code)
    assert program.wait(20) == 0, program.text
    assert len(program.texts('out')) == len(wanted), program.text
    for line, text in zip(program.texts('out'), wanted, strict=True):
        assert line.startswith(text.removesuffix('...')) if text.endswith('...') else line == text

"""Scripts in the style of Jina's documentation say the same under Jina 3.6.16 and under us.

Beside each script in ``jina_scripts`` lies what it printed under Jina. With ``MPROC_FLOW_JINA=/path/to/python``, an
interpreter that has ``jina==3.6.16``, Jina is asked again.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.programs import Program, Programs

HERE = Path(__file__).parent / 'jina_scripts'
SCRIPTS = sorted(path.stem for path in HERE.glob('*.py'))
JINA = os.environ.get('MPROC_FLOW_JINA')


@pytest.mark.parametrize('script', SCRIPTS)
def test_under_us(programs: Programs, script: str, start_method: str) -> None:
    """As it is, by ``mproc-flow run``, under every start method."""
    words = ('mproc_flow', 'run', str(HERE / f'{script}.py'))
    program = programs.module(*words, env={'JINA_MP_START_METHOD': start_method})
    assert program.wait(30) == 0, program.text
    assert own_lines(program) == expected(script), program.text


@pytest.mark.skipif(not JINA, reason='MPROC_FLOW_JINA names no interpreter that has jina')
@pytest.mark.parametrize('script', SCRIPTS)
def test_under_jina(programs: Programs, script: str, tmp_path: Path) -> None:
    """What we compare with is what Jina prints."""
    environment = {'PYTHONPATH': None, 'JINA_LOG_LEVEL': 'CRITICAL', 'JINA_LOCKS_ROOT': str(tmp_path)}
    program = programs.run([str(JINA), str(HERE / f'{script}.py')], env=environment)
    assert program.wait(50) == 0, program.text
    assert own_lines(program) == expected(script), program.text


def expected(script: str) -> list[str]:
    """What it printed under Jina."""
    return (HERE / f'{script}.txt').read_text().splitlines()


def own_lines(program: Program) -> list[str]:
    """What the script itself printed: Jina frames what it says on stdout with signs that no script of ours uses."""
    return [line for line in program.texts('out') if re.fullmatch('[!-~][ -~]*', line)]

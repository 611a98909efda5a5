"""The scripts that measure run, and tell what they found; what they find is not judged here."""

from __future__ import annotations

import sys

import pytest

from scripts.bench import sides
from scripts.bench.jobs import JINA, OURS, Job
from tests.support.programs import ROOT, Programs

SCRIPTS = {
    'compare': ('1 hop: post_ms', '1 hop: array_extra_payloads', '3 Executors, fork: pss_MB'),
    'batching': ('batches of 32: batching_gain', 'one alone: lone_delay_worst_ms'),
    'replicas': ('4 replicas, one slow: of_ideal',),
    'soak': ('small requests: sum_MB_per_100000', 'stream of 1 MB: growth_MB'),
    'overload': ('overload: refused_ms_worst', 'overload: recovery_s'),
}


@pytest.mark.parametrize('name', SCRIPTS)
def test_script_prints_its_figures(programs: Programs, name: str) -> None:
    program = programs.run([sys.executable, str(ROOT / 'scripts' / 'bench' / f'{name}.py'), '--quick'])
    assert program.wait(100) == 0, program.text
    lines = program.texts('out')
    for row in SCRIPTS[name]:
        assert any(line.startswith(row) for line in lines), program.text
    assert any(line.startswith('medians of 1 round(s)') for line in lines)
    assert any(line.startswith(('met ', 'missed ')) for line in lines)


@pytest.mark.parametrize(('side', 'code'), [(OURS, 1), (JINA, 0)])
def test_script_fails_if_our_side_breaks(side: str, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever becomes of the other one."""
    arguments = sides.parser('').parse_args(['--quick', '--jina', sys.executable])
    words = {OURS: ['-c', 'print(\'{"a_ms": 1.0}\')'], side: ['-c', 'raise SystemExit("out of order")']}
    assert sides.run(arguments, [Job('a job', 'a', words)], []) == code
    assert f'{side}: a job: ' in capfd.readouterr().err

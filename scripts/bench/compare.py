"""Measure mproc_flow beside raw pyzmq, and beside Jina where there is one.

::

    python scripts/bench/compare.py --quick
    python scripts/bench/compare.py --jina ~/jina334/bin/python --rounds 5 --json figures.json

Figures mean something only side by side: the sides take turns, each measure in a fresh process, and medians over all
rounds are compared. Close other programs, or repeat. No figure makes this fail; a side of ours that breaks does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench import jobs, report
from scripts.bench.jobs import FLOOR, JINA, OURS, Job

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

_BOUND = 600.0


class Side:
    """One of those that are compared.

    Args:
        name: Which one.
        python: Its interpreter.
        bytecode: Where it may keep compiled modules: everybody's are compiled beforehand, and nothing is left behind.
    """

    def __init__(self, name: str, python: str, bytecode: str) -> None:
        self.name = name
        self._python = python
        self._directory = HERE if name == JINA else ROOT
        self._environment = {**os.environ, 'PYTHONPYCACHEPREFIX': bytecode, 'JINA_OPTOUT_TELEMETRY': '1'}
        self._environment.pop('PYTHONDONTWRITEBYTECODE', None)

    def measure(self, job: Job) -> dict[str, float]:
        """Run a job in a fresh process and give its figures; none if it breaks."""
        first, *rest = job.words[self.name]
        words = [self._python, first if first == '-c' else str(HERE / first), *rest]
        environment = {**self._environment, 'JINA_MP_START_METHOD': job.start_method}
        try:
            result = subprocess.run(
                words, env=environment, cwd=self._directory, capture_output=True, text=True, timeout=_BOUND, check=True
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(f'{self.name}: {job.label}: {error}\n{_tail(error.stderr)}', file=sys.stderr)
            return {}
        figures: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
        return figures


def measure(sides: Sequence[Side], chosen: Sequence[Job], rounds: int) -> tuple[report.Samples, bool]:
    """Let the sides take turns; give all figures, and whether every job of ours worked."""
    samples: report.Samples = {}
    warm = {side.name: side.measure(jobs.warm_up()) for side in sides}
    works = bool(warm[OURS])
    for number, job in itertools.product(range(rounds), chosen):
        print(f'round {number + 1} of {rounds}: {job.label}, {job.name}', file=sys.stderr)
        for side in job.times * [side for side in sides if side.name in job.words]:
            figures = side.measure(job)
            works = works and (bool(figures) or side.name == JINA)
            for figure, value in figures.items():
                samples.setdefault((job.label, figure), {}).setdefault(side.name, []).append(value)
    return samples, works


def main(words: Sequence[str]) -> int:
    """Compare, print the table, and return the exit code."""
    arguments = _parser().parse_args(words)
    chosen = [job for job in jobs.jobs(arguments.quick) if arguments.only in f'{job.label}, {job.name}']
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    load, begin = os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        sides = [Side(FLOOR, sys.executable, directory), Side(OURS, sys.executable, directory)]
        if arguments.jina:
            sides.append(Side(JINA, arguments.jina, directory))
        samples, works = measure(sides, chosen, rounds)
    print(report.table(samples))
    print(f'\n{_circumstances(rounds, load, time.monotonic() - begin)}')
    print('\n'.join(map(report.sentence, report.verdicts(samples))))
    if arguments.json:
        rows = [{'job': job, 'figure': figure, 'samples': sides} for (job, figure), sides in samples.items()]
        arguments.json.write_text(json.dumps(rows, indent=1))
    return 0 if works else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--jina', metavar='PYTHON', help='interpreter that has jina')
    parser.add_argument('--rounds', type=int, help='how often everything is measured (3; with --quick 1)')
    parser.add_argument('--quick', action='store_true', help='little work: shows that all of it runs')
    parser.add_argument(
        '--only', default='', metavar='TEXT', help='only jobs with this in their name, e.g. "1 hop, post"'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all samples there')
    return parser


def _circumstances(rounds: int, load: float, seconds: float) -> str:
    machine = f'{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}'
    return f'medians of {rounds} round(s) in {seconds:.0f} s on {machine}; load before: {load:.1f}'


def _tail(output: bytes | str | None) -> str:
    text = output.decode(errors='replace') if isinstance(output, bytes) else output or ''
    return '\n'.join(text.splitlines()[-20:])


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

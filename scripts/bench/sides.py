"""The sides of a comparison: they take turns in one run, each measure in a fresh process.

Figures mean something only side by side, so every script here does it this way, and prints a table, the circumstances
and one line for each target. No figure makes a script fail; a side of ours that breaks does.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.bench import jobs, report
from scripts.bench.jobs import FLOOR, JINA, OURS, Job, Target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

_BOUND = 1800.0


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


def parser(text: str, rounds: int = 3, jina: bool = True) -> argparse.ArgumentParser:
    """Make a parser of what all scripts take.

    Args:
        text: Says what the script does.
        rounds: How often it measures everything.
        jina: Jina can do it too.
    """
    made = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    if jina:
        made.add_argument('--jina', metavar='PYTHON', help='interpreter that has jina')
    made.add_argument(
        '--rounds', type=int, default=None, help=f'how often everything is measured ({rounds}; with --quick 1)'
    )
    made.add_argument('--quick', action='store_true', help='little work: shows that all of it runs')
    made.add_argument('--json', type=Path, metavar='FILE', help='write all samples there')
    made.set_defaults(jina=None, usual_rounds=rounds)
    return made


def run(arguments: argparse.Namespace, chosen: Iterable[Job], targets: Sequence[Target]) -> int:
    """Measure, print the table and what became of the targets, and return the exit code."""
    rounds = arguments.rounds or (1 if arguments.quick else arguments.usual_rounds)
    load, begin = os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        sides = [Side(FLOOR, sys.executable, directory), Side(OURS, sys.executable, directory)]
        if arguments.jina:
            sides.append(Side(JINA, arguments.jina, directory))
        samples, works = _take_turns(sides, list(chosen), rounds)
    print(report.table(samples))
    print(f'\n{_circumstances(rounds, load, time.monotonic() - begin)}')
    print('\n'.join(map(report.sentence, report.verdicts(samples, targets))))
    if arguments.json:
        rows = [{'job': job, 'figure': figure, 'samples': sides} for (job, figure), sides in samples.items()]
        arguments.json.write_text(json.dumps(rows, indent=1))
    return 0 if works else 1


def _take_turns(sides: Sequence[Side], chosen: Sequence[Job], rounds: int) -> tuple[report.Samples, bool]:
    """Give all figures, and whether every job of ours worked."""
    samples: report.Samples = {}
    taking_part = [side for side in sides if any(side.name in job.words for job in chosen)]
    warm = {side.name: side.measure(jobs.warm_up()) for side in taking_part}
    works = bool(warm[OURS])
    for number, job in itertools.product(range(rounds), chosen):
        print(f'round {number + 1} of {rounds}: {job.label}, {job.name}', file=sys.stderr)
        for side in job.times * [side for side in sides if side.name in job.words]:
            figures = side.measure(job)
            works = works and (bool(figures) or side.name == JINA)
            for figure, value in figures.items():
                samples.setdefault((job.label, figure), {}).setdefault(side.name, []).append(value)
    return samples, works


def _circumstances(rounds: int, load: float, seconds: float) -> str:
    versions = f'Python {platform.python_version()}, pyzmq {importlib.metadata.version("pyzmq")}'
    machine = f'{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, {versions}'
    loads = f'load {load:.1f} before, {os.getloadavg()[0]:.1f} after'
    return f'medians of {rounds} round(s) in {seconds:.0f} s on {machine}; {loads}'


def _tail(output: bytes | str | None) -> str:
    text = output.decode(errors='replace') if isinstance(output, bytes) else output or ''
    return '\n'.join(text.splitlines()[-20:])

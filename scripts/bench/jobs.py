"""What ``compare.py`` measures: the jobs, and the targets that the figures are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FLOOR, OURS, JINA = 'floor', 'mproc_flow', 'jina'
SCRIPTS = {FLOOR: 'floor.py', OURS: 'ours.py', JINA: 'peer_jina.py'}

_CLOCK = (
    'import time; begin = time.perf_counter(); {}; print(\'{{"import_ms":\', (time.perf_counter() - begin) * 1e3, "}}")'
)
_NAMES = 'Document, DocumentArray, Executor, Flow, requests'


@dataclass(frozen=True)
class Job:
    """One measure, each time in a fresh process on each side.

    Attributes:
        label: How it is called in the table.
        name: Name of the measure.
        words: The interpreter's arguments for each side that has it.
        start_method: Of the processes it starts.
        times: How often in one round.
    """

    label: str
    name: str
    words: dict[str, list[str]]
    start_method: str = 'fork'
    times: int = 1


@dataclass(frozen=True)
class Target:
    """What a figure is to reach.

    Attributes:
        label: Label of the job.
        figure: Name of the figure.
        over: The side it is compared with; empty if the figure itself is meant.
        factor: We may take at most so many times what that side takes; where more is better, reach at least so many
            times its. Without a side, the bound of the figure.
    """

    label: str
    figure: str
    over: str
    factor: float


def more_is_better(figure: str) -> bool:
    """Say so of rates and of what is gained."""
    return 'per_s' in figure or 'gain' in figure or 'of_ideal' in figure


TARGETS = (
    Target('1 hop', 'post_ms', JINA, 1 / 20),
    Target('1 hop', 'post_ms', FLOOR, 6),
    Target('3 hops', 'post_ms', JINA, 1 / 15),
    Target('1 hop', 'docs_per_s_size_1', JINA, 15),
    Target('3 hops', 'docs_per_s_size_1', JINA, 15),
    Target('1 hop', 'docs_per_s_size_100', JINA, 25),
    Target('3 hops', 'docs_per_s_size_100', JINA, 15),
    Target('1 hop', 'array_1MB_ms', JINA, 1 / 12),
    Target('1 hop', 'array_100MB_ms', JINA, 1 / 40),
    Target('1 hop', 'array_extra_payloads', '', 2),
    Target('3 Executors, fork', 'start_s', JINA, 1 / 2),
    Target('8 Executors, spawn', 'start_s', JINA, 1 / 3),
    Target('import of the package', 'import_ms', FLOOR, 1.5),
    Target('import of the names', 'import_ms', FLOOR, 1.5),
)


def jobs(quick: bool) -> Iterator[Job]:
    """Give the jobs; ``quick`` ones only show that everything works."""
    posts, many, large = ('10', '200', '10') if quick else ('100', '2000', '100')
    few = '1' if quick else '3'
    yield from _imports(times=1 if quick else 5)
    for hops in (1,) if quick else (1, 3):
        label = f'{hops} hop{"s" if hops > 1 else ""}'
        yield _job(label, 'post', {'hops': str(hops)}, {'repeats': posts})
        yield _job(label, 'rate', {'hops': str(hops)}, {'documents': many, 'repeats': few})
        yield _job(label, 'array', {'hops': str(hops)}, {'megabytes': '1', 'repeats': posts})
        yield _job(label, 'array', {'hops': str(hops)}, {'megabytes': large, 'repeats': few})
    yield job('1 hop', 'array_cost', {'megabytes': large, 'repeats': few})
    for count in (1, 3) if quick else (1, 3, 16):
        yield _job(_executors(count, 'fork'), 'start', {}, {'executors': str(count)})
    count = 2 if quick else 8
    yield _job(_executors(count, 'spawn'), 'start', {}, {'executors': str(count)}, 'spawn')
    count = 3 if quick else 16
    yield job(_executors(count, 'fork'), 'memory', {'executors': str(count)})


def job(label: str, name: str, settings: dict[str, str], sides: Sequence[str] = (OURS, JINA)) -> Job:
    """Make a job without a floor.

    Args:
        label: See :class:`Job`.
        name: Name of the measure, ``module.function`` if it is not in ``workload.py``.
        settings: Its arguments.
        sides: Who has it.
    """
    return Job(label, name, {side: [SCRIPTS[side], name, *_settings(settings)] for side in sides})


def warm_up() -> Job:
    """Give a job that makes each side compile its modules, those of fresh children too."""
    return _job('warm-up', 'start', {}, {'executors': '1'}, 'spawn')


def _executors(count: int, start_method: str) -> str:
    return f'{count} Executor{"s" if count > 1 else ""}, {start_method}'


def _job(label: str, name: str, hops: dict[str, str], settings: dict[str, str], start_method: str = 'fork') -> Job:
    words = {side: [script, name, *_settings(settings)] for side, script in SCRIPTS.items()}
    for side in (OURS, JINA):  # the floor knows no hops
        words[side] += _settings(hops)
    return Job(label, name, words, start_method)


def _settings(settings: dict[str, str]) -> list[str]:
    return [f'{name}={value}' for name, value in settings.items()]


def _imports(times: int) -> Iterator[Job]:
    floor, jina = _import('import numpy, zmq'), _import(f'from jina import {_NAMES}')
    package, names = _import('import mproc_flow'), _import(f'from mproc_flow import {_NAMES}')
    yield Job('import of the package', 'import', {FLOOR: floor, OURS: package, JINA: jina}, times=times)
    yield Job('import of the names', 'import', {FLOOR: floor, OURS: names, JINA: jina}, times=times)


def _import(statement: str) -> list[str]:
    return ['-c', _CLOCK.format(statement)]

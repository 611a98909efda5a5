"""What both sides of the comparison do, written against the Flow API that they share.

``ours.py`` and ``peer_jina.py`` each bring their package and an Executor that does nothing; the work, the clock and the
number of repeats are the same for both. Runs on Python 3.9 too, for old releases of Jina.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

WARM_UPS = 20
FLOATS_PER_MB = 2**17

Figures = dict[str, float]


class Api(NamedTuple):
    """A package with Jina's Flow API, and the Executor to run."""

    package: Any
    echo: Any

    def flow(self, executors: int) -> Any:
        """Make a Flow of so many Executors in line."""
        flow = self.package.Flow()
        for _ in range(executors):
            flow = flow.add(uses=self.echo)
        return flow

    def docs(self, count: int, **fields: Any) -> Any:
        """Make Documents that all have these fields."""
        return self.package.DocumentArray([self.package.Document(**fields) for _ in range(count)])


def post(api: Api, hops: int, repeats: int) -> Figures:
    """Time the round trip of one small Document, from a synchronous caller."""
    with api.flow(hops) as flow:
        docs = api.docs(1, text='a')

        def round_trip() -> None:
            flow.post('/', inputs=docs)

        times(round_trip, WARM_UPS)
        return {'post_ms': statistics.median(times(round_trip, repeats)) * 1e3}


def rate(api: Api, hops: int, documents: int, repeats: int) -> Figures:
    """Count small Documents in a second, sent by one call and all given back, one and a hundred in a request."""
    figures = {}
    with api.flow(hops) as flow:
        docs = api.docs(documents, text='a')
        for size in (1, 100):

            def round_trip(size: int = size) -> None:
                expect(len(flow.post('/', inputs=docs, request_size=size)) == documents)

            figures[f'docs_per_s_size_{size}'] = documents / statistics.median(times(round_trip, repeats))
    return figures


def array(api: Api, hops: int, megabytes: int, repeats: int) -> Figures:
    """Time the round trip of one Document with a large float64 tensor, up to reading a value of the result."""
    with api.flow(hops) as flow:
        docs = api.docs(1, tensor=np.ones(megabytes * FLOATS_PER_MB))

        def round_trip() -> None:
            expect(flow.post('/', inputs=docs)[0].tensor[-1] == 1.0)

        round_trip()
        return {f'array_{megabytes}MB_ms': statistics.median(times(round_trip, repeats)) * 1e3}


def start(api: Api, executors: int) -> Figures:
    """Time one start, from before ``Flow()`` to ready, and one close."""
    begin = time.perf_counter()
    with api.flow(executors):
        ready = time.perf_counter()
    return {'start_s': ready - begin, 'close_s': time.perf_counter() - ready}


def memory(api: Api, executors: int) -> Figures:
    """Sum up the memory of this process and all below it, shared pages divided among those who share them."""
    with api.flow(executors) as flow:
        flow.post('/', inputs=api.docs(1, text='a'))
        return {'pss_MB': sum(map(_pss, _family(os.getpid()))) / 1e6}


MEASURES: dict[str, Callable[..., Figures]] = {
    'post': post,
    'rate': rate,
    'array': array,
    'start': start,
    'memory': memory,
}


def run(api: Api, words: Sequence[str]) -> None:
    """Do one measure, e.g. ``post hops=1 repeats=100``, and print its figures as one line of JSON, the last one."""
    name, *settings = words
    print(json.dumps(MEASURES[name](api, **numbers(settings))))


def numbers(settings: Sequence[str]) -> dict[str, int]:
    """Give the numbers of ``name=number`` words."""
    pairs = (setting.partition('=') for setting in settings)
    return {name: int(number) for name, _, number in pairs}


def times(function: Callable[[], None], repeats: int) -> list[float]:
    """Give the seconds that each of so many calls takes."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return seconds


def expect(right: bool) -> None:
    """Stop if an answer is not the right one: a fast wrong answer is no figure."""
    if not right:
        raise SystemExit('the answer is wrong')


def _family(pid: int) -> list[int]:
    found = [pid]
    for children in Path(f'/proc/{pid}/task').glob('*/children'):
        for child in children.read_text().split():
            found += _family(int(child))
    return found


def _pss(pid: int) -> int:
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('Pss:'))

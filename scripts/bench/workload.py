"""What both sides of the comparison do, written against the Flow API that they share.

``ours.py`` and ``peer_jina.py`` each bring their package and an Executor that does nothing; the work, the clock and the
number of repeats are the same for both. Runs on Python 3.9 too, for old releases of Jina.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from scripts.bench import memory as memory_of

WARM_UPS = 20
FLOATS_PER_MB = 2**17

Figures = dict[str, float]


class Api(NamedTuple):
    """A package with Jina's Flow API, and the Executor to run."""

    package: Any
    echo: Any

    def flow(self, executors: int) -> Any:
        """Make a Flow of so many Executors in line that do nothing."""
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


def array_cost(api: Api, megabytes: int, repeats: int) -> Figures:
    """Say what a large tensor costs beside its own memory: the most that is taken meanwhile, and how many copies.

    Copies are told by the clock: how often the same bytes could be copied, within one process and into memory that is
    in use already, in the time that the round trip of the large tensor takes longer than that of a small one.
    """
    payload = np.ones(megabytes * FLOATS_PER_MB)
    with api.flow(1) as flow:

        def round_trips(tensor: Any) -> Callable[[], None]:
            docs = api.docs(1, tensor=tensor)
            return lambda: expect(flow.post('/', inputs=docs)[0].tensor[-1] == 1.0)

        large, small = round_trips(payload), round_trips(payload[-1:])
        times(small, WARM_UPS)
        with memory_of.Peak(memory_of.of_all()) as peak:
            repeat(large, repeats)
        seconds = statistics.median(times(large, repeats)) - statistics.median(times(small, WARM_UPS))
    target = np.zeros_like(payload)
    copy = statistics.median(times(lambda: np.copyto(target, payload), 5))
    return {
        'array_extra_MB': peak.growth / 2**20,
        'array_extra_payloads': peak.growth / payload.nbytes,
        'array_copies': seconds / copy,
    }


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
        return {'pss_MB': sum(memory_of.proportional(pid)['Pss'] for pid in memory_of.family(os.getpid())) / 1e6}


def run(api: Api, words: Sequence[str]) -> None:
    """Do one measure, e.g. ``post hops=1 repeats=100``, and print its figures as one line of JSON, the last one.

    Measures of other modules are called by both names: ``batching.throughput documents=1000``.
    """
    name, *settings = words
    module, _, function = name.rpartition('.')
    measure = getattr(importlib.import_module(f'scripts.bench.{module or "workload"}'), function)
    print(json.dumps(measure(api, **numbers(settings))))


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


def repeat(function: Callable[[], None], repeats: int) -> None:
    """Call it so many times."""
    for _ in range(repeats):
        function()


def expect(right: bool) -> None:
    """Stop if an answer is not the right one: a fast wrong answer is no figure."""
    if not right:
        raise SystemExit('the answer is wrong')

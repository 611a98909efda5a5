"""Measure whether memory stays flat: over a million small requests, and over an endless stream of large ones.

::

    python scripts/bench/soak.py --quick
    python scripts/bench/soak.py --requests 1000000 --seconds 60

Small requests are sent in calls of a thousand, so that what a request leaves behind shows, and what a call does.
Memory is what is resident (RSS) of each process; it grows by the slope of the straight line that fits it best, in MB
for 100,000 requests, without the first tenth of them.

The stream has Documents of 1 MB for an Executor that takes 20 ms for each: the generator is to wait for the Executor.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mproc_flow import Document, Executor, requests
from scripts.bench import sides
from scripts.bench.jobs import OURS, Target, job
from scripts.bench.memory import Peak, resident
from scripts.bench.workload import FLOATS_PER_MB, WARM_UPS, Api, Figures, expect, repeat

OF_A_CALL = 1000
SLOW = 0.02
PREFETCH = 16
# Beyond what may be under way: 8 MB on the way between processes, 30 MB for whatever allocators keep.
ALLOWANCE_MB = PREFETCH + 8 + 30


class Slow(Executor):
    """Takes its time, and gives Documents back as they are."""

    @requests
    def wait(self, docs: Any, **kwargs: Any) -> None:
        """Do nothing for a while."""
        time.sleep(SLOW * len(docs))


def small(api: Api, count: int) -> Figures:
    """Send so many small requests, and give for each process by how much its memory grows."""
    with api.flow(1) as flow:
        docs = api.docs(OF_A_CALL, text='a')
        pids = {'owner': os.getpid(), 'guardian': flow.guardian_pid} | {pod.name: pod.pid for pod in flow.pods}
        samples: dict[str, list[int]] = {name: [] for name in pids}
        begin = time.perf_counter()
        for _ in range(max(20, count // OF_A_CALL)):
            expect(len(flow.post('/', inputs=docs, request_size=1)) == OF_A_CALL)
            for name, pid in pids.items():
                samples[name].append(resident(pid))
        seconds = time.perf_counter() - begin
    slopes = {name: _slope(values) for name, values in samples.items()}
    figures = {f'{name}_MB_per_100000': slope for name, slope in slopes.items()}
    rate = len(samples['owner']) * OF_A_CALL / seconds
    return {**figures, 'sum_MB_per_100000': sum(slopes.values()), 'requests_per_s': rate}


def stream(api: Api, seconds: int) -> Figures:
    """Send large Documents from a generator for so long: give what owner and gateway take more than before it."""
    sent = answered = ahead = 0

    def inputs() -> Iterator[Document]:
        nonlocal sent, ahead
        while time.perf_counter() < begin + seconds:
            sent += 1
            ahead = max(ahead, sent - answered)
            yield Document(tensor=np.full(FLOATS_PER_MB, sent, float))

    def count(response: Any) -> None:
        nonlocal answered
        answered += len(response.docs)

    with api.package.Flow().add(uses=Slow) as flow:
        repeat(lambda: flow.post('/', inputs=api.docs(1, text='a')), WARM_UPS)
        pids = [os.getpid(), next(pod.pid for pod in flow.pods if pod.name == 'gateway')]
        with Peak(lambda: sum(map(resident, pids))) as memory:
            begin = time.perf_counter()
            flow.post('/', inputs=inputs(), request_size=1, prefetch=PREFETCH, on_done=count)
            took = time.perf_counter() - begin
    expect(answered == sent)
    return {'growth_MB': memory.growth / 2**20, 'read_ahead': ahead, 'docs_per_s': sent / took}


def main(words: Sequence[str]) -> int:
    """Measure, print the table, and return the exit code."""
    parser = sides.parser(__doc__, rounds=1, jina=False)
    parser.add_argument('--requests', type=int, help='small requests (1,000,000; with --quick 20,000)')
    parser.add_argument('--seconds', type=int, help='duration of the stream (60; with --quick 2)')
    arguments = parser.parse_args(words)
    count = arguments.requests or (20_000 if arguments.quick else 1_000_000)
    seconds = arguments.seconds or (2 if arguments.quick else 60)
    chosen = [
        job('small requests', 'soak.small', {'count': f'{count}'}, [OURS]),
        job('stream of 1 MB', 'soak.stream', {'seconds': f'{seconds}'}, [OURS]),
    ]
    targets = (
        Target('small requests', 'sum_MB_per_100000', '', 1),
        Target('stream of 1 MB', 'growth_MB', '', ALLOWANCE_MB),
        Target('stream of 1 MB', 'read_ahead', '', PREFETCH),
    )
    return sides.run(arguments, chosen, targets)


def _slope(sizes: Sequence[int]) -> float:
    kept = sizes[len(sizes) // 10 :]
    slope, _ = statistics.linear_regression(range(len(kept)), kept)
    return slope / OF_A_CALL * 100_000 / 2**20


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

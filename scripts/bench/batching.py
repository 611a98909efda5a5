"""Measure dynamic batching: many requests of one Document each for an Executor that is cheaper by the batch.

::

    python scripts/bench/batching.py --quick
    python scripts/bench/batching.py --jina ~/jina334/bin/python

A call of the Executor takes 10 ms and 0.1 ms for each Document. Many such requests are under way at once, first with
batching, then without; then a request is alone, and what it takes beyond the 10.1 ms of its call is its delay.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench import workload
from scripts.bench.workload import Api, Figures, expect, times

CALL, DOCUMENT = 0.010, 0.0001
ENDPOINT = '/work'
PREFERRED = (32, 64)
TIMEOUT_MS = 10


def throughput(api: Api, preferred: int, documents: int, single: int) -> Figures:
    """Count Documents in a second, each in a request of its own, with batching and without.

    Args:
        api: Whose Flow.
        preferred: Documents in a batch.
        documents: So many are sent with batching.
        single: So many without, which takes much longer for each.
    """
    batched, alone = _rate(api, documents, _batching(preferred)), _rate(api, single, {})
    return {'batched_docs_per_s': batched, 'single_docs_per_s': alone, 'batching_gain': batched / alone}


def delay(api: Api, preferred: int, requests: int) -> Figures:
    """Time requests that nobody joins, which wait in vain for others."""
    with _flow(api, _batching(preferred)) as flow:
        docs = api.docs(1, text='a')

        def lone() -> None:
            expect(len(flow.post(ENDPOINT, inputs=docs)) == 1)

        workload.repeat(lone, 5)
        delays = [(seconds - CALL - DOCUMENT) * 1e3 for seconds in times(lone, requests)]
    return {'lone_delay_ms': statistics.median(delays), 'lone_delay_worst_ms': max(delays)}


def main(words: Sequence[str]) -> int:
    """Measure, print the table, and return the exit code."""
    from scripts.bench import sides  # not for the interpreters of others
    from scripts.bench.jobs import Job, Target, job

    def chosen(quick: bool) -> Iterator[Job]:
        many, few, lone = (400, 40, 5) if quick else (8000, 300, 50)
        for size in PREFERRED:
            counts = {'preferred': f'{size}', 'documents': f'{many}', 'single': f'{few}'}
            yield job(f'batches of {size}', 'batching.throughput', counts)
        yield job('one alone', 'batching.delay', {'preferred': f'{PREFERRED[-1]}', 'requests': f'{lone}'})

    bound = TIMEOUT_MS + 5
    targets = [Target(f'batches of {size}', 'batching_gain', '', 4) for size in PREFERRED]
    targets += [Target('one alone', figure, '', bound) for figure in ('lone_delay_ms', 'lone_delay_worst_ms')]
    arguments = sides.parser(__doc__).parse_args(words)
    return sides.run(arguments, chosen(arguments.quick), targets)


def _rate(api: Api, documents: int, options: dict[str, Any]) -> float:
    with _flow(api, options) as flow:
        docs = api.docs(documents, text='a')
        flow.post(ENDPOINT, inputs=docs[:1])
        begin = time.perf_counter()
        expect(len(flow.post(ENDPOINT, inputs=docs, request_size=1)) == documents)
        return documents / (time.perf_counter() - begin)


def _batching(preferred: int) -> dict[str, Any]:
    return {'uses_dynamic_batching': {ENDPOINT: {'preferred_batch_size': preferred, 'timeout': TIMEOUT_MS}}}


def _flow(api: Api, options: dict[str, Any]) -> Any:
    package = api.package
    base: Any = package.Executor

    class Costly(base):  # type: ignore[misc]
        @package.requests(on=ENDPOINT)  # type: ignore[untyped-decorator,unused-ignore]
        def work(self, docs: Any, **kwargs: Any) -> None:
            time.sleep(CALL + DOCUMENT * len(docs))

    return package.Flow().add(uses=Costly, **options)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""Measure how work is shared among replicas of which one is much slower than the others.

::

    python scripts/bench/replicas.py --quick
    python scripts/bench/replicas.py --jina ~/jina334/bin/python

Three replicas take 20 ms for a request, the fourth ten times as long: together they can do the work of 3.1. They sleep,
so that the machine's cores do not matter. All requests are sent at once, and the last answer counts too. Jina, which
needs longer for each, is given fewer.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench.workload import Api, Figures, expect

REPLICAS = 4
FAST, SLOW = 0.02, 0.2
IDEAL = (REPLICAS - 1) / FAST + 1 / SLOW


def uneven(api: Api, documents: int) -> Figures:
    """Count requests in a second, up to the last answer, and compare with what the replicas could do."""
    with tempfile.TemporaryDirectory() as directory, _flow(api, f'{directory}/slow') as flow:
        docs = api.docs(documents, text='a')
        flow.post('/', inputs=docs[:1])
        begin = time.perf_counter()
        expect(len(flow.post('/', inputs=docs, request_size=1)) == documents)
        rate = documents / (time.perf_counter() - begin)
    return {'docs_per_s': rate, 'of_ideal': rate / IDEAL}


def main(words: Sequence[str]) -> int:
    """Measure, print the table, and return the exit code."""
    from scripts.bench import sides  # not for the interpreters of others
    from scripts.bench.jobs import JINA, OURS, Job, Target, job

    arguments = sides.parser(__doc__).parse_args(words)
    label, name = f'{REPLICAS} replicas, one slow', 'replicas.uneven'
    counts = {OURS: 200, JINA: 40} if arguments.quick else {OURS: 3100, JINA: 400}
    by_side = [job(label, name, {'documents': f'{count}'}, [side]) for side, count in counts.items()]
    both = Job(label, name, {side: words for part in by_side for side, words in part.words.items()})
    return sides.run(arguments, [both], [Target(label, 'of_ideal', '', 0.9)])


def _flow(api: Api, mark: str) -> Any:
    package = api.package
    base: Any = package.Executor

    class Uneven(base):  # type: ignore[misc]
        def __init__(self, mark: str, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.seconds = SLOW if _is_first(mark) else FAST

        @package.requests  # type: ignore[untyped-decorator,unused-ignore]
        def work(self, docs: Any, **kwargs: Any) -> None:
            time.sleep(self.seconds)

    return package.Flow().add(uses=Uneven, uses_with={'mark': mark}, replicas=REPLICAS)


def _is_first(mark: str) -> bool:
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""From which size on shared memory pays: round trips with and without it, in turn.

::

    python scripts/bench/shared_memory.py
    python scripts/bench/shared_memory.py --repeats 50 --sizes 65536 1048576

One Executor, which does not touch its array or gives a new one; the client reads every page of the result. Medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from mproc_flow import Document, DocumentArray, Executor, Flow, requests

_SIZES = tuple(1 << power for power in range(14, 24))
_WARM_UPS = 5
_PAGE = 4096


class PassOn(Executor):
    """Does not touch its array."""

    @requests
    def pass_on(self, docs: Any, **kwargs: Any) -> None:
        """Do nothing."""


class Renew(Executor):
    """Gives a new array."""

    @requests
    def renew(self, docs: Any, **kwargs: Any) -> None:
        """Copy it."""
        for doc in docs:
            doc.tensor = doc.tensor.copy()


def round_trip(flow: Flow, docs: DocumentArray) -> float:
    """Give the milliseconds of one."""
    begin = time.perf_counter()
    tensor: Any = flow.post('/', docs)[0].tensor
    tensor[::_PAGE].sum()
    return (time.perf_counter() - begin) * 1e3


def measure(kind: type[Executor], sizes: list[int], repeats: int) -> None:
    """Print a row for each size."""
    print(f'{kind.__name__:>10}   plain frames   shared memory')
    with (
        Flow(quiet=True, shared_memory_from=0).add(uses=kind) as plain,
        Flow(quiet=True, shared_memory_from=1).add(uses=kind) as shared,
    ):
        for size in sizes:
            docs = DocumentArray([Document(tensor=np.ones(size, np.uint8))])
            pairs = [(round_trip(plain, docs), round_trip(shared, docs)) for _ in range(_WARM_UPS + repeats)]
            one, other = (statistics.median(times) for times in zip(*pairs[_WARM_UPS:], strict=True))
            print(f'{size // 1024:>7} KiB {one:>11.3f} ms {other:>12.3f} ms')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sizes', type=int, nargs='+', default=_SIZES, help='in bytes')
    parser.add_argument('--repeats', type=int, default=200)
    given = parser.parse_args()
    for executor in (PassOn, Renew):
        measure(executor, list(given.sizes), given.repeats)

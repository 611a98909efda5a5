"""When requests, and the work that pods hold, run out of time; without a clock: somebody says what time it is."""

from __future__ import annotations

import heapq
import itertools

from mproc_flow.runtime.routing import Job, Request

# Entries of what has ended are forgotten when there are so many more of them than of others.
_STALE = 4
_FEW = 64


class Deadlines:
    """A heap of moments, in seconds of the monotonic clock.

    Attributes:
        now: The last moment that the Router was told of.
    """

    __slots__ = ('_count', '_heap', '_tidy_at', 'now')

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Request | Job, int]] = []
        self._count = itertools.count()
        self._tidy_at = _FEW

    @property
    def next(self) -> float | None:
        """The nearest moment at which something runs out of time, None if nothing does."""
        heap = self._heap
        while heap and not _counts(heap[0][2], heap[0][3]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def add_request(self, request: Request) -> None:
        """Watch a request that has a deadline."""
        self._add(request.deadline, request, -1)

    def add_job(self, job: Job) -> None:
        """Watch a piece of work that was just given to a pod which may not take as long as it likes."""
        self._add(self.now + job.lane.node.route.timeout_send, job, job.key)

    def expired(self) -> list[Request | Job]:
        """Take what has run out of time."""
        found: list[Request | Job] = []
        while self._heap and self._heap[0][0] <= self.now:
            _, _, what, key = heapq.heappop(self._heap)
            if _counts(what, key):
                found.append(what)
        return found

    def _add(self, when: float, what: Request | Job, key: int) -> None:
        if len(self._heap) >= self._tidy_at:
            self._heap = [entry for entry in self._heap if _counts(entry[2], entry[3])]
            heapq.heapify(self._heap)
            self._tidy_at = max(_FEW, _STALE * len(self._heap))
        heapq.heappush(self._heap, (when, next(self._count), what, key))


def where(request: Request) -> str:
    """Say in words where a request is."""
    places = []
    for job in request.jobs:
        if job.pod is not None:
            places.append(f'it was at pod {job.pod.name}')
        elif job.waiting:
            places.append(f'it waited for Executor {job.lane.node.name}')
    return ' and '.join(dict.fromkeys(places)) or 'it had just arrived'


def _counts(what: Request | Job, key: int) -> bool:
    """Say whether a moment still matters: the request has no answer yet, the work is where it was."""
    if isinstance(what, Request):
        return not what.over and not what.answered
    return what.key == key and what.pod is not None and not what.request.over

"""The queue of a lane: in turn between clients, in order within each, and what was given out before comes first."""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar

# With fewer it does not pay to make the lines anew.
_FEW = 64


class Waiting(Protocol):
    """What knows whether it waits in a queue."""

    waiting: bool


W = TypeVar('W', bound=Waiting)


class FairQueue(Generic[W]):
    """Work that waits. Everything takes constant time, on average.

    Attributes:
        length: How much work waits.
    """

    __slots__ = ('_dropped', '_first', '_lines', '_turns', 'length')

    def __init__(self) -> None:
        self.length = 0
        self._first: deque[W] = deque()
        self._lines: dict[bytes, deque[W]] = {}
        self._turns: deque[bytes] = deque()
        self._dropped = 0

    def put(self, job: W, client: bytes) -> None:
        """Add a piece of work behind the others of its client."""
        self._wait(job)
        line = self._lines.get(client)
        if line is None:
            line = self._lines[client] = deque()
            self._turns.append(client)
        line.append(job)

    def put_first(self, job: W) -> None:
        """Add a piece of work that is next, whoever sent it."""
        self._wait(job)
        self._first.appendleft(job)

    def pop(self) -> W | None:
        """Take what is next."""
        while self.length:
            job = self._first.popleft() if self._first else self._next()
            if job.waiting:
                job.waiting = False
                self.length -= 1
                return job
            self._dropped -= 1
        return None

    def ahead(self, client: bytes) -> int:
        """Estimate how much will be taken before what this client would put here now."""
        line = self._lines.get(client)
        own = len(line) if line is not None else 0
        return min(self.length, len(self._first) + (own + 1) * len(self._lines))

    def drop(self, job: W) -> None:
        """Forget a piece of work that waits here."""
        job.waiting = False
        self.length -= 1
        self._dropped += 1
        if self._dropped > self.length + _FEW:
            self._tidy()

    def clear(self) -> list[W]:
        """Take everything."""
        jobs = []
        while (job := self.pop()) is not None:
            jobs.append(job)
        return jobs

    def _wait(self, job: W) -> None:
        job.waiting = True
        self.length += 1

    def _next(self) -> W:
        client = self._turns.popleft()
        line = self._lines[client]
        job = line.popleft()
        if not line:
            del self._lines[client]
        elif job.waiting:
            self._turns.append(client)
        else:  # what was dropped costs its client no turn
            self._turns.appendleft(client)
        return job

    def _tidy(self) -> None:
        self._first = deque(job for job in self._first if job.waiting)
        kept = {client: deque(job for job in line if job.waiting) for client, line in self._lines.items()}
        self._lines = {client: line for client, line in kept.items() if line}
        self._turns = deque(client for client in self._turns if client in self._lines)
        self._dropped = 0

"""Deadlines of the Guardian: a heap of things to do at a time."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable


class Timers:
    """Calls back when a time has come; what is no longer wanted is for the callback to notice."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call back once, ``seconds`` from now."""
        heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._count), callback))

    def wait(self) -> float | None:
        """Seconds until the next one is due; None if there is none."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None

    def run_due(self) -> None:
        """Call back all whose time has come."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            heapq.heappop(self._heap)[2]()

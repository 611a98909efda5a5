"""Deaths at random moments, no more of them than the restart policy forgives."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection
from types import TracebackType
from typing import NamedTuple

from mproc_flow import Flow
from tests.support import proc

# So often a pod is started again within a minute; one death more and it is given up.
FORGIVEN = 5


class Kill(NamedTuple):
    """One death that was caused."""

    pod: str
    pid: int
    moment: float


class Killer:
    """Sends SIGKILL to random pods of a Flow, as long as the ``with`` block runs.

    Args:
        f: The Flow, which is running.
        gap: Mean time between two kills in seconds; the gaps are exponential.
        among: Names of the pods; all but the gateway if not given.
        most: How often each of them may be killed.
        shortest: A gap is not shorter than this.
        seed: Of the gaps and the choice.

    Attributes:
        kills: What it did.
    """

    def __init__(  # parameters: how often, whom and when are what a test varies
        self,
        f: Flow,
        gap: float,
        *,
        among: Collection[str] = (),
        most: int = FORGIVEN,
        shortest: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.kills: list[Kill] = []
        self._flow = f
        self._gap = gap
        self._among = frozenset(among) or {status.name for status in f.pods} - {'gateway'}
        self._most = most
        self._shortest = shortest
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name='killer', daemon=True)

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def spent(self) -> bool:
        """No pod may be killed any more."""
        return len(self.kills) >= self._most * len(self._among)

    def _run(self) -> None:
        while not self.spent and not self._over.wait(self._shortest + self._random.expovariate(1 / self._gap)):
            self._kill_one()

    def _kill_one(self) -> None:
        killed = Counter(kill.pod for kill in self.kills)
        pods = [status for status in self._flow.pods if status.name in self._among and status.state == 'ready']
        pods = [status for status in pods if killed[status.name] < self._most]
        pids = {kill.pid for kill in self.kills}  # the table may be a moment older than the last death
        pods = [status for status in pods if status.pid and status.pid not in pids]
        if pods:
            chosen = self._random.choice(pods)
            with contextlib.suppress(ProcessLookupError):
                proc.send(chosen.pid, signal.SIGKILL)
                self.kills.append(Kill(chosen.name, chosen.pid, time.monotonic()))

"""Promise 12: kills at random moments corrupt nobody's arrays and leave no shared memory behind."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from typing import Any

import pytest

from mproc_flow import Flow
from mproc_flow.errors import FlowFailed, PodDied
from tests.support import proc
from tests.support.arrays import KB, Renew, blocks, is_right, numbered, owners
from tests.support.waiting import eventually

MESSAGES = 1000
SIZE = 300 * KB
# A pod that dies too often is not started again.
_MOST = 15


class Killer(threading.Thread):
    """Kills a random pod from time to time until it is stopped."""

    def __init__(self, f: Flow, names: list[str]) -> None:
        super().__init__(daemon=True)
        self._flow = f
        self._names = names
        self._over = threading.Event()
        self.kills = 0

    def run(self) -> None:
        chance = random.Random(os.getpid())
        while self.kills < _MOST and not self._over.wait(chance.expovariate(4.0)):
            ready = [status.pid for status in self._flow.pods if status.name in self._names and status.state == 'ready']
            if ready:
                proc.send(chance.choice(ready), 9)
                self.kills += 1

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join()


@pytest.mark.timeout(120)
def test_pods_that_are_killed_corrupt_nothing_and_leave_nothing(start_method: str) -> None:
    ends: Counter[str] = Counter()
    held: list[Any] = []

    def done(response: Any) -> None:
        ends['right' if is_right(response.docs[0]) else 'wrong'] += 1
        if len(held) < 20:
            held.append(response.docs[0])

    def failed(response: Any) -> None:
        ends[response.header.status.exception.name if response.header.status.exception else 'failed'] += 1

    with Flow(start_method=start_method, prefetch=16).add(uses=Renew, replicas=3).add(uses=Renew, replicas=3) as f:
        killer = Killer(f, [status.name for status in f.pods if status.name != 'gateway'])
        killer.start()
        while sum(ends.values()) < MESSAGES:
            first = sum(ends.values())
            try:
                inputs = (numbered(seed, SIZE) for seed in range(first, min(first + 100, MESSAGES)))
                f.post('/', inputs, request_size=1, on_done=done, on_error=failed)
            except (PodDied, FlowFailed):
                ends['refused'] += 1
        killer.stop()
        assert killer.kills
        assert ends['wrong'] == 0, ends
        assert ends['right'] > MESSAGES // 2, ends
        assert all(map(is_right, held))
        living = 1 + sum(status.name != 'gateway' for status in f.pods)
        eventually(lambda: len(owners()) <= living, 10.0, lambda: f'only the living have places: {owners()}')
        mine = set(owners())
        eventually(lambda: all(name.partition('-')[0] in mine for name in blocks()), 5.0, lambda: f'{mine} {blocks()}')
    assert all(map(is_right, held))

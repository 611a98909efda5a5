"""Requests that wait for each other at an endpoint to share a call: which, and when.

Nothing here waits or sends. The worker adds requests, asks when the next batch is due, and takes it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mproc_flow.options.batching import BatchingRule
from mproc_flow.runtime.batch import Batch, Finish, Request, Slice
from mproc_flow.runtime.dispatch import Attempt, Dispatcher
from mproc_flow.runtime.messages import BatchCounts
from mproc_flow.transport.frames import Part, Work

# A request with a deadline does not wait so long that no time is left: so much is kept beside twice the last call.
_SPARE = 0.01


class _Queue:
    """Requests of one endpoint with the same parameters.

    Attributes:
        due: When its next batch is to begin; 0 for now, infinite for never.
    """

    def __init__(self, rule: BatchingRule) -> None:
        self.rule = rule
        self.requests: deque[Request] = deque()
        self.due = math.inf
        self._waiting = 0

    def add(self, request: Request) -> None:
        """Let a request wait."""
        self.requests.append(request)
        self._waiting += request.size
        self.due = min(self.due, request.due)
        self._see_size()

    def remove(self, request: Request) -> None:
        """Let a request wait no longer."""
        self.requests.remove(request)
        self._waiting -= request.size - request.taken
        self.settle()

    def take(self) -> list[Slice]:
        """Take what is one call."""
        room: float = math.inf if self.rule.flush_all else self.rule.preferred_batch_size
        slices = []
        while self.requests:
            request = self.requests[0]
            count = int(min(room, request.size - request.taken))
            if not count and request.taken < request.size:
                break
            slices.append(Slice(request, request.taken, request.taken + count))
            request.taken += count
            self._waiting -= count
            room -= count
            if request.taken < request.size:
                break
            self.requests.popleft()
        self.settle()
        return slices

    def settle(self) -> None:
        """Find out anew when it is due."""
        self.due = min((request.due for request in self.requests), default=math.inf)
        self._see_size()

    def _see_size(self) -> None:
        if self.requests and self._waiting >= self.rule.preferred_batch_size:
            self.due = 0.0


class Gatherer:
    """All requests of a pod that wait for others.

    Args:
        dispatcher: Decodes them, and calls the Executor.

    Attributes:
        counts: What has been done so far, by endpoint.
        due: When the next batch is to begin, in seconds of the monotonic clock; infinite if none waits.
        changed: Something was counted; set it back when that is told.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._rules: Mapping[str, BatchingRule] = dispatcher.rules
        self._queues: dict[tuple[str, bytes], _Queue] = {}
        self._live: dict[int, Request] = {}
        self._last_call = dict.fromkeys(self._rules, 0.0)
        self.counts = {endpoint: BatchCounts() for endpoint in self._rules}
        self.due = math.inf
        self.changed = False

    @property
    def credit(self) -> int:
        """How many requests fill a batch while another one runs."""
        return min(1024, 2 * max((rule.preferred_batch_size for rule in self._rules.values()), default=0))

    def takes(self, work: Work) -> bool:
        """Say whether this work waits for other work."""
        return self._dispatcher.bound_to(work.endpoint) in self._rules and self._dispatcher.may_share(work)

    def add(self, work: Work, parts: Sequence[Part], now: float) -> None:
        """Decode a request and let it wait; what its decoding raises is the caller's."""
        request = Request(self._dispatcher, work, parts, now)
        endpoint = request.key[0]
        rule = self._rules[endpoint]
        request.due = now + rule.timeout / 1000
        if work.deadline:
            request.due = min(request.due, work.deadline - 2 * self._last_call[endpoint] - _SPARE)
        queue = self._queues.setdefault(request.key, _Queue(rule))
        queue.add(request)
        self._live[work.key] = request
        self.counts[endpoint].waiting += 1
        self.changed = True
        self.due = min(self.due, queue.due)

    def take(self, now: float, finish: Finish) -> Batch | None:
        """Take the batch whose time has come longest ago, if one's has."""
        if self.due > now:
            return None
        key = min(self._queues, key=lambda key: self._queues[key].due)
        slices = self._queues[key].take()
        counts = self.counts[key[0]]
        for each in slices:
            if each.start == 0:
                counts.waiting -= 1
                counts.requests += 1
                counts.seconds_waited += now - each.request.arrived
        self.changed = True
        self._settle()
        return Batch(slices, self, finish)

    def late(self, now: float) -> list[Request]:
        """Give the requests whose deadline is over before they have begun, and let them wait no longer."""
        found = [one for one in self._live.values() if not one.taken and 0.0 < one.work.deadline < now]
        for request in found:
            self.drop(request)
        return found

    def withdraw(self, keys: Collection[int]) -> list[Request]:
        """Give the requests with these keys that have not begun, and let them wait no longer."""
        found = [one for key in keys if (one := self._live.get(key)) is not None and not one.taken]
        for request in found:
            self.drop(request)
        return found

    def forget(self, first_key: int) -> None:
        """Nobody waits for those with lower keys: the gateway that sent them is no more."""
        for request in [one for key, one in self._live.items() if key < first_key]:
            self.drop(request)

    def hurry(self) -> None:
        """Let none of those that are here wait any longer."""
        for queue in self._queues.values():
            queue.due = 0.0
        self._settle()

    def drop(self, request: Request) -> None:
        """A request is over."""
        request.over = True
        self._live.pop(request.work.key, None)
        queue = self._queues.get(request.key)
        if queue is not None and request in queue.requests:
            queue.remove(request)
            self.counts[request.key[0]].waiting -= not request.taken
            self._settle()

    def attempt(self, slices: Sequence[Slice], fresh: bool) -> Attempt:
        """Make the call of a batch, or of part of one."""
        docs: list[Any] = []
        for each in slices:
            docs += each.request.documents(each.start, each.stop, fresh)
        counts = self.counts[slices[0].request.key[0]]
        counts.calls += 1
        counts.documents += len(docs)
        counts.largest = max(counts.largest, len(docs))
        return self._dispatcher.shared(slices[0].request.work, docs, slices[0].request.parameters)

    def took(self, endpoint: str, seconds: float) -> None:
        """A call took so long."""
        self._last_call[endpoint] = seconds

    def _settle(self) -> None:
        self._queues = {key: queue for key, queue in self._queues.items() if queue.requests}
        self.due = min((queue.due for queue in self._queues.values()), default=math.inf)

"""Who may come in: limits on what is under way, and estimates of whether an answer can be there in time."""

from __future__ import annotations

from collections.abc import Sequence

from mproc_flow.errors import DeadlineExceeded, ErrorInfo, FlowClosed, Overloaded
from mproc_flow.runtime.routing import Lane, Node, Request

# While there is room, a client may have so many times the requests for which there is room left.
_SHARE = 8
# From so many pieces of work on a pod's average says something.
_FEW = 5
# The part of its time that a request may be expected to take: estimates are rough.
_IN_TIME = 0.8
# Who is refused at a full door may try again when a tenth of the work is done; in seconds, at least and at most.
_SOON, _SOONEST, _LATEST = 0.1, 0.05, 10.0


class Door:
    """Decides about every request that arrives.

    Args:
        nodes: The nodes that answers wait for.
        most: How many requests may be under way at once.

    Attributes:
        closing: No more come in.
        inside: How many requests are under way.
    """

    def __init__(self, nodes: Sequence[Node], most: int) -> None:
        self._nodes = nodes
        self._lanes = [lane for node in nodes for lane in node.lanes]
        self._most = most
        self.closing = False
        self.inside = 0

    def refusal(self, request: Request, now: float) -> ErrorInfo | None:
        """Say why a request cannot be taken, None if it can."""
        if self.closing:
            return ErrorInfo(FlowClosed.code, 'the Flow is closing and takes no new requests')
        caller = request.caller
        own = len(caller.open) + caller.beside
        if own >= _SHARE * (self._most - self.inside):
            text = f'{self.inside} requests are under way, {own} of them from this client; max_in_flight={self._most}'
            return ErrorInfo(Overloaded.code, text, retry_after=self._soon())
        for lane in self._lanes:
            if lane.failure is not None:
                return lane.failure
        return self._too_late(request, now) if request.deadline else None

    def _too_late(self, request: Request, now: float) -> ErrorInfo | None:
        left = request.deadline - now
        if left <= 0:
            return ErrorInfo(DeadlineExceeded.code, 'the deadline of the request had passed before it arrived')
        wait = service = 0.0
        for node in self._nodes:
            if node.skips(request):
                continue
            waits, costs = zip(*(_estimate(lane, request.caller.client) for lane in node.lanes), strict=True)
            wait = max(wait, *waits)
            service += max(costs)
        # With nothing before it it may try: else a few slow answers would shut the door for good.
        if not wait or wait + service <= _IN_TIME * left:
            return None
        text = f'the answer would take about {wait + service:.2g} s, and its deadline is in {left:.2g} s'
        return ErrorInfo(Overloaded.code, text, retry_after=wait + service - _IN_TIME * left)

    def _soon(self) -> float:
        waits = [_estimate(lane)[0] for lane in self._lanes]
        return min(max(_SOON * max(waits, default=0.0), _SOONEST), _LATEST)


def _estimate(lane: Lane, client: bytes | None = None) -> tuple[float, float]:
    """Estimate the seconds of work before that of a client, or of all, and what a piece takes; 0 if unknown."""
    before = len(lane.suspects) + (lane.queue.length if client is None else lane.queue.ahead(client))
    rate, known, present = 0.0, 0, 0
    for pod in lane.pods:
        before += len(pod.held)
        present += pod.present
        if pod.present and pod.samples >= _FEW and pod.cost > 0:
            known += 1
            rate += 1 / pod.cost
    if not known:
        return 0.0, 0.0
    rate *= present / known
    return before / rate, present / rate

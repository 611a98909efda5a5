"""The gateway as a pure state machine, events in, sends out; no socket, no clock: every event says what time it is.

A request walks the graph of the Plan (:mod:`~mproc_flow.runtime.walking`). A node can start when all it needs have
answered; its work goes, for each shard that is to have it, to the pod with the least in flight among those with credit
left, or waits in the shard's queue (:mod:`~mproc_flow.runtime.lanes`). Every request that is taken
(:mod:`~mproc_flow.runtime.admission`) ends in exactly one Answer or Refusal. Nodes beside the way to the answer may
still work then; a failure there concerns nobody.

``now`` is in seconds of the monotonic clock. It never goes back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mproc_flow.errors import BadClient, DeadlineExceeded, ErrorInfo, FlowClosed, PodDied
from mproc_flow.runtime.admission import Door
from mproc_flow.runtime.deadlines import Deadlines, where
from mproc_flow.runtime.lanes import Lanes
from mproc_flow.runtime.messages import PodLost
from mproc_flow.runtime.retrying import fate
from mproc_flow.runtime.routing import Caller, Job, Node, Pod, Request, pattern
from mproc_flow.runtime.sends import Client, Outbox, Peer, Send, ToClient, ToPod
from mproc_flow.runtime.walking import Walk
from mproc_flow.topology.plan import GATEWAY, Route
from mproc_flow.transport.frames import Done, Farewell, Hello, More, Part, Partial, Submit

# As good as without limit.
_MOST_PARTIALS = 1 << 31


class Router:
    """Routes requests through one Flow's graph.

    Args:
        routes: The nodes, each after all it needs.
        leaves: Nodes whose answers make the answer to the client, in the order of merging.
        most: How many requests may be under way at once.
        first_key: Number of the first piece of work, beyond all that pods may still have of another gateway.
    """

    def __init__(self, routes: Sequence[Route], leaves: Sequence[str], most: int, first_key: int = 0) -> None:
        nodes = [Node.of(route) for route in routes]
        for node in nodes:
            node.followers = [other for other in nodes if node.name in other.route.needs]
            node.mates = [other for other in nodes if other.route.target == node.route.target]
            node.streams = tuple(leaves) == (node.name,) and not node.followers
        awaited = [node for node in nodes if not node.route.side]
        self._awaited = [lane for node in awaited for lane in node.lanes]
        self._pods = {pod.name: pod for node in nodes for lane in node.lanes for pod in lane.pods}
        self._out = Outbox()
        self._times = Deadlines()
        self._door = Door(awaited, most)
        self._lanes = Lanes(self._times, self._out, first_key)
        self._walk = Walk(nodes, leaves, self._lanes, self._door, self._out)

    @property
    def in_flight(self) -> int:
        """How many requests are under way, with those that only nodes beside the way still work for."""
        return self._door.inside

    @property
    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do, None while nothing has a deadline."""
        return self._times.next

    @property
    def clients(self) -> list[Client]:
        """Who waits for an answer."""
        return [client for client, caller in self._walk.callers.items() if caller.open]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the nodes that answers wait for and that have a shard without a pod that takes work."""
        lacking = [lane.node.name for lane in self._awaited if not any(pod.present for pod in lane.pods)]
        return tuple(dict.fromkeys(lacking))

    def knows(self, pod: str, generation: int) -> bool:
        """Say whether this process of a pod is given work."""
        known = self._pods.get(pod)
        return known is not None and known.present and known.generation == generation

    # ---- clients ----

    def submit(self, client: Client, header: Submit, parts: Sequence[Part], now: float) -> list[Send]:
        """A client sent a request."""
        self._times.now = now
        number = header.request
        try:
            target = pattern(header.target)
        except ValueError as error:
            return [ToClient.refusing(client, number, ErrorInfo(BadClient.code, str(error)))]
        caller = self._walk.callers.get(client) or Caller(client)
        deadline = header.deadline if header.deadline < math.inf else 0.0  # nor a number that is none
        window = min(max(0, header.window), _MOST_PARTIALS)
        request = Request(caller, number, header.endpoint, target, {GATEWAY: list(parts)}, deadline, window)
        refusal = self._door.refusal(request, now)
        if refusal is None and number in caller.open:
            text = f'request {number} of this client is not answered yet'
            refusal = ErrorInfo(BadClient.code, text)
        if refusal is not None:
            return [ToClient.refusing(client, number, refusal)]
        if deadline:
            self._times.add_request(request)
        self._walk.begin(request)
        return self._out.take()

    def more(self, client: Client, number: int, count: int) -> list[Send]:
        """A client takes so many more partial answers."""
        caller = self._walk.callers.get(client)
        request = caller.open.get(number) if caller is not None else None
        if request is None or not request.window or count <= 0:
            return []
        request.window = min(request.window + count, _MOST_PARTIALS)
        count = min(count, _MOST_PARTIALS)
        held = [(job.pod, job.key) for job in request.jobs if job.streams]
        return [ToPod(pod.peer, More(key, count)) for pod, key in held if pod is not None]

    def cancel(self, client: Client, numbers: Iterable[int]) -> list[Send]:
        """A client does not wait for these any more: what has not been given to a pod never will be."""
        caller = self._walk.callers.get(client)
        if caller is None:
            return []
        for number in numbers:
            request = caller.open.get(number)
            if request is not None:
                self._walk.end(request)
        return self._out.take()

    def gone(self, client: Client) -> list[Send]:
        """A client is no longer there."""
        caller = self._walk.callers.get(client)
        return self.cancel(client, list(caller.open)) if caller is not None else []

    # ---- pods ----

    def hello(self, peer: Peer, hello: Hello, now: float) -> list[Send]:
        """A pod takes work from now on."""
        self._times.now = now
        pod = self._pods.get(hello.pod)
        if pod is None or hello.generation <= pod.gone or hello.generation < pod.generation:
            return []
        if hello.generation > pod.generation:  # normally its loss was told before
            gone = ErrorInfo(PodDied.code, f'the process of pod {pod.name} is gone and was replaced', pod=pod.name)
            self._pass_on(pod, gone, None)
        self._lanes.join(pod, peer, hello)
        self._lanes.dispatch(pod.lane)
        return self._out.take()

    def leaving(self, peer: Peer, now: float) -> list[Send]:
        """A pod wants no more work."""
        self._times.now = now
        pod = self._lanes.pod(peer)
        self._out.sends.append(ToPod(peer, Farewell()))
        if pod is not None:
            pod.present = False
            self._lanes.dispatch(pod.lane)  # what was to have it alone may go to another one now
        return self._out.take()

    def piece(self, peer: Peer, key: int, parts: Sequence[Part]) -> list[Send]:
        """A pod has a part of the result of a piece of work."""
        pod = self._lanes.pod(peer)
        job = pod.held.get(key) if pod is not None else None
        if job is None or not job.streams or job.request.over:
            return []
        job.delivered = True
        return [ToClient(job.request.caller.client, Partial(job.request.number), parts)]

    def done(self, peer: Peer, header: Done, parts: Sequence[Part], now: float) -> list[Send]:
        """A pod finished a piece of work."""
        self._times.now = now
        job = self._lanes.take(peer, header.key)
        pod = self._lanes.pod(peer)
        if job is None or pod is None:
            return []
        self._lanes.grant(pod, header.credit)
        if header.cost > 0:
            pod.learn(header.cost)
        self._lanes.dispatch(job.lane)
        self._walk.collect(job, parts)
        return self._out.take()

    def failed(self, peer: Peer, key: int, info: ErrorInfo, now: float) -> list[Send]:
        """A piece of work raised an error."""
        self._times.now = now
        job = self._lanes.take(peer, key)
        if job is None:
            return []
        self._lanes.dispatch(job.lane)
        self._walk.fail(job, info)
        return self._out.take()

    def lost(self, loss: PodLost, started: frozenset[int] | None, now: float) -> list[Send]:
        """A pod's process is gone.

        Args:
            loss: Which, and why.
            started: Keys of the work that it had begun, among others; None if all that it had must be taken as begun.
            now: The time.
        """
        self._times.now = now
        pod = self._pods.get(loss.pod)
        if pod is None or loss.generation < pod.generation:
            return []
        pod.generation = pod.gone = loss.generation
        pod.lost = loss.info if loss.final else None
        self._pass_on(pod, loss.info, started)
        failure = pod.lane.failure
        if failure is not None:
            for job in self._lanes.clear(pod.lane):
                self._walk.fail(job, failure)
        self._lanes.dispatch(pod.lane)
        return self._out.take()

    # ---- time, and the end ----

    def expire(self, now: float) -> list[Send]:
        """End what has run out of time."""
        self._times.now = now
        for what in self._times.expired():
            if isinstance(what, Request):
                text = f'the deadline of the request passed while {where(what)}'
                self._walk.refuse(what, ErrorInfo(DeadlineExceeded.code, text))
            elif what.pod is not None and not what.request.over:
                error = _too_slow(what, what.pod)
                if what.lane.node.route.side:  # the request goes on
                    self._lanes.drop(what)
                self._walk.fail(what, error)
        return self._out.take()

    def drain(self) -> None:
        """Take no new requests."""
        self._door.closing = True

    def close(self, info: ErrorInfo | None = None) -> list[Send]:
        """Refuse all that is still under way, with this error or because the Flow was closed."""
        self._door.closing = True
        self._walk.close(info or ErrorInfo(FlowClosed.code, 'the Flow was closed before this request was answered'))
        return self._out.take()

    def _pass_on(self, pod: Pod, info: ErrorInfo, started: frozenset[int] | None) -> None:
        """Let what a dead process held wait for another one, or end."""
        again = []
        for job in self._lanes.leave(pod):
            node, request = job.lane.node, job.request
            if request.over or node.name in request.failed:
                continue
            error = fate(job, pod, info, started is None or job.key in started)
            if error is None:
                again.append(job)
            else:
                self._walk.fail(job, error)
        for job in reversed(again):
            if not job.request.over and job.lane.node.name not in job.request.failed:
                self._lanes.put_again(job)


def _too_slow(job: Job, pod: Pod) -> ErrorInfo:
    node = job.lane.node
    text = f'Executor {node.name} took longer than timeout_send={node.route.timeout_send * 1000:g} ms at pod {pod.name}'
    return ErrorInfo(DeadlineExceeded.code, text, pod=pod.name)

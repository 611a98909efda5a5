"""How requests walk the graph: which node is next, when the answer is there, and how a request ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from mproc_flow.errors import ErrorInfo
from mproc_flow.options.polling import polls_all
from mproc_flow.runtime.admission import Door
from mproc_flow.runtime.lanes import Lanes
from mproc_flow.runtime.routing import Caller, Job, Node, Request
from mproc_flow.runtime.sends import Client, Outbox, ToClient
from mproc_flow.topology.plan import GATEWAY
from mproc_flow.transport.frames import Answer, Part


class Walk:
    """All requests that are under way.

    Args:
        nodes: The nodes of the graph, each after all it needs.
        leaves: Nodes whose answers make the answer to the client, in the order of merging.
        lanes: Gives work to pods.
        door: Is told how many requests there are.
        out: Takes what is to be sent.

    Attributes:
        callers: The clients with requests under way.
    """

    def __init__(self, nodes: Sequence[Node], leaves: Sequence[str], lanes: Lanes, door: Door, out: Outbox) -> None:
        self._roots = [node for node in nodes if GATEWAY in node.route.needs]
        self._leaves = tuple(leaves) or (GATEWAY,)
        self._sorted = any(node.route.when for node in nodes)
        self._lanes = lanes
        self._door = door
        self._out = out
        self._lingering: set[Request] = set()
        self.callers: dict[Client, Caller] = {}

    def begin(self, request: Request) -> None:
        """A request comes in."""
        caller = request.caller
        self.callers[caller.client] = caller
        caller.open[request.number] = request
        self._door.inside += 1
        self._advance(request, self._roots)

    def collect(self, job: Job, parts: Sequence[Part]) -> None:
        """Take the answer of one shard; the last one makes the node's."""
        request, lane = job.request, job.lane
        node = lane.node
        if request.over or node.name in request.failed:
            return
        request.waiting[node.name] -= 1
        if len(node.lanes) == 1 and not request.waiting[node.name]:
            request.asked[node.name] = (lane.shard,)
            request.answers[node.name] = list(parts)
        else:
            request.shards.setdefault(node.name, {})[lane.shard] = list(parts)
            if request.waiting[node.name]:
                return
            by_shard = request.shards.pop(node.name)
            request.asked[node.name] = tuple(sorted(by_shard))
            request.answers[node.name] = [part for shard in request.asked[node.name] for part in by_shard[shard]]
        self._advance(request, node.followers)

    def fail(self, job: Job, info: ErrorInfo) -> None:
        """A piece of work ends with an error, and with it the request unless it was beside the way."""
        request, node = job.request, job.lane.node
        if not node.route.side:
            self.refuse(request, info)
        elif not request.over:
            request.failed.add(node.name)
            for other in request.jobs:
                if other.lane.node is node and other.waiting:
                    self._lanes.drop(other)
            self._settle(request)

    def refuse(self, request: Request, info: ErrorInfo) -> None:
        """End a request with an error."""
        if not request.over:
            self.end(request)
            self._out.sends.append(ToClient.refusing(request.caller.client, request.number, info))

    def end(self, request: Request) -> None:
        """No more is done for a request."""
        caller = request.caller
        if request.answered:
            caller.beside -= 1
            self._lingering.discard(request)
        else:
            del caller.open[request.number]
        if not caller.open and not caller.beside:
            del self.callers[caller.client]
        self._door.inside -= 1
        request.over = True
        for job in request.jobs:
            if job.waiting or not request.answered:  # what was begun beside the way is done for its own sake
                self._lanes.drop(job)
        # The payloads, which work that pods still have would keep; and no circle is left.
        request.answers, request.shards, request.jobs = {}, {}, []

    def close(self, info: ErrorInfo) -> None:
        """End all requests, those without an answer with this error."""
        for request in list(self._lingering):
            self.end(request)
        for request in [request for caller in self.callers.values() for request in caller.open.values()]:
            self.refuse(request, info)

    # ---- inside ----

    def _advance(self, request: Request, nodes: Iterable[Node]) -> None:
        """Start those of these nodes that have all they need; answer the client if there is nothing to wait for."""
        ready = deque(nodes)
        while ready and not request.over:
            node = ready.popleft()
            if node.name in request.waiting or not all(need in request.answers for need in node.route.needs):
                continue
            if node.skips(request):
                request.waiting[node.name] = 0
                request.answers[node.name] = [part for need in node.route.needs for part in request.answers[need]]
                ready.extend(node.followers)
            else:
                self._start(request, node)
        if not request.answered and not request.over and all(leaf in request.answers for leaf in self._leaves):
            self._answer(request)
        if request.answered and not request.over:
            self._settle(request)

    def _start(self, request: Request, node: Node) -> None:
        lanes = node.lanes
        # If it has no method for this, what stands before or after it has; it only passes on, and one can do that.
        if len(lanes) > 1 and (node.lacks(request.endpoint) or not polls_all(node.route.polling, request.endpoint)):
            lanes = [lanes[node.turn % len(lanes)]]
            node.turn += 1
        request.waiting[node.name] = len(lanes)
        for lane in lanes:
            info = lane.failure
            if info is not None:
                self.fail(Job(request, lane), info)
                return
        streams = request.window > 0 and node.streams and len(lanes) == 1
        for lane in lanes:
            job = Job(request, lane, streams=streams)
            request.jobs.append(job)
            self._lanes.put(job)

    def _answer(self, request: Request) -> None:
        parts = [part for leaf in self._leaves for part in request.answers[leaf]]
        caller = request.caller
        request.answered = True
        del caller.open[request.number]
        caller.beside += 1
        self._lingering.add(request)
        self._out.sends.append(ToClient(caller.client, Answer(request.number, self._sorted), parts))

    def _settle(self, request: Request) -> None:
        """End a request that is answered and for which nothing more is to be done beside the way."""
        if request.answered:
            for name, left in request.waiting.items():
                if left and name not in request.failed:
                    return
            self.end(request)

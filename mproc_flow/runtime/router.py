"""Where requests go: the rules of the gateway as a pure state machine, events in, sends out; no socket, no clock.

A request walks the graph of the Plan. A node can start when all it needs have answered; its work goes, for each shard
that is to have it, to the pod with the least in flight among those with credit left, or waits in the shard's queue.
Every request that is taken ends in exactly one Answer or Refusal. Nodes beside the way to the answer may still work
then; a failure there concerns nobody.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence

from mproc_flow.errors import BadClient, ErrorInfo, FlowClosed, Overloaded, PodDied
from mproc_flow.options.polling import polls_all
from mproc_flow.runtime.routing import Client, Job, Lane, Node, Peer, Pod, Request, Send, ToClient, ToPod, pattern
from mproc_flow.topology.plan import GATEWAY, Route
from mproc_flow.transport.frames import Answer, Farewell, Hello, Part, Submit, Work

# Requests, not bytes: what a client sends ahead is bounded by its own prefetch.
MOST_REQUESTS = 10_000


class Router:
    """Routes requests through one Flow's graph.

    Args:
        routes: The nodes, each after all it needs.
        leaves: Nodes whose answers make the answer to the client, in the order of merging.
        most: How many requests may be under way at once.
    """

    def __init__(self, routes: Sequence[Route], leaves: Sequence[str], most: int = MOST_REQUESTS) -> None:
        self._nodes = {route.name: Node.of(route) for route in routes}
        self._roots = [self._nodes[route.name] for route in routes if GATEWAY in route.needs]
        for node in self._nodes.values():
            node.followers = [other for other in self._nodes.values() if node.name in other.route.needs]
            node.mates = [other for other in self._nodes.values() if other.route.target == node.route.target]
        self._awaited = [lane for node in self._nodes.values() if not node.route.side for lane in node.lanes]
        self._leaves = tuple(leaves) or (GATEWAY,)
        self._sorted = any(route.when for route in routes)
        self._most = most
        self._pods = {pod.name: pod for node in self._nodes.values() for lane in node.lanes for pod in lane.pods}
        self._peers: dict[Peer, Pod] = {}
        self._requests: dict[tuple[Client, int], Request] = {}
        self._lingering: set[Request] = set()
        self._jobs: dict[int, Job] = {}
        self._keys = itertools.count()
        self._draining = False

    @property
    def in_flight(self) -> int:
        """How many requests are under way, with those that only nodes beside the way still work for."""
        return len(self._requests) + len(self._lingering)

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

    def submit(self, client: Client, header: Submit, parts: Sequence[Part]) -> list[Send]:
        """A client sent a request."""
        try:
            target = pattern(header.target)
        except ValueError as error:
            return [ToClient.refusing(client, header.request, ErrorInfo(BadClient.code, str(error)))]
        refusal = self._refusal()
        if refusal is not None:
            return [ToClient.refusing(client, header.request, refusal)]
        if (client, header.request) in self._requests:
            text = f'request {header.request} of this client is not answered yet'
            return [ToClient.refusing(client, header.request, ErrorInfo(BadClient.code, text))]
        request = Request(client, header.request, header.endpoint, target, {GATEWAY: list(parts)})
        self._requests[client, header.request] = request
        return self._advance(request, self._roots)

    def cancel(self, client: Client, numbers: Iterable[int]) -> None:
        """A client does not wait for these any more: what has not been given to a pod never will be."""
        for number in numbers:
            request = self._requests.get((client, number))
            if request is not None:
                self._end(request)

    # ---- pods ----

    def hello(self, peer: Peer, hello: Hello) -> list[Send]:
        """A pod takes work from now on."""
        pod = self._pods.get(hello.pod)
        if pod is None or hello.generation <= pod.gone or hello.generation < pod.generation:
            return []
        sends = []
        if hello.generation > pod.generation:  # normally its loss was told before
            gone = ErrorInfo(PodDied.code, f'the process of pod {pod.name} is gone and was replaced', pod=pod.name)
            sends = self._drop_held(pod, gone)
            self._peers.pop(pod.peer, None)
        pod.peer, pod.generation, pod.credit = peer, hello.generation, max(1, hello.credit)
        pod.endpoints, pod.present, pod.lost = frozenset(hello.endpoints), True, None
        self._peers[peer] = pod
        return sends + self._dispatch(pod.lane)

    def leaving(self, peer: Peer) -> list[Send]:
        """A pod wants no more work."""
        pod = self._peers.get(peer)
        if pod is not None:
            pod.present = False
        return [ToPod(peer, Farewell())]

    def done(self, peer: Peer, key: int, parts: Sequence[Part], credit: int) -> list[Send]:
        """A pod finished a piece of work, and may be given ``credit`` of it from now on."""
        job = self._take(peer, key)
        if job is None:
            return []
        self._peers[peer].credit = max(1, credit)
        sends = self._dispatch(job.lane)
        if not job.request.over:
            sends += self._collect(job.request, job.lane, list(parts))
        return sends

    def failed(self, peer: Peer, key: int, info: ErrorInfo) -> list[Send]:
        """A piece of work raised an error."""
        job = self._take(peer, key)
        if job is None:
            return []
        return self._dispatch(job.lane) + self._fail(job, info)

    def lost(self, name: str, generation: int, info: ErrorInfo, final: bool) -> list[Send]:
        """A pod's process is gone, for good if ``final``: what it held ends with this error."""
        pod = self._pods.get(name)
        if pod is None or generation < pod.generation:
            return []
        pod.generation = pod.gone = generation
        pod.present = False
        pod.lost = info if final else None
        self._peers.pop(pod.peer, None)
        return self._drop_held(pod, info) + self._give_up_queue(pod.lane)

    # ---- the end ----

    def drain(self) -> None:
        """Take no new requests."""
        self._draining = True

    def close(self, info: ErrorInfo | None = None) -> list[Send]:
        """Refuse all that is still under way, with this error or because the Flow was closed."""
        self._draining = True
        info = info or ErrorInfo(FlowClosed.code, 'the Flow was closed before this request was answered')
        for request in list(self._lingering):
            self._end(request)
        return [send for request in list(self._requests.values()) for send in self._refuse(request, info)]

    # ---- inside ----

    def _refusal(self) -> ErrorInfo | None:
        if self._draining:
            return ErrorInfo(FlowClosed.code, 'the Flow is closing and takes no new requests')
        if self.in_flight >= self._most:
            return ErrorInfo(Overloaded.code, f'{self._most} requests are under way already; try again later')
        return next((lane.failure for lane in self._awaited if lane.failure), None)

    def _drop_held(self, pod: Pod, info: ErrorInfo) -> list[Send]:
        keys, pod.held = sorted(pod.held), set()
        return [send for key in keys for send in self._fail(self._jobs.pop(key), info)]

    def _give_up_queue(self, lane: Lane) -> list[Send]:
        info = lane.failure
        if info is None:
            return []
        waiting, lane.queue = lane.queue, deque()
        return [send for job in waiting for send in self._fail(job, info)]

    def _advance(self, request: Request, nodes: Iterable[Node]) -> list[Send]:
        """Start those of these nodes that have all they need; answer the client if there is nothing to wait for."""
        sends, ready = list[Send](), deque(nodes)
        while ready and not request.over:
            node = ready.popleft()
            if node.name in request.waiting or not all(need in request.answers for need in node.route.needs):
                continue
            if node.skips(request):
                request.waiting[node.name] = 0
                request.answers[node.name] = [part for need in node.route.needs for part in request.answers[need]]
                ready.extend(node.followers)
            else:
                sends += self._start(request, node)
        if not request.answered and not request.over and all(leaf in request.answers for leaf in self._leaves):
            sends.append(self._answer(request))
        self._settle(request)
        return sends

    def _start(self, request: Request, node: Node) -> list[Send]:
        lanes = node.lanes
        # If it has no method for this, what stands before or after it has; it only passes on, and one can do that.
        if node.lacks(request.endpoint) or not polls_all(node.route.polling, request.endpoint):
            lanes = [lanes[node.turn % len(lanes)]]
            node.turn += 1
        request.waiting[node.name] = len(lanes)
        for lane in lanes:
            info = lane.failure
            if info is not None:
                return self._fail(Job(request, lane), info)
        for lane in lanes:
            lane.queue.append(Job(request, lane))
        return [send for lane in lanes for send in self._dispatch(lane)]

    def _collect(self, request: Request, lane: Lane, parts: list[Part]) -> list[Send]:
        """Take the answer of one shard; the last one makes the node's."""
        node = lane.node
        request.shards.setdefault(node.name, {})[lane.shard] = parts
        request.waiting[node.name] -= 1
        if request.waiting[node.name]:
            return []
        by_shard = request.shards.pop(node.name)
        request.asked[node.name] = tuple(sorted(by_shard))
        request.answers[node.name] = [part for shard in request.asked[node.name] for part in by_shard[shard]]
        return self._advance(request, node.followers)

    def _dispatch(self, lane: Lane) -> list[Send]:
        sends: list[Send] = []
        while lane.queue:
            job = lane.queue[0]
            if job.request.over or lane.node.name in job.request.failed:
                lane.queue.popleft()
                continue
            pod = lane.free_pod()
            if pod is None:
                break
            lane.queue.popleft()
            sends.append(self._give(pod, job))
        return sends

    def _give(self, pod: Pod, job: Job) -> Send:
        key = next(self._keys)
        job.pod = pod
        self._jobs[key] = job
        pod.held.add(key)
        node, request = job.lane.node, job.request
        arrived = [request.answers[need] for need in node.route.needs]
        parts = [part for answer in arrived for part in answer]
        if not node.route.apart:
            work = Work(key, request.endpoint)
        elif len(arrived) > 1:
            work = Work(key, request.endpoint, tuple(len(answer) for answer in arrived))
        else:
            shards = request.asked[node.route.needs[0]]
            work = Work(key, request.endpoint, (1,) * len(shards), shards)
        return ToPod(pod.peer, work, parts)

    def _take(self, peer: Peer, key: int) -> Job | None:
        job = self._jobs.get(key)
        if job is None or job.pod is None or job.pod.peer != peer:
            return None
        del self._jobs[key]
        job.pod.held.discard(key)
        return job

    def _answer(self, request: Request) -> Send:
        parts = [part for leaf in self._leaves for part in request.answers[leaf]]
        request.answered = True
        del self._requests[request.client, request.number]
        self._lingering.add(request)
        return ToClient(request.client, Answer(request.number, self._sorted), parts)

    def _settle(self, request: Request) -> None:
        """End a request that is answered and for which nothing more is to be done beside the way."""
        started = request.waiting
        if request.answered and all(not left or name in request.failed for name, left in started.items()):
            self._end(request)

    def _fail(self, job: Job, info: ErrorInfo) -> list[Send]:
        request, node = job.request, job.lane.node
        if not node.route.side:
            return self._refuse(request, info)
        if not request.over:
            request.failed.add(node.name)
            self._settle(request)
        return []

    def _refuse(self, request: Request, info: ErrorInfo) -> list[Send]:
        if request.over:
            return []
        self._end(request)
        return [ToClient.refusing(request.client, request.number, info)]

    def _end(self, request: Request) -> None:
        request.over = True
        request.answers, request.shards = {}, {}  # the payloads, which jobs that are still queued would keep
        if request.answered:
            self._lingering.discard(request)
        else:
            del self._requests[request.client, request.number]

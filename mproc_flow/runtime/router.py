"""Where requests go: the rules of the gateway as a pure state machine, events in, sends out; no socket, no clock.

A request walks the graph of the Plan. A node can start when all it needs have answered; its work goes to the pod
with the least in flight among those with credit left, or waits in the Deployment's queue. Every request that is
taken ends in exactly one Answer or Refusal.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence

from mproc_flow.errors import BadClient, ErrorInfo, FlowClosed, FlowFailed, Overloaded, PodDied
from mproc_flow.executor import DEFAULT_ENDPOINT
from mproc_flow.runtime.routing import Client, Job, Peer, Pod, Request, Send, ToClient, ToPod
from mproc_flow.topology.plan import GATEWAY, Route
from mproc_flow.transport.frames import Answer, Farewell, Hello, Part, Refusal, Work

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
        self._routes = {route.deployment: route for route in routes}
        self._followers = {
            name: tuple(route for route in routes if name in route.needs) for name in (GATEWAY, *self._routes)
        }
        self._leaves = tuple(leaves) or (GATEWAY,)
        self._most = most
        self._pods = {name: Pod(name, route.deployment) for route in routes for name in route.pods}
        self._peers: dict[Peer, Pod] = {}
        self._queues: dict[str, deque[Job]] = {route.deployment: deque() for route in routes}
        self._requests: dict[tuple[Client, int], Request] = {}
        self._jobs: dict[int, Job] = {}
        self._keys = itertools.count()
        self._draining = False

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return len(self._requests)

    # ---- clients ----

    def submit(self, client: Client, number: int, endpoint: str, parts: Sequence[Part]) -> list[Send]:
        """A client sent a request."""
        refusal = self._refusal()
        if refusal is not None:
            return [ToClient(client, Refusal(number, refusal))]
        if (client, number) in self._requests:
            clash = ErrorInfo(BadClient.code, f'request {number} of this client is not answered yet')
            return [ToClient(client, Refusal(number, clash))]
        request = Request(client, number, endpoint, {GATEWAY: parts})
        self._requests[client, number] = request
        return self._advance(request, GATEWAY)

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
        return sends + self._dispatch(pod.deployment)

    def leaving(self, peer: Peer) -> list[Send]:
        """A pod wants no more work."""
        pod = self._peers.get(peer)
        if pod is not None:
            pod.present = False
        return [ToPod(peer, Farewell())]

    def done(self, peer: Peer, key: int, part: Part, credit: int) -> list[Send]:
        """A pod finished a piece of work, and may be given ``credit`` of it from now on."""
        job = self._take(peer, key)
        if job is None:
            return []
        self._peers[peer].credit = max(1, credit)
        sends = self._dispatch(job.deployment)
        if not job.request.over:
            job.request.answers[job.deployment] = (part,)
            sends += self._advance(job.request, job.deployment)
        return sends

    def failed(self, peer: Peer, key: int, info: ErrorInfo) -> list[Send]:
        """A piece of work raised an error."""
        job = self._take(peer, key)
        if job is None:
            return []
        return self._dispatch(job.deployment) + self._refuse(job.request, info)

    def lost(self, name: str, generation: int, info: ErrorInfo, final: bool) -> list[Send]:
        """A pod's process is gone, for good if ``final``: what it held ends with this error."""
        pod = self._pods.get(name)
        if pod is None or generation < pod.generation:
            return []
        pod.generation = pod.gone = generation
        pod.present = False
        pod.lost = info if final else None
        self._peers.pop(pod.peer, None)
        return self._drop_held(pod, info) + self._give_up_queue(pod.deployment)

    # ---- the end ----

    def drain(self) -> None:
        """Take no new requests."""
        self._draining = True

    def close(self, info: ErrorInfo | None = None) -> list[Send]:
        """Refuse all that is still under way, with this error or because the Flow was closed."""
        self._draining = True
        info = info or ErrorInfo(FlowClosed.code, 'the Flow was closed before this request was answered')
        return [send for request in list(self._requests.values()) for send in self._refuse(request, info)]

    # ---- inside ----

    def _refusal(self) -> ErrorInfo | None:
        if self._draining:
            return ErrorInfo(FlowClosed.code, 'the Flow is closing and takes no new requests')
        if len(self._requests) >= self._most:
            return ErrorInfo(Overloaded.code, f'{self._most} requests are under way already; try again later')
        return next(filter(None, map(self._failure_of, self._routes)), None)

    def _failure_of(self, deployment: str) -> ErrorInfo | None:
        causes = [self._pods[name].lost for name in self._routes[deployment].pods]
        if not causes or not all(causes):
            return None
        cause = next(info for info in causes if info is not None)
        return ErrorInfo(
            FlowFailed.code,
            f'no pod of {deployment} is left: it kept dying and is not restarted any more. Last: {cause.message}',
            pod=cause.pod,
            failure=cause.failure,
        )

    def _drop_held(self, pod: Pod, info: ErrorInfo) -> list[Send]:
        keys = sorted(pod.held)
        pod.held.clear()
        return [send for key in keys for send in self._refuse(self._jobs.pop(key).request, info)]

    def _give_up_queue(self, deployment: str) -> list[Send]:
        info = self._failure_of(deployment)
        if info is None:
            return []
        queue = self._queues[deployment]
        waiting = list(queue)
        queue.clear()
        return [send for job in waiting for send in self._refuse(job.request, info)]

    def _advance(self, request: Request, answered: str) -> list[Send]:
        """Start the nodes for which this answer was the last that they need."""
        sends: list[Send] = []
        for route in self._followers[answered]:
            if route.deployment not in request.started and all(need in request.answers for need in route.needs):
                request.started.add(route.deployment)
                sends += self._start(request, route)
        if not request.over and all(leaf in request.answers for leaf in self._leaves):
            sends.append(self._answer(request))
        return sends

    def _start(self, request: Request, route: Route) -> list[Send]:
        if self._is_skipped(route, request.endpoint):
            request.answers[route.deployment] = self._parts(request, route)
            return self._advance(request, route.deployment)
        failure = self._failure_of(route.deployment)
        if failure is not None:
            return self._refuse(request, failure)
        self._queues[route.deployment].append(Job(request, route.deployment))
        return self._dispatch(route.deployment)

    def _parts(self, request: Request, route: Route) -> list[Part]:
        return [part for need in route.needs for part in request.answers[need]]

    def _is_skipped(self, route: Route, endpoint: str) -> bool:
        known = [pod.endpoints for pod in map(self._pods.__getitem__, route.pods) if pod.endpoints]
        return bool(known) and not any(endpoint in found or DEFAULT_ENDPOINT in found for found in known)

    def _dispatch(self, deployment: str) -> list[Send]:
        queue = self._queues[deployment]
        sends: list[Send] = []
        while queue:
            if queue[0].request.over:
                queue.popleft()
                continue
            pod = self._free_pod(deployment)
            if pod is None:
                break
            sends.append(self._give(pod, queue.popleft()))
        return sends

    def _free_pod(self, deployment: str) -> Pod | None:
        best = None
        for name in self._routes[deployment].pods:
            pod = self._pods[name]
            free = pod.present and len(pod.held) < pod.credit
            if free and (best is None or len(pod.held) < len(best.held)):
                best = pod
        return best

    def _give(self, pod: Pod, job: Job) -> Send:
        key = next(self._keys)
        job.pod = pod
        self._jobs[key] = job
        pod.held.add(key)
        parts = self._parts(job.request, self._routes[job.deployment])
        return ToPod(pod.peer, Work(key, job.request.endpoint, tuple(len(part) for part in parts)), parts)

    def _take(self, peer: Peer, key: int) -> Job | None:
        job = self._jobs.get(key)
        if job is None or job.pod is None or job.pod.peer != peer:
            return None
        del self._jobs[key]
        job.pod.held.discard(key)
        return job

    def _answer(self, request: Request) -> Send:
        parts = [part for leaf in self._leaves for part in request.answers[leaf]]
        self._end(request)
        return ToClient(request.client, Answer(request.number, tuple(len(part) for part in parts)), parts)

    def _refuse(self, request: Request, info: ErrorInfo) -> list[Send]:
        if request.over:
            return []
        self._end(request)
        return [ToClient(request.client, Refusal(request.number, info))]

    def _end(self, request: Request) -> None:
        request.over = True
        request.answers = {}  # the payloads, which jobs that are still queued would keep
        del self._requests[request.client, request.number]

"""All that surrounds a Router, and an observer who knows everything and checks what it sends."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mproc_flow.errors import ErrorInfo
from mproc_flow.runtime.messages import PodLost
from mproc_flow.runtime.sends import Send, ToClient, ToPod
from mproc_flow.topology.plan import GATEWAY
from mproc_flow.transport.frames import Answer, Done, Farewell, Refusal, Submit, Withdrawn, Work
from tests.unit.runtime.routing import Node, Process, make_router, model

Key = tuple[bytes, int]
Codes = Mapping[Key, Collection[str]]


@dataclass
class Open:
    """A request that has not ended."""

    endpoint: str
    frames: dict[str, list[str]]
    deadline: float
    waits: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


@dataclass
class Place:
    """A pod in the kernel's eyes: its process, or none."""

    process: Process
    alive: bool = True
    present: bool = False
    final: bool = False
    known: bool = False


@dataclass(frozen=True)
class Given:
    """A piece of work that a pod has."""

    request: Key
    node: str
    endpoint: str
    at: float


class World:
    """A Router and its surroundings."""

    def __init__(self, nodes: list[Node], credit: int) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.router = make_router(nodes)
        self.places = {pod: Place(Process(node, pod, credit=credit)) for node in nodes for pod in node.pods}
        self.open: dict[Key, Open] = {}
        self.ended: set[Key] = set()
        self.jobs: dict[int, Given] = {}
        self.withdrawn: set[int] = set()
        self.times: Counter[tuple[Key, str]] = Counter()
        self.deaths: Counter[tuple[Key, str]] = Counter()
        self.count = 0
        self.draining = False
        self.now = 1000.0
        self.allowed: Codes = {}

    # ---- what happens ----

    def submit(self, client: bytes, endpoint: str, timeout: int) -> None:
        """A request arrives."""
        self.count += 1
        key = (client, self.count)
        given = [f'in{self.count}', 'more']
        deadline = self.now + timeout if timeout else 0.0
        codes = (
            {'closed'} if self.draining else {'flow_failed'} if any(map(self.has_failed, self.nodes.values())) else ()
        )
        self.open[key] = Open(endpoint, {GATEWAY: given}, deadline)
        header = Submit(self.count, endpoint, deadline=deadline)
        self.take(self.router.submit(client, header, [given], self.now), {key: codes})
        assert key in self.ended or not codes

    def forget(self, keys: Iterable[Key], gone: bool) -> None:
        """Clients do not wait any more for these; or they are gone, and all they have is among these."""
        for client, group in itertools.groupby(sorted(keys), key=lambda key: key[0]):
            mine = list(group)
            self.ended.update(mine)
            for key in mine:
                del self.open[key]
            numbers = [number for _, number in mine]
            self.take(self.router.gone(client) if gone else self.router.cancel(client, numbers), {})

    def hello(self, place: Place) -> None:
        """A process takes work."""
        place.present = place.known = True
        self.take(self.router.hello(place.process.peer, place.process.hello, self.now), {})

    def leave(self, place: Place) -> None:
        """A process takes no more."""
        place.present = False
        peer = place.process.peer
        first, *rest = self.router.leaving(peer, self.now)
        assert first == ToPod(peer, Farewell())
        self.take(rest, {})

    def work(self, process: Process, position: int, fails: bool) -> None:
        """A process ends a piece of its work."""
        job = process.held.pop(position % len(process.held))
        assert isinstance(job.header, Work)
        given = self.jobs.pop(job.header.key)
        request = self.open.get(given.request)
        if fails:
            info = ErrorInfo('executor', 'bad')
            sends = self.router.failed(process.peer, job.header.key, info, self.now)
            self.take(sends, {given.request: {'executor'}})
            assert given.request in self.ended
            return
        part = process.work_on(job)
        if request is not None:
            request.frames[given.node] = list(part)
        done = Done(job.header.key, process.credit)
        self.take(self.router.done(process.peer, done, [part], self.now), {})

    def lose(self, place: Place, final: bool, begun: int) -> None:
        """A process dies; it had begun so many pieces of its work."""
        process = place.process
        place.alive = place.present = False
        place.final = place.final or final
        held = [job.header.key for job in process.held if isinstance(job.header, Work)]
        process.held.clear()
        started = frozenset(held[:begun])
        fates = {self.jobs[key].request: self.fate(self.jobs.pop(key), key in started) for key in held}
        ends = {key: {code} for key, code in fates.items() if code and key in self.open}
        before = set(self.open)
        info = ErrorInfo('pod_died', f'{process.pod} died', pod=process.pod)
        self.take(self.router.lost(PodLost(process.pod, process.generation, info, final), started, self.now), ends)
        ended = before - set(self.open)
        assert set(ends) <= ended
        assert ended == set(ends) or self.has_failed(process.node)

    def fate(self, given: Given, begun: bool) -> str:
        """With which code a piece of work ends whose process died; none if it is to be given again."""
        request, node, pair = self.open.get(given.request), self.nodes[given.node], (given.request, given.node)
        if begun and not node.tries_again(given.endpoint):
            return 'pod_died'
        self.deaths[pair] += begun
        if begun and self.deaths[pair] == 2:
            return 'poisoned'
        if 0 <= node.retries < self.times[pair]:
            return 'pod_died'
        if request is not None:
            request.given.discard(given.node)
            request.waits.add(given.node)
        return ''

    def pass_time(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds
        late = {key for key, request in self.open.items() if 0 < request.deadline <= self.now}
        for given in self.jobs.values():
            timeout = self.nodes[given.node].timeout
            if timeout and given.at + timeout <= self.now and given.request in self.open:
                late.add(given.request)
        when = self.router.next_deadline
        assert when is not None if late else when is None or when > self.now
        before = set(self.open)
        self.take(self.router.expire(self.now), {key: {'deadline'} for key in late})
        assert before - set(self.open) == late

    # ---- what the Router sends ----

    def take(self, sends: Iterable[Send], allowed: Codes) -> None:
        """Check what it sends about an event after which these requests may be refused, with these codes."""
        self.allowed = allowed
        for send in sends:
            if isinstance(send, ToClient):
                self._take_end(send)
            elif isinstance(send.header, Withdrawn):
                self._take_withdrawn(send)
            else:
                self._take_work(send)
        over = {key for key, given in self.jobs.items() if given.request in self.ended}
        assert over == self.withdrawn & set(self.jobs), 'a pod is not told, or told too much'

    def _take_end(self, send: ToClient) -> None:
        key = (send.client, send.header.request)
        assert key not in self.ended, 'a second answer, or one to cancelled work'
        request = self.open.pop(key)
        self.ended.add(key)
        if isinstance(send.header, Refusal):
            left = [node for node in self.nodes.values() if node.name not in request.frames]
            failed = {'flow_failed'} if any(self.has_failed(node) for node in left) else set()
            assert send.header.info.code in {*self.allowed.get(key, ()), *failed}
            return
        assert isinstance(send.header, Answer)
        expected = model(list(self.nodes.values()), request.endpoint, request.frames[GATEWAY])
        assert [frame for part in send.parts for frame in part] == expected

    def _take_withdrawn(self, send: ToPod) -> None:
        assert isinstance(send.header, Withdrawn)
        held = self.place(send.peer).process.held
        keys = {job.header.key for job in held if isinstance(job.header, Work)}
        assert set(send.header.keys) <= keys - self.withdrawn
        self.withdrawn.update(send.header.keys)

    def _take_work(self, send: ToPod) -> None:
        assert isinstance(send.header, Work)
        place = self.place(send.peer)
        held = [job.header for job in place.process.held if isinstance(job.header, Work)]
        assert place.alive, 'work for the dead'
        assert place.present, 'work for one that left'
        assert len(held) < place.process.credit, 'more work than it can take'
        assert send.header.slot not in [work.slot for work in held]
        key, node = self.owner(send), place.process.node.name
        request = self.open[key]  # nobody works for what has ended
        assert send.header.deadline == request.deadline
        assert node not in request.given, 'the same work twice'
        assert not held or not self.deaths[key, node], 'it is under suspicion, and not alone'
        given = [self.jobs[work.key] for work in held]
        assert not any(self.deaths[other.request, node] for other in given), 'beside one that is under suspicion'
        request.given.add(node)
        place.process.held.append(send)
        self.jobs[send.header.key] = Given(key, node, request.endpoint, self.now)
        self.times[key, node] += 1

    # ---- looking ----

    def place(self, peer: bytes) -> Place:
        """Whose process this is."""
        return next(place for place in self.places.values() if place.process.peer == peer)

    def owner(self, send: ToPod) -> Key:
        """Find whose work this is: every payload begins, somewhere inside, with the number of its request."""
        text = next(frame for part in send.parts for frame in part)
        number = int(text.rpartition('(')[2].split()[0].removeprefix('in').rstrip(')'))
        return next(key for key in (*self.open, *self.ended) if key[1] == number)

    def startable(self, request: Open) -> list[Node]:
        """Nodes that have all they need, and whose work has not been given to anybody."""
        reached = self.reach(request)
        found = [
            node
            for node in self.nodes.values()
            if node.name not in reached | request.given and all(need in reached for need in node.needs)
        ]
        request.waits.update(node.name for node in found)
        return found

    def reach(self, request: Open) -> set[str]:
        """Nodes behind which this request is, with those it skipped: what waits already goes to a pod all the same."""
        reached = set(request.frames)
        for node in self.nodes.values():
            skips = not node.answers(request.endpoint) and any(place.known for place in self.places_of(node))
            begun = node.name in request.given | request.waits
            if skips and not begun and all(need in reached for need in node.needs):
                reached.add(node.name)
        return reached

    def places_of(self, node: Node) -> list[Place]:
        """Its pods."""
        return [self.places[pod] for pod in node.pods]

    def is_free(self, place: Place) -> bool:
        """It could be given more, and has nothing under suspicion."""
        held = [self.jobs[job.header.key] for job in place.process.held if isinstance(job.header, Work)]
        return len(held) < place.process.credit and not any(self.deaths[job.request, job.node] for job in held)

    def has_failed(self, node: Node) -> bool:
        """Nothing of it is left."""
        return all(place.final and not place.alive for place in self.places_of(node))

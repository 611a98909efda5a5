"""The Router under any order of events in any graph: each request ends once, with the right answer or error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mproc_flow.errors import ErrorInfo
from mproc_flow.runtime.routing import Send, ToClient, ToPod
from mproc_flow.topology.plan import GATEWAY
from mproc_flow.transport.frames import Answer, Farewell, Refusal, Submit, Work
from tests.unit.runtime.routing import Node, Process, make_router, model
from tests.unit.runtime.test_router import graphs

ENDPOINTS = ('/x', '/y', '/z')
CLIENTS = (b'one', b'other')

Key = tuple[bytes, int]


@dataclass
class Open:
    """A request that has not ended, as its client and an all-knowing observer see it."""

    endpoint: str
    frames: dict[str, list[str]]
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


class Routing(RuleBasedStateMachine):
    """Feeds the Router what its surroundings could, and checks all it sends."""

    @initialize(nodes=graphs(replicas=3), credit=st.integers(1, 3))
    def build(self, nodes: list[Node], credit: int) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.router = make_router(nodes)
        self.places = {pod: Place(Process(node, pod, credit=credit)) for node in nodes for pod in node.pods}
        self.open: dict[Key, Open] = {}
        self.ended: set[Key] = set()
        self.jobs: dict[int, tuple[Key, str]] = {}
        self.count = 0
        self.draining = False
        self.may_refuse: dict[Key, set[str]] = {}

    # ---- what happens ----

    @rule(client=st.sampled_from(CLIENTS), endpoint=st.sampled_from(ENDPOINTS))
    def submit(self, client: bytes, endpoint: str) -> None:
        self.count += 1
        key = (client, self.count)
        given = [f'in{self.count}', 'more']
        self.open[key] = Open(endpoint, {GATEWAY: given})
        codes = {'closed'} if self.draining else {'flow_failed'} if self.failed() else set()
        self.may_refuse[key] = codes
        self.take(self.router.submit(client, Submit(self.count, endpoint), [given]))
        assert (key in self.ended) or not codes

    @rule(choice=st.integers(0, 20), extra=st.integers(0, 3))
    def cancel(self, choice: int, extra: int) -> None:
        keys = sorted(self.open)[choice : choice + 1 + extra]
        for client in CLIENTS:
            self.router.cancel(client, [number for owner, number in keys if owner == client])
        for key in keys:
            self.ended.add(key)
            del self.open[key]

    @rule(choice=st.integers(0, 20))
    def hello(self, choice: int) -> None:
        waiting = [place for place in self.places.values() if place.alive and not place.present]
        if not waiting:
            return
        place = waiting[choice % len(waiting)]
        place.present = place.known = True
        self.take(self.router.hello(place.process.peer, place.process.hello))

    @rule(choice=st.integers(0, 20), position=st.integers(0, 3), fails=st.integers(0, 4))
    def finish(self, choice: int, position: int, fails: int) -> None:
        busy = [place for place in self.places.values() if place.process.held]
        if busy:
            self.work(busy[choice % len(busy)].process, position, fails == 0)

    @rule(choice=st.integers(0, 20), final=st.integers(0, 2))
    def die(self, choice: int, final: int) -> None:
        alive = [place for place in self.places.values() if place.alive]
        if alive:
            self.lose(alive[choice % len(alive)], final == 0)

    @rule(choice=st.integers(0, 20))
    def start_again(self, choice: int) -> None:
        dead = [place for place in self.places.values() if not place.alive and not place.final]
        if dead:
            place = dead[choice % len(dead)]
            old = place.process
            place.process = Process(old.node, old.pod, old.generation + 1, old.credit)
            place.alive = True

    @rule(choice=st.integers(0, 20))
    def leave(self, choice: int) -> None:
        present = [place for place in self.places.values() if place.present]
        if present:
            place = present[choice % len(present)]
            place.present = False
            peer = place.process.peer
            assert self.router.leaving(peer) == [ToPod(peer, Farewell())]

    @precondition(lambda self: self.count > 4)
    @rule()
    def drain(self) -> None:
        self.draining = True
        self.router.drain()

    # ---- what must hold ----

    @invariant()
    def counts_agree(self) -> None:
        assert self.router.in_flight == len(self.open)

    @invariant()
    def nothing_waits_while_a_pod_is_free(self) -> None:
        for key, request in self.open.items():
            for node in self.startable(request):
                free = [place for place in self.places_of(node) if self.is_free(place)]
                assert not free, f'{key} waits for {node.name} although {free[0].process.pod} is free'

    @invariant()
    def nothing_waits_for_what_never_comes(self) -> None:
        for key, request in self.open.items():
            for node in self.startable(request):
                assert not self.has_failed(node), f'{key} waits for {node.name}, which failed'

    def teardown(self) -> None:
        """Bring everything to an end: all that is open has to end too."""
        if not hasattr(self, 'router'):
            return
        self.draining = True
        self.router.drain()
        for place in self.places.values():
            if not place.alive and not place.final:
                self.start_again(0)
        while any(place.alive and not place.present for place in self.places.values()):
            self.hello(0)
        while any(place.process.held for place in self.places.values()):
            self.finish(0, 0, 1)
        assert self.router.in_flight == 0
        assert not self.open
        assert self.router.close() == []

    # ---- inside ----

    def work(self, process: Process, position: int, fails: bool) -> None:
        job = process.held.pop(position % len(process.held))
        key, node = self.jobs.pop(job.header.key)
        part = process.work_on(job)
        request = self.open.get(key)
        if fails:
            self.may_refuse[key] = {'executor'}
            self.take(self.router.failed(process.peer, job.header.key, ErrorInfo('executor', 'bad')))
            assert key in self.ended
            return
        if request is not None:
            request.frames[node] = list(part)
        self.allow_failures()
        self.take(self.router.done(process.peer, job.header.key, [part], process.credit))

    def lose(self, place: Place, final: bool) -> None:
        process = place.process
        place.alive = place.present = False
        place.final = place.final or final
        lost = {self.jobs.pop(job.header.key)[0] for job in process.held} & set(self.open)
        process.held.clear()
        before = set(self.open)
        for key in before:
            self.may_refuse[key] = {'pod_died'} if key in lost else set()
        if self.has_failed(process.node):
            self.allow_failures()
        info = ErrorInfo('pod_died', f'{process.pod} died', pod=process.pod)
        self.take(self.router.lost(process.pod, process.generation, info, final))
        ended = before - set(self.open)
        assert lost <= ended
        if not self.has_failed(process.node):
            assert ended == lost

    def allow_failures(self) -> None:
        """Requests that still need a Deployment of which nothing is left may be refused for that."""
        for key, request in self.open.items():
            left = [node for node in self.nodes.values() if node.name not in request.frames]
            if any(self.has_failed(node) for node in left):
                self.may_refuse.setdefault(key, set()).add('flow_failed')

    def take(self, sends: Iterable[Send]) -> None:
        for send in sends:
            if isinstance(send, ToClient):
                self.take_end(send)
            else:
                self.take_work(send)

    def take_end(self, send: ToClient) -> None:
        key = (send.client, send.header.request)
        assert key not in self.ended, 'a second answer, or one to cancelled work'
        request = self.open.pop(key)
        self.ended.add(key)
        if isinstance(send.header, Refusal):
            assert send.header.info.code in self.may_refuse[key]
            return
        assert isinstance(send.header, Answer)
        expected = model(list(self.nodes.values()), request.endpoint, request.frames[GATEWAY])
        assert [frame for part in send.parts for frame in part] == expected

    def take_work(self, send: ToPod) -> None:
        assert isinstance(send.header, Work)
        place = next(place for place in self.places.values() if place.process.peer == send.peer)
        assert place.alive, 'work for the dead'
        assert place.present, 'work for one that left'
        assert len(place.process.held) < place.process.credit, 'more work than it can take'
        key = self.owner(send)
        node = place.process.node.name
        request = self.open[key]  # nobody works for what has ended
        assert node not in request.given, 'the same work twice'
        request.given.add(node)
        place.process.held.append(send)
        self.jobs[send.header.key] = (key, node)

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
        return [self.places[pod] for pod in node.pods]

    def is_free(self, place: Place) -> bool:
        return place.present and len(place.process.held) < place.process.credit

    def has_failed(self, node: Node) -> bool:
        return all(place.final and not place.alive for place in self.places_of(node))

    def failed(self) -> bool:
        return any(self.has_failed(node) for node in self.nodes.values())


TestRouting = Routing.TestCase
TestRouting.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # explaining takes longer than finding
    suppress_health_check=list(HealthCheck),
)

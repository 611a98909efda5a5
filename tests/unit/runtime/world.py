"""A Router and an all-knowing observer of its surroundings, who checks everything that it sends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mproc_flow.errors import ErrorInfo
from mproc_flow.runtime.router import Send, ToClient, ToPod
from mproc_flow.topology.plan import GATEWAY
from mproc_flow.transport.frames import Answer, Refusal, Work
from tests.unit.runtime.routing import Node, Process, make_router, model

CLIENTS = (b'one', b'other')

Key = tuple[bytes, int]


@dataclass
class Open:
    """A request that has not ended."""

    endpoint: str
    frames: dict[str, list[str]]
    waits: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


@dataclass
class Place:
    """A pod as the kernel knows it: its process, dead or alive, and whether the Router was told."""

    process: Process
    alive: bool = True
    present: bool = False
    final: bool = False
    known: bool = False


@dataclass(frozen=True)
class Ghost:
    """A process that is gone, and the numbers of the work it had."""

    process: Process
    keys: tuple[int, ...]


class World:
    """One Flow.

    Args:
        nodes: Its graph.
        credit: How much work each pod takes ahead.
    """

    def __init__(self, nodes: list[Node], credit: int) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.router = make_router(nodes)
        self.places = {pod: Place(Process(node, pod, credit=credit)) for node in nodes for pod in node.pods}
        self.open: dict[Key, Open] = {}
        self.ended: set[Key] = set()
        self.ghosts: list[Ghost] = []
        self.count = 0
        self.draining = False
        self._jobs: dict[int, tuple[Key, str]] = {}
        self._may_refuse: dict[Key, set[str]] = {}

    # ---- what happens ----

    def submit(self, client: bytes, endpoint: str) -> None:
        """A new request comes; the Router has to refuse it exactly if it can never be answered."""
        self.count += 1
        key = (client, self.count)
        given = [f'in{self.count}', 'more']
        self.open[key] = Open(endpoint, {GATEWAY: given})
        codes = {'closed'} if self.draining else {'flow_failed'} if any(map(self.has_failed, self.nodes.values())) else set()
        self._may_refuse[key] = codes
        self.take(self.router.submit(client, self.count, endpoint, [given]))
        assert (key in self.ended) or not codes

    def cancel(self, keys: list[Key]) -> None:
        """Clients do not wait for these any more."""
        for client in CLIENTS:
            self.router.cancel(client, [number for owner, number in keys if owner == client])
        for key in keys:
            self.ended.add(key)
            del self.open[key]

    def hello(self, place: Place) -> None:
        """A process says hello; its predecessor may be dead without the Router's knowledge."""
        self._expect_loss(place)
        place.present = place.known = True
        self.take(self.router.hello(place.process.peer, place.process.hello))

    def work(self, process: Process, position: int, fails: bool) -> None:
        """A pod ends a piece of its work."""
        job = process.held.pop(position % len(process.held))
        key, node = self._jobs.pop(job.header.key)
        part = process.work_on(job)
        if fails:
            self._may_refuse[key] = {'executor'}
            self.take(self.router.failed(process.peer, job.header.key, ErrorInfo('executor', 'bad')))
            assert key in self.ended
            return
        if key in self.open:
            self.open[key].frames[node] = list(part)
        self._allow_failures()
        self.take(self.router.done(process.peer, job.header.key, part))

    def die(self, place: Place) -> None:
        """A process ends; the Router does not know yet and may go on to give it work."""
        place.alive = False

    def tell_loss(self, place: Place, final: bool) -> None:
        """The Router is told of a death: what the process held ends, and nothing else unless nothing is left."""
        process = place.process
        before = set(self.open)
        place.present, place.final = False, final
        lost = self._expect_loss(place)
        if self.has_failed(process.node):
            self._allow_failures()
        info = ErrorInfo('pod_died', f'{process.pod} died', pod=process.pod)
        self.take(self.router.lost(process.pod, process.generation, info, final))
        ended = before - set(self.open)
        assert lost <= ended
        assert ended == lost or self.has_failed(process.node)

    def start_again(self, place: Place) -> None:
        """A new process of a pod begins; what the old one held is lost, told or not."""
        old = place.process
        place.process = Process(old.node, old.pod, old.generation + 1, old.credit)
        place.process.inherited = old.held
        place.alive, place.present = True, False

    # ---- checks ----

    def take(self, sends: Iterable[Send]) -> None:
        """Check what the Router sends, and deliver it."""
        for send in sends:
            if isinstance(send, ToClient):
                self._take_end(send)
            else:
                self._take_work(send)

    def _take_end(self, send: ToClient) -> None:
        key = (send.client, send.header.request)
        assert key not in self.ended, 'a second answer, or one to cancelled work'
        request = self.open.pop(key)
        self.ended.add(key)
        if isinstance(send.header, Refusal):
            assert send.header.info.code in self._may_refuse[key]
            return
        assert isinstance(send.header, Answer)
        assert send.header.sizes == tuple(len(part) for part in send.parts)
        expected = model(list(self.nodes.values()), request.endpoint, request.frames[GATEWAY])
        assert [frame for part in send.parts for frame in part] == expected

    def _take_work(self, send: ToPod) -> None:
        assert isinstance(send.header, Work)
        place = next(place for place in self.places.values() if place.process.peer == send.peer)
        assert place.present, 'work for one that left or is known to be dead'
        assert len(place.process.held) < place.process.credit, 'more work than it can take'
        key = self._owner(send)
        node = place.process.node.name
        request = self.open[key]  # nobody works for what has ended
        assert node not in request.given, 'the same work twice'
        request.given.add(node)
        place.process.held.append(send)
        self._jobs[send.header.key] = (key, node)

    def _owner(self, send: ToPod) -> Key:
        """Find whose work this is: every payload has, deep inside, the number of its request."""
        text = next(frame for part in send.parts for frame in part)
        number = int(text.rpartition('(')[2].split()[0].removeprefix('in').rstrip(')'))
        return next(key for key in (*self.open, *self.ended) if key[1] == number)

    def _expect_loss(self, place: Place) -> set[Key]:
        """What the pod's dead process held may be refused now; give those who wait for it."""
        process = place.process
        dead = process.inherited if place.alive else process.held
        keys = tuple(job.header.key for job in dead)
        lost = {self._jobs.pop(key)[0] for key in keys} & set(self.open)
        for key in lost:
            self._may_refuse[key] = {'pod_died'}
        if keys or not place.alive:
            generation = process.generation - place.alive
            self.ghosts.append(Ghost(Process(process.node, process.pod, generation), keys))
        dead.clear()
        return lost

    def _allow_failures(self) -> None:
        """Requests that still need a Deployment of which nothing is left may be refused for that."""
        for key, request in self.open.items():
            left = [node for node in self.nodes.values() if node.name not in request.frames]
            if any(map(self.has_failed, left)):
                self._may_refuse.setdefault(key, set()).add('flow_failed')

    # ---- questions ----

    def startable(self, request: Open) -> list[Node]:
        """Nodes that have all they need, and whose work has not been given to anybody."""
        reached = self._reach(request)
        found = [
            node
            for node in self.nodes.values()
            if node.name not in reached | request.given and all(need in reached for need in node.needs)
        ]
        request.waits.update(node.name for node in found)
        return found

    def _reach(self, request: Open) -> set[str]:
        """Nodes behind which this request is, with those it skipped: what waits already goes to a pod all the same."""
        reached = set(request.frames)
        for node in self.nodes.values():
            skips = not node.answers(request.endpoint) and any(place.known for place in self.places_of(node))
            begun = node.name in request.given | request.waits
            if skips and not begun and all(need in reached for need in node.needs):
                reached.add(node.name)
        return reached

    def places_of(self, node: Node) -> list[Place]:
        """The pods of a node."""
        return [self.places[pod] for pod in node.pods]

    def is_free(self, place: Place) -> bool:
        """True if the Router has to give it work."""
        return place.present and len(place.process.held) < place.process.credit

    def has_failed(self, node: Node) -> bool:
        """True if no pod of it will ever work again."""
        return all(place.final for place in self.places_of(node))

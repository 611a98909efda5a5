"""The Router under any order of events in any graph: each request ends once, with the right answer or error."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mproc_flow.errors import ErrorInfo
from mproc_flow.runtime.router import ToPod
from mproc_flow.transport.frames import Farewell
from tests.unit.runtime.routing import Node
from tests.unit.runtime.test_router import graphs
from tests.unit.runtime.world import CLIENTS, Place, World

ENDPOINTS = ('/x', '/y', '/z')
LATE = ErrorInfo('executor', 'late')

choices = st.integers(0, 20)


class Routing(RuleBasedStateMachine):
    """Feeds the Router what its surroundings could."""

    @initialize(nodes=graphs(replicas=3), credit=st.integers(1, 3), said_hello=st.booleans())
    def build(self, nodes: list[Node], credit: int, said_hello: bool) -> None:
        self.world = World(nodes, credit)
        if said_hello:
            for place in self.places():
                self.world.hello(place)

    @rule(client=st.sampled_from(CLIENTS), endpoint=st.sampled_from(ENDPOINTS), many=st.integers(1, 4))
    def submit(self, client: bytes, endpoint: str, many: int) -> None:
        for _ in range(many):
            self.world.submit(client, endpoint)

    @rule(choice=choices, extra=st.integers(0, 3))
    def cancel(self, choice: int, extra: int) -> None:
        self.world.cancel(sorted(self.world.open)[choice : choice + 1 + extra])

    @rule(choice=choices, position=st.integers(0, 3), fails=st.integers(0, 4))
    def finish(self, choice: int, position: int, fails: int) -> None:
        busy = [place for place in self.places() if place.alive and place.process.held]
        if busy:
            self.world.work(busy[choice % len(busy)].process, position, fails == 0)

    @rule(choice=choices)
    def hello(self, choice: int) -> None:
        waiting = [place for place in self.places() if place.alive and not place.present]
        if waiting:
            self.world.hello(waiting[choice % len(waiting)])

    @rule(choice=choices, final=st.integers(0, 3), told=st.booleans())
    def die(self, choice: int, final: int, told: bool) -> None:
        alive = [place for place in self.places() if place.alive and not place.process.inherited]
        if alive:
            place = alive[choice % len(alive)]
            self.world.die(place)
            if told or final == 0:
                self.world.tell_loss(place, final == 0)

    @rule(choice=choices)
    def tell_loss(self, choice: int) -> None:
        dead = [place for place in self.places() if not place.alive and place.present]
        if dead:
            self.world.tell_loss(dead[choice % len(dead)], False)

    @rule(choice=choices)
    def start_again(self, choice: int) -> None:
        dead = [place for place in self.places() if not place.alive and not place.final]
        if dead:
            self.world.start_again(dead[choice % len(dead)])

    @rule(choice=choices)
    def leave(self, choice: int) -> None:
        present = [place for place in self.places() if place.alive and place.present]
        if present:
            place = present[choice % len(present)]
            place.present = False
            peer = place.process.peer
            assert self.world.router.leaving(peer) == [ToPod(peer, Farewell())]

    @precondition(lambda self: self.world.ghosts)
    @rule(choice=choices, what=st.sampled_from(['done', 'failed', 'hello', 'lost', 'leaving']))
    def ghost(self, choice: int, what: str) -> None:
        """Something that a dead process said, or that was said of it, arrives when all know better."""
        router, ghosts = self.world.router, self.world.ghosts
        ghost = ghosts[choice % len(ghosts)].process
        keys = ghosts[choice % len(ghosts)].keys
        if what == 'leaving':
            router.leaving(ghost.peer)
        elif what == 'hello':
            assert router.hello(ghost.peer, ghost.hello) == []
        elif what == 'lost' and self.world.places[ghost.pod].process.generation > ghost.generation:
            if self.world.places[ghost.pod].known and self.world.places[ghost.pod].present:
                assert router.lost(ghost.pod, ghost.generation, LATE, False) == []
        for key in keys:
            assert what != 'done' or router.done(ghost.peer, key, ['late']) == []
            assert what != 'failed' or router.failed(ghost.peer, key, LATE) == []

    @rule(choice=choices)
    def forge(self, choice: int) -> None:
        """A pod answers for another one."""
        busy = [place for place in self.places() if place.process.held]
        if busy:
            place = busy[choice % len(busy)]
            for other in self.places():
                if other is not place:
                    assert self.world.router.done(other.process.peer, place.process.held[0].header.key, ['bad']) == []

    @precondition(lambda self: self.world.count > 8)
    @rule()
    def drain(self) -> None:
        self.world.draining = True
        self.world.router.drain()

    @invariant()
    def counts_agree(self) -> None:
        assert self.world.router.in_flight == len(self.world.open)

    @invariant()
    def nothing_waits_for_a_pod_that_is_free_or_never_comes(self) -> None:
        for key, request in self.world.open.items():
            for node in self.world.startable(request):
                assert not self.world.has_failed(node), f'{key} waits for {node.name}, which failed'
                free = [place.process.pod for place in self.world.places_of(node) if self.world.is_free(place)]
                assert not free, f'{key} waits for {node.name} although {free} are free'

    def teardown(self) -> None:
        """Bring everything to an end: all that is open has to end too."""
        if not hasattr(self, 'world'):
            return
        self.drain()
        while any(not place.alive and not place.final for place in self.places()):
            self.start_again(0)
        while any(place.alive and not place.present for place in self.places()):
            self.hello(0)
        while any(place.process.held for place in self.places()):
            self.finish(-1, -1, 1)  # the last first: what is merged must not depend on it
        assert self.world.router.in_flight == 0
        assert not self.world.open
        assert self.world.router.close() == []

    def places(self) -> list[Place]:
        """All pods."""
        return list(self.world.places.values())


TestRouting = Routing.TestCase
TestRouting.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # explaining takes longer than finding
    suppress_health_check=list(HealthCheck),
)

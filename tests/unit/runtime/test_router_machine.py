"""The Router under any order of events in any graph: each request ends once, with the right answer or error."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.runtime.routing import Node, Process
from tests.unit.runtime.test_router import graphs
from tests.unit.runtime.world import Place, World

ENDPOINTS = ('/x', '/y', '/z')
CLIENTS = (b'one', b'other')


class Routing(RuleBasedStateMachine):
    """Feeds the Router what its surroundings could; the world checks all it sends."""

    @initialize(nodes=graphs(replicas=3, fates=True), credit=st.integers(1, 3))
    def build(self, nodes: list[Node], credit: int) -> None:
        self.world = World(nodes, credit)

    # ---- what happens ----

    @rule(
        client=st.sampled_from(CLIENTS), endpoint=st.sampled_from(ENDPOINTS), timeout=st.sampled_from((0, 0, 2, 5, 30))
    )
    def submit(self, client: bytes, endpoint: str, timeout: int) -> None:
        self.world.submit(client, endpoint, timeout)

    @rule(choice=st.integers(0, 20), extra=st.integers(0, 3))
    def cancel(self, choice: int, extra: int) -> None:
        self.world.forget(sorted(self.world.open)[choice : choice + 1 + extra], gone=False)

    @rule(client=st.sampled_from(CLIENTS))
    def go(self, client: bytes) -> None:
        self.world.forget([key for key in self.world.open if key[0] == client], gone=True)

    @rule(seconds=st.integers(0, 6))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(choice=st.integers(0, 20))
    def hello(self, choice: int) -> None:
        waiting = [place for place in self.places if place.alive and not place.present]
        if waiting:
            self.world.hello(waiting[choice % len(waiting)])

    @rule(choice=st.integers(0, 20), position=st.integers(0, 3), fails=st.integers(0, 4))
    def finish(self, choice: int, position: int, fails: int) -> None:
        busy = [place for place in self.places if place.process.held]
        if busy:
            self.world.work(busy[choice % len(busy)].process, position, fails == 0)

    @rule(choice=st.integers(0, 20), final=st.integers(0, 3), begun=st.integers(0, 3))
    def die(self, choice: int, final: int, begun: int) -> None:
        alive = [place for place in self.places if place.alive]
        if alive:
            self.world.lose(alive[choice % len(alive)], final == 0, begun)

    @rule(choice=st.integers(0, 20))
    def start_again(self, choice: int) -> None:
        dead = [place for place in self.places if not place.alive and not place.final]
        if dead:
            place = dead[choice % len(dead)]
            old = place.process
            place.process = Process(old.node, old.pod, old.generation + 1, old.credit)
            place.alive = True

    @rule(choice=st.integers(0, 20))
    def leave(self, choice: int) -> None:
        present = [place for place in self.places if place.present]
        if present:
            self.world.leave(present[choice % len(present)])

    @precondition(lambda self: self.world.count > 4)
    @rule()
    def drain(self) -> None:
        self.world.draining = True
        self.world.router.drain()

    # ---- what must hold ----

    @invariant()
    def counts_agree(self) -> None:
        assert self.world.router.in_flight == len(self.world.open)
        assert set(self.world.router.clients) == {client for client, _ in self.world.open}

    @invariant()
    def nothing_waits_while_a_pod_is_free(self) -> None:
        world = self.world
        for key, request in world.open.items():
            for node in world.startable(request):
                places = [place for place in world.places_of(node) if place.present]
                if world.deaths[key, node.name]:
                    assert all(place.process.held for place in places), (
                        f'{key} could be alone with a pod of {node.name}'
                    )
                    continue
                free = [place for place in places if world.is_free(place)]
                kept = any(name == node.name for _, name in +world.deaths)  # for one under suspicion
                assert len(free) <= kept, f'{key} waits for {node.name} although {free[0].process.pod} is free'
                assert all(place.process.held for place in free)

    @invariant()
    def nothing_waits_for_what_never_comes(self) -> None:
        for key, request in self.world.open.items():
            for node in self.world.startable(request):
                assert not self.world.has_failed(node), f'{key} waits for {node.name}, which failed'

    def teardown(self) -> None:
        """Bring everything to an end: all that is open has to end too."""
        if not hasattr(self, 'world'):
            return
        self.drain()
        while any(not place.alive and not place.final for place in self.places):
            self.start_again(0)
        while any(place.alive and not place.present for place in self.places):
            self.hello(0)
        while any(place.process.held for place in self.places):
            self.finish(0, 0, 1)
        assert self.world.router.in_flight == 0
        assert not self.world.open
        assert self.world.router.close() == []
        assert self.world.router.next_deadline is None

    @property
    def places(self) -> list[Place]:
        return list(self.world.places.values())


TestRouting = Routing.TestCase
TestRouting.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # explaining takes longer than finding
    suppress_health_check=list(HealthCheck),
)

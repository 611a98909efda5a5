"""What holds for the life of a pod whatever happens to it, in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings, strategies as st

from mproc_flow.supervisor.lifecycle import Do, Event, Policy, State
from tests.unit.supervisor.lives import Story

FINAL = (State.STOPPED, State.FAILED)
POLICY = Policy()

steps = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.1, 1.0, 7.0, 12.0, 29.0, 31.0])), max_size=120)


@dataclass
class World:
    """What the Guardian knows beside the life: whether there is a process, and what it said."""

    story: Story
    has_process: bool = False
    has_reported: bool = False
    deaths: list[float] = field(default_factory=list)

    def possible(self) -> list[Event]:
        """What can happen now, and what the Guardian would pass on."""
        state = self.story.state
        if state is State.PLANNED:
            return [Event.LAUNCH, Event.STOP]
        if state is State.BACKOFF:
            return [Event.BACKOFF_OVER] * 3 + [Event.STOP]
        if not self.has_process:
            return [Event.STOP]
        events = [Event.EXITED, Event.STOP]
        if not self.has_reported:
            events += [Event.BECAME_READY] * 3 + [Event.START_FAILED]
        if state is State.STARTING:
            events.append(Event.OVERDUE)
        return events

    def happen(self, event: Event) -> None:
        """Let an event happen, and check what the life makes of it."""
        before = self.story.state
        if event is Event.EXITED:
            assert self.has_process
            self.has_process = False
        elif event in (Event.BECAME_READY, Event.START_FAILED):
            self.has_reported = True
        done = self.story.feed(event)
        if Do.SPAWN in done:
            assert not self.has_process, 'a replacement before the exit'
            assert before in (State.PLANNED, State.BACKOFF)
            self.has_process, self.has_reported = True, False
        self._check(before, done)

    def _check(self, before: State, done: list[Do]) -> None:
        story = self.story
        assert len(done) <= 1
        if before in FINAL:
            assert story.state is before
            assert done == []
        if Do.WAIT in done:
            assert story.state is State.BACKOFF
            assert 0.1 - 1e-9 <= story.delay <= 10.0 + 1e-9
            self.deaths.append(story.now)
        if Do.KILL in done or Do.STOP in done:
            assert self.has_process
        assert (story.state is State.FAILED) == (Do.GIVE_UP in done or before is State.FAILED)
        assert self.has_process == (story.state in (State.STARTING, State.READY, State.DRAINING))


@settings(max_examples=150, deadline=None)
@given(steps=steps, random=st.sampled_from([0.0, 0.5, 1.0]))
def test_whatever_happens_to_a_pod(steps: list[tuple[int, float]], random: float) -> None:
    world = World(Story.of(POLICY, random))
    for choice, later in steps:
        possible = world.possible()
        event = possible[choice % len(possible)]
        if event is Event.BACKOFF_OVER:
            world.story.now = max(world.story.now, world.story.life.restart_at)
        else:
            world.story.now += later
        world.happen(event)
    for begin in world.deaths:
        forgiven = sum(begin <= at < begin + POLICY.window for at in world.deaths)
        assert forgiven <= POLICY.most
    assert world.story.life.restarts == max(0, len(world.story.spawned) - 1)


@settings(max_examples=100, deadline=None)
@given(lives=st.lists(st.floats(0.0, 120.0), min_size=1, max_size=60), random=st.floats(0.0, 1.0))
def test_a_pod_fails_exactly_when_one_more_restart_would_be_too_many(lives: list[float], random: float) -> None:
    story = Story.of(POLICY, random)
    story.run()
    for lived in lives:
        story.crash(lived)
        within = [at for at in story.spawned[1:] if story.life.restart_at - at < POLICY.window]
        assert (story.state is State.FAILED) == (len(within) >= POLICY.most)
        if story.state is State.FAILED:
            return
        story.recover()

"""Driving the life of a pod by hand, with a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass, field

from mproc_flow.supervisor.lifecycle import Do, Event, Life, Policy, State

MIDDLE = 0.5  # the random number that changes no delay


@dataclass
class Story:
    """A life and the time on its clock."""

    life: Life
    now: float = 0.0
    spawned: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, policy: Policy | None = None, random: float = MIDDLE) -> Story:
        """A life with this policy, whose jitter is always the same."""
        return cls(Life('pod', policy or Policy(), lambda: random))

    @property
    def state(self) -> State:
        """Where the pod is."""
        return self.life.state

    def feed(self, *events: Event) -> list[Do]:
        """Feed events at the present time; give what is to be done about the last of them."""
        done: list[Do] = []
        for event in events:
            done = self.life.handle(event, self.now)
            if Do.SPAWN in done:
                self.spawned.append(self.now)
        return done

    def run(self) -> None:
        """Launch it and let it become ready."""
        self.feed(Event.LAUNCH, Event.BECAME_READY)

    def crash(self, after: float = 0.0) -> list[Do]:
        """Let the process end, some time from now."""
        self.now += after
        return self.feed(Event.EXITED)

    @property
    def delay(self) -> float:
        """How long the present back-off lasts."""
        return self.life.restart_at - self.now

    def recover(self) -> None:
        """Wait for the end of the back-off; the new process becomes ready at once."""
        self.now = self.life.restart_at
        self.feed(Event.BACKOFF_OVER, Event.BECAME_READY)


def in_state(state: State) -> Story:
    """A pod that has just come to this state."""
    story = Story.of()
    story.feed(*_WAYS[state])
    return story


_READY = (Event.LAUNCH, Event.BECAME_READY)
_WAYS: dict[State, tuple[Event, ...]] = {
    State.PLANNED: (),
    State.STARTING: (Event.LAUNCH,),
    State.READY: _READY,
    State.DRAINING: (*_READY, Event.STOP),
    State.STOPPED: (*_READY, Event.STOP, Event.EXITED),
    State.BACKOFF: (*_READY, Event.EXITED),
    State.FAILED: (Event.LAUNCH, Event.EXITED),
}

"""The life of one pod as a pure state machine: events in, instructions out; no process, no clock.

::

    PLANNED -> STARTING -> READY -> DRAINING -> STOPPED
                  |          |          |
                  +----------+----------+--> FAILED --(restart policy)--> BACKOFF -> STARTING

What decides a pod's fate is always the exit of its process, so a replacement never starts before the old
process is gone (and its GPU memory with it). A pod that did not get ready in its first start is not tried
again; one that was ready is restarted with exponential back-off, until it dies too often (see Policy).
State names follow supervisord, the restart intensity follows Erlang/OTP.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable

import msgspec

from mproc_flow.errors import InvalidTransition


class State(enum.Enum):
    """Where a pod is in its life."""

    PLANNED = 'planned'
    STARTING = 'starting'
    READY = 'ready'
    DRAINING = 'draining'
    STOPPED = 'stopped'
    BACKOFF = 'backoff'
    FAILED = 'failed'


class Event(enum.Enum):
    """What can happen to a pod."""

    LAUNCH = 'launch'
    BECAME_READY = 'became ready'
    START_FAILED = 'said it cannot start'
    OVERDUE = 'was not ready in time'
    EXITED = 'exited'
    BACKOFF_OVER = 'back-off is over'
    STOP = 'is to stop'


class Do(enum.Enum):
    """What the Guardian has to do about it."""

    SPAWN = 'start its process'
    KILL = 'kill its process group'
    STOP = 'ask its process to stop'
    WAIT = 'wait until restart_at, then feed BACKOFF_OVER'
    GIVE_UP = 'it stays down'


class Policy(msgspec.Struct, frozen=True):
    """When a pod that died is started again.

    Attributes:
        restart: False: never.
        first_delay: Seconds before the first restart; doubled for each further one.
        longest_delay: Upper bound of the delay in seconds.
        jitter: The delay is multiplied by a random factor from ``1 - jitter`` to ``1 + jitter``.
        most: More restarts than this within ``window`` seconds make it FAILED.
        window: See ``most``.
        healthy: After so many seconds of READY the delay starts again at ``first_delay``.
    """

    restart: bool = True
    first_delay: float = 0.1
    longest_delay: float = 10.0
    jitter: float = 0.2
    most: int = 5
    window: float = 60.0
    healthy: float = 30.0


class Life(msgspec.Struct, eq=False):
    """The life of one pod.

    Attributes:
        pod: Its name.
        policy: Its restart policy.
        state: Where it is.
        restarts: How often it was started again.
        restart_at: When BACKOFF ends, on the clock of the events.
    """

    pod: str
    policy: Policy = msgspec.field(default_factory=Policy)
    random: Callable[[], float] = random.random
    state: State = State.PLANNED
    restarts: int = 0
    restart_at: float = 0.0
    _was_ready: bool = False
    _doomed: bool = False
    _ready_since: float | None = None
    _streak: int = 0
    _recent: list[float] = msgspec.field(default_factory=list)
    _history: list[str] = msgspec.field(default_factory=list)

    def handle(self, event: Event, now: float) -> list[Do]:
        """Take one event at time ``now`` (seconds, monotonic) and say what to do.

        Raises:
            InvalidTransition: The event does not fit the state; the message holds the pod's history.
        """
        step = _TABLE.get((self.state, event))
        self._history.append(f'{now:.3f} {self.state.name} {event.value}')
        if step is None:
            story = '; '.join(self._history[-20:])
            raise InvalidTransition(f'pod {self.pod} is {self.state.name} and {event.value}. Its history: {story}')
        return step(self, now)

    def _launch(self, now: float) -> list[Do]:
        self.state = State.STARTING
        self._doomed = False
        return [Do.SPAWN]

    def _ready(self, now: float) -> list[Do]:
        if self._doomed:  # it was late and is being killed
            return []
        self.state = State.READY
        self._was_ready = True
        self._ready_since = now
        return []

    def _doom(self, now: float) -> list[Do]:
        self._doomed = True
        return [Do.KILL]

    def _exited_early(self, now: float) -> list[Do]:
        # A constructor that raises will raise again; a boot that was cut short (out of memory, say) may not.
        if self._doomed or not self._was_ready:
            return self._give_up()
        return self._retry(now)

    def _exited(self, now: float) -> list[Do]:
        if self._ready_since is not None and now - self._ready_since >= self.policy.healthy:
            self._streak = 0
        self._ready_since = None
        return self._retry(now)

    def _retry(self, now: float) -> list[Do]:
        self.restart_at = now + self._delay()
        self._recent = [then for then in self._recent if self.restart_at - then < self.policy.window]
        if not self.policy.restart or len(self._recent) >= self.policy.most:
            return self._give_up()
        self.state = State.BACKOFF
        self._streak += 1
        return [Do.WAIT]

    def _delay(self) -> float:
        policy = self.policy
        factor = 1 + policy.jitter * (2 * self.random() - 1)
        delay = policy.first_delay * 2.0 ** min(self._streak, 30) * factor
        return min(max(delay, policy.first_delay), policy.longest_delay)

    def _restart(self, now: float) -> list[Do]:
        self.restarts += 1
        self._recent.append(now)
        return self._launch(now)

    def _give_up(self) -> list[Do]:
        self.state = State.FAILED
        return [Do.GIVE_UP]

    def _drain(self, now: float) -> list[Do]:
        self.state = State.DRAINING
        return [Do.STOP]

    def _stopped(self, now: float) -> list[Do]:
        self.state = State.STOPPED
        return []

    def _nothing(self, now: float) -> list[Do]:
        return []


_TABLE: dict[tuple[State, Event], Callable[[Life, float], list[Do]]] = {
    (State.PLANNED, Event.LAUNCH): Life._launch,
    (State.PLANNED, Event.STOP): Life._stopped,
    (State.STARTING, Event.BECAME_READY): Life._ready,
    (State.STARTING, Event.START_FAILED): Life._doom,
    (State.STARTING, Event.OVERDUE): Life._doom,
    (State.STARTING, Event.EXITED): Life._exited_early,
    (State.STARTING, Event.STOP): Life._drain,
    (State.READY, Event.EXITED): Life._exited,
    (State.READY, Event.STOP): Life._drain,
    (State.BACKOFF, Event.BACKOFF_OVER): Life._restart,
    (State.BACKOFF, Event.STOP): Life._stopped,
    # Reports that were under way when the pod was told to stop change nothing.
    (State.DRAINING, Event.BECAME_READY): Life._nothing,
    (State.DRAINING, Event.START_FAILED): Life._nothing,
    (State.DRAINING, Event.OVERDUE): Life._nothing,
    (State.DRAINING, Event.STOP): Life._nothing,
    (State.DRAINING, Event.EXITED): Life._stopped,
    (State.STOPPED, Event.STOP): Life._nothing,
    (State.STOPPED, Event.BACKOFF_OVER): Life._nothing,
    (State.FAILED, Event.STOP): Life._nothing,
}

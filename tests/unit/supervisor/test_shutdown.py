"""The ladder down, with pods that only note what is done to them and a clock that the tests hold."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from mproc_flow.runtime.messages import Drain
from mproc_flow.supervisor import reaper, shutdown as module
from mproc_flow.supervisor.lifecycle import State
from mproc_flow.supervisor.shutdown import Shutdown, kill_strays

GRACE = 10.0


class FakePipe:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, message: object) -> None:
        """Keep a message."""
        self.sent.append(message)


@dataclass
class FakePod:
    """A pod that notes what is done to it."""

    name: str
    pid: int
    state: State = State.READY
    is_gateway: bool = False
    pipe: FakePipe | None = field(default_factory=FakePipe)
    notes: list[tuple[float, str]] = field(default_factory=list)
    world: World | None = None

    def note(self, what: str) -> None:
        """Write down what happens now."""
        assert self.world is not None
        self.notes.append((round(self.world.now, 3), what))

    def kill(self) -> None:
        """Be killed; the exit is noticed a little later."""
        self.note('killed')

    def exit(self) -> None:
        """Be gone."""
        self.pid, self.pipe, self.state = 0, None, State.STOPPED


class World:
    """A Flow of fake pods, with timers."""

    def __init__(self, *pods: FakePod) -> None:
        self.now = 100.0
        self.begin_at = self.now
        self.pods = pods
        self._due: list[tuple[float, Callable[[], None]]] = []
        for pod in pods:
            pod.world = self
        self.shutdown = Shutdown(pods, self, lambda pod: pod.note('told'))  # type: ignore[arg-type]

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Be the timers."""
        self._due.append((self.now + seconds, callback))

    def go_to(self, seconds: float) -> None:
        """Let the time come that is so many seconds after the beginning."""
        end = self.begin_at + seconds
        while due := sorted((item for item in self._due if item[0] <= end), key=lambda item: item[0]):
            self._due.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end

    def notes(self, pod: FakePod) -> list[tuple[float, str]]:
        """What was done to a pod, by seconds since the beginning."""
        return [(round(at - self.begin_at, 3), what) for at, what in pod.notes]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Two Executors and a gateway that are ready."""
    return make(monkeypatch, FakePod('a', 11), FakePod('b', 12), FakePod('gateway', 13, is_gateway=True))


def make(monkeypatch: pytest.MonkeyPatch, *pods: FakePod) -> World:
    """A world whose clock and signals are its own."""
    world = World(*pods)
    by_pid = {pod.pid: pod for pod in pods}
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: world.now))
    monkeypatch.setattr(module.os, 'kill', lambda pid, number: by_pid[pid].note(signal.Signals(number).name))
    return world


def test_the_whole_ladder(world: World) -> None:
    world.shutdown.begin(GRACE, drain=True)
    gateway = world.pods[2]
    assert gateway.pipe is not None
    assert gateway.pipe.sent == [Drain()]
    assert not any(pod.notes for pod in world.pods)
    world.go_to(GRACE)
    for pod in world.pods:
        assert world.notes(pod) == [(7.0, 'told'), (8.5, 'SIGTERM'), (10.0, 'killed')]
    assert world.shutdown.killed == ['a', 'b', 'gateway']


def test_nothing_waits_once_the_gateway_is_drained(world: World) -> None:
    world.shutdown.begin(GRACE, drain=True)
    world.go_to(0.4)
    world.shutdown.stop_pods()
    for pod in world.pods:
        assert world.notes(pod) == [(0.4, 'told')]
        pod.exit()
    assert world.shutdown.is_done()
    assert world.shutdown.killed == []


def test_without_draining_pods_are_told_at_once(world: World) -> None:
    world.shutdown.begin(GRACE, drain=False)
    assert [world.notes(pod) for pod in world.pods] == [[(0.0, 'told')]] * 3
    assert world.pods[2].pipe is not None
    assert world.pods[2].pipe.sent == []


@pytest.mark.parametrize('state', [State.STARTING, State.BACKOFF, State.FAILED])
def test_without_a_gateway_that_works_there_is_nothing_to_drain(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    pid = 13 if state is State.STARTING else 0
    world = make(monkeypatch, FakePod('a', 11), FakePod('gateway', pid, state, is_gateway=True))
    world.shutdown.begin(GRACE, drain=True)
    assert world.notes(world.pods[0]) == [(0.0, 'told')]


def test_pods_that_still_start_have_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(monkeypatch, FakePod('a', 11, State.STARTING), FakePod('gateway', 13, is_gateway=True))
    world.shutdown.begin(GRACE, drain=True)
    world.go_to(1.0)
    assert world.notes(world.pods[0]) == [(0.0, 'told'), (0.5, 'killed')]


def test_half_a_second_later_only_that_same_process_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(monkeypatch, FakePod('a', 11, State.STARTING), FakePod('gateway', 13, is_gateway=True))
    world.shutdown.begin(GRACE, drain=True)
    world.pods[0].pid = 99
    world.go_to(1.0)
    assert world.notes(world.pods[0]) == [(0.0, 'told')]


def test_pods_that_have_ended_are_left_alone(world: World) -> None:
    world.shutdown.begin(GRACE, drain=False)
    world.go_to(1.0)
    world.pods[0].exit()
    world.go_to(GRACE)
    assert world.notes(world.pods[0]) == [(0.0, 'told')]
    assert world.shutdown.killed == ['b', 'gateway']


def test_it_is_done_when_no_process_is_left(world: World) -> None:
    assert not world.shutdown.is_done()
    world.shutdown.begin(GRACE, drain=False)
    for pod in world.pods:
        assert not world.shutdown.is_done()
        pod.exit()
    assert world.shutdown.is_done()


def test_a_flow_without_processes_is_not_done_before_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(monkeypatch, FakePod('a', 0, State.FAILED), FakePod('gateway', 0, State.FAILED, is_gateway=True))
    assert not world.shutdown.is_done()
    world.shutdown.begin(GRACE, drain=True)
    assert world.shutdown.is_done()


def test_an_earlier_end_counts(world: World) -> None:
    world.shutdown.begin(GRACE, drain=True)
    world.go_to(1.0)
    world.shutdown.begin(2.0, drain=False)
    world.go_to(3.0)
    assert world.notes(world.pods[0]) == [(1.0, 'told'), (2.7, 'SIGTERM'), (3.0, 'killed')]


def test_a_later_end_does_not(world: World) -> None:
    world.shutdown.begin(2.0, drain=False)
    world.go_to(0.5)
    world.shutdown.begin(GRACE, drain=True)
    world.go_to(2.0)
    assert world.notes(world.pods[0]) == [(0.0, 'told'), (1.7, 'SIGTERM'), (2.0, 'killed')]
    assert world.pods[2].pipe is not None
    assert world.pods[2].pipe.sent == []


def test_an_earlier_end_of_a_flow_that_drains_goes_on_draining(world: World) -> None:
    world.shutdown.begin(GRACE, drain=True)
    world.shutdown.begin(4.0, drain=True)
    world.go_to(2.7)
    assert world.notes(world.pods[0]) == []
    world.go_to(4.0)
    assert world.notes(world.pods[0]) == [(2.8, 'told'), (3.4, 'SIGTERM'), (4.0, 'killed')]


def test_no_grace_at_all(world: World) -> None:
    world.shutdown.begin(0.0, drain=False)
    world.go_to(0.0)
    assert world.notes(world.pods[0])[-1] == (0.0, 'killed')
    assert world.shutdown.killed == ['a', 'b', 'gateway']


def test_a_pod_that_goes_down_between_two_looks_is_no_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(module.os, 'kill', gone)
    world.shutdown.begin(GRACE, drain=False)
    world.go_to(GRACE)
    assert world.notes(world.pods[0]) == [(0.0, 'told'), (10.0, 'killed')]


def test_strays_and_the_children_they_leave_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    families = {11: [21], 12: [], 21: [31], 31: []}
    present = [11, 12]
    killed: list[int] = []

    def reap(pid: int) -> int:
        assert pid in killed
        present.remove(pid)
        present.extend(families[pid])
        return -9

    monkeypatch.setattr(reaper, 'children', lambda: list(present))
    monkeypatch.setattr(reaper, 'reap', reap)
    monkeypatch.setattr(os, 'kill', lambda pid, number: killed.append(pid))
    kill_strays()
    assert present == []
    assert killed == [11, 12, 21, 31]


def test_strays_that_come_back_for_ever_do_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: next(clock) / 10))
    monkeypatch.setattr(reaper, 'children', lambda: [11])
    monkeypatch.setattr(reaper, 'reap', lambda pid: -9)
    monkeypatch.setattr(os, 'kill', lambda pid, number: None)
    kill_strays()
    assert 10 <= next(clock) <= 20

"""When a start has succeeded or failed, by what pods and the gateway say; no process, no clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mproc_flow.errors import PodFailure
from mproc_flow.supervisor.lifecycle import Event
from mproc_flow.supervisor.pod import Pod
from mproc_flow.supervisor.startup import Startup
from mproc_flow.supervisor.timers import Timers
from mproc_flow.topology.plan import GATEWAY, PodSpec


class Clock(Timers):
    """Deadlines that are all over when a test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def run_due(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


class Start:
    """A start of a gateway and one Executor."""

    def __init__(self) -> None:
        self.gateway, self.pod = (self._launched(name) for name in (GATEWAY, 'encoder/rep-0'))
        self.said: list[str] = []
        self.clock = Clock()
        pods = [self.pod, self.gateway]
        self.startup = Startup((), pods, self.clock, lambda: self.said.append('started'), self._fail)

    def ready(self, *pods: Pod) -> None:
        """These have said that they are ready."""
        for pod in pods:
            pod.phase = 'ready'
            pod.life.handle(Event.BECAME_READY, 0.0)
            if pod is self.gateway:
                self.startup.gateway_began()
            self.startup.became_ready()

    def again(self, pod: Pod) -> None:
        """A pod has died and has a new process."""
        for event in (Event.EXITED, Event.BACKOFF_OVER):
            pod.life.handle(event, 1.0)
        pod.generation += 1

    def _launched(self, name: str) -> Pod:
        pod = Pod.of(PodSpec(name, name.partition('/')[0], 'fork', timeout_ready=2.0))
        pod.generation, pod.pid = 0, 7
        pod.life.handle(Event.LAUNCH, 0.0)
        return pod

    def _fail(self, failures: tuple[PodFailure, ...]) -> None:
        self.said += map(str, failures)


@pytest.fixture
def start() -> Start:
    return Start()


def test_it_has_started_when_the_gateway_has_heard_of_every_pod_that_is_ready(start: Start) -> None:
    start.ready(start.gateway, start.pod)
    assert not start.said
    start.startup.was_heard(start.pod.name, 0)
    assert start.said == ['started']


def test_the_order_does_not_matter(start: Start) -> None:
    start.ready(start.gateway)
    start.startup.was_heard(start.pod.name, 0)
    assert not start.said
    start.ready(start.pod)
    assert start.said == ['started']


def test_what_a_gateway_heard_that_is_gone_does_not_count(start: Start) -> None:
    start.ready(start.gateway)
    start.startup.was_heard(start.pod.name, 0)
    start.again(start.gateway)
    start.ready(start.gateway, start.pod)
    assert not start.said
    start.startup.was_heard(start.pod.name, 0)
    assert start.said == ['started']


def test_a_gateway_that_never_says_that_it_has_heard_is_given_up(start: Start) -> None:
    start.ready(start.gateway, start.pod)
    start.startup.overdue(start.pod)
    assert not start.said, 'it may just be about to'
    start.clock.run_due()
    assert start.said == [
        'gateway (pid 7, ready): did not hear of encoder/rep-0, which is ready, within its 2 s (timeout_ready)'
    ]
    start.startup.was_heard(start.pod.name, 0)
    assert len(start.said) == 1


@pytest.mark.parametrize('what', ['heard', 'gateway again', 'pod again', 'not ready'])
def test_a_gateway_is_not_given_up_that_may_still_hear(start: Start, what: str) -> None:
    start.ready(start.gateway, *([] if what == 'not ready' else [start.pod]))
    start.startup.overdue(start.pod)
    if what == 'heard':
        start.startup.was_heard(start.pod.name, 0)
    elif what != 'not ready':
        pod = start.gateway if what == 'gateway again' else start.pod
        start.again(pod)
        start.ready(pod)
    start.clock.run_due()
    assert start.said == (['started'] if what == 'heard' else [])

"""The loop of a pod: what is withdrawn or too late is never begun, and each piece of work ends exactly once."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mproc_flow.executor import Executor, requests
from mproc_flow.model.array import DocumentArray
from mproc_flow.runtime.messages import Announce, first_key
from mproc_flow.transport import started
from mproc_flow.transport.frames import Done, Failed, Hello, Withdrawn, Work
from tests.support.pod import NAME, Scene, left, play
from tests.support.waiting import wait_until

NEW = first_key(1)


class Held(Executor):
    """Works until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.at_work = threading.Event()
        self.go_on = threading.Event()

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Wait for the test."""
        self.begun += [str(doc.text) for doc in docs]
        self.at_work.set()
        assert self.go_on.wait(10)


class HeldAsync(Held):
    """The same in the event loop; on ``/block`` it holds up the loop."""

    @requests
    async def work(self, docs: DocumentArray, **kwargs: Any) -> None:  # type: ignore[override]
        """Wait for the test."""
        self.begun += [str(doc.text) for doc in docs]
        self.at_work.set()
        try:
            while not self.go_on.is_set():
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled += [str(doc.text) for doc in docs]
            raise

    @requests(on='/block')
    def block(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Hold everything up."""
        self.at_work.set()
        assert self.go_on.wait(10)

    @requests(on='/own')
    async def own(self, **kwargs: Any) -> None:
        """Be cancelled by what it does itself."""
        raise asyncio.CancelledError('my own')


def soon() -> float:
    """A deadline that comes while the Executor is at work."""
    return time.monotonic() + 0.05


def test_what_is_withdrawn_in_time_is_not_begun(tmp_path: Path) -> None:
    executor = Held()

    def script(scene: Scene) -> dict[int, Any]:
        gateway = scene.gateway
        for key in range(4):
            gateway.work(Work(key, '/', slot=key), [str(key)])
        assert executor.at_work.wait(10)
        gateway.send(Withdrawn((1, 3, 99)))
        wait_until(time.monotonic() + 0.2)  # until all have arrived
        executor.go_on.set()
        return gateway.answers(4)

    found = play(executor, script, tmp_path)
    assert executor.begun == ['0', '2']
    assert {key: type(answer.header) for key, answer in found.items()} == {0: Done, 1: Failed, 2: Done, 3: Failed}
    assert found[1].header.info.code == 'deadline'


@pytest.mark.parametrize(('kind', 'endpoint'), [(Held, '/'), (HeldAsync, '/block')])
def test_what_is_too_late_is_not_begun(tmp_path: Path, kind: type[Held], endpoint: str) -> None:
    executor = kind()

    def script(scene: Scene) -> dict[int, Any]:
        gateway = scene.gateway
        gateway.work(Work(0, endpoint, slot=0))
        assert executor.at_work.wait(10)
        deadline = soon()
        gateway.work(Work(1, '/', slot=1, deadline=deadline), ['late'])
        gateway.work(Work(2, '/', slot=2, deadline=deadline + 60), ['in time'])
        wait_until(deadline)
        executor.go_on.set()
        return gateway.answers(3)

    found = play(executor, script, tmp_path)
    assert 'late' not in executor.begun
    assert 'in time' in executor.begun
    assert found[1].header.info.code == 'deadline'
    assert [type(found[key].header) for key in (0, 2)] == [Done, Done]


def test_what_runs_in_the_loop_is_cancelled_when_it_is_withdrawn(tmp_path: Path) -> None:
    executor = HeldAsync()

    def script(scene: Scene) -> dict[int, Any]:
        gateway = scene.gateway
        gateway.work(Work(0, '/', slot=0), ['a'])
        assert executor.at_work.wait(10)
        gateway.send(Withdrawn((0,)))
        found = gateway.answers(1)
        executor.go_on.set()
        gateway.work(Work(1, '/', slot=1), ['b'])
        return {**found, **gateway.answers(1)}

    found = play(executor, script, tmp_path)
    assert executor.cancelled == ['a']
    assert found[0].header.info.code == 'deadline'
    assert isinstance(found[1].header, Done)


def test_what_is_withdrawn_while_the_loop_is_held_up_is_not_begun(tmp_path: Path) -> None:
    executor = HeldAsync()

    def script(scene: Scene) -> dict[int, Any]:
        gateway = scene.gateway
        gateway.work(Work(0, '/block', slot=0))
        assert executor.at_work.wait(10)
        gateway.work(Work(1, '/', slot=1), ['withdrawn'])
        gateway.send(Withdrawn((1,)))
        wait_until(time.monotonic() + 0.2)  # until both have arrived
        executor.go_on.set()
        return gateway.answers(2)

    found = play(executor, script, tmp_path)
    assert executor.begun == []
    assert found[1].header.info.code == 'deadline'


def test_a_method_that_cancels_itself_fails_its_own_request_only(tmp_path: Path) -> None:
    executor = HeldAsync()
    executor.go_on.set()

    def script(scene: Scene) -> dict[int, Any]:
        scene.gateway.work(Work(0, '/own', slot=0))
        found = scene.gateway.answers(1)
        scene.gateway.work(Work(1, '/', slot=1))
        return {**found, **scene.gateway.answers(1)}

    found = play(executor, script, tmp_path)
    assert 'my own' in found[0].header.info.message
    assert isinstance(found[1].header, Done)


@pytest.mark.parametrize('kind', [Held, HeldAsync])
def test_the_page_tells_what_has_begun(tmp_path: Path, kind: type[Held]) -> None:
    executor = kind()

    def script(scene: Scene) -> frozenset[int]:
        gateway = scene.gateway
        gateway.work(Work(7, '/block', slot=3))
        assert executor.at_work.wait(10)
        gateway.work(Work(8, '/', slot=4))
        begun = started.read(str(gateway.directory), NAME, 0)
        executor.go_on.set()
        gateway.answers(2)
        return begun

    assert play(executor, script, tmp_path) == {7}


def test_a_new_gateway_gets_no_answers_to_the_old_ones_work(tmp_path: Path) -> None:
    executor = Held()

    def script(scene: Scene) -> list[Any]:
        gateway = scene.gateway
        for key in range(3):
            gateway.work(Work(key, '/', slot=key), [f'old {key}'])
        assert executor.at_work.wait(10)
        scene.pod.guardian.send(Announce(NEW))
        wait_until(soon())  # between calls so short as a few milliseconds it does not look
        executor.go_on.set()
        headers = [gateway.answer().header]
        while not isinstance(headers[-1], Hello):
            headers.append(gateway.answer().header)
        gateway.work(Work(NEW, '/', slot=0), ['new'])
        return [*headers, gateway.answer().header]

    headers = play(executor, script, tmp_path)
    assert executor.begun == ['old 0', 'new']
    assert [type(header) for header in headers] == [Done, Hello, Done]


@pytest.mark.parametrize('kind', [Held, HeldAsync])
def test_work_of_a_new_gateway_that_comes_before_its_announcement_is_done(tmp_path: Path, kind: type[Held]) -> None:
    """It had the first Hello: what it sent at once must not be taken for the old one's work."""
    executor = kind()

    def script(scene: Scene) -> set[int]:
        for key in range(3):
            scene.gateway.work(Work(NEW + key, '/', slot=key), [f'new {key}'])
        assert executor.at_work.wait(10)
        scene.pod.guardian.send(Announce(NEW))
        wait_until(soon())
        executor.go_on.set()
        headers = [scene.gateway.answer().header for _ in range(4)]
        assert sum(isinstance(header, Hello) for header in headers) == 1
        return {header.key for header in headers if isinstance(header, Done)}

    assert play(executor, script, tmp_path) == {NEW, NEW + 1, NEW + 2}


@pytest.mark.parametrize('kind', [Held, HeldAsync])
def test_the_cost_is_told(tmp_path: Path, kind: type[Held]) -> None:
    executor = kind()

    def script(scene: Scene) -> float:
        scene.gateway.work(Work(0, '/', slot=0))
        assert executor.at_work.wait(10)
        wait_until(soon())
        executor.go_on.set()
        cost: float = scene.gateway.answer().header.cost
        return cost

    assert 0.05 <= play(executor, script, tmp_path) < 5


def test_work_that_runs_side_by_side_shares_the_cost(tmp_path: Path) -> None:
    executor = HeldAsync()

    def script(scene: Scene) -> float:
        begun = time.monotonic()
        for key in range(10):
            scene.gateway.work(Work(key, '/', slot=key))
        wait_until(soon())
        executor.go_on.set()
        found = scene.gateway.answers(10)
        return float(sum(one.header.cost for one in found.values())) / (time.monotonic() - begun)

    assert play(executor, script, tmp_path) < 4, 'ten times as much if each had the pod for itself'


def test_a_pod_that_leaves_does_what_it_was_given(tmp_path: Path) -> None:
    executor = Held()
    executor.go_on.set()

    def script(scene: Scene) -> dict[int, Any]:
        left(scene)
        scene.gateway.work(Work(0, '/', slot=0))
        return scene.gateway.answers(1)

    assert isinstance(play(executor, script, tmp_path)[0].header, Done)

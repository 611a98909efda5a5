"""Requests that share calls: how many, when, with whom, and whose results are whose."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mproc_flow import Document, DocumentArray, Executor, dynamic_batching, requests
from mproc_flow.model.codec import encode
from mproc_flow.runtime.messages import Batches, Drain, Stop
from mproc_flow.transport import started
from mproc_flow.transport.frames import Done, Failed, Withdrawn, Work
from tests.support.pod import NAME, Answer, Scene, left, play
from tests.support.sharing import LONG, SHORT, Shared, SharedAsync
from tests.support.waiting import eventually, wait_until


@pytest.fixture(params=[Shared, SharedAsync])
def executor(request: pytest.FixtureRequest) -> Shared:
    """Both kinds."""
    made: Shared = request.param()
    return made


def give(
    scene: Scene, endpoint: str, sent: Iterable[Iterable[str]], parameters: Any = None, **more: Any
) -> dict[int, Answer]:
    """Give one piece of work for each list of texts, and wait for all answers."""
    texts = list(sent)
    for key, some in enumerate(texts):
        scene.gateway.work(Work(key, endpoint, slot=key, **more), some, parameters)
    return scene.gateway.answers(len(texts))


def test_requests_share_a_call_and_get_their_own_back(executor: Shared, tmp_path: Path) -> None:
    found = play(executor, lambda scene: give(scene, '/four', [['a'], ['b', 'c'], ['d']]), tmp_path)
    assert executor.calls == [['a', 'b', 'c', 'd']]
    assert [found[key].texts for key in range(3)] == [['a!'], ['b!', 'c!'], ['d!']]


def test_a_call_never_has_more_documents_than_the_size(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        return give(scene, '/four', [['a', 'b', 'c'], list('0123456'), ['d', 'e']])

    found = play(executor, script, tmp_path)
    assert executor.calls == [['a', 'b', 'c', '0'], ['1', '2', '3', '4'], ['5', '6', 'd', 'e']]
    assert found[1].texts == [f'{number}!' for number in range(7)]
    assert found[2].texts == ['d!', 'e!']


def test_what_waits_goes_in_one_call_if_asked_for(executor: Shared, tmp_path: Path) -> None:
    found = play(executor, lambda scene: give(scene, '/all', [['a'], list('01234567')]), tmp_path)
    assert [call for call in executor.calls if len(call) > 4] == [['a', *'01234567']]
    assert found[1].texts == [f'{number}!' for number in range(8)]


def test_a_lone_request_waits_for_the_time_and_no_longer(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> list[float]:
        waited = []
        for _ in range(5):
            begun = time.monotonic()
            give(scene, '/soon', [['a']])
            waited.append(time.monotonic() - begun)
        return waited

    waited = play(executor, script, tmp_path)
    assert min(waited) >= SHORT / 1000 - 0.001
    assert sorted(waited)[2] < SHORT / 1000 + 0.025  # 5 ms by the promise, and what a busy machine adds


@pytest.mark.parametrize('endpoint', ['/four', '/soon', '/all'])
def test_a_poisoned_document_fails_its_own_request_only(executor: Shared, tmp_path: Path, endpoint: str) -> None:
    sent = [['a'], ['poison'], ['c'], ['d']]
    found = play(executor, lambda scene: give(scene, endpoint, sent), tmp_path)
    assert isinstance(found[1].header, Failed)
    assert 'poisoned' in found[1].header.info.message
    assert [found[key].texts for key in (0, 2, 3)] == [['a!'], ['c!'], ['d!']], 'as they came, each time'


def test_a_poisoned_part_of_a_large_request_fails_it(executor: Shared, tmp_path: Path) -> None:
    sent = [['a', 'b', 'c', 'd', 'e', 'poison'], ['x', 'y']]
    found = play(executor, lambda scene: give(scene, '/four', sent), tmp_path)
    assert isinstance(found[0].header, Failed)
    assert found[1].texts == ['x!', 'y!']


def test_other_parameters_are_another_call(executor: Shared, tmp_path: Path) -> None:
    sent: list[dict[str, Any]] = [
        {'a': 1, 'b': {'x': [1], 'y': 2}}, {'b': {'y': 2, 'x': [1]}, 'a': 1}, {'a': 1.0}, {'a': True}, {},
        {'a': np.arange(3)}, {'a': np.arange(3)}, {'a': np.arange(5)},
    ]  # fmt: skip

    def script(scene: Scene) -> dict[int, Answer]:
        for key, parameters in enumerate(sent):
            scene.gateway.work(Work(key, '/soon', slot=key), [str(key)], parameters)
        return scene.gateway.answers(len(sent))

    found = play(executor, script, tmp_path)
    assert sorted(executor.calls) == [['0', '1'], ['2'], ['3'], ['4'], ['5', '6'], ['7']]
    assert found[1].parameters == sent[1]


def test_what_other_executors_returned_keeps_nobody_apart(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        for key in range(4):
            scene.gateway.work(Work(key, '/four', slot=key), ['a'], {'__results__': {'before': {'number': key}}})
        return scene.gateway.answers(4)

    found = play(executor, script, tmp_path)
    assert len(executor.calls) == 1
    assert executor.parameters == [{}]
    assert found[3].parameters == {'__results__': {'before': {'number': 3}}}


def test_a_dict_goes_to_each_request(executor: Shared, tmp_path: Path) -> None:
    found = play(executor, lambda scene: give(scene, '/dict', [['a'], ['b', 'c', 'd']]), tmp_path)
    for answer in found.values():
        assert answer.parameters == {'__results__': {NAME: {'seen': 4}}}
    assert found[1].texts == ['b', 'c', 'd']


def test_too_few_documents_are_an_error_for_all(executor: Shared, tmp_path: Path) -> None:
    found = play(executor, lambda scene: give(scene, '/fewer', [['a'], ['b', 'c', 'd']]), tmp_path)
    assert len(executor.calls) == 1
    for answer in found.values():
        assert 'was given 4 Documents of several requests (dynamic batching) and gave 3' in answer.header.info.message


def test_methods_for_one_document_and_requests_without_any(executor: Shared, tmp_path: Path) -> None:
    found = play(executor, lambda scene: give(scene, '/each', [['a'], [], ['b']]), tmp_path)
    assert [found[key].texts for key in range(3)] == [['a?'], [], ['b?']]


def test_what_cannot_be_read_fails_alone(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        scene.gateway.parts(Work(0, '/soon', slot=0), [[b'nonsense']])
        scene.gateway.work(Work(1, '/soon', slot=1))
        return scene.gateway.answers(2)

    found = play(executor, script, tmp_path)
    assert found[0].header.info.code == 'serialization'
    assert isinstance(found[1].header, Done)


def test_what_is_withdrawn_or_late_is_in_no_batch(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        gateway = scene.gateway
        gateway.work(Work(0, '/hold', slot=0))
        for key in range(1, 4):
            late = time.monotonic() + 0.15 if key == 2 else 0.0
            gateway.work(Work(key, '/four', slot=key, deadline=late), [str(key)])
        gateway.send(Withdrawn((1,)))
        wait_until(time.monotonic() + 0.3)
        executor.go_on.set()
        found = gateway.answers(3)
        gateway.work(Work(4, '/four', slot=4), ['x', 'y', 'z'])
        return {**found, **gateway.answers(2)}

    found = play(executor, script, tmp_path)
    assert executor.calls == [['3', 'x', 'y', 'z']]
    assert [found[key].header.info.code for key in (1, 2)] == ['deadline', 'deadline']


def test_a_request_in_a_hurry_does_not_wait_until_it_is_late(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        return give(scene, '/four', [['a']], deadline=time.monotonic() + 0.3)

    assert play(executor, script, tmp_path)[0].texts == ['a!']


@pytest.mark.parametrize('how', ['leaves', 'drains', 'stops'])
def test_what_waits_is_done_at_once_when_the_end_is_near(executor: Shared, tmp_path: Path, how: str) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        scene.gateway.work(Work(0, '/four', slot=0), ['a'])
        assert scene.gateway.is_silent(0.1)
        if how == 'leaves':
            left(scene)
        elif how == 'drains':
            scene.pod.guardian.send(Drain())
        else:
            scene.pod.guardian.send(Stop())
        found = scene.gateway.answers(1)
        if how != 'stops':
            scene.gateway.work(Work(1, '/four', slot=1), ['b'])
            scene.gateway.answers(1)
        return found

    assert play(executor, script, tmp_path)[0].texts == ['a!']


def test_what_waits_has_not_begun(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> frozenset[int]:
        scene.gateway.work(Work(5, '/four', slot=0), ['a'])
        scene.gateway.work(Work(6, '/plain', slot=1), ['a'])
        scene.gateway.answers(1)
        begun = started.read(str(tmp_path), NAME, 0)
        scene.gateway.work(Work(7, '/four', slot=2), ['b', 'c', 'd'])
        scene.gateway.answers(2)
        return begun

    assert play(executor, script, tmp_path) == {6}


def test_the_credit_lets_a_batch_fill(tmp_path: Path) -> None:
    class Large(Executor):
        @requests
        @dynamic_batching(preferred_batch_size=100, timeout=SHORT)
        def work(self, **kwargs: Any) -> None: ...

    assert play(Large(), lambda scene: give(scene, '/', [['a']]), tmp_path)[0].header.credit == 200


def test_the_cost_is_shared(executor: Shared, tmp_path: Path) -> None:
    found = play(executor, lambda scene: give(scene, '/four', [['a'], ['b', 'c', 'd']]), tmp_path)
    assert found[1].header.cost == pytest.approx(3 * found[0].header.cost)


def test_sizes_and_waits_are_told(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> Any:
        give(scene, '/four', [['a'], ['b', 'c', 'd']])
        give(scene, '/soon', [['a']])

        def told() -> Any:
            reports = [report for report in scene.pod.reports if isinstance(report, Batches)]
            return reports[-1].endpoints if reports and reports[-1].endpoints['/soon'].requests else None

        return eventually(told, 5, 'a report')

    counts = play(executor, script, tmp_path)
    assert (counts['/four'].calls, counts['/four'].documents, counts['/four'].requests) == (1, 4, 2)
    assert (counts['/four'].largest, counts['/four'].waiting) == (4, 0)
    assert 0.09 <= counts['/soon'].seconds_waited < 5


def test_branches_are_merged_before_they_are_counted(executor: Shared, tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        docs = [Document(id=name, text=name) for name in 'ab']
        scene.gateway.parts(Work(0, '/four', slot=0), [encode(docs, {}), encode(docs, {})])
        assert scene.gateway.is_silent(0.1)
        scene.gateway.work(Work(1, '/four', slot=1), ['c', 'd'])
        return scene.gateway.answers(2)

    assert play(executor, script, tmp_path)[0].texts == ['a!', 'b!']


class Writing(Executor):
    """Changes arrays in place."""

    writable_arrays = True

    @requests
    @dynamic_batching(preferred_batch_size=4, timeout=LONG)
    def add(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.tensor += 1
        if any(doc.text == 'poison' for doc in docs):
            raise ValueError('poisoned')


@pytest.mark.parametrize('length', [10, 1_000_000])
def test_arrays_are_as_they_came_when_a_call_is_made_again(tmp_path: Path, length: int) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        for key, text in enumerate(['a', 'b', 'poison', 'c']):
            scene.gateway.parts(
                Work(key, '/', slot=key), [encode([Document(text=text, tensor=np.zeros(length, np.uint8))], {})]
            )
        return scene.gateway.answers(4)

    found = play(Writing(), script, tmp_path)
    for key in (0, 1, 3):
        assert found[key].docs[0].tensor.max() == 1

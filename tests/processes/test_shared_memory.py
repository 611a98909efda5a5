"""Large arrays travel through shared memory, and nobody can tell but by the time it takes."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mproc_flow import AsyncFlow, Client, Deployment, Document, DocumentArray, Flow
from mproc_flow.errors import BadServer, DeadlineExceeded, Overloaded
from tests.support.arrays import (
    KB,
    MB,
    Add,
    Keep,
    PassOn,
    Renew,
    Together,
    Write,
    blocks,
    content,
    is_right,
    numbered,
    some,
)
from tests.support.executors import Slow
from tests.support.flows import kill_pod, pod, wait_until_restarted
from tests.support.waiting import eventually

FROM = 256 * KB
DTYPES = ('?', 'u1', '<i2', '>i4', '<f2', '<f4', '>f8', '<c16', '<M8[ns]', '<m8[s]')
SIZES = (0, 1, 16 * KB - 16, 16 * KB, FROM // 2, FROM - 16, FROM, FROM + 16, 3 * MB)


def arrays() -> Iterator[np.ndarray]:
    """Arrays of all types and of sizes around all thresholds, and some that do not lie in one piece."""
    for seed, dtype in enumerate(DTYPES):
        for size in SIZES:
            yield some(size - size % 16, seed).view(dtype) if dtype != '?' else some(size, seed) > 100
    square = some(MB).view('<f4').reshape(512, 512)
    yield from (square.T, square[::2, ::3], square[:, ::-1], np.asfortranarray(square))


def port_of(f: Any) -> int:
    """The port of what listens on TCP."""
    return int(f.address.rpartition(':')[2])


def descriptors(pid: int) -> int:
    """How many descriptors a process has."""
    return len(os.listdir(f'/proc/{pid}/fd'))


@pytest.mark.parametrize('kind', [PassOn, Renew])
def test_arrays_arrive_as_they_were_sent(kind: Any, start_method: str) -> None:
    with Flow(start_method=start_method).add(uses=kind).add(uses=PassOn) as f:
        for size in (1, 7, 1000):
            docs = DocumentArray([Document(tensor=array) for array in arrays()])
            answer = f.post('/', docs, request_size=size, results_in_order=True)
            assert [content(doc.tensor) for doc in answer] == [content(doc.tensor) for doc in docs]
            assert blocks()


def test_blobs_and_parameters_do_so_too() -> None:
    blob, array = some(MB).tobytes(), some(MB, 1)
    with Flow().add(uses=PassOn) as f:
        (response,) = f.post(
            '/', Document(blob=blob, tags={'array': array}), parameters={'array': array}, return_responses=True
        )
        assert response.docs[0].blob == blob
        assert content(response.docs[0].tags['array']) == content(response.parameters['array']) == content(array)


def test_who_does_not_touch_an_array_costs_no_copy() -> None:
    with Flow().add(uses=PassOn).add(uses=PassOn).add(uses=PassOn) as f:
        answer = f.post('/', numbered(1, MB))
        assert len(blocks()) == 1
        assert is_right(answer[0])


def test_of_two_branches_that_do_not_touch_it_there_is_one_block() -> None:
    f = Flow().add(uses=PassOn, name='a').add(uses=PassOn, name='b', needs='gateway').needs_all()
    with f:
        answer = f.post('/', numbered(1, MB))
        assert len(blocks()) == 1
        assert is_right(answer[0])


def test_blocks_are_used_again() -> None:
    with Flow().add(uses=Renew) as f:
        for seed in range(50):
            assert is_right(f.post('/', numbered(seed, MB))[0])
        assert len(blocks()) <= 6
        before = [descriptors(pid) for pid in (os.getpid(), *(status.pid for status in f.pods))]
        for seed in range(200):
            f.post('/', numbered(seed, MB))
        after = [descriptors(pid) for pid in (os.getpid(), *(status.pid for status in f.pods))]
        assert all(now <= then + 8 for then, now in zip(before, after, strict=True)), (before, after)
        assert len(blocks()) <= 8


def test_an_option_says_from_where_on() -> None:
    with Flow(shared_memory_from=0).add(uses=PassOn) as f:
        assert is_right(f.post('/', numbered(1, MB))[0])
        assert blocks() == []
    with Flow(shared_memory_from=20 * KB).add(uses=PassOn) as f:
        assert is_right(f.post('/', numbered(1, 20 * KB - 1))[0])
        assert blocks() == []
        assert is_right(f.post('/', numbered(1, 20 * KB))[0])
        assert len(blocks()) == 1


def test_a_result_never_changes(start_method: str) -> None:
    with Flow(start_method=start_method).add(uses=Renew) as f:
        held = [f.post('/', numbered(seed, 300 * KB))[0] for seed in range(90)]
        for doc in f.post('/', (numbered(seed, 300 * KB) for seed in range(100, 1100)), request_size=3):
            assert is_right(doc)
        assert all(map(is_right, held))
    assert all(map(is_right, held))


def test_what_an_executor_keeps_never_changes() -> None:
    with Flow().add(uses=Keep) as f:
        for seed in range(300):
            (response,) = f.post('/', numbered(seed, 300 * KB), return_responses=True)
        (kept,) = response.parameters['__results__'].values()
        assert kept['hashes'] == [content(some(300 * KB, seed)) for seed in range(100)]


def test_a_write_in_place_is_an_error() -> None:
    with Flow().add(uses=Write) as f:
        for size in (100, MB):
            with pytest.raises(BadServer, match='read-only'):
                f.post('/write', numbered(1, size))
            with pytest.raises(ValueError, match='read-only'):
                f.post('/', numbered(1, size))[0].tensor[0] = 1


@pytest.mark.parametrize('size', [8 * KB, 100 * KB, MB])
def test_changes_in_place_travel_on_and_branches_do_not_see_each_other(size: int, start_method: str) -> None:
    f = (
        Flow(start_method=start_method)
        .add(uses=Add, name='first')
        .add(uses=Add, uses_with={'number': 10}, name='a', needs='first')
        .add(uses=Add, uses_with={'number': 100}, name='b', needs='first')
        .add(uses=PassOn, name='c', needs='first')
        .add(uses=Together, needs=['a', 'b', 'c'], disable_reduce=True)
    )
    given = np.zeros(size // 8)
    with f:
        for _ in range(5):
            answer = f.post('/', Document(tensor=given))
            assert [doc.tensor[0] for doc in answer] == [doc.tensor[-1] for doc in answer] == [11.0, 101.0, 1.0]
            assert all(not doc.tensor[20:-20].any() for doc in answer)
    assert not given.any()


def test_arrays_of_a_call_that_nobody_waits_for_are_let_go() -> None:
    with Flow(prefetch=4).add(uses=Slow, uses_with={'seconds': 0.05}) as f:
        for _ in range(5):
            with pytest.raises((DeadlineExceeded, Overloaded)):
                f.post('/', (numbered(seed, MB) for seed in range(10)), request_size=1, timeout=0.1)
        f.post('/', (numbered(seed, MB) for seed in range(10)), request_size=1)
        assert len(blocks()) <= 16


def test_threads_share_the_memory_of_one_client() -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        for seed in range(number * 100, number * 100 + 20):
            if not is_right(f.post('/', numbered(seed, MB))[0]):
                wrong.append(seed)

    with Flow().add(uses=Renew, replicas=2) as f:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        f.post('/', numbered(1, MB))
        assert len(blocks()) <= 40


def test_in_an_event_loop(run: Any) -> None:
    async def main() -> None:
        async with AsyncFlow().add(uses=Renew, replicas=2) as f:
            sizes = [300 * KB, 5 * MB]
            answers = await asyncio.gather(*(f.post('/', numbered(seed, sizes[seed % 2])) for seed in range(40)))
            assert all(is_right(answer[0]) for answer in answers)
            async for docs in f.post('/', (numbered(seed, MB) for seed in range(40)), request_size=1):
                assert is_right(docs[0])
            assert blocks()

    run(main())


def test_a_client_at_a_port_gets_plain_frames() -> None:
    with Flow(port=0).add(uses=Renew).add(uses=PassOn) as f, Client(port=port_of(f)) as client:
        for seed in range(20):
            assert is_right(client.post('/', numbered(seed, MB))[0])
        assert 1 <= len(blocks()) <= 6
        assert is_right(f.post('/', numbered(1, MB))[0])


def test_an_external_executor_gets_plain_frames() -> None:
    with (
        Deployment(uses=Add, uses_with={'number': 0}, port=0) as elsewhere,
        Flow().add(uses=Renew).add(external=True, port=port_of(elsewhere)).add(uses=PassOn) as f,
    ):
        for seed in range(20):
            assert is_right(f.post('/', numbered(seed, MB))[0])


def test_a_fork_of_the_program_has_memory_of_its_own() -> None:
    with Flow().add(uses=Renew) as f:
        held = [f.post('/', numbered(seed, MB))[0] for seed in range(3)]
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            right = [is_right(f.post('/', numbered(seed, MB))[0]) for seed in range(10, 20)]
            os.read(reader, 1)
            os._exit(0 if all(right) and all(map(is_right, held)) else 1)
        held.clear()
        for seed in range(100, 120):
            assert is_right(f.post('/', numbered(seed, MB))[0])
        os.write(writer, b'.')
        assert os.waitpid(pid, 0)[1] == 0
        os.close(reader)
        os.close(writer)
        mine = {name.partition('-')[0] for name in blocks()}
        eventually(
            lambda: len({name.partition('-')[0] for name in blocks()}) <= 2,
            5.0,
            lambda: f'blocks of the dead process are removed: {mine} {blocks()}',
        )


def test_blocks_of_a_killed_pod_are_removed() -> None:
    with Flow().add(uses=Renew) as f:
        held = [f.post('/', numbered(seed, MB))[0] for seed in range(3)]
        before = set(blocks())
        old = kill_pod(f, 'executor0/rep-0')
        wait_until_restarted(f, 'executor0/rep-0', old)
        eventually(lambda: len(before & set(blocks())) <= 3, 5.0, lambda: f'{before} {blocks()}')
        assert all(map(is_right, held))
        assert is_right(f.post('/', numbered(7, MB))[0])


def test_blocks_on_the_way_through_a_killed_gateway_are_removed() -> None:
    with Flow().add(uses=Renew) as f:
        for seed in range(3):
            assert is_right(f.post('/', numbered(seed, MB))[0])
        old = kill_pod(f, 'gateway')
        wait_until_restarted(f, 'gateway', old)
        eventually(f.is_flow_ready, 10.0, 'the Flow is ready again')
        for seed in range(20):
            assert is_right(f.post('/', numbered(seed, MB))[0])
        assert len(blocks()) <= 10
        assert pod(f, 'executor0/rep-0').restarts == 0


def test_memory_of_a_closed_flow_is_free() -> None:
    gc.collect()
    free = os.statvfs('/dev/shm').f_bavail
    with Flow().add(uses=Renew) as f:
        for seed in range(5):
            f.post('/', numbered(seed, 20 * MB))
    used = (free - os.statvfs('/dev/shm').f_bavail) * os.statvfs('/dev/shm').f_frsize
    assert used < 10 * MB

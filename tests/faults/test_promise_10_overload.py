"""Promise 10: overload is refused, not stored: bounded queues, quick typed refusals, flat memory, turns for all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import pytest

from mproc_flow import AsyncClient, AsyncFlow, Client, Document, Flow, errors, requests
from tests.support.contexts import Task
from tests.support.executors import Recorded, Slow, notes
from tests.support.flows import pod
from tests.support.memory import MB, peak_until, resident
from tests.support.programs import Programs
from tests.support.soak import LONGEST, amount
from tests.support.waiting import eventually, let_pass, took, within

COST = 0.02
MOST = 20
TIMES = 10
REFUSAL = 0.02
DEADLINE = 2.0
PREFETCH = 10

GENERATOR = """\
import os
import sys
import time

import numpy as np

from mproc_flow import Document, Flow
from tests.support.executors import Slow
from tests.support.memory import resident

SIZE = 1 << 20
MAKE = {
    'tensor': lambda number: Document(tensor=np.full(SIZE // 8, number, dtype='float64')),
    'blob': lambda number: Document(blob=bytes([number % 256]) * SIZE),
}


def endless(kind, seconds):
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        yield MAKE[kind](number)


if __name__ == '__main__':
    kind, prefetch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with Flow(prefetch=prefetch).add(uses=Slow, uses_with={'seconds': 0.02}) as f:
        f.post('/', Document(tensor=np.zeros(8)))
        gateway = next(status.pid for status in f.pods if status.name == 'gateway')
        print('serving', gateway, resident([os.getpid(), gateway]), flush=True)
        count = 0

        def take(response):
            global count
            count += 1

        f.post('/', endless(kind, seconds), request_size=1, on_done=take)
        print('answered', count, flush=True)
"""


class End(NamedTuple):
    """How a request under overload ended: after how long, with which error."""

    seconds: float
    error: errors.MprocFlowError | None


async def one(client: AsyncClient) -> End:
    """Post one request."""
    begun = time.monotonic()
    try:
        await client.post('/', Document(), timeout=DEADLINE)
    except errors.MprocFlowError as error:
        return End(time.monotonic() - begun, error)
    return End(time.monotonic() - begun, None)


async def offer(port: int, rate: float, seconds: float) -> list[End]:
    """Post so many requests a second, whether or not the earlier ones are answered."""
    async with AsyncClient(port=port) as client:
        begun = time.monotonic()
        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            tasks.append(asyncio.ensure_future(one(client)))
        return await asyncio.gather(*tasks)


@pytest.mark.timeout(LONGEST)
def test_ten_times_the_capacity_is_refused_at_once(record: str) -> None:
    """Refusals are quick and say when to come again, what is accepted is in time, memory is flat, and it recovers."""
    f = Flow(port=0, max_in_flight=MOST).add(uses=Slow, uses_with={'seconds': COST, 'record': record})
    with f:
        port = int(f.address.rpartition(':')[2])
        gateway = [pod(f, 'gateway').pid]
        asyncio.run(offer(port, TIMES / COST, 1))
        before = resident(gateway)
        ends = asyncio.run(offer(port, TIMES / COST, amount(4.0, 30.0)))
        with within(1.0, 'recovery after overload'):
            f.post('/', Document(), timeout=DEADLINE, max_attempts=100, initial_backoff=0.01, backoff_multiplier=1)
        grown = resident(gateway) - before
    check_ends(ends)
    assert grown <= 4 * MB, f'the gateway has grown by {grown / MB:.1f} MB'


def check_ends(ends: list[End]) -> None:
    """Every end is an answer in time or a quick refusal, and the Executor was never idle."""
    refused = [end for end in ends if end.error is not None]
    kinds = Counter(type(end.error).__name__ for end in refused)
    assert set(kinds) == {'Overloaded'}, kinds
    assert all(end.error.retry_after > 0 for end in refused)  # type: ignore[union-attr]
    took('a refusal under overload', REFUSAL, max(end.seconds for end in refused))
    assert median(end.seconds for end in refused) <= REFUSAL
    accepted = [end for end in ends if end.error is None]
    assert len(accepted) >= 0.7 * len(ends) / TIMES
    took('an answer under overload', MOST * COST, max(end.seconds for end in accepted))


@pytest.mark.timeout(LONGEST + 30)
@pytest.mark.parametrize('kind', ['tensor', 'blob'])
def test_an_endless_generator_does_not_fill_the_memory(programs: Programs, kind: str) -> None:
    """1 MB Documents into an Executor that needs 20 ms: owner and gateway hold what is under way, and little more."""
    seconds = amount(5.0, 60.0)
    program = programs.script(GENERATOR, kind, str(PREFETCH), str(seconds))
    gateway, base = map(int, program.wait_line(r'serving (\d+) (\d+)').groups())
    peak = peak_until(program, 'answered', [program.pid, gateway])
    count = int(program.wait_line(r'answered (\d+)')[1])
    assert program.wait(10) == 0, program.text
    assert count >= 0.5 * seconds / COST, f'only {count} answers'
    assert peak <= base + (PREFETCH + 8 + 30) * MB, f'{peak / MB:.0f} MB; before it was {base / MB:.0f} MB'


class Ahead:
    """Documents that tell how far they were read beyond what is answered."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = 0
        self.answered = 0
        self.most = 0

    def __iter__(self) -> Iterator[Document]:
        for _ in range(self.count):
            self.read += 1
            self.most = max(self.most, self.read - self.answered)
            yield Document()

    async def __aiter__(self) -> AsyncIterator[Document]:
        for doc in self:
            yield doc

    def answer(self, response: Any) -> None:
        """One was answered."""
        self.answered += 1


@pytest.mark.parametrize('prefetch', [1, 7])
@pytest.mark.parametrize('in_order', [False, True])
def test_a_generator_is_not_read_further_ahead_than_prefetch(prefetch: int, in_order: bool) -> None:
    """Not at any moment, and the Executors have as much to do as it allows."""
    with Flow(prefetch=prefetch).add(uses=Slow, replicas=2, uses_with={'seconds': 0.002}) as f:
        ahead = Ahead(200)
        f.post('/', ahead, request_size=1, results_in_order=in_order, on_done=ahead.answer)
    assert (ahead.answered, ahead.most) == (200, prefetch)


@pytest.mark.parametrize('kind', ['iterable', 'asynchronous'])
def test_nor_is_it_in_an_event_loop(kind: str) -> None:
    """The same for an AsyncFlow, also with asynchronous input."""

    async def body() -> Ahead:
        ahead = Ahead(200)
        async with AsyncFlow(prefetch=7).add(uses=Slow, uses_with={'seconds': 0.002}) as f:
            inputs = ahead if kind == 'asynchronous' else iter(ahead)
            await f.post('/', inputs, request_size=1, on_done=ahead.answer)
        return ahead

    ahead = asyncio.run(body())
    assert (ahead.answered, ahead.most) == (200, 7)


def test_a_greedy_client_does_not_hold_up_the_others() -> None:
    """One has hundreds of requests waiting; those of the other are served in turn."""
    with Flow(port=0).add(uses=Slow, uses_with={'seconds': 0.005}) as f:
        port = int(f.address.rpartition(':')[2])
        greedy = Task(lambda: f.post('/', (Document() for _ in range(600)), request_size=1, prefetch=0))
        let_pass(0.2)
        with Client(port=port) as client:
            waits = [timed(client) for _ in range(20)]
        assert greedy.running
        assert len(greedy.join(30)) == 600  # type: ignore[arg-type]
    took('an answer beside a greedy client', 0.05, max(waits))
    assert median(waits) <= 0.05, waits


def test_a_greedy_client_does_not_use_up_all_there_is_room_for() -> None:
    """One sends far more than there is room for and is refused; the other has its answers."""
    with Flow(port=0, max_in_flight=MOST).add(uses=Slow, uses_with={'seconds': 0.005}) as f:
        port = int(f.address.rpartition(':')[2])
        greedy = Task(partial(until_refused, f, 3.0))
        let_pass(0.2)
        with Client(port=port) as client:
            waits = [timed(client) for _ in range(20)]
        refused = greedy.join(30)
    assert refused
    took('an answer beside a greedy client', 0.05, max(waits))


def until_refused(f: Flow, seconds: float) -> int:
    """Send without a bound for some seconds, and count the refusals."""
    end = time.monotonic() + seconds
    refusals: list[Any] = []
    docs = iter(lambda: Document() if time.monotonic() < end else None, None)
    f.post('/', docs, request_size=1, prefetch=10 * MOST, on_error=refusals.append)
    return len(refusals)


def timed(client: Client) -> float:
    """Seconds until an answer."""
    begun = time.monotonic()
    client.post('/', Document(), timeout=20)
    return time.monotonic() - begun


class Endless(Recorded):
    """Yields for ever, and notes it."""

    @requests
    def count(self, **kwargs: Any) -> Iterator[Document]:
        """Numbers."""
        for number in range(1_000_000):
            self.note('yield')
            yield Document(text=str(number))


def test_a_slow_consumer_of_partial_results_slows_the_executor_down(record: str) -> None:
    """What nobody has taken yet is bounded, and the Executor waits until somebody has."""
    with Flow().add(uses=Endless, uses_with={'record': record}) as f:
        responses = iter(f.post('/', Document(), stream=True))
        assert [next(responses)[0].text for _ in range(3)] == ['0', '1', '2']
        count = eventually(partial(standing, record), 10, 'the Executor waits')
        assert count <= 100
        assert next(responses)[0].text == '3'
        responses.close()
        eventually(partial(standing, record), 10, 'the Executor has stopped')


def standing(record: str) -> int:
    """How many were yielded if none is any more, else 0."""
    count = len(notes(record, 'yield'))
    let_pass(0.2)
    return count if len(notes(record, 'yield')) == count else 0

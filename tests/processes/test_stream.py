"""Methods that yield, and those who take what they yield as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import AsyncFlow, Document, Flow
from mproc_flow.errors import BadServer, DeadlineExceeded
from mproc_flow.transport.exchange import AHEAD
from tests.support.executors import notes
from tests.support.streams import Teller, driven, texts
from tests.support.waiting import eventually, let_pass, within

# What the method has yielded and not yet sent, beside those that are on their way.
IN_HAND = 1


Flows = tuple[Flow, AsyncFlow]


@pytest.fixture(scope='module', params=['fork', 'spawn', 'forkserver'], autouse=True)
def flows(request: pytest.FixtureRequest, marked: None) -> Iterator[Flows]:
    """Both kinds of Flow, for all tests here; each has a connection already, which the audit would take for a leak."""
    with (
        Flow(quiet=True, start_method=request.param).add(uses=Teller, replicas=2) as f,
        AsyncFlow(quiet=True, start_method=request.param).add(uses=Teller, replicas=2) as g,
    ):
        f.post('/whole')
        asyncio.run(g.post('/whole'))
        yield f, g


Stream = Callable[..., Generator[Any, None, None]]


@pytest.fixture(params=['sync', 'async'])
def stream(request: pytest.FixtureRequest, flows: Flows) -> Stream:
    """Items of post(stream=True), of a Flow of each kind; the loop of the asynchronous one runs for each item."""
    f, g = flows
    if request.param == 'sync':
        return lambda *args, **options: f.post(*args, stream=True, **options)
    return lambda *args, **options: driven(g.post(*args, stream=True, **options))


@pytest.mark.parametrize('endpoint', ['/count', '/count_async'])
@pytest.mark.parametrize('count', [0, 1, 100])
def test_each_part_is_an_item(stream: Stream, endpoint: str, count: int) -> None:
    items = list(stream(endpoint, 'a', parameters={'count': count}))
    assert texts(items) == [f'a{number}' for number in range(count)]
    assert len(items) == count


def test_a_part_comes_before_the_next_is_made(stream: Stream, tmp_path: Path) -> None:
    file = tmp_path / 'file'
    items = stream('/wait', 'a', parameters={'file': str(file)})
    assert texts([next(items)]) == ['first']
    file.touch()
    assert texts(items) == ['second']


def test_requests_in_order_and_parts_in_order(stream: Stream) -> None:
    items = stream('/count', list('abcdefgh'), request_size=1, parameters={'count': 20}, results_in_order=True)
    assert texts(items) == [f'{letter}{number}' for letter in 'abcdefgh' for number in range(20)]


def test_methods_that_do_not_yield_have_one_part(stream: Stream) -> None:
    assert sorted(texts(stream('/whole', list('abc'), request_size=1))) == ['a!', 'b!', 'c!']


@pytest.mark.parametrize('endpoint', ['/count', '/count_async'])
def test_who_does_not_stream_gets_all_parts_in_one_answer(flows: Flows, endpoint: str) -> None:
    f, g = flows
    for responses in (
        f.post(endpoint, list('ab'), request_size=1, return_responses=True, results_in_order=True),
        asyncio.run(g.post(endpoint, list('ab'), request_size=1, return_responses=True, results_in_order=True)),
    ):
        assert [texts([response.docs]) for response in responses] == [['a0', 'a1', 'a2'], ['b0', 'b1', 'b2']]


def test_an_error_comes_after_the_parts_before_it(stream: Stream) -> None:
    found: list[str] = []
    with pytest.raises(BadServer, match='no more') as caught:
        for docs in stream('/fails', 'a'):
            found += texts([docs])
    assert found == ['0', '1']
    assert 'raise ValueError' in str(caught.value.__cause__)


def test_a_slow_consumer_slows_the_method(stream: Stream, record: str) -> None:
    with contextlib.closing(stream('/endless', 'a', parameters={'record': record})) as items:
        for taken in range(1, 4):
            next(items)
            let_pass(0.1)
            assert len(notes(record, 'made')) <= taken + AHEAD + IN_HAND
        for _ in range(100):
            next(items)
        assert len(notes(record, 'made')) > 100


@pytest.mark.parametrize('how', ['close', 'timeout'])
def test_the_method_ends_when_nobody_takes_more(stream: Stream, record: str, how: str) -> None:
    items = stream('/endless', 'a', parameters={'record': record}, timeout=0.5 if how == 'timeout' else None)
    next(items)
    if how == 'close':
        items.close()
    else:
        with within(0.55, 'a stream with timeout=0.5'), pytest.raises(DeadlineExceeded):
            list(items)
    eventually(lambda: notes(record, 'ended'), 5.0, 'the method is closed where it yields')
    assert texts(stream('/whole', 'a')) == ['a!']


def test_a_task_that_is_cancelled_ends_the_method(flows: Flows, record: str) -> None:
    _, g = flows

    async def take(first: asyncio.Event) -> None:
        async for _ in g.post('/endless', 'a', parameters={'record': record}, stream=True):
            first.set()

    async def main() -> None:
        first = asyncio.Event()
        task = asyncio.create_task(take(first))
        await asyncio.wait_for(first.wait(), 10)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(main())
    eventually(lambda: notes(record, 'ended'), 5.0, 'the method is closed where it yields')


def test_documents_one_by_one(flows: Flows) -> None:
    f, g = flows

    async def main() -> list[str | None]:
        return [doc.text async for doc in g.stream_doc('/count', Document(text='a'), parameters={'count': 4})]

    assert [doc.text for doc in f.stream_doc('/count', Document(text='a'))] == ['a0', 'a1', 'a2']
    assert asyncio.run(main()) == ['a0', 'a1', 'a2', 'a3']

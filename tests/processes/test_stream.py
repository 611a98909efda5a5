"""Methods that yield, and those who take what they yield as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import AsyncFlow, Deployment, Document, DocumentArray, Flow, requests
from mproc_flow.errors import BadServer, DeadlineExceeded, PodDied
from mproc_flow.transport.exchange import AHEAD
from tests.support.executors import Echo, Recorded, notes, write_note
from tests.support.flows import kill_pod
from tests.support.waiting import eventually, let_pass, within

# What the method has yielded and not yet sent, beside those that are on their way.
IN_HAND = 1


class Teller(Recorded):
    """Yields, in all the ways there are."""

    @requests(on='/count')
    def count(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> Iterator[DocumentArray]:
        """So many parts."""
        for number in range(parameters.get('count', 3)):
            yield DocumentArray([Document(text=f'{docs[0].text}{number}')])

    @requests(on='/count_async')
    async def count_async(
        self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any
    ) -> AsyncIterator[DocumentArray]:
        """The same in the pod's event loop."""
        for number in range(parameters.get('count', 3)):
            await asyncio.sleep(0)
            yield DocumentArray([Document(text=f'{docs[0].text}{number}')])

    @requests(on='/wait')
    def wait(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> Iterator[DocumentArray]:
        """One part, and the other when a file is there."""
        yield DocumentArray([Document(text='first')])
        eventually(Path(parameters['file']).exists, 10.0, 'the file')
        yield DocumentArray([Document(text='second')])

    @requests(on='/endless')
    def endless(self, parameters: dict[str, Any], **kwargs: Any) -> Iterator[DocumentArray]:
        """Parts without end, each noted."""
        try:
            while True:
                write_note(parameters['record'], 'made')
                yield DocumentArray([Document(text='x')])
        finally:
            write_note(parameters['record'], 'ended')

    @requests(on='/fails')
    def fails(self, docs: DocumentArray, **kwargs: Any) -> Iterator[DocumentArray]:
        """Two parts and an error."""
        yield DocumentArray([Document(text='0')])
        yield DocumentArray([Document(text='1')])
        raise ValueError('no more')

    @requests(on='/whole')
    def whole(self, docs: DocumentArray, **kwargs: Any) -> None:
        """No parts."""
        for doc in docs:
            doc.text = f'{doc.text}!'


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


def driven(answers: Any) -> Generator[Any, None, None]:
    """Iterate over what has to be awaited."""
    loop = asyncio.new_event_loop()
    iteration = aiter(answers)

    async def following() -> Any:
        return await anext(iteration, None)

    try:
        yield from iter(lambda: loop.run_until_complete(following()), None)
    finally:
        loop.run_until_complete(iteration.aclose())
        loop.close()


def texts(items: Any) -> list[str]:
    return [doc.text or '' for docs in items for doc in docs]


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


# ---- Flows of their own ----


def test_the_last_executor_yields_to_the_caller_and_others_to_the_next() -> None:
    with Flow(quiet=True).add(uses=Echo, uses_with={'mark': '-'}).add(uses=Teller) as f:
        assert texts(f.post('/count', 'a', stream=True)) == ['a-0', 'a-1', 'a-2']
    with Flow(quiet=True).add(uses=Teller).add(uses=Echo, uses_with={'mark': '-'}) as f:
        assert [texts([docs]) for docs in f.post('/count', 'a', stream=True)] == [['a0-', 'a1-', 'a2-']]


def test_a_deployment_streams_too() -> None:
    with Deployment(uses=Teller, quiet=True) as deployment:
        assert texts(deployment.post('/count', 'a', stream=True)) == ['a0', 'a1', 'a2']


def test_a_death_ends_the_stream_and_nothing_is_sent_again(record: str) -> None:
    with Flow(quiet=True).add(uses=Teller, name='teller') as f:
        items = f.post('/endless', 'a', parameters={'record': record}, stream=True, max_attempts=5)
        next(items)
        kill_pod(f, 'teller/rep-0')
        with pytest.raises(PodDied, match='teller/rep-0'):
            list(items)
        assert len(list(f.post('/whole', 'a', stream=True, max_attempts=5))) == 1
    assert len(notes(record, 'made')) <= 2 * AHEAD

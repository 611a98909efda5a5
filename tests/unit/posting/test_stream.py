"""post(stream=True): each answer, or part of one, as it comes; by clients of both kinds, from a gateway in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mproc_flow.async_client import AsyncClient
from mproc_flow.client import Client
from mproc_flow.errors import (
    BadClientCallback,
    BadClientInput,
    BadOption,
    DeadlineExceeded,
)
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import encode
from mproc_flow.model.document import Document
from mproc_flow.model.request import Response
from mproc_flow.transport.exchange import AHEAD
from mproc_flow.transport.frames import Frame, More, Submit
from tests.support.streams import texts
from tests.unit.posting.streaming import Stream, client_of, echo, names, part, produce
from tests.unit.transport.fake_gateway import FakeGateway, Producer, Wire

# ---- what comes ----


@pytest.mark.parametrize('count', [1, AHEAD, 50])
def test_each_part_is_an_item_and_the_end_none(wire: Wire, stream: Stream, count: int) -> None:
    _, gateway = produce(wire, count)
    items = list(stream('a'))
    assert [type(item) for item in items] == [DocumentArray] * count
    assert texts(items) == names(0, count)
    assert gateway.submitted[0].window == AHEAD


def test_whole_answers_are_items_too(wire: Wire, stream: Stream) -> None:
    wire.gateway(echo)
    assert sorted(map(len, stream(list('abcde'), request_size=2))) == [1, 2, 2]


def test_an_answer_may_be_given_in_parts_or_not_at_all(wire: Wire, stream: Stream) -> None:
    produce(wire, 0)
    assert list(stream('a')) == []


def test_responses_instead_of_documents(wire: Wire, stream: Stream) -> None:
    produce(wire, 2)
    items = list(stream('a', return_responses=True))
    assert [type(item) for item in items] == [Response] * 2
    assert texts(item.docs for item in items) == names(0, 2)
    assert {item.header.request_id for item in items} == {'0'}


def test_nothing_is_sent_before_it_is_asked_for(wire: Wire, client: Client) -> None:
    _, gateway = produce(wire, 3)
    items = client.post('/x', 'a', stream=True)
    client.post('/x', 'b', stream=True)
    assert gateway.heard == []
    assert texts(items) == names(0, 3)
    assert len(gateway.submitted) == 1


def test_bad_options_are_refused_at_once(wire: Wire, client: Client) -> None:
    with pytest.raises(BadOption, match='request_siz'):
        client.post('/x', 'a', stream=True, request_siz=3)
    with pytest.raises(BadClientCallback, match='on_done'):
        client.post('/x', 'a', on_done=3, stream=True)  # type: ignore[arg-type]
    with pytest.raises(BadClientInput, match='parameters'):
        client.post('/x', 'a', parameters=3, stream=True)  # type: ignore[arg-type]


# ---- order ----


def test_whole_requests_in_order_and_their_parts_too(wire: Wire, stream: Stream) -> None:
    """Also if the later one is there first, with more parts than may wait for it."""
    producer = Producer(3 * AHEAD, part)
    waiting: list[Any] = []

    def backwards(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request == 2:
            producer.begin(gateway, submit, payload)
        else:
            waiting.append((submit, payload))

    def go_on(gateway: FakeGateway, more: More) -> None:
        producer.go_on(gateway, more)
        while waiting and producer.sent[2] == 3 * AHEAD:
            producer.begin(gateway, *waiting.pop())

    wire.gateway(backwards, go_on)
    items = stream(list('abc'), request_size=1, results_in_order=True)
    assert texts(items) == [text for request in range(3) for text in names(request, 3 * AHEAD)]


def test_a_part_is_given_before_its_request_has_ended(wire: Wire, stream: Stream) -> None:
    def one(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        gateway.part(submit.request, part(submit.request, 0))

    wire.gateway(one)
    with contextlib.closing(stream('a', results_in_order=True)) as items:
        assert texts([next(items)]) == ['0.0']


# ---- a slow consumer ----


@pytest.mark.parametrize('in_order', [False, True])
def test_a_slow_consumer_slows_the_producer(wire: Wire, stream: Stream, in_order: bool) -> None:
    """However many requests wait: no more parts of each are under way than the window, and what was taken."""
    producer, _ = produce(wire, 1 << 40)
    with contextlib.closing(stream(list('abc'), request_size=1, results_in_order=in_order)) as items:
        for number in range(1, 60):
            next(items)
            assert sum(producer.sent.values()) <= 3 * AHEAD + number


@pytest.mark.parametrize('in_order', [False, True])
def test_nothing_is_kept_of_what_was_taken(wire: Wire, stream: Stream, in_order: bool) -> None:
    large = 'x' * 10_000
    producer = Producer(1 << 40, lambda request, number: encode(DocumentArray([Document(text=large)]), {}))
    wire.gateway(producer.begin, producer.go_on)
    sizes: list[int] = []
    tracemalloc.start()
    with contextlib.closing(stream(list('abc'), request_size=1, results_in_order=in_order)) as items:
        for _ in range(3):
            assert sum(1 for _ in itertools.islice(items, 300)) == 300
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] - sizes[0] < 100 * len(large)


class Counted:
    """Inputs without end that count how many were read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        while True:
            self.read += 1
            yield str(self.read)

    async def awaited(self) -> AsyncIterator[str]:
        """The same, to be awaited."""
        for text in self:
            await asyncio.sleep(0)
            yield text


@pytest.mark.parametrize('size', [1, 3])
@pytest.mark.parametrize('in_order', [False, True])
@pytest.mark.parametrize('form', ['iterable', 'asynchronous'])
def test_inputs_are_read_no_further_ahead_than_prefetch(
    wire: Wire, stream: Stream, form: str, in_order: bool, size: int
) -> None:
    """Counted in requests, from what the consumer has taken; however fast the answers come."""
    wire.gateway(echo)
    inputs = Counted()
    given = inputs if form == 'iterable' else inputs.awaited
    with contextlib.closing(stream(given, request_size=size, prefetch=4, results_in_order=in_order)) as items:
        for taken, _ in enumerate(itertools.islice(items, 50)):
            assert inputs.read <= (taken + 4) * size
        assert inputs.read > 40 * size


@pytest.mark.parametrize('form', ['iterable', 'asynchronous'])
def test_nor_is_anything_read_for_a_gateway_that_keeps_silent(wire: Wire, stream: Stream, form: str) -> None:
    wire.gateway(lambda gateway, submit, payload: None)
    inputs = Counted()
    given = inputs if form == 'iterable' else inputs.awaited
    with pytest.raises(DeadlineExceeded):
        list(stream(given, request_size=5, prefetch=3, timeout=0.2))
    assert inputs.read == 15


# ---- in other forms ----


def test_progress_counts_the_documents_of_requests_that_ended(
    wire: Wire, stream: Stream, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'rich', None)
    produce(wire, 10)
    list(stream(list('abc'), request_size=2, show_progress=True))
    assert capsys.readouterr().err.startswith('/x: 3 of 3 Documents, ')


def test_documents_one_by_one(wire: Wire, client: Client) -> None:
    _, gateway = produce(wire, 3)
    docs = client.stream_doc('/x', Document(text='a'), parameters={'k': 1})
    assert [doc.text for doc in docs] == names(0, 3)
    docs = client.stream_doc('/x', Document(text='a'))
    next(docs)
    docs.close()
    assert gateway.cancelled() == {1}
    with pytest.raises(BadOption):
        client.stream_doc('/x', 'a', no_such_option=1)


def test_documents_one_by_one_in_a_loop(wire: Wire) -> None:
    produce(wire, 3)

    async def main() -> None:
        async with client_of(wire, AsyncClient) as client:
            docs = [doc async for doc in client.stream_doc('/x', Document(text='a'))]
            assert [doc.text for doc in docs] == names(0, 3)
            assert texts([await client.post('/x', 'a', stream=True)]) == names(1, 3), 'awaited: all at once'

    asyncio.run(main())

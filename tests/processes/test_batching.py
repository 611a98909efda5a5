"""Requests share calls: the decorator, the option, shards and joins, the end of a Flow, and what is told."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import Document, DocumentArray, Executor, Flow, dynamic_batching, errors, requests
from tests.support.executors import Recorded, notes
from tests.support.flows import pod
from tests.support.waiting import eventually, took, within

LONG, SHORT = 60_000, 50
SIZE = 8


class Batched(Recorded):
    """Tells each Document how many shared its call; poison makes a call fail."""

    @requests(on='/work')
    @dynamic_batching(preferred_batch_size=SIZE, timeout=SHORT)
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """In place."""
        self.see(docs)

    @requests(on='/full')
    @dynamic_batching(preferred_batch_size=SIZE, timeout=LONG)
    def full(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Only when it is full."""
        self.see(docs)

    @requests(on='/single')
    def single(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Not shared."""
        self.see(docs)

    def see(self, docs: DocumentArray) -> None:
        """Change every Document."""
        self.note('call')
        for doc in docs:
            if doc.text == 'poison':
                raise ValueError('poisoned')
            doc.tags.update(shared=len(docs), seen=doc.tags.get('seen', 0) + 1)


class BatchedAsync(Batched):
    """The same in the event loop."""

    @requests(on='/work')
    @dynamic_batching(preferred_batch_size=SIZE, timeout=SHORT)
    async def work(self, docs: DocumentArray, **kwargs: Any) -> None:  # type: ignore[override]
        """In place, after a while."""
        await asyncio.sleep(0.001)
        self.see(docs)


class Costly(Executor):
    """10 ms for a call, and 0.1 ms for each Document."""

    @requests(on='/alone')
    def alone(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Each by itself."""
        time.sleep(0.01 + 0.0001 * len(docs))

    @requests(on='/shared')
    @dynamic_batching(preferred_batch_size=64, timeout=20)
    def shared(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Many at a time."""
        self.alone(docs)


@pytest.fixture(params=[Batched, BatchedAsync])
def kind(request: pytest.FixtureRequest) -> Any:
    """Both kinds of Executor."""
    return request.param


def texts(count: int) -> DocumentArray:
    """So many Documents with their numbers as texts."""
    return DocumentArray([Document(text=str(number)) for number in range(count)])


def test_requests_share_calls_and_get_their_own_back(start_method: str, kind: Any) -> None:
    with Flow(start_method=start_method).add(uses=kind) as f:
        found = f.post('/work', texts(200), request_size=3)
        assert sorted(int(doc.text) for doc in found) == list(range(200))
        assert all(doc.tags['seen'] == 1 for doc in found)
        shared = [doc.tags['shared'] for doc in found]
        assert max(shared) == SIZE
        assert shared.count(SIZE) > 100
        large = f.post('/work', texts(50))
        assert [doc.text for doc in large] == [str(number) for number in range(50)]
        assert max(doc.tags['shared'] for doc in large) == SIZE


def test_a_poisoned_document_fails_its_own_request_only(start_method: str, kind: Any) -> None:
    with Flow(start_method=start_method).add(uses=kind) as f, ThreadPoolExecutor(40) as pool:
        sent = [Document(text='poison' if number % 10 == 3 else str(number)) for number in range(40)]
        calls = [pool.submit(f.post, '/work', doc) for doc in sent]
        ends = [(doc, call.exception(20), call) for doc, call in zip(sent, calls, strict=True)]
        assert all('poisoned' in str(error) for doc, error, _ in ends if doc.text == 'poison')
        healthy = [(doc, call.result()[0]) for doc, _, call in ends if doc.text != 'poison']
        assert len(healthy) == 36
        assert all((found.text, found.tags['seen']) == (doc.text, 1) for doc, found in healthy)


def test_a_lone_request_is_hardly_late(start_method: str, kind: Any) -> None:
    with Flow(start_method=start_method).add(uses=kind) as f:
        f.post('/single', Document())
        waited = []
        for _ in range(10):
            begun = time.monotonic()
            f.post('/work', Document())
            waited.append(time.monotonic() - begun)
        took('a lone request at a batched endpoint', SHORT / 1000 + 0.005, sorted(waited)[5])
        assert min(waited) > SHORT / 1000 - 0.002


def test_the_option_wins_over_the_decorator(start_method: str, kind: Any, tmp_path: Path) -> None:
    own = {'/work': {'preferred_batch_size': 3, 'timeout': SHORT}, 'single': {'preferred_batch_size': 5}}
    with Flow(start_method=start_method).add(uses=kind, uses_dynamic_batching=own) as f:
        assert max(doc.tags['shared'] for doc in f.post('/work', texts(10))) == 3
        assert max(doc.tags['shared'] for doc in f.post('/single', texts(10), request_size=1)) == 5
    if kind is Batched:
        file = tmp_path / 'flow.yml'
        executor = f'{{jtype: {__name__}:Batched, uses_dynamic_batching: {{/work: {{preferred_batch_size: 2}}}}}}'
        file.write_text(f'jtype: Flow\nwith: {{start_method: {start_method}}}\nexecutors: [{{uses: {executor}}}]')
        with Flow.load_config(str(file)) as f:
            assert max(doc.tags['shared'] for doc in f.post('/work', texts(10))) == 2


def test_an_endpoint_that_is_not_there_is_named_before_anything_starts() -> None:
    f = Flow().add(uses=Batched, uses_dynamic_batching={'/wrok': {'preferred_batch_size': 3}})
    with pytest.raises(errors.BadOption, match="did you mean '/work'"):
        f.start()


def test_shards_replicas_conditions_and_joins(kind: Any) -> None:
    f = Flow().add(uses=kind, name='first', replicas=2)
    f = f.add(uses=kind, name='left', needs='first', shards=2, polling='ALL')
    f = f.add(uses=kind, name='right', needs='first', when={'tags__even': {'$eq': True}}).needs_all()
    f = f.add(uses=kind, name='last')
    sent = [Document(text=str(number), tags={'even': number % 2 == 0}) for number in range(100)]
    with f:
        found = f.post('/work', sent, request_size=2)
    assert sorted(int(doc.text) for doc in found) == list(range(100))
    assert max(doc.tags['shared'] for doc in found) == SIZE


def test_nobody_waits_when_the_flow_ends(start_method: str, kind: Any, record: str) -> None:
    f = Flow(start_method=start_method).add(uses=kind, uses_with={'record': record})
    with ThreadPoolExecutor(1) as pool, f:
        f.post('/single', Document())
        call = pool.submit(f.post, '/full', Document(text='a'))
        eventually(lambda: any(count.waiting for count in pod(f, 'executor0/rep-0').batching.values()), 5, 'it waits')
        with within(2.0, 'a Flow with a request that waits for others is closed'):
            f.close()
        assert call.result(5)[0].tags['shared'] == 1
    assert len(notes(record, 'close')) == 1


def test_what_waits_survives_the_deadline_of_others(kind: Any) -> None:
    with Flow().add(uses=kind) as f, ThreadPoolExecutor(2) as pool:
        late = pool.submit(f.post, '/full', Document(), timeout=0.2)
        assert len(late.result(10)) == 1, 'a request does not wait so long for others that it is late'
        calls = [pool.submit(f.post, '/full', texts(SIZE // 2)) for _ in range(2)]
        assert [len(call.result(10)) for call in calls] == [SIZE // 2] * 2


def test_sizes_and_waits_are_to_be_seen(start_method: str, kind: Any) -> None:
    with Flow(start_method=start_method).add(uses=kind) as f:
        f.post('/work', texts(20))

        def counts() -> Any:
            found = pod(f, 'executor0/rep-0').batching.get('/work')
            return found if found is not None and found.requests == 1 else None

        found = eventually(counts, 5, lambda: str(pod(f, 'executor0/rep-0')))
        assert (found.calls, found.documents, found.largest, found.waiting) == (3, 20, SIZE, 0)


def test_it_pays() -> None:
    with Flow().add(uses=Costly) as f:

        def rate(endpoint: str, count: int) -> float:
            begun = time.monotonic()
            f.post(endpoint, texts(count), request_size=1)
            return count / (time.monotonic() - begun)

        rate('/alone', 1)
        assert rate('/shared', 1000) > 4 * rate('/alone', 100)

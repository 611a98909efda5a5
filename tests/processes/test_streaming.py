"""Generators gathered into one answer, an Executor served alone, and work that waits when its pod dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docarray.documents import TextDoc

from mproc_flow import Client, Document, DocumentArray, Executor, Flow, dynamic_batching, errors, requests
from tests.support import proc
from tests.support.executors import Recorded, notes
from tests.support.flows import pod, wait_until_restarted
from tests.support.programs import Programs
from tests.support.waiting import eventually, within


class Words(Recorded):
    """Yields the words of texts."""

    @requests(on='/words')
    def words(self, docs: DocumentArray, **kwargs: Any) -> Iterator[Document]:
        """One Document for each word, and a count."""
        for doc in docs:
            for word in str(doc.text).split():
                yield Document(text=word)
        yield {'done': True}  # type: ignore[misc]

    @requests(on='/hang')
    def hang(self, **kwargs: Any) -> Iterator[Document]:
        """Never get to the second part."""
        self.note('begin')
        try:
            yield Document()
            signal.pause()
        finally:
            self.note('cleaned')


class WordsAsync(Words):
    """The same in the event loop."""

    @requests(on='/words')
    async def words(self, docs: DocumentArray, **kwargs: Any) -> AsyncIterator[Document]:  # type: ignore[override]
        """One Document for each word, and a count."""
        for doc in docs:
            for word in str(doc.text).split():
                await asyncio.sleep(0)
                yield Document(text=word)
        yield {'done': True}  # type: ignore[misc]

    @requests(on='/hang')
    async def hang(self, **kwargs: Any) -> AsyncIterator[Document]:  # type: ignore[override]
        """Never get to the second part."""
        self.note('begin')
        try:
            yield Document()
            await asyncio.sleep(60)
        finally:
            self.note('cleaned')


class TypedWords(Executor):
    """Takes and yields typed documents."""

    @requests(on='/words')
    def words(self, doc: TextDoc, **kwargs: Any) -> Iterator[TextDoc]:
        """One for each word."""
        for word in str(doc.text).split():
            yield TextDoc(text=word)


class Waiting(Recorded):
    """Lets requests wait for each other."""

    @requests(on='/wait')
    @dynamic_batching(preferred_batch_size=100, timeout=1500)
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Tell who did it."""
        for doc in docs:
            self.note('work')
            doc.tags['pid'] = os.getpid()


@pytest.fixture(params=[Words, WordsAsync])
def kind(request: pytest.FixtureRequest) -> Any:
    """Both kinds of Executor."""
    return request.param


def test_all_that_is_yielded_is_one_answer(start_method: str, kind: Any) -> None:
    with Flow(start_method=start_method).add(uses=kind, name='words') as f:
        (response,) = f.post('/words', [Document(text='a b'), Document(text='c')], return_responses=True)
        assert [doc.text for doc in response.docs] == ['a', 'b', 'c']
        assert response.parameters['__results__'] == {'words/rep-0': {'done': True}}
        found = f.post('/words', [Document(text=f'{number} x') for number in range(100)], request_size=1)
        assert sorted(str(doc.text) for doc in found if doc.text != 'x') == sorted(map(str, range(100)))


def test_what_follows_gets_all_of_it(kind: Any) -> None:
    f = Flow().add(uses=kind, name='first', shards=2, polling='ALL').add(uses=TypedWords, name='second')
    with f.add(uses=TypedWords, name='beside', needs='first').needs_all() as f:
        assert {doc.text for doc in f.post('/words', Document(text='a b c'))} == {'a', 'b', 'c'}
        parts = list(f.post('/words', Document(text='a b c'), stream=True))
        assert len(parts) == 1, 'branches meet: nobody can take parts'


def test_a_generator_that_hangs_is_ended_in_order(start_method: str, kind: Any, record: str) -> None:
    f = Flow(start_method=start_method, timeout_ctrl=2).add(uses=kind, uses_with={'record': record})
    with ThreadPoolExecutor(1) as pool, f:
        call = pool.submit(f.post, '/hang', Document())
        eventually(lambda: notes(record, 'begin'), 10, 'it is at work')
        with within(3.0, 'a Flow whose generator hangs is closed'):
            f.close()
        with pytest.raises(errors.MprocFlowError):
            call.result(5)
    assert len(notes(record, 'cleaned')) == 1
    assert len(notes(record, 'close')) == 1


ALONE = """
from mproc_flow import Document, Executor, dynamic_batching, requests


class Alone(Executor):
    @requests(on='/words')
    def words(self, docs, **kwargs):
        for word in docs[0].text.split():
            yield Document(text=word)

    @requests(on='/share')
    @dynamic_batching(preferred_batch_size=4, timeout=200)
    def share(self, docs, **kwargs):
        for doc in docs:
            doc.tags['shared'] = len(docs)
"""


def test_an_executor_served_alone_streams_and_shares_calls(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / 'alone.py').write_text(ALONE)
    words = ['executor', '--uses', 'Alone', '--py-modules', str(tmp_path / 'alone.py'), '--port', '0']
    program = programs.module('mproc_flow', *words)
    ready = 'is ready at '
    line = eventually(lambda: next((text for text in program.texts('err') if ready in text), ''), 20, program.text)
    port = int(line.partition(ready)[2].partition(' ')[0].rpartition(':')[2])
    with Client(port=port) as client:
        many = ' '.join(map(str, range(50)))
        parts = [docs[0].text for docs in client.post('/words', Document(text=many), stream=True)]
        assert parts == many.split()
        assert len(client.post('/words', Document(text=many))) == 50
        shared = client.post('/share', [Document() for _ in range(10)], request_size=1)
        assert sorted(doc.tags['shared'] for doc in shared) == [2, 2, *[4] * 8]
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0, program.text


def test_what_waited_when_its_pod_died_is_done_by_another_one(start_method: str, record: str) -> None:
    f = Flow(start_method=start_method).add(uses=Waiting, replicas=2, uses_with={'record': record})
    with f, ThreadPoolExecutor(1) as pool:
        call = pool.submit(f.post, '/wait', Document())

        def holder() -> str:
            waiting = (one.name for one in f.pods if any(count.waiting for count in one.batching.values()))
            return next(waiting, '')

        name = eventually(holder, 5, 'it waits')
        old = pod(f, name).pid
        proc.send(old, signal.SIGKILL)
        assert call.result(10)[0].tags['pid'] != old
        wait_until_restarted(f, name, old)
    assert len(notes(record, 'work')) == 1

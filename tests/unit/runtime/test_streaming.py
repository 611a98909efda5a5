"""Generators: what they yield goes out piece by piece, or gathered into one answer."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import Document, DocumentArray, Executor, requests
from mproc_flow.runtime.messages import Announce, Stop, first_key
from mproc_flow.transport.frames import Done, Failed, Hello, More, Piece, Withdrawn, Work
from tests.support.pod import NAME, Answer, Scene, play
from tests.support.waiting import wait_until

NEW = first_key(1)


class Streaming(Executor):
    """Yields in every way, and notes how far it got."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = -1
        self.closed = threading.Event()

    @requests(on='/count')
    def count(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> Iterator[Document]:
        try:
            for number in range(parameters.get('to', 3)):
                self.reached = number
                yield Document(text=f'{docs[0].text}{number}')
        finally:
            self.closed.set()

    @requests(on='/doc')
    def one(self, doc: Document, **kwargs: Any) -> Iterator[Document]:
        yield doc
        yield Document(text=f'{doc.text}+')

    @requests(on='/kinds')
    def kinds(self, **kwargs: Any) -> Iterator[Any]:
        yield DocumentArray([Document(text='a'), Document(text='b')])
        yield {'tokens': 2}
        yield Document(text='c')
        yield {'tokens': 3, 'model': 'x'}

    @requests(on='/nothing')
    def nothing(self, **kwargs: Any) -> Iterator[Document]:
        yield from ()

    @requests(on='/wrong')
    def wrong(self, **kwargs: Any) -> Iterator[Any]:
        yield Document(text='a')
        yield 5

    @requests(on='/raise')
    def fail(self, **kwargs: Any) -> Iterator[Document]:
        yield Document(text='a')
        raise ValueError('in the midst')

    @requests(on='/plain')
    def plain(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs[0].text = 'plain'


class StreamingAsync(Streaming):
    """The same in the event loop; those that are not replaced run there as they are."""

    @requests(on='/count')
    async def count(  # type: ignore[override]
        self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any
    ) -> AsyncIterator[Document]:
        try:
            for number in range(parameters.get('to', 3)):
                self.reached = number
                yield Document(text=f'{docs[0].text}{number}')
                await asyncio.sleep(0)
        finally:
            self.closed.set()

    @requests(on='/doc')
    async def one(self, doc: Document, **kwargs: Any) -> AsyncIterator[Document]:  # type: ignore[override]
        yield doc
        yield Document(text=f'{doc.text}+')

    @requests(on='/raise')
    async def fail(self, **kwargs: Any) -> AsyncIterator[Document]:  # type: ignore[override]
        yield Document(text='a')
        raise ValueError('in the midst')


@pytest.fixture(params=[Streaming, StreamingAsync])
def executor(request: pytest.FixtureRequest) -> Streaming:
    """Both kinds."""
    made: Streaming = request.param()
    return made


def ask(executor: Streaming, directory: Path, endpoint: str, texts: Any = ('x',), window: int = 0) -> list[Answer]:
    """Give one piece of work, and wait for its end; give all that was said."""

    def script(scene: Scene) -> list[Answer]:
        scene.gateway.work(Work(0, endpoint, window=window), texts, {'mine': 1})
        found = [scene.gateway.answer()]
        while isinstance(found[-1].header, Piece):
            found.append(scene.gateway.answer())
        return found

    return play(executor, script, directory)


@pytest.mark.parametrize(
    ('endpoint', 'texts'),
    [('/count', ['x0', 'x1', 'x2']), ('/doc', ['x', 'x+']), ('/kinds', ['a', 'b', 'c']), ('/nothing', [])],
)
def test_without_a_window_all_is_one_answer(
    executor: Streaming, tmp_path: Path, endpoint: str, texts: list[str]
) -> None:
    (answer,) = ask(executor, tmp_path, endpoint)
    assert isinstance(answer.header, Done)
    assert answer.texts == texts
    assert answer.parameters['mine'] == 1


def test_results_are_united(executor: Streaming, tmp_path: Path) -> None:
    (answer,) = ask(executor, tmp_path, '/kinds')
    assert answer.parameters == {'mine': 1, '__results__': {NAME: {'tokens': 3, 'model': 'x'}}}


def test_with_a_window_each_is_a_piece(executor: Streaming, tmp_path: Path) -> None:
    *pieces, done = ask(executor, tmp_path, '/kinds', window=10)
    assert [piece.texts for piece in pieces] == [['a', 'b'], [], ['c'], []]
    assert pieces[1].parameters == {'mine': 1, '__results__': {NAME: {'tokens': 2}}}
    assert pieces[2].parameters == {'mine': 1}
    assert isinstance(done.header, Done)
    assert not done.docs


def test_a_method_that_returns_is_one_answer_whatever_the_window(executor: Streaming, tmp_path: Path) -> None:
    (answer,) = ask(executor, tmp_path, '/plain', window=10)
    assert answer.texts == ['plain']


def test_each_document_by_itself(executor: Streaming, tmp_path: Path) -> None:
    *pieces, _ = ask(executor, tmp_path, '/doc', 'ab', window=10)
    assert [piece.texts for piece in pieces] == [['a'], ['a+'], ['b'], ['b+']]


@pytest.mark.parametrize(('endpoint', 'complaint'), [('/raise', 'in the midst'), ('/wrong', 'wrong yielded int')])
def test_an_error_in_the_midst_comes_after_what_was_there(
    executor: Streaming, tmp_path: Path, endpoint: str, complaint: str
) -> None:
    first, last = ask(executor, tmp_path, endpoint, window=10)
    assert first.texts == ['a']
    assert complaint in last.header.info.message


@pytest.mark.parametrize('endpoint', ['/raise', '/wrong'])
def test_an_error_in_the_midst_of_what_is_gathered(executor: Streaming, tmp_path: Path, endpoint: str) -> None:
    (answer,) = ask(executor, tmp_path, endpoint)
    assert isinstance(answer.header, Failed)


def test_no_more_is_sent_than_the_reader_takes(executor: Streaming, tmp_path: Path) -> None:
    def script(scene: Scene) -> int:
        gateway = scene.gateway
        gateway.work(Work(7, '/count', window=2), ['x'], {'to': 1000})
        for number in range(2):
            assert gateway.answer().texts == [f'x{number}']
        assert gateway.is_silent(0.1)
        reached = executor.reached
        gateway.send(More(99, 50), More(7, 1), More(7, 2))
        for number in range(2, 5):
            assert gateway.answer().texts == [f'x{number}']
        assert gateway.is_silent(0.1)
        gateway.send(More(7, 2000))
        rest = [gateway.answer() for _ in range(995)]
        assert rest[-1].texts == ['x999']
        assert isinstance(gateway.answer().header, Done)
        return reached

    assert play(executor, script, tmp_path) <= 2, 'one ahead at most'


@pytest.mark.parametrize('window', [1, 10**9])
def test_a_stream_that_nobody_reads_is_closed(executor: Streaming, tmp_path: Path, window: int) -> None:
    def script(scene: Scene) -> Answer:
        gateway = scene.gateway
        gateway.work(Work(7, '/count', window=window), ['x'], {'to': 10**9})
        gateway.answer()
        gateway.send(Withdrawn((7,)))
        last = next(answer for answer in iter(gateway.answer, None) if not isinstance(answer.header, Piece))
        assert executor.closed.wait(10)
        gateway.work(Work(8, '/plain'))
        assert isinstance(gateway.answer().header, Done)
        return last

    assert play(executor, script, tmp_path).header.info.code == 'deadline'


def test_a_stream_that_waits_does_not_hold_up_the_end(executor: Streaming, tmp_path: Path) -> None:
    def script(scene: Scene) -> Answer:
        scene.gateway.work(Work(7, '/count', window=1), ['x'], {'to': 10**9})
        scene.gateway.answer()
        wait_until(time.monotonic() + 0.05)
        scene.pod.guardian.send(Stop())
        return scene.gateway.answer()

    assert play(executor, script, tmp_path).header.info.code == 'closed'
    assert executor.closed.is_set()


def test_a_new_gateway_hears_nothing_of_the_old_ones_stream(executor: Streaming, tmp_path: Path) -> None:
    def script(scene: Scene) -> list[Any]:
        gateway = scene.gateway
        gateway.work(Work(0, '/count', window=1), ['x'], {'to': 10**9})
        gateway.answer()
        scene.pod.guardian.send(Announce(NEW))
        hello = gateway.answer().header
        gateway.work(Work(NEW, '/plain'))
        return [hello, gateway.answer().header]

    hello, done = play(executor, script, tmp_path)
    assert isinstance(hello, Hello)
    assert isinstance(done, Done)


def test_streams_of_the_loop_run_side_by_side(tmp_path: Path) -> None:
    def script(scene: Scene) -> set[int]:
        for key in range(3):
            scene.gateway.work(Work(key, '/count', slot=key, window=1), ['x'], {'to': 2})
        first = {scene.gateway.answer().header.key for _ in range(3)}
        for key in itertools.islice(first, 3):
            scene.gateway.send(More(key, 5))
        ended = 0
        while ended < 3:
            ended += isinstance(scene.gateway.answer().header, Done)
        return first

    assert play(StreamingAsync(), script, tmp_path) == {0, 1, 2}


def test_by_hand_it_is_the_generator() -> None:
    found = Streaming()('/count', docs=DocumentArray([Document(text='x')]), parameters={})
    assert [doc.text for doc in found] == ['x0', 'x1', 'x2']

"""What annotations say about what a generator yields, and what becomes of that."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from docarray import DocList
from docarray.documents import TextDoc

from mproc_flow import Executor, dynamic_batching, requests
from mproc_flow.signature import schemas, signature
from mproc_flow.transport.frames import Failed, Work
from tests.support.pod import Answer, Scene, play


class Token(TextDoc):
    """A subclass."""

    number: int


def iterator(docs: DocList[TextDoc]) -> Iterator[Token]:
    """One by one."""
    yield Token(text='', number=0)


def generator(doc: TextDoc) -> Generator[Token, None, None]:
    """In the long form."""
    yield Token(text='', number=0)


def lists(docs: DocList[TextDoc]) -> Iterator[DocList[Token]]:
    """Several at a time."""
    yield DocList[Token]()


async def later(docs: DocList[TextDoc]) -> AsyncIterator[Token]:
    """In the loop."""
    yield Token(text='', number=0)


async def later_still(docs: DocList[TextDoc]) -> AsyncGenerator[Token, None]:
    """In the loop, in the long form."""
    yield Token(text='', number=0)


@pytest.mark.parametrize('method', [iterator, generator, lists, later, later_still])
def test_what_it_yields_goes_on(method: Any) -> None:
    assert signature(method).gives is Token
    assert schemas({'/x': method})['/x'].gives['title'] == 'Token'  # type: ignore[index]


def test_what_is_yielded_says_nothing_of_what_is_taken() -> None:
    def silent(docs: DocList[TextDoc]) -> Iterator[None]:
        yield

    assert signature(silent).gives is None


class Typed(Executor):
    """Yields typed documents, some that it said it would not."""

    @requests(on='/words')
    def words(self, docs: DocList[TextDoc], **kwargs: Any) -> Iterator[Token]:
        for number, word in enumerate(str(docs[0].text).split()):
            yield Token(text=word, number=number)

    @requests(on='/wrong')
    def wrong(self, doc: TextDoc, **kwargs: Any) -> Iterator[Token]:
        yield TextDoc(text='x')  # type: ignore[misc]

    @requests(on='/share')
    @dynamic_batching(preferred_batch_size=3, timeout=60_000)
    def share(self, docs: DocList[TextDoc], **kwargs: Any) -> DocList[Token]:
        return DocList[Token]([Token(text=doc.text, number=len(docs)) for doc in docs])


def test_typed_documents_are_yielded(tmp_path: Path) -> None:
    def script(scene: Scene) -> Answer:
        scene.gateway.work(Work(0, '/words'), ['a b c'])
        return scene.gateway.answer()

    answer = play(Typed(), script, tmp_path)
    assert answer.texts == ['a', 'b', 'c']
    assert [doc.tags['number'] for doc in answer.docs] == [0, 1, 2]


def test_other_documents_are_refused(tmp_path: Path) -> None:
    def script(scene: Scene) -> Answer:
        scene.gateway.work(Work(0, '/wrong'))
        return scene.gateway.answer()

    header = play(Typed(), script, tmp_path).header
    assert isinstance(header, Failed)
    assert 'wrong yielded a TextDoc; its annotation says Token' in header.info.message


def test_typed_documents_share_a_call(tmp_path: Path) -> None:
    def script(scene: Scene) -> dict[int, Answer]:
        scene.gateway.work(Work(0, '/share'), ['a'])
        scene.gateway.work(Work(1, '/share', slot=1), ['b', 'c'])
        return scene.gateway.answers(2)

    found = play(Typed(), script, tmp_path)
    assert found[1].texts == ['b', 'c']
    assert found[0].docs[0].tags['number'] == 3

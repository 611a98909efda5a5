"""Typed documents as inputs of a post, and in a Response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from docarray import BaseDoc, DocList, DocVec
from docarray.documents import TextDoc

from mproc_flow.model.document import Document
from mproc_flow.model.request import Header, Response, as_document, batches


class Callable(TextDoc):
    """What could be taken for a function that gives inputs."""

    def __call__(self) -> list[str]:
        return ['not this']


def one_by_one() -> Iterator[Any]:
    """A generator of documents of all kinds."""
    yield TextDoc(text='a')
    yield Document(text='b')
    yield 'c'


@pytest.mark.parametrize(
    ('inputs', 'texts'),
    [
        (TextDoc(text='a'), ['a']),
        (Callable(text='a'), ['a']),
        ([TextDoc(text='a'), TextDoc(text='b')], ['a', 'b']),
        (DocList[TextDoc]([TextDoc(text='a'), TextDoc(text='b')]), ['a', 'b']),
        (DocList[TextDoc](), []),
        (DocVec[TextDoc]([TextDoc(text='a'), TextDoc(text='b')]), ['a', 'b']),
        (one_by_one(), ['a', 'b', 'c']),
        (one_by_one, ['a', 'b', 'c']),
    ],
    ids=['document', 'callable', 'list', 'DocList', 'empty', 'DocVec', 'generator', 'function'],
)
def test_every_form_of_inputs(inputs: Any, texts: list[str]) -> None:
    assert [doc.text for batch in batches(inputs, 2) for doc in batch] == texts


def test_ids_stay() -> None:
    typed = TextDoc(text='a')
    assert as_document(typed).id == typed.id


def test_a_response_with_typed_documents_as_data() -> None:
    class Counted(BaseDoc):
        count: int

    docs: Any = DocList[Counted]([Counted(id='i', count=1)])
    data = Response(header=Header(request_id='r'), docs=docs).to_dict()['data']
    assert [(doc['id'], doc['tags']) for doc in data] == [('i', {'count': 1})]

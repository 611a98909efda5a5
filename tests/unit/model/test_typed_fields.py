"""Typed documents with fields that every Document has."""

from docarray import BaseDoc, DocList
from docarray.documents import TextDoc

from mproc_flow.model.document import Document
from mproc_flow.model.typed import from_document, to_document
from tests.support.typed import Part, same, there_and_back


class Book(BaseDoc):
    """Fields that every Document has, some of them further ones."""

    text: str
    weight: float
    granularity: int = 0
    chunks: DocList[Part]
    matches: DocList[TextDoc] | None = None


def test_further_fields_of_a_document_are_its_own() -> None:
    book = Book(id='b', text='all', weight=0.5, chunks=DocList[Part]([Part(id='p', name='one')]))
    doc = to_document(book)
    assert (doc.weight, doc.granularity, doc.chunks[0].id, doc.tags) == (0.5, 0, 'p', {})
    assert doc.chunks[0].tags['name'] == 'one'
    assert same(there_and_back(book), book)


def test_asking_for_what_is_not_there_leaves_no_trace() -> None:
    doc = Document(text='all', weight=0.5, tags={'chunks': []})
    assert from_document(doc, Book).chunks == []
    bare = Document(text='x')
    from_document(bare, TextDoc)
    assert bare._more is None

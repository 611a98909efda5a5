"""Methods annotated with typed documents: what they get, and what becomes of what they return."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from docarray import BaseDoc, DocList, DocVec
from docarray.documents import TextDoc
from pydantic import BaseModel, ConfigDict

from mproc_flow.executor import Executor, requests
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.topology.plan import Route
from mproc_flow.transport.frames import Part, Work
from tests.support.pod import called, called_async

RESULTS = '__results__'
# As docarray calls the class, with or without what is in it.
LIST = type(DocList[TextDoc]()).__name__.replace('TextDoc', 'Counted')


class Counted(BaseDoc):
    text: str
    count: int = 0


class Longer(Counted):
    """A subclass."""

    more: str = 'more'


class Size(BaseModel):
    model_config = ConfigDict(extra='forbid')
    size: int = 3


class Typed(Executor):
    """One method for each way to take and to return typed documents."""

    seen: Any = None

    @requests(on='/replace')
    def replace(self, docs: DocList[TextDoc], **kwargs: Any) -> DocList[Counted]:
        self.seen = docs
        return DocList[Counted]([Counted(id=doc.id, text=doc.text or '', count=len(doc.text or '')) for doc in docs])

    @requests(on='/in-place')
    def in_place(self, docs: DocList[Counted], **kwargs: Any) -> None:
        docs[0].count += 1
        docs.append(Counted(id='new', text='n'))

    @requests(on='/dict')
    def as_dict(self, docs: DocList[Counted], **kwargs: Any) -> dict[str, Any]:
        docs[0].count = 5
        return {'sum': 5}

    @requests(on='/columns')
    def columns(self, docs: DocVec[TextDoc], **kwargs: Any) -> None:
        self.seen = docs

    @requests(on='/parameters')
    def take_parameters(self, docs: DocList[TextDoc], parameters: Size, **kwargs: Any) -> None:
        self.seen = parameters

    @requests(on='/perhaps')
    def perhaps(self, parameters: Size | None = None) -> None:
        self.seen = parameters

    @requests(on='/branches')
    def branches(self, docs: DocList[Counted], docs_matrix: Any, docs_map: Any) -> None:
        self.seen = SimpleNamespace(docs=docs, matrix=docs_matrix, map=docs_map)
        docs_matrix[1][0].count = 7

    @requests(on='/given', request_schema=DocList[Counted], response_schema=DocList[Longer])
    def given(self, docs, **kwargs):  # type: ignore[no-untyped-def]
        return DocList[Longer]([Longer(text=doc.text, more='given') for doc in docs])

    @requests(on='/from-untyped')
    def from_untyped(self, docs: DocumentArray, **kwargs: Any) -> DocList[Counted]:
        return DocList[Counted]([Counted(text=doc.text) for doc in docs])


class Single(Executor):
    """Methods that are called for each document."""

    @requests(on='/typed')
    def typed(self, doc: TextDoc, parameters: dict[str, Any], **kwargs: Any) -> Counted:
        assert not kwargs
        return Counted(text=doc.text or '', count=parameters['count'])

    @requests(on='/async')
    async def wait(self, doc: Counted) -> None:
        await asyncio.sleep(0)
        doc.count += 1

    @requests(on='/untyped')
    def untyped(self, doc: Document) -> Document:
        return Document(text=doc.text.upper())

    @requests(on='/wrong')
    def wrong(self, doc: TextDoc, parameters: dict[str, Any]) -> Counted:
        return {'list': [], 'dict': {}, 'other': doc, 'array': DocList[Counted]()}[parameters['what']]  # type: ignore


class Wrong(Executor):
    """Returns what it did not promise."""

    @requests(on='/x')
    def work(self, docs: DocList[TextDoc], parameters: dict[str, Any]) -> DocList[Counted]:
        return {  # type: ignore
            'other': DocList[TextDoc]([TextDoc()]),
            'mixed': DocList[BaseDoc]([Counted(text='a'), TextDoc()]),
            'untyped': DocumentArray([Document()]),
            'list': [Counted(text='a')],
            'document': Counted(text='a'),
            'none': None,
        }[parameters['what']]

    @requests(on='/sub')
    def narrower(self, docs: DocList[TextDoc], **kwargs: Any) -> DocList[Counted]:
        return DocList[Counted]([Longer(text='a')])


def part(*texts: str, **parameters: Any) -> Part:
    """A part with a Document for each text."""
    return encode([Document(id=text, text=text) for text in texts], parameters)


def call(executor: Executor, endpoint: str, *parts: Part, **work: Any) -> tuple[DocumentArray, dict[str, Any]]:
    """Do a piece of work."""
    route = Route('enc', work.pop('needs', ('gateway',)), (('enc/rep-0',),), target='enc')
    return decode(called(Dispatcher(executor, 'enc/rep-0', route), Work(0, endpoint, **work), parts))


def test_typed_documents_in_and_out() -> None:
    executor = Typed()
    docs, _ = call(executor, '/replace', part('a', 'bc'))
    assert type(executor.seen) is type(DocList[TextDoc]())
    assert [(doc.id, doc.text, doc.tags) for doc in docs] == [('a', 'a', {'count': 1}), ('bc', 'bc', {'count': 2})]


def test_no_documents() -> None:
    executor = Typed()
    assert len(call(executor, '/replace', part())[0]) == 0
    assert type(executor.seen) is type(DocList[TextDoc]())


def test_what_is_changed_in_place_goes_on() -> None:
    docs, _ = call(Typed(), '/in-place', part('a'))
    assert [(doc.id, doc.tags) for doc in docs] == [('a', {'count': 1}), ('new', {'count': 0})]


def test_a_dict_is_filed_and_the_documents_go_on() -> None:
    docs, parameters = call(Typed(), '/dict', part('a'))
    assert docs[0].tags == {'count': 5}
    assert parameters == {RESULTS: {'enc/rep-0': {'sum': 5}}}


def test_columns() -> None:
    executor = Typed()
    docs, _ = call(executor, '/columns', part('a', 'b'))
    assert isinstance(executor.seen, DocVec)
    assert [(doc.id, doc.text) for doc in docs] == [('a', 'a'), ('b', 'b')]


def test_parameters_as_a_model() -> None:
    executor = Typed()
    call(executor, '/parameters', part('a', size='4', other__size=5, **{RESULTS: {}}))
    assert executor.seen == Size(size=4)
    call(executor, '/perhaps', part('a', **{RESULTS: {}}))
    assert executor.seen is None
    with pytest.raises(ValueError, match=r'parameters cannot become Size: field size: .*valid integer'):
        call(executor, '/parameters', part('a', size='many'))


def test_branches_are_typed_and_the_same_documents() -> None:
    executor = Typed()
    docs, _ = call(executor, '/branches', part('a'), part('b'), groups=(1, 1), needs=('one', 'two'))
    assert [doc.text for doc in executor.seen.docs] == ['a', 'b']
    assert executor.seen.map['two'] is executor.seen.matrix[1]
    assert type(executor.seen.matrix[0]) is type(DocList[Counted]())
    assert [doc.tags['count'] for doc in docs] == [0, 7]


def test_schemas_instead_of_annotations() -> None:
    docs, _ = call(Typed(), '/given', part('a'))
    assert docs[0].tags == {'count': 0, 'more': 'given'}


def test_documents_in_and_typed_ones_out() -> None:
    assert call(Typed(), '/from-untyped', part('a'))[0][0].tags == {'count': 0}


def test_what_does_not_fit_is_an_error_that_names_document_and_field() -> None:
    with pytest.raises(ValueError, match=r'Document 1 \(d\) cannot become Counted: field text: Field required'):
        call(Typed(), '/in-place', encode([Document(text='a'), Document(id='d')], {}))


@pytest.mark.parametrize(
    ('what', 'message'),
    [
        ('other', 'Wrong.work returned a TextDoc as document 0; its annotation says Counted'),
        ('mixed', 'Wrong.work returned a TextDoc as document 1; its annotation says Counted'),
        ('untyped', 'Wrong.work returned a Document as document 0; its annotation says Counted'),
        ('list', 'Wrong.work returned list; an Executor method returns DocList[Counted]'),
        ('document', 'Wrong.work returned Counted; an Executor method returns DocList[Counted]'),
        ('none', 'Wrong.work leaves a TextDoc as document 0; its annotation says Counted'),
    ],
)
def test_other_documents_than_the_annotation_says(what: str, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        call(Wrong(), '/x', part('a', what=what))
    assert str(caught.value) == message


def test_a_subclass_is_what_the_annotation_says() -> None:
    assert call(Wrong(), '/sub', part('a'))[0][0].tags == {'count': 0, 'more': 'more'}


def test_a_method_for_a_single_document_is_called_for_each() -> None:
    docs, _ = call(Single(), '/typed', part('a', 'b', count=3))
    assert [(doc.text, doc.tags) for doc in docs] == [('a', {'count': 3}), ('b', {'count': 3})]
    assert [doc.text for doc in call(Single(), '/untyped', part('a', 'b'))[0]] == ['A', 'B']


def test_an_asynchronous_one_is_awaited() -> None:
    dispatcher = Dispatcher(Single(), 'enc/rep-0', Route('enc', ('gateway',), target='enc'))
    stopping: Any = SimpleNamespace(in_call=False)
    answer = asyncio.run(called_async(dispatcher, Work(0, '/async'), [part('a', 'b')], stopping))
    assert [(doc.text, doc.tags) for doc in decode(answer)[0]] == [('a', {'count': 1}), ('b', {'count': 1})]


@pytest.mark.parametrize(
    ('what', 'message'),
    [
        ('list', 'Single.wrong returned list; an Executor method that takes one document returns Counted'),
        ('dict', 'Single.wrong returned dict; an Executor method that takes one document returns Counted'),
        ('array', f'Single.wrong returned {LIST}; an Executor method that takes one document returns Counted'),
        ('other', 'Single.wrong returned a TextDoc; its annotation says Counted'),
    ],
)
def test_what_such_a_method_must_not_return(what: str, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        call(Single(), '/wrong', part('a', what=what))
    assert str(caught.value) == message

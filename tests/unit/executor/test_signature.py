"""What annotations say about the documents of a method, in every way in which they can be written."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, Dict, List, Optional  # noqa: UP035 - as users write it

import pytest
from docarray import DocList, DocVec
from docarray.documents import TextDoc
from pydantic import BaseModel

from mproc_flow.errors import BadOption
from mproc_flow.executor import Executor, accepted, check_executor, requests
from mproc_flow.model.array import DocumentArray
from mproc_flow.signature import Signature, schemas, signature


class Narrow(TextDoc):
    """A subclass."""

    n: int


class Model(BaseModel):
    """Parameters."""

    size: int = 3


def plain(docs: DocList[TextDoc], **kwargs: Any) -> DocList[Narrow]:
    """The usual form."""
    raise NotImplementedError


def quoted(docs: 'DocList[TextDoc]', **kwargs: Any) -> 'DocList[Narrow]':  # noqa: UP037
    """In quotation marks, twice."""
    raise NotImplementedError


def partly(docs: Optional['DocList[TextDoc]'], **kwargs: Any) -> DocList[Narrow]:  # noqa: UP037, UP045
    """A part in quotation marks."""
    raise NotImplementedError


def optional(docs: Optional[DocList[TextDoc]] = None, **kwargs: Any) -> Annotated[DocList[Narrow], 'note']:  # noqa: UP045
    """With a default and a note."""
    raise NotImplementedError


def matrix(docs_matrix: List[DocList[TextDoc]], **kwargs: Any) -> DocList[Narrow]:  # noqa: UP006
    """Branch by branch."""
    raise NotImplementedError


def by_name(docs_map: Optional[Dict[str, DocList[TextDoc]]], **kwargs: Any) -> DocList[Narrow]:  # noqa: UP006, UP045
    """By name of the branch."""
    raise NotImplementedError


def given(docs: DocumentArray, **kwargs: Any) -> None:
    """Is told by the decorator."""


given = requests(on='/x', request_schema=DocList[TextDoc], response_schema=Narrow)(given)


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """As decorators of users are."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


@pytest.mark.parametrize(
    'method',
    [plain, quoted, partly, optional, matrix, by_name, given, decorated(plain)],
    ids=lambda method: method.__name__,
)
def test_every_way_to_write_it(method: Any) -> None:
    assert signature(method) == Signature(takes=TextDoc, gives=Narrow)


def test_a_method_for_a_single_document() -> None:
    def one(doc: TextDoc, **kwargs: Any) -> Narrow:
        raise NotImplementedError

    assert signature(one) == Signature(single=True, takes=TextDoc, gives=Narrow)
    assert accepted(one) == {'doc', 'parameters'}


def test_columns() -> None:
    def columns(docs: DocVec[TextDoc]) -> None: ...

    assert signature(columns) == Signature(takes=TextDoc, in_columns=True, gives=TextDoc)


@pytest.mark.parametrize('returns', ['None', 'dict', 'dict[str, Any]', 'Dict[str, int]'])
def test_what_is_changed_in_place_goes_on(returns: str) -> None:
    def change(docs: DocList[TextDoc], **kwargs: Any) -> None: ...

    change.__annotations__['return'] = returns
    assert signature(change).gives is TextDoc


def test_nothing_is_known_of_what_is_not_annotated() -> None:
    def silent(docs: DocList[TextDoc], **kwargs: Any): ...  # type: ignore[no-untyped-def]

    def any_list(docs: DocList[TextDoc], **kwargs: Any) -> DocList: ...  # type: ignore[empty-body]

    def perhaps(docs: DocList[TextDoc], **kwargs: Any) -> DocList[Narrow] | None: ...

    for method in (silent, any_list, perhaps):
        assert signature(method) == Signature(takes=TextDoc)


def test_one_that_may_leave_them_as_they_are() -> None:
    def perhaps(docs: DocList[Narrow], **kwargs: Any) -> DocList[TextDoc] | None: ...

    assert signature(perhaps).gives is TextDoc


def test_parameters() -> None:
    def model(docs: DocumentArray, parameters: Model) -> None: ...

    def or_none(docs: DocumentArray, parameters: Optional[Model] = None) -> None: ...  # noqa: UP045

    def as_dict(docs: DocumentArray, parameters: dict[str, Any]) -> None: ...

    assert signature(model) == Signature(parameters=Model)
    assert signature(or_none) == Signature(parameters=Model, optional_parameters=True)
    assert signature(as_dict) == Signature()


def test_what_has_nothing_to_do_with_docarray_is_no_matter() -> None:
    """Whatever cannot be looked up, as the names that are there for the type checker only."""

    def untyped(docs: Missing, parameters: dict[str, Absent], **kwargs: Away) -> Missing: ...  # type: ignore  # noqa: F821

    def single(doc: somewhere.Document) -> somewhere.Document: ...  # type: ignore  # noqa: F821

    def bare(docs_matrix: List, docs_map: Dict) -> List: ...  # type: ignore  # noqa: UP006

    assert signature(untyped) == signature(bare) == Signature()
    assert signature(single) == Signature(single=True)


def _unknown(docs: DocList[Missing], **kwargs: Any) -> None: ...  # type: ignore  # noqa: F821


def _unknown_single(doc: Missing) -> None: ...  # type: ignore  # noqa: F821


def _unknown_parameters(parameters: Missing) -> None: ...  # type: ignore  # noqa: F821


def _unknown_return(docs: DocList[TextDoc]) -> DocList[Missing]: ...  # type: ignore  # noqa: F821


def _two(docs: DocList[TextDoc], docs_matrix: list[DocList[Narrow]]) -> None: ...


def _either(docs: DocList[TextDoc] | DocList[Narrow]) -> None: ...


def _alone(docs: DocList) -> None: ...


def _not_a_list(docs: TextDoc) -> None: ...


def _not_single(doc: DocList[TextDoc]) -> None: ...


@pytest.mark.parametrize(
    ('method', 'words'),
    [
        (_unknown, "DocList[Missing] of 'docs': it cannot be looked up (NameError: name 'Missing' is not defined)"),
        (_unknown_single, "Missing of 'doc': it cannot be looked up"),
        (_unknown_parameters, "Missing of 'parameters': it cannot be looked up"),
        (_unknown_return, "DocList[Missing] of 'return': it cannot be looked up"),
        (_two, 'wants the same documents as Narrow and TextDoc'),
        (_either, "of 'docs': which of the types? Name one"),
        (_alone, 'Write DocList[X] instead of DocList'),
        (_not_a_list, "of 'docs': it is DocList[TextDoc] that a method gets as 'docs'"),
        (_not_single, "of 'doc': it is TextDoc that a method gets as 'doc'"),
    ],
)
def test_what_cannot_be_understood_is_said(method: Any, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        signature(method)
    assert str(caught.value).startswith(method.__name__)
    assert words in str(caught.value)


def test_it_is_found_when_the_executor_is_checked() -> None:
    class Wrong(Executor):
        @requests
        def work(self, docs: DocList[Missing], **kwargs: Any) -> None: ...  # type: ignore  # noqa: F821

    with pytest.raises(BadOption, match=r'Wrong: .*Wrong\.work: annotation DocList\[Missing\]'):
        check_executor(Wrong, "Flow.add(name='a'): uses")


@pytest.mark.parametrize('schema', [dict, DocumentArray, 5, 'DocList'])
def test_a_schema_that_is_none(schema: Any) -> None:
    def work(self: Any, docs: DocumentArray) -> None: ...

    for option in ('request_schema', 'response_schema'):
        with pytest.raises(TypeError, match=rf'@requests\({option}=\.\.\.\) takes DocList\[X\] or X'):
            requests(on='/x', **{option: schema})(work)


def test_doc_and_docs_at_once() -> None:
    with pytest.raises(TypeError, match="wants 'docs', which a request does not offer beside doc"):

        @requests
        def both(self: Any, doc: TextDoc, docs: DocList[TextDoc]) -> None: ...


def test_inherited_methods() -> None:
    class Base(Executor):
        @requests(on='/x')
        def work(self, docs: DocList[TextDoc], **kwargs: Any) -> DocList[Narrow]:
            raise NotImplementedError

    class Derived(Base):
        pass

    found = schemas(Derived().requests)['/x']
    assert found.takes is not None
    assert found.gives is not None
    assert (found.takes['title'], found.gives['title']) == ('TextDoc', 'Narrow')
    assert found.gives['required'] == ['n']


def test_what_was_found_is_kept_for_processes_that_cannot_look_it_up() -> None:
    """As a class of ``__main__`` is sent without the names that only its annotations use."""

    def work(docs: DocList[TextDoc]) -> None: ...

    signature(work)
    work.__annotations__['docs'] = 'DocList[Missing]'
    assert signature(work).takes is TextDoc


def test_an_old_docarray_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType('docarray')
    old.__version__ = '0.21.0'  # type: ignore[attr-defined]
    array = type('DocumentArray', (list,), {'__module__': 'docarray.array.document'})

    def work(docs: Any) -> None: ...

    work.__annotations__['docs'] = array
    monkeypatch.setitem(sys.modules, 'docarray', old)
    with pytest.raises(TypeError, match=r"^.*work: annotation DocumentArray of 'docs': docarray 0\.21\.0 is too old"):
        signature(work)


def test_an_old_docarray_is_no_matter_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'docarray', ModuleType('docarray'))

    def work(docs: DocumentArray, parameters: dict[str, Any]) -> DocumentArray:
        raise NotImplementedError

    assert signature(work) == Signature()

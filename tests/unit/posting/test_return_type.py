"""As what the Documents of answers are given."""

from __future__ import annotations

from typing import Any

import pytest
from docarray import BaseDoc, DocList, DocVec
from docarray.documents import TextDoc

from mproc_flow.errors import BadClient, BadOption
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from mproc_flow.posting.options import PostOptions
from mproc_flow.posting.return_type import ReturnType


class Counted(BaseDoc):
    count: int


def answers(return_type: Any, *numbers: int) -> Any:
    """What a call returns whose answers have one Document each."""
    wanted = ReturnType(return_type)
    arrays = [wanted.array(DocumentArray(Document(tags={'count': number}))) for number in numbers]
    return wanted.result([doc for array in arrays for doc in array])


@pytest.mark.parametrize('return_type', [None, Document, DocumentArray])
def test_documents_unless_others_are_asked_for(return_type: Any) -> None:
    found = answers(return_type, 1, 2)
    assert type(found) is DocumentArray
    assert [doc.tags for doc in found] == [{'count': 1}, {'count': 2}]


@pytest.mark.parametrize('return_type', [DocList[Counted], Counted])
def test_typed_documents_of_several_answers_in_one_list(return_type: Any) -> None:
    found = answers(return_type, 1, 2)
    assert type(found) is type(DocList[Counted]())
    assert found.count == [1, 2]


def test_the_class_alone_gives_a_single_document_as_it_is() -> None:
    assert answers(Counted, 1) == Counted(count=1)
    assert type(answers(DocList[Counted], 1)) is type(DocList[Counted]())
    assert len(answers(Counted)) == 0


def test_columns() -> None:
    assert isinstance(answers(DocVec[Counted], 1, 2), DocVec)


def test_an_answer_that_does_not_fit() -> None:
    with pytest.raises(BadClient, match=r'return_type.*Document 0 \(.*\) cannot become TextDoc: field text'):
        ReturnType(TextDoc).array(DocumentArray(Document(tags={'text': 5})))


@pytest.mark.parametrize('wrong', [dict, 5, 'DocList', DocList, BaseDoc()])
def test_what_it_cannot_be(wrong: Any) -> None:
    with pytest.raises(BadOption, match=r'post\(return_type='):
        PostOptions.of({'return_type': wrong})


def test_it_is_an_option_of_a_call() -> None:
    assert PostOptions.of({'return_type': DocList[Counted]}).return_type is DocList[Counted]

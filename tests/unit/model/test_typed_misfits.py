"""What an arriving Document lacks for a class of typed documents is said field by field."""

from enum import IntEnum

import pytest
from docarray import BaseDoc, DocList
from pydantic import Field

from mproc_flow.model.document import Document
from mproc_flow.model.typed import from_documents, validated
from tests.support.typed import Part


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Wanted(BaseDoc):
    number: int
    ratio: float = 0.5
    flag: bool = False
    words: list[str] = Field(default_factory=list)
    level: Level = Level.LOW
    part: Part | None = None
    parts: DocList[Part] = DocList[Part]()


@pytest.mark.parametrize(
    ('doc', 'words'),
    [
        (Document(id='d'), ['field number: Field required']),
        (Document(id='d', tags={'number': 'many'}), ['field number', 'valid integer', "(it is 'many')"]),
        (Document(id='d', tags={'number': 1, 'part': {'name': 5}}), ['field part.name', 'valid string', '(it is 5)']),
        (Document(id='d', tags={'number': 1, 'parts': [{'name': 'x'}, {}]}), ['field parts', 'name']),
        (Document(id='d', tags={'number': 1, 'level': 3}), ['field level', '(it is 3)']),
        (
            Document(id='d', tags={'ratio': 'x', 'flag': 'x', 'words': 1}),
            ['number', 'ratio', 'flag', '; and 1 more'],
        ),
    ],
)
def test_what_does_not_fit_is_named(doc: Document, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r'Document 1 \(d\) cannot become Wanted: ') as caught:
        from_documents([Document(tags={'number': 1}), doc], Wanted)
    for word in words:
        assert word in str(caught.value)


def test_what_is_long_is_cut() -> None:
    with pytest.raises(ValueError, match='x\\.\\.\\.') as caught:
        from_documents([Document(tags={'number': 'x' * 1000})], Wanted)
    assert len(str(caught.value)) < 300


def test_parameters_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r'^parameters cannot become Part: field name: Field required$'):
        validated(Part, {}, 'parameters')

"""Typed documents as Documents and back: nothing is lost on the way, and what does not fit is said."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from docarray import BaseDoc, DocList, DocVec
from docarray.base_doc import AnyDoc
from docarray.documents import AudioDoc, ImageDoc, TextDoc, VideoDoc
from docarray.typing import AnyUrl, ImageUrl, NdArray
from hypothesis import given, strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from mproc_flow.model.typed import from_document, from_documents, plain, to_document, to_documents
from tests.support.typed import Part, same, there_and_back


class Colour(Enum):
    RED = 'red'
    DEEP = 5


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Box(BaseModel):
    """A model that is no document."""

    left: int
    label: str | None = None


class Everything(BaseDoc):
    """A field of every kind."""

    number: int
    ratio: float = 0.5
    flag: bool = False
    title: str = 'none'
    raw: bytes = b''
    maybe: int | None = 7
    either: int | str = 0
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    moment: datetime | None = None
    day: date | None = None
    span: timedelta | None = None
    price: Decimal | None = None
    name: UUID | None = None
    path: Path | None = None
    words: list[str] = Field(default_factory=list)
    pair: tuple[int, str] = (0, '')
    numbers: set[int] = Field(default_factory=set)
    table: dict[str, list[int]] = Field(default_factory=dict)
    by_number: dict[int, str] = Field(default_factory=dict)
    by_level: dict[Level, int] = Field(default_factory=dict)
    box: Box | None = None
    part: Part | None = None
    parts: DocList[Part] = DocList[Part]()


class Image(BaseDoc):
    """What travels as fields of a Document."""

    uri: ImageUrl | None = None
    text: str | None = None
    blob: bytes | None = None
    tensor: NdArray | None = None
    embedding: NdArray | None = None
    mime_type: str | None = None


class Tagged(BaseDoc):
    """Has tags of its own."""

    score: float = 0.0
    tags: dict[str, Any] = Field(default_factory=dict)


_texts = st.text(st.characters(exclude_categories=['Cs']), max_size=8)
_integers = st.integers(-(1 << 70), 1 << 70)
_arrays = st.lists(st.floats(allow_nan=False), max_size=4).map(np.array)
_parts = st.builds(Part, name=_texts, vector=st.none() | _arrays)


@given(
    st.builds(
        Everything,
        number=_integers,
        ratio=st.floats(allow_nan=False),
        flag=st.booleans(),
        title=_texts,
        raw=st.binary(max_size=8),
        maybe=st.none() | _integers,
        either=_integers | _texts,
        colour=st.sampled_from(Colour),
        level=st.sampled_from(Level),
        moment=st.none() | st.datetimes(timezones=st.none() | st.just(timezone.utc)),
        day=st.none() | st.dates(),
        span=st.none() | st.timedeltas(timedelta(-10000), timedelta(10000)),
        price=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
        name=st.none() | st.uuids(),
        path=st.none() | st.just(Path('a/b')),
        words=st.lists(_texts, max_size=3),
        pair=st.tuples(st.integers(0, 9), _texts),
        numbers=st.sets(st.integers(0, 9), max_size=3),
        table=st.dictionaries(_texts, st.lists(st.integers(0, 9), max_size=2), max_size=2),
        by_number=st.dictionaries(st.integers(0, 9), _texts, max_size=2),
        by_level=st.dictionaries(st.sampled_from(Level), st.integers(0, 9), max_size=2),
        box=st.none() | st.builds(Box, left=st.integers(0, 9), label=st.none() | _texts),
        part=st.none() | _parts,
        parts=st.lists(_parts, max_size=2).map(DocList[Part]),
    )
)
def test_a_field_of_every_kind_comes_back_as_it_was(typed: Everything) -> None:
    assert same(there_and_back(typed), typed)


@given(
    st.builds(
        Image,
        uri=st.none() | st.just('http://host/a.png'),
        text=st.none() | _texts,
        blob=st.none() | st.binary(max_size=8),
        tensor=st.none() | _arrays,
        embedding=st.none() | _arrays,
        mime_type=st.none() | _texts,
    )
)
def test_what_a_document_has_too_goes_into_its_fields(typed: Image) -> None:
    doc = to_document(typed)
    assert doc.tags == {}
    for name in ('text', 'blob', 'uri', 'mime_type'):
        assert getattr(doc, name) == getattr(typed, name)
        assert type(getattr(doc, name)) in (type(None), str, bytes)
    assert same(there_and_back(typed), typed)


@pytest.mark.parametrize(
    'typed',
    [
        TextDoc(text='a', url='http://host/a.txt', embedding=np.ones(2)),
        TextDoc(),
        ImageDoc(url='http://host/a.png', tensor=np.zeros((2, 3, 3), np.uint8), bytes_=b'png'),
        AudioDoc(frame_rate=44100, tensor=np.zeros(4)),
        VideoDoc(audio=AudioDoc(tensor=np.zeros(4)), key_frame_indices=np.arange(3)),
    ],
    ids=lambda typed: type(typed).__name__,
)
def test_the_classes_that_docarray_brings(typed: Any) -> None:
    assert same(there_and_back(typed), typed)


def test_where_the_values_are_on_the_way() -> None:
    doc = to_document(ImageDoc(id='i', url='http://host/a.png', tensor=np.zeros(3), bytes_=b'png'))
    assert (doc.id, doc.tags) == ('i', {'url': 'http://host/a.png', 'bytes_': b'png'})
    assert type(doc.tensor) is np.ndarray
    assert {type(doc.tags['url']), type(doc.tags['bytes_'])} == {str, bytes}
    assert to_document(Everything(number=1, part=Part(id='p', name='x'))).tags['part'] == {'id': 'p', 'name': 'x'}


def test_a_value_that_does_not_fit_the_field_of_a_document_is_a_tag() -> None:
    class Odd(BaseDoc):
        text: list[str]
        embedding: list[float]
        blob: str

    doc = to_document(Odd(text=['a'], embedding=[1.0], blob='b'))
    assert (doc.text, doc.embedding, doc.blob) == (None, None, None)
    assert doc.tags == {'text': ['a'], 'embedding': [1.0], 'blob': 'b'}


def test_none_comes_back_as_none_where_the_default_is_another() -> None:
    class Choosy(BaseDoc):
        text: str | None = 'default'
        required: int | None

    back = there_and_back(Choosy(text=None, required=None))
    assert (back.text, back.required) == (None, None)


def test_an_empty_text_is_a_text() -> None:
    class Needs(BaseDoc):
        text: str

    assert there_and_back(Needs(text='')).text == ''


@pytest.mark.parametrize('tags', [{}, {'x': 1}, {'score': 3}, {'tags': {'x': 1}}, {'tags': 1, 'x': 2}, {'id': 'other'}])
def test_tags_of_its_own(tags: dict[str, Any]) -> None:
    assert there_and_back(Tagged(score=0.5, tags=tags)).tags == tags


def test_tags_of_its_own_are_the_tags_of_others() -> None:
    assert to_document(Tagged(score=0.5, tags={'x': 1})).tags == {'score': 0.5, 'x': 1}
    assert from_document(Document(tags={'score': 0.5, 'x': 1}), Tagged).tags == {'x': 1}


def test_what_others_send_is_taken() -> None:
    """From somebody who knows nothing of the class: fields and tags, and an array where numbers are wanted."""

    class Wants(BaseDoc):
        text: str
        embedding: list[float]
        count: int

    back = from_document(Document(id='d', text='a', embedding=np.arange(2), tags={'count': '3', 'more': 1}), Wants)
    assert (back.id, back.text, back.embedding, back.count) == ('d', 'a', [0.0, 1.0], 3)


def test_a_class_that_takes_anything_gets_everything() -> None:
    class Open(BaseDoc):
        model_config = ConfigDict(extra='allow')
        n: int

    back = from_document(Document(text='a', tags={'n': 1, 'm': 2}), Open)
    again = there_and_back(back)
    assert (again.n, again.model_extra) == (1, {'m': 2, 'text': 'a'})


def test_a_class_that_takes_nothing_else_gets_nothing_else() -> None:
    class Closed(BaseDoc):
        model_config = ConfigDict(extra='forbid')
        n: int

    assert from_document(Document(text='a', tags={'n': 1, 'm': 2}), Closed).n == 1


def test_fields_go_by_their_own_names_whatever_their_aliases() -> None:
    class Aliased(BaseDoc):
        n: int = Field(alias='number')

    typed = Aliased(number=1)
    assert to_document(typed).tags == {'n': 1}
    assert same(there_and_back(typed), typed)


def test_secrets_travel() -> None:
    class Secret(BaseDoc):
        key: SecretStr

    assert there_and_back(Secret(key='k')).key.get_secret_value() == 'k'


def test_documents_of_columns_and_of_any_class() -> None:
    docs = to_documents(DocVec[TextDoc]([TextDoc(id='a', text='x'), TextDoc(id='b', text='y')]))
    assert type(docs) is DocumentArray
    assert [(doc.id, doc.text) for doc in docs] == [('a', 'x'), ('b', 'y')]
    assert to_document(AnyDoc(text='a', other=1)).tags == {'other': 1}


def test_a_list_is_of_its_class() -> None:
    found = from_documents([Document(tags={'name': 'x'}), Document(tags={'name': 'y'})], Part)
    assert type(found) is type(DocList[Part]())
    assert found.name == ['x', 'y']


def test_what_is_no_data_is_left_to_those_who_send() -> None:
    something = object()
    assert plain({'a': [something]}) == {'a': [something]}


class _Text(str):
    def __str__(self) -> str:
        return 'something else'


@pytest.mark.parametrize(
    ('value', 'made'),
    [
        (_Text('a'), 'a'),
        (AnyUrl('http://host/a'), 'http://host/a'),
        (np.float64(0.5), 0.5),
        (np.int16(3), 3),
        (True, True),
        (Level.HIGH, 2),
        ((1, {Colour.DEEP: 2}), [1, {5: 2}]),
        ({1.5: 'a'}, {'1.5': 'a'}),
        (datetime(2020, 1, 2), datetime(2020, 1, 2)),
        (date(2020, 1, 2), '2020-01-02'),
    ],
)
def test_values_become_data(value: Any, made: Any) -> None:
    assert plain(value) == made
    assert type(plain(value)) is type(made)

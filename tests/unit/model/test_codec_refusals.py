"""What cannot travel is refused, and the error names the place."""

import enum
import re
import sys
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from mproc_flow.errors import BadClientInput, SerializationError
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import encode
from mproc_flow.model.document import Document
from mproc_flow.model.quick import MAX_DEPTH


class Foo:
    pass


class Number(enum.Enum):
    ONE = 1


class Special(Document):
    extra: int = 0


class Renamed(Document):
    pass


class Failing:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError('on another device')


def refused(docs, parameters=None):
    with pytest.raises(SerializationError) as caught:
        encode(docs, {} if parameters is None else parameters)
    assert isinstance(caught.value, BadClientInput)
    return str(caught.value)


BAD_VALUES = [
    (Foo(), 'Foo'),
    ({1, 2}, 'set'),
    (frozenset(), 'frozenset'),
    (1j, 'complex'),
    (np.complex64(1), 'complex64'),
    (np.datetime64('2024'), 'datetime64'),
    (date(2024, 1, 1), 'date'),
    (Decimal('1'), 'Decimal'),
    (Number.ONE, 'Number'),
    (range(3), 'range'),
    (Document(), 'Document'),
    (DocumentArray([Document()]), 'Document'),
    (np.array([None]), 'dtype object'),
    (np.array(['a']), 'dtype <U1'),
    (np.zeros(2, 'i4,f8'), 'dtype'),
    (np.zeros(2, 'V4'), 'dtype'),
    (np.ma.masked_array([1, 2], [0, 1]), 'mask'),
    ('a\ud800', 'surrogate'),
    ({'\udfff': 1}, 'surrogate'),
    ({1.5: 1}, 'float'),
    ({None: 1}, 'NoneType'),
    ({True: 1}, 'bool'),
    ({b'a': 1}, 'bytes'),
    ({(1,): 1}, 'tuple'),
    ({2**64: 1}, '64 bits'),
    (Failing(), 'Failing'),
    (print, 'builtin_function'),
]


@pytest.mark.parametrize(('bad', 'what'), BAD_VALUES, ids=lambda value: type(value).__name__)
def test_a_value_that_cannot_travel_is_named_with_its_place(bad, what):
    message = refused([], {'x': [0, bad]})
    assert message.startswith("parameters['x'][1]")
    assert what in message
    message = refused([Document(), Document(id='abc', tags={'model': {'layers': (1, 2, bad)}})])
    assert message.startswith("Document 1 ('abc'), field tags['model']['layers'][2]")
    assert what in message


def test_the_message_says_what_can_travel():
    assert 'only data can: None, bool, int' in refused([], {'x': Foo()})
    assert 'make it a list' in refused([], {'x': {1}})


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'text': 5}, 'field text: a str is needed, not int'),
        ({'text': b'a'}, 'field text: a str is needed, not bytes'),
        ({'text': '\ud800'}, 'field text: character 0 is half a surrogate pair'),
        ({'uri': 5}, 'field uri: a str is needed'),
        ({'mime_type': 5}, 'field mime_type: a str is needed'),
        ({'blob': 'a'}, 'field blob: bytes are needed, not str'),
        ({'blob': [1]}, 'field blob: bytes are needed, not list'),
        ({'tags': [1]}, 'field tags: a dict is needed, not list'),
        ({'tags': None}, 'field tags: a dict is needed, not NoneType'),
        ({'tensor': 'abc'}, 'field tensor: no numeric array can be made of this str'),
        ({'tensor': Foo()}, 'field tensor: no numeric array can be made of this Foo'),
        ({'tensor': {'a': 1}}, 'field tensor: no numeric array can be made of this dict'),
        ({'tensor': [[1], [2, 3]]}, 'field tensor: no numeric array can be made of this list: ValueError'),
        ({'tensor': [None]}, 'dtype object'),
        ({'tensor': np.array([Foo()])}, 'dtype object'),
        ({'tensor': np.ma.masked_array([1], [1])}, 'mask would be lost'),
        ({'tensor': Failing()}, 'RuntimeError: on another device'),
        ({'embedding': Failing()}, 'field embedding: no numeric array'),
    ],
    ids=repr,
)
def test_a_field_of_the_wrong_kind_is_named(fields, message):
    docs = [Document(), Document(), Document(id='0123456789', **fields)]
    found = refused(docs)
    assert found.startswith("Document 2 ('0123…'), field ")
    assert message in found


@pytest.mark.parametrize('key', [5, None])
def test_an_id_that_is_no_text(key):
    assert re.match(r"Document 0 \('\w+'\), field id: a str is needed", refused([Document(id=key)]))


@pytest.mark.parametrize('bad', [None, 'a', {'text': 'a'}, 5])
def test_what_is_no_document_is_named(bad):
    assert refused([Document(), bad]) == f'Document 1: only Documents can travel, this is a {type(bad).__name__}'


def test_a_subclass_would_lose_its_fields():
    assert 'Special; values of your own go into tags' in refused([Special(extra=5)])
    assert 'Renamed' in refused([Renamed()])


@pytest.mark.parametrize('bad', [None, [], 'ab', [('a', 1)]])
def test_parameters_must_be_a_mapping(bad):
    assert refused([], bad or []).startswith('parameters: a dict is needed')


def test_names_of_parameters_are_text():
    assert refused([], {'a': 1, 5: 1}) == 'parameters: the names of parameters are str, not int (5)'
    assert refused([], {True: 1}).startswith('parameters: keys are str or int, not bool')


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize('depth', [MAX_DEPTH, 2000, 100_000])
def test_what_is_nested_too_deep_is_refused(depth):
    value = nested(depth)
    assert 'nested more than' in refused([], {'x': value})
    while value:  # or its destruction would use up the C stack
        value = value.pop()


def test_what_contains_itself_is_refused():
    loop = []
    loop += [loop, loop]
    message = refused([], {'x': loop})
    assert message.startswith("parameters['x'][0][0]")
    assert 'contains itself' in message
    assert len(message) < 400
    tags = {}
    tags['self'] = tags
    assert 'contains itself' in refused([Document(tags=tags)])


def test_a_full_stack_is_no_other_error():
    def deeper():
        try:
            return deeper()
        except RecursionError:
            return refused([], {'x': nested(MAX_DEPTH - 2)})

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        assert 'nested too deep' in deeper()
    finally:
        sys.setrecursionlimit(limit)

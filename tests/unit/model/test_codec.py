import enum
import math
import threading
from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.model.numeric import OWN_FRAME_FROM
from mproc_flow.model.quick import BLOB_FRAME_FROM, MAX_DEPTH
from tests.unit.model.samples import DTYPES, array_of, travel


def travel_value(value):
    """Send one value as a tag and as a parameter, and give what arrived, which must be the same."""
    (doc,), parameters = travel([Document(tags={'v': value})], {'v': value})
    one, other = Document(id='x', tags=doc.tags), Document(id='x', tags=parameters)
    assert one == other
    return parameters['v']


# ---- Documents ----


def test_documents_arrive_as_they_were():
    docs = DocumentArray(
        [
            Document(),
            Document(id='täg 😀', text='', blob=b'', uri='file:///x', mime_type='text/plain', tags={'a': 1}),
            Document(text='x' * 100_000, blob=b'y' * 1000, tensor=np.eye(3), embedding=np.zeros(5, 'f4')),
        ]
    )
    found, parameters = travel(docs, {'k': 'v'})
    assert type(found) is DocumentArray
    assert found == docs
    assert parameters == {'k': 'v'}


@pytest.mark.parametrize('docs', [[], (), DocumentArray()])
def test_no_documents(docs):
    frames = encode(docs, {})
    assert len(frames) == 1
    assert decode(frames) == ([], {})


def test_encoding_changes_nothing_of_the_senders():
    tensor, tags = [1, 2], {'n': np.longdouble(1), 't': (1,)}
    doc = Document(tensor=tensor, tags=tags, blob=b'x' * BLOB_FRAME_FROM)
    encode([doc], {})
    assert doc.tensor is tensor
    assert doc.tags is tags
    assert tags == {'n': 1, 't': (1,)}
    assert len(doc.blob) == BLOB_FRAME_FROM


@pytest.mark.parametrize('size', [BLOB_FRAME_FROM - 1, BLOB_FRAME_FROM])
def test_large_blobs_have_a_frame_of_their_own_and_arrive_as_bytes(size):
    docs = [Document(text='a'), Document(blob=b'x' * size), Document(blob=b'y' * size, tensor=np.zeros(9999))]
    frames = encode(docs, {})
    assert len(frames) == (4 if size == BLOB_FRAME_FROM else 2)
    assert (len(frames[0]) < 500) is (size == BLOB_FRAME_FROM)
    found, _ = decode([memoryview(bytearray(frame)) for frame in frames])
    assert found == docs
    assert {type(doc.blob) for doc in found} == {type(None), bytes}


@pytest.mark.parametrize('kind', [bytearray, memoryview, np.bytes_])
def test_blobs_of_other_kinds_arrive_as_bytes(kind):
    (doc,), _ = travel([Document(blob=kind(b'abc'))])
    assert (doc.blob, type(doc.blob)) == (b'abc', bytes)


def test_text_of_a_subclass_arrives_as_str():
    (doc,), _ = travel([Document(id=np.str_('i'), text=np.str_('a'), uri=np.str_('u'))])
    assert [type(value) for value in (doc.id, doc.text, doc.uri)] == [str] * 3
    assert (doc.id, doc.text, doc.uri) == ('i', 'a', 'u')


# ---- tags and parameters ----

UTC_PLUS = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    'value',
    [
        None,
        True,
        False,
        0,
        -1,
        2**63,
        2**64 - 1,
        -(2**63),
        2**64,
        -(2**63) - 1,
        10**100,
        -(10**100),
        2**71 - 1,
        -(2**71),
        0.0,
        -0.0,
        1e308,
        float('inf'),
        'täxt',
        '\x00',
        b'\x00\xff',
        [],
        {},
        [1, [2, [3, {}]]],
        {'a': {'b': {1: 'c', -5: 'd'}}},
        datetime(2024, 1, 2, 3, 4, 5, 6),
        datetime(2024, 1, 2),
        datetime(1, 1, 1, tzinfo=timezone.utc),
        datetime(2024, 1, 2, tzinfo=UTC_PLUS),
        [datetime.max, 2**70, {'x': datetime.min}],
    ],
    ids=repr,
)
def test_values_arrive_exactly(value):
    arrived = travel_value(value)
    assert arrived == value
    assert type(arrived) is type(value)
    assert repr(arrived) == repr(value)


def test_nan_arrives():
    assert math.isnan(travel_value(float('nan')))


class Color(enum.IntEnum):
    RED = 3


class Word(str, enum.Enum):
    YES = 'y'


@pytest.mark.parametrize(
    ('value', 'arrives'),
    [
        ((1, (2,)), [1, [2]]),
        (bytearray(b'a'), b'a'),
        (memoryview(b'ab'), b'ab'),
        (OrderedDict(a=1), {'a': 1}),
        (MappingProxyType({'a': 1}), {'a': 1}),
        (Color.RED, 3),
        (Word.YES, 'y'),
        (np.bool_(True), True),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.5), 0.5),
        (np.str_('a'), 'a'),
        (np.bytes_(b'a'), b'a'),
        ({np.str_('k'): [np.int64(1)]}, {'k': [1]}),
        ({Color.RED: 1}, {3: 1}),
    ],
    ids=repr,
)
def test_values_that_arrive_as_plain_ones(value, arrives):
    arrived = travel_value(value)
    assert repr(arrived) == repr(arrives)
    assert travel_value([value]) == [arrived]


def test_parameters_may_be_any_mapping():
    assert travel([], MappingProxyType({'a': (1,)}))[1] == {'a': [1]}


def nested(depth, kind=list):
    value = 0
    for _ in range(depth):
        value = [value] if kind is list else {'k': value}
    return value


@pytest.mark.parametrize('kind', [list, dict])
def test_values_may_be_nested_up_to_the_bound(kind):
    value = nested(MAX_DEPTH - 1, kind)
    assert travel_value(value) == value
    careful = {'d': datetime.min, 'v': value}
    assert travel([], careful)[1] == careful


# ---- property ----

numbers = st.integers() | st.floats() | st.booleans() | st.none()
arrays = st.builds(
    lambda dtype, shape: array_of(dtype, shape),
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 20), max_size=4).map(tuple),
)
leaves = numbers | st.text() | st.binary() | st.datetimes() | arrays
keys = st.text() | st.integers(-(2**63), 2**64 - 1)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=5)
documents = st.builds(
    Document,
    id=st.text(),
    text=st.none() | st.text(),
    blob=st.none() | st.binary(),
    tensor=st.none() | arrays,
    embedding=st.none() | arrays,
    uri=st.none() | st.text(),
    mime_type=st.none() | st.text(),
    tags=st.dictionaries(keys, values, max_size=3),
)


@settings(deadline=None, max_examples=100, derandomize=True, database=None)
@given(st.lists(documents, max_size=3), st.dictionaries(st.text(), values, max_size=3))
def test_everything_that_may_travel_arrives_the_same(docs, parameters):
    found, found_parameters = travel(docs, parameters)
    assert found == docs
    assert Document(id='x', tags=found_parameters) == Document(id='x', tags=parameters)


# ---- two at a time ----


class Watched(list):
    """Frames that do something whenever a raw one is taken."""

    def __init__(self, frames, action):
        super().__init__(frames)
        self.action = action

    def __getitem__(self, index):
        if index:
            self.action()
        return super().__getitem__(index)


def two_large(number):
    array = np.full(OWN_FRAME_FROM, number, 'u1')
    return encode([Document(tensor=array, embedding=array)], {})


def first_values(frames):
    (doc,), _ = decode(frames)
    return [doc.tensor[0], doc.embedding[0]]


def test_threads_do_not_mix_their_frames():
    barrier = threading.Barrier(2, timeout=10)
    found = {}

    def work(number):
        found[number] = first_values(Watched(two_large(number), barrier.wait))

    threads = [threading.Thread(target=work, args=(number,)) for number in (3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {3: [3, 3], 4: [4, 4]}


@pytest.mark.parametrize('inner', [lambda: two_large(9), lambda: first_values(two_large(9))])
def test_a_signal_handler_that_uses_the_codec_does_no_harm(inner):
    assert first_values(Watched(two_large(3), inner)) == [3, 3]

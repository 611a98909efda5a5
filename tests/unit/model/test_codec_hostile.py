"""Whatever bytes arrive, decode gives data or raises SerializationError, and makes nothing large of little."""

import random
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings, strategies as st
from msgspec.msgpack import Ext

from mproc_flow.errors import SerializationError
from mproc_flow.model.codec import decode
from mproc_flow.model.document import Document
from scripts.fuzz_codec import fuzz, samples, survives

pack = msgspec.msgpack.encode
MUTATIONS = 30_000


def body(docs=(), parameters=None, blobs=(), version=1):
    return pack([version, docs, parameters or {}, blobs])


def array(dtype='<f8', shape=(1,), data=b'\x00' * 8):
    return body(parameters={'x': Ext(1, pack([dtype, shape, data]))})


def with_more(*more):
    return ['id', *[None] * 6, {}, more]


def test_random_changes_of_good_messages():
    assert all(map(survives, samples()))
    good = fuzz(MUTATIONS, seed=20240607)
    # Both happen often, or the test would not test much.
    assert 1000 < good < MUTATIONS - 1000


def test_every_cut_of_a_good_message():
    for frames in samples():
        whole = bytes(frames[0])
        assert not any(survives([whole[:end], *frames[1:]]) for end in range(len(whole)))


def test_random_bytes():
    rng = random.Random(7)
    assert not any(survives([rng.randbytes(rng.randrange(40))]) for _ in range(5000))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=3) | st.integers(-5, 5) | st.none(), inner, max_size=3)
        | st.builds(Ext, st.integers(-128, 127), inner.map(pack))
    ),
    max_leaves=12,
)
headers = st.tuples(
    st.sampled_from(['<f8', '|O', '<U1', '>M8[ns]', '<M8[9999999999s]', '<M8[3zz]', 'f8', ',', '', '|V8', '<f3']),
    st.lists(st.sampled_from([0, 1, 2, 8, -1, 2**31, 2**32, 2**63, 2**64 - 1]), max_size=70),
    st.binary(max_size=16) | st.integers(-2, 3) | st.none(),
)


@settings(deadline=None, max_examples=150, derandomize=True, database=None)
@given(anything, anything, anything)
def test_well_formed_nonsense(docs, parameters, blobs):
    survives([pack([1, docs, parameters, blobs]), b'x' * 8])
    survives([pack([1, [docs], {'p': parameters}, [[0, 1]]]), b'x' * 8])


@settings(deadline=None, max_examples=200, derandomize=True, database=None)
@given(headers)
def test_array_headers_that_lie(header):
    frames = [body(parameters={'x': Ext(1, pack(header))}), b'x' * 8]
    if survives(frames):
        assert decode(frames)[1]['x'].nbytes <= 16


@pytest.mark.parametrize(
    'frames',
    [
        [],
        [b''],
        [b'\xc0'],
        [body(version=0)],
        [body(version=None)],
        [body() + b'\x00'],
        [body(docs=[5])],
        [body(docs=[[5]])],
        [body(docs=[['id', None, 'blob is no text']])],
        [body(docs=[['id', None, None, 'no array']])],
        [body(docs=[['id', None, None, None, [1.0]]])],
        [body(docs=[['id', None, None, None, None, None, None, []]])],
        [body(parameters=[1])],
        [pack([1, [], {5: 1}])],
        [pack([1, [], {None: 1}])],
        [body(parameters={'x': Ext(99, b'')})],
        [body(parameters={'x': Ext(3, b'no date')})],
        [body(parameters={'x': Ext(3, b'\xff')})],
        [body(parameters={'x': Ext(-1, b'123')})],
        [body(parameters={'x': Ext(1, b'')})],
        [pack([1, [], {'x': '?'}]).replace(b'?', b'\xff')],
        [array('|O', (1,))],
        [array('|V8', (1,))],
        [array('<U2', (1,))],
        [array('<f8,<f8', (1,))],
        [array('<f8', (2,))],
        [array('<f8', ())[:-1]],
        [array('<f8', (-1,))],
        [array('<f8', (-1, -1))],
        [array('<f8', (2**62, 4))],
        [array('<f8', (2**61,) * 60)],
        [array('<f8', (2**32, 2**32), b'')],
        [array('<f8', (1,) * 65)],
        [array('<f8', (2**64 - 1, 0, 2**64 - 1), b'')],
        [array('<f8', (1,), 0)],
        [array('<f8', (1,), -1), b'x' * 8],
        [array('<f8', (1,), 2), b'x' * 8],
        [array('<f8', (1,), 1), b'x' * 7],
        [array('<f8', (1,), 1), b'x' * 9],
        [body(docs=[['id']], blobs=[[0, 1]])],
        [body(docs=[['id']], blobs=[[1, 1]]), b'x'],
        [body(docs=[['id']], blobs=[[-1, 1]]), b'x'],
        [body(docs=[['id']], blobs=[[0, 0]]), b'x'],
        [body(docs=[['id']], blobs=[[0, -1]]), b'x'],
        [body(docs=[['a'], ['b']], blobs=[[0, 1], [1, 1]]), b'x'],
        [body(docs=[with_more([['c']])], blobs=[[2, 1]]), b'x'],
        [body(docs=[with_more([5])])],
        [body(docs=[with_more('c')])],
        [body(docs=[with_more({})])],
        [body(docs=[with_more(None, None, [])])],
        [body(docs=[with_more(None, None, {'s': 5})])],
        [body(docs=[with_more(None, None, {'s': ['x']})])],
        [body(docs=[with_more(None, None, {5: [1.0]})])],
        [body(docs=[with_more(None, None, None, None, 'heavy')])],
        [body(docs=[with_more(*[None] * 6, 1.5)])],
        [body(docs=[with_more(*[None] * 9, ['x'])])],
    ],
)
def test_frames_that_are_wrong_in_one_point(frames):
    assert not survives(frames)


def test_the_wrong_ones_above_are_only_just_wrong():
    assert survives([body()])
    assert survives([body(docs=[['id', None, b'blob', None, None, None, None, {}]])])
    assert survives([array()])
    assert survives([array('<f8', (), b'x' * 8)])
    assert survives([array('<f8', (1,), 1), b'x' * 8])
    assert survives([body(docs=[['a'], ['b']], blobs=[[0, 1], [1, 2]]), b'x', b'y'])
    assert survives([body(docs=[with_more([['c']])], blobs=[[1, 1]]), b'x'])
    assert survives([body(docs=[with_more([['c']], None, {'s': [1.0]}, None, 2.5, 'p', 1, 0, 'm', [1.5, 2], 3)])])


@pytest.mark.parametrize(
    ('frames', 'reason'),
    [
        ([array('<f8', (2,))], r'8 bytes make no <f8 array of shape \(2,\)'),
        ([array('<f8', (2, 0))], r'8 bytes make no <f8 array of shape \(2, 0\)'),
        ([array('<f8', (-1,))], '>= 0'),
        ([array('<f8', (1,), 2), b'x' * 8], 'an array is in frame 2, but only 2 came'),
        ([array('|O', (1,))], "'|O' is no numeric dtype"),
        ([body(parameters={'x': Ext(99, b'')})], 'there is no extension 99'),
        ([body(docs=[[5]])], 'Expected `str`, got `int`'),
    ],
)
def test_the_error_says_what_is_wrong(frames, reason):
    with pytest.raises(SerializationError, match=reason):
        decode(frames)


@pytest.mark.parametrize('opener', [b'\x91', b'\x81\xa0', b'\xdd\x00\x00\x00\x01'])
def test_deep_nesting(opener):
    assert not survives([b'\x93\x01\x90\x81\xa1x' + opener * 200_000])


@pytest.mark.parametrize('depth', [40, 100, 1000, 100_000])
def test_documents_nested_deep_are_data_or_refused(depth):
    opener = b'\x99\xa1a' + b'\xc0' * 6 + b'\x80\x91\x91'
    survives([b'\x94\x01\x91' + opener * depth + b'\x91\xa1z' + b'\x80\x91\x92\x00\x01', b'blob'])


def test_a_message_of_another_version_is_named():
    for other in (body(version=7), pack([7, 'another', 'format'])):
        with pytest.raises(SerializationError, match='format version 7, this is version 1'):
            decode([other])


def test_later_versions_may_append_fields():
    more = [None] * 11
    for fields in ([{}, None, 'later'], [{}, [*more, 'later']]):
        ((doc,), _) = decode([pack([1, [['a', 'text', None, None, None, None, None, *fields]], {}, [], 'later'])])
        assert doc == Document(id='a', text='text')


@pytest.mark.parametrize(
    'claim',
    [
        b'\x93\x01\xdd\xff\xff\xff\xff',
        b'\x93\x01\x90\x81\xa1x\xdd\xff\xff\xff\xff',
        b'\x93\x01\x90\xdf\xff\xff\xff\xff',
        b'\x93\x01\x90\x81\xa1x\xc6\xff\xff\xff\xff',
        b'\x93\x01\x90\x81\xa1x\xc9\xff\xff\xff\xff\x01',
        b'\x93\x01\x90\x81\xa1x' + b'\xdd\x7f\xff\xff\xff' * 90,
        b'\x93\x01\x91\x99\xa1a' + b'\xc0' * 6 + b'\x80\x9b\xdd\xff\xff\xff\xff',
        b'\x93\x01\x91\x99\xa1a' + b'\xc0' * 6 + b'\x80\x9b\xc0\xc0\xdf\xff\xff\xff\xff',
        array('<f8', (2**40,)),
        array('<f8', (2**20, 2**20)),
    ],
)
def test_claims_of_large_sizes_allocate_nothing(claim):
    tracemalloc.start()
    try:
        assert not survives([claim + b'\x00' * 100])
        assert not survives([claim])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()

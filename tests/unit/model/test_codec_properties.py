"""Whatever a Document holds arrives exactly: property tests of the codec."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.model.quick import MAX_LEVELS
from mproc_flow.model.score import NamedScore
from tests.unit.model.samples import DTYPES

BOUNDED = settings(deadline=None, max_examples=60, derandomize=True, database=None)


def raw_array(dtype, shape, seed, order):
    """Make an array of random bytes: numbers, infinities, and NaN with whatever payload."""
    kind = np.dtype(dtype)
    size = math.prod(shape)
    random = np.random.default_rng(seed)
    data = random.bytes(size * kind.itemsize)
    if kind.kind == 'b':
        array = np.frombuffer(data, 'u1') % 2 == 1
    elif kind.char in 'gG':  # of which not all bytes are numbers
        array = random.standard_normal(size).astype(kind)
    else:
        array = np.frombuffer(data, kind)
    return ORDERS[order](array.reshape(shape))


def every_other(array):
    """The same values, each second place of a larger array."""
    larger = np.repeat(array, 2, axis=0) if array.ndim else array
    return larger[::2] if array.ndim else larger


ORDERS = {
    'C': np.ascontiguousarray,
    'F': np.asfortranarray,
    'transposed': lambda array: array.T,
    'backwards': lambda array: array[::-1] if array.ndim else array,
    'strided': every_other,
}
shapes = st.lists(st.integers(0, 7), max_size=5).map(tuple) | st.sampled_from([(3000,), (50, 60), (0, 10**6)])
arrays = st.builds(raw_array, st.sampled_from(DTYPES), shapes, st.integers(0, 2**32), st.sampled_from(list(ORDERS)))
numbers = st.integers(-(2**53), 2**53) | st.floats()
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes() | arrays
keys = st.text() | st.integers(-(2**63), 2**64 - 1)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=5)
maybe_text = st.none() | st.text()
scores = st.dictionaries(
    st.text(), st.builds(NamedScore, st.none() | numbers, maybe_text, maybe_text, maybe_text), max_size=2
)
whole = st.none() | st.integers(-(2**63), 2**63)  # a chunk's is one more than its parent's


def documents(nested=None):
    """Documents with any fields, and these nested in them."""
    return st.builds(
        Document,
        id=st.text(),
        text=maybe_text,
        blob=st.none() | st.binary() | st.integers(65_000, 66_000).map(bytes),
        tensor=st.none() | arrays,
        embedding=st.none() | arrays,
        uri=maybe_text,
        mime_type=maybe_text,
        tags=st.dictionaries(keys, values, max_size=2),
        scores=scores,
        evaluations=scores,
        weight=st.none() | numbers,
        parent_id=maybe_text,
        granularity=whole,
        adjacency=whole,
        modality=maybe_text,
        location=st.none() | st.lists(numbers, max_size=4),
        offset=st.none() | numbers,
        **({'chunks': nested, 'matches': nested} if nested is not None else {}),
    )


forests = st.recursive(documents(), lambda inner: documents(st.lists(inner, max_size=2)), max_leaves=4)


def arrays_in(value):
    """Yield every array in data."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from arrays_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from arrays_in(inner)


def arrays_of(docs):
    """Yield every array of Documents at all levels, in one order."""
    for doc in docs:
        yield from arrays_in([doc.tensor, doc.embedding, doc.tags])
        yield from arrays_of(doc._nested())


@BOUNDED
@given(st.lists(forests, max_size=2), st.dictionaries(st.text(), values, max_size=2))
def test_everything_arrives_exactly_and_arrays_read_only(docs, parameters):
    found, found_parameters = decode([bytes(frame) for frame in encode(docs, parameters)])
    assert found == docs
    assert Document(id='', tags=found_parameters) == Document(id='', tags=parameters)
    sent = [*arrays_of(docs), *arrays_in(parameters)]
    arrived = [*arrays_of(found), *arrays_in(found_parameters)]
    assert len(sent) == len(arrived)
    for one, other in zip(sent, arrived, strict=True):
        assert (one.dtype.str, one.shape, one.tobytes()) == (other.dtype.str, other.shape, other.tobytes())
        assert not other.flags.writeable
        with pytest.raises(ValueError, match='WRITEABLE'):
            other.flags.writeable = True


@BOUNDED
@given(st.integers(0, MAX_LEVELS), st.data())
def test_nesting_up_to_the_limit(depth, data):
    doc = data.draw(documents())
    for _ in range(depth):
        doc = Document(**{data.draw(st.sampled_from(['chunks', 'matches'])): [doc]})
    found, _ = decode([bytes(frame) for frame in encode([doc], {})])
    assert found == [doc]


@BOUNDED
@given(forests)
def test_what_arrived_can_be_sent_again(doc):
    once = [bytes(frame) for frame in encode([doc], {})]
    again = [bytes(frame) for frame in encode(decode(once)[0], {})]
    assert decode(again)[0] == [doc]

import numpy as np
import pytest

from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.model.numeric import OWN_FRAME_FROM
from tests.unit.model.samples import DTYPES, array_of, travel


class Foreign:
    """An array of another library."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('shape', [(), (0,), (3, 0, 2), (1,), (2, 3), (50, 50, 9)])
def test_arrays_of_every_dtype_and_size(dtype, shape):
    array = array_of(dtype, shape)
    doc = Document(tensor=array, embedding=array, tags={'a': [array]})
    found, parameters = travel([doc], {'a': array})
    assert found == [doc]
    for arrived in (found[0].tensor, parameters['a']):
        assert (arrived.dtype.str, arrived.shape) == (array.dtype.str, array.shape)
        assert arrived.tobytes() == array.tobytes()


@pytest.mark.parametrize('rows', [4, 400])
@pytest.mark.parametrize(
    'form',
    [
        np.asfortranarray,
        lambda a: a.T,
        lambda a: a[::-1],
        lambda a: a[:, ::3],
        lambda a: np.broadcast_to(a[0], a.shape),
        lambda a: a.view(np.matrix),
    ],
)
def test_arrays_of_every_layout(form, rows):
    array = form(np.arange(rows * 30.0).reshape(rows, 30))
    (doc,), _ = travel([Document(tensor=array)])
    assert np.array_equal(doc.tensor, array)
    assert type(doc.tensor) is np.ndarray


def test_a_file_that_is_mapped_travels_as_an_array(tmp_path):
    array = np.memmap(tmp_path / 'x', 'f4', 'w+', shape=(9, 9))
    array[:] = 7
    (doc,), _ = travel([Document(tensor=array)])
    assert np.array_equal(doc.tensor, array)


def test_a_large_array_is_sent_without_a_copy():
    array = np.zeros((100, 100))
    body, frame = encode([Document(tensor=array)], {})
    assert np.shares_memory(np.frombuffer(frame, 'u1'), array)
    assert memoryview(frame).nbytes == array.nbytes
    assert len(body) < 100


def test_the_frame_of_a_large_array_is_used_without_a_copy():
    frames = [bytearray(frame) for frame in encode([Document(tensor=np.zeros((100, 100)))], {})]
    (doc,), _ = decode(frames)
    frames[1][0:8] = np.float64(7).tobytes()
    assert doc.tensor[0, 0] == 7


@pytest.mark.parametrize(('size', 'frames'), [(OWN_FRAME_FROM - 1, 1), (OWN_FRAME_FROM, 2)])
def test_small_arrays_travel_in_the_body(size, frames):
    assert len(encode([Document(tensor=np.zeros(size, 'u1'))], {})) == frames


@pytest.mark.parametrize('size', [0, 10, OWN_FRAME_FROM])
@pytest.mark.parametrize('kind', [bytes, bytearray, lambda frame: memoryview(bytearray(frame))])
def test_arrays_arrive_read_only_and_stay_so(size, kind):
    frames = encode([Document(tensor=np.zeros(size))], {'a': np.zeros(size)})
    (doc,), parameters = decode([kind(frame) for frame in frames])
    for array in (doc.tensor, parameters['a']):
        with pytest.raises(ValueError, match='read-only'):
            array[...] = 1
        with pytest.raises(ValueError, match='WRITEABLE'):
            array.flags.writeable = True


def test_small_arrays_arrive_aligned():
    docs = [Document(text='x' * number, tensor=np.zeros(3)) for number in range(16)]
    assert all(doc.tensor.flags.aligned for doc in travel(docs)[0])


@pytest.mark.parametrize(
    ('given', 'dtype'),
    [
        ([1, 2, 3], 'i8'),
        ([[1.0], [2]], 'f8'),
        (5, 'i8'),
        (True, '?'),
        (np.float32(1.5), 'f4'),
        ((), 'f8'),
        (range(3), 'i8'),
        (Foreign([1.5]), 'f8'),
    ],
)
@pytest.mark.parametrize('name', ['tensor', 'embedding'])
def test_what_numpy_reads_becomes_an_array(given, dtype, name):
    (doc,), _ = travel([Document(**{name: given})])
    arrived = getattr(doc, name)
    assert type(arrived) is np.ndarray
    assert arrived.dtype == dtype
    assert np.array_equal(arrived, np.asarray(given))


def test_one_array_may_be_in_several_places():
    array = np.arange(9999.0)
    found, _ = travel([Document(id='a', tensor=array, embedding=array), Document(id='b', tensor=array)])
    assert [np.array_equal(value, array) for doc in found for value in (doc.tensor, doc.embedding)][:3] == [True] * 3
    assert found[1].embedding is None

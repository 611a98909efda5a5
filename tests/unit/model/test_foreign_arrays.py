"""Arrays of other libraries, which need not be installed: what numpy asks of them is stood in for here."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mproc_flow.errors import SerializationError
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import encode
from mproc_flow.model.document import Document
from mproc_flow.model.request import batches
from tests.unit.model.samples import travel


class ByArray:
    """What answers numpy's question for an array."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


class ByDlpack:
    """What exchanges its memory by DLPack only."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __dlpack__(self, **options):
        return self.values.__dlpack__()

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Tensor:
    """Refuses, as a tensor of torch does, while it has a gradient or is on another device."""

    def __init__(self, values, device='cpu', requires_grad=False):
        self.values, self.device, self.requires_grad = np.asarray(values), device, requires_grad

    def detach(self):
        return Tensor(self.values, self.device)

    def cpu(self):
        return Tensor(self.values, 'cpu', self.requires_grad)

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.device != 'cpu':
            raise TypeError(f"can't convert {self.device} tensor to numpy")
        return self.values


@pytest.fixture
def torch(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', SimpleNamespace(Tensor=Tensor))


VALUES = np.arange(6, dtype='f4').reshape(2, 3)


def everywhere(value):
    """Send a value in each place for arrays, and return what arrived."""
    doc = Document(tensor=value, embedding=value, tags={'a': [{'b': value}]}, chunks=[Document(tensor=value)])
    ((found,), parameters) = travel([doc], {'p': {'q': [value]}})
    return [
        found.tensor,
        found.embedding,
        found.tags['a'][0]['b'],
        found.chunks[0].tensor,
        parameters['p']['q'][0],
    ]


@pytest.mark.parametrize('kind', [ByArray, ByDlpack])
def test_arrays_of_other_libraries_arrive_as_arrays(kind):
    for arrived in everywhere(kind(VALUES)):
        assert type(arrived) is np.ndarray
        assert arrived.dtype == 'f4'
        assert np.array_equal(arrived, VALUES)


@pytest.mark.parametrize(
    'options', [{}, {'requires_grad': True}, {'device': 'cuda:0', 'requires_grad': True}], ids=repr
)
@pytest.mark.usefixtures('torch')
def test_tensors_of_torch_arrive_wherever_they_are_and_with_a_gradient(options):
    for arrived in everywhere(Tensor(VALUES, **options)):
        assert type(arrived) is np.ndarray
        assert np.array_equal(arrived, VALUES)


@pytest.mark.usefixtures('torch')
def test_documents_with_tensors_compare_and_show_themselves():
    one, other = (Document(id='a', tensor=Tensor(VALUES, 'cuda:0', requires_grad=True)) for _ in range(2))
    assert one == other
    assert one.to_dict()['tensor'] == VALUES.tolist()


def test_without_torch_nothing_is_taken_for_a_tensor():
    assert 'torch' not in sys.modules
    with pytest.raises(SerializationError, match=r'RuntimeError: .*requires grad'):
        encode([Document(tensor=Tensor(VALUES, requires_grad=True))], {})


@pytest.mark.parametrize('values', [[None], ['text'], np.zeros(1, 'i4,f8')])
def test_arrays_that_are_not_numeric_are_refused_with_their_place(values):
    for fields, place in (
        ({'tensor': ByArray(values)}, 'field tensor'),
        ({'tags': {'x': ByArray(values)}}, r"field tags\['x'\]"),
    ):
        with pytest.raises(SerializationError, match=rf"Document 0 \('a'\), {place}: no numeric array .*dtype"):
            encode([Document(id='a', **fields)], {})


def test_a_class_is_no_array():
    with pytest.raises(SerializationError, match=r"parameters\['x'\]: a value of type type cannot travel"):
        encode([], {'x': ByArray})


@pytest.mark.parametrize('kind', [ByArray, ByDlpack, Tensor])
@pytest.mark.usefixtures('torch')
def test_rows_of_them_are_inputs(kind):
    options = {'requires_grad': True} if kind is Tensor else {}
    (batch,) = batches(kind(VALUES, **options), 10)
    assert np.array_equal(batch.tensors, VALUES)
    (batch,) = batches([kind(VALUES, **options)], 10)
    assert type(batch[0].tensor) is kind
    assert np.array_equal(batch.tensors[0], VALUES)
    assert np.array_equal(DocumentArray.from_ndarray(kind(VALUES, **options)).tensors, VALUES)

import itertools
import json

import numpy as np
import pytest

from mproc_flow.crossing import describe
from mproc_flow.errors import BadClientInput, ErrorInfo
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from mproc_flow.model.request import Header, Response, Status, as_document, batches


def texts(inputs, size=100):
    return [[doc.text for doc in batch] for batch in batches(inputs, size)]


def docs(*names):
    return [Document(text=name) for name in names]


class Tensor:
    """What only numpy knows how to read, as tensors of other libraries are."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values)


# ---- what is accepted ----


@pytest.mark.parametrize('nothing', [None, [], (), DocumentArray(), iter(()), lambda: None, np.zeros((0, 3))])
def test_nothing_makes_one_empty_request(nothing):
    (batch,) = batches(nothing, 10)
    assert batch == []
    assert type(batch) is DocumentArray


@pytest.mark.parametrize(
    'wrap', [list, tuple, DocumentArray, iter, lambda docs: (doc for doc in docs), lambda docs: lambda: docs]
)
def test_documents_in_whatever_wrapping(wrap):
    given = docs('a', 'b')
    (batch,) = batches(wrap(given), 10)
    assert type(batch) is DocumentArray
    assert [id(doc) for doc in batch] == [id(doc) for doc in given]


def test_a_generator_function_is_called():
    def produce():
        yield from docs('a', 'b')

    assert texts(produce) == [['a', 'b']]


def test_one_document_one_text_one_blob_one_dict():
    assert texts(Document(text='abc')) == [['abc']]
    assert texts('abc') == [['abc']]
    assert texts({'text': 'abc'}) == [['abc']]
    ((doc,),) = batches(b'abc', 10)
    assert doc.blob == b'abc'
    ((doc,),) = batches(bytearray(b'abc'), 10)
    assert doc.blob == b'abc'
    assert type(doc.blob) is bytes


def test_items_of_each_kind():
    array, tensor = np.arange(3), Tensor([1, 2])
    (batch,) = batches(['text', b'blob', {'id': 'x', 'tags': {'k': 1}}, array, tensor, Document(text='doc')], 10)
    assert [doc.text for doc in batch] == ['text', None, None, None, None, 'doc']
    assert batch[1].blob == b'blob'
    assert (batch[2].id, batch[2].tags) == ('x', {'k': 1})
    assert batch[3].tensor is array
    assert batch[4].tensor is tensor


def test_rows_of_an_array_become_tensors():
    array = np.arange(12).reshape(3, 2, 2)
    first, second = batches(array, 2)
    assert [doc.tensor.tolist() for doc in first + second] == array.tolist()
    assert np.shares_memory(first[0].tensor, array)
    ((doc,),) = batches(np.array(5.0), 10)
    assert doc.tensor.shape == ()
    (batch,) = batches(np.array([1.5, 2.5]), 10)
    assert [(type(doc.tensor), doc.tensor.tolist()) for doc in batch] == [(np.ndarray, 1.5), (np.ndarray, 2.5)]
    (batch,) = batches(Tensor([[1, 2], [3, 4]]), 10)
    assert [doc.tensor.tolist() for doc in batch] == [[1, 2], [3, 4]]


@pytest.mark.parametrize('dtype', ['U', 'O'])
def test_arrays_of_text_become_text(dtype):
    assert texts(np.array(['abc', 'd'], dtype)) == [['abc', 'd']]
    assert texts(np.array('abc', dtype)) == [['abc']]


# ---- batches ----


@pytest.mark.parametrize(
    ('size', 'lengths'), [(1, [1] * 6), (2, [2, 2, 2]), (4, [4, 2]), (6, [6]), (7, [6]), (0, [6]), (-1, [6])]
)
@pytest.mark.parametrize('wrap', [list, iter])
def test_batches_have_at_most_the_size_and_none_is_empty(size, lengths, wrap):
    found = texts(wrap(docs(*'abcdef')), size)
    assert [len(batch) for batch in found] == lengths
    assert list(itertools.chain(*found)) == list('abcdef')


def test_a_generator_is_read_no_further_than_needed():
    read = []

    def produce():
        for number in itertools.count():
            read.append(number)
            yield str(number)

    found = batches(produce(), 3)
    assert read == []
    next(found)
    assert read == [0, 1, 2]
    next(found)
    assert read == [0, 1, 2, 3, 4, 5]


def test_an_exception_of_the_generator_goes_to_the_caller_as_it_is():
    problem = TypeError('mine')

    def produce():
        yield Document(text='a')
        yield Document(text='b')
        raise problem

    found = batches(produce(), 2)
    assert len(next(found)) == 2
    with pytest.raises(TypeError) as caught:
        next(found)
    assert caught.value is problem


def test_an_exception_of_the_function_goes_to_the_caller_as_it_is():
    problem = TypeError('mine')

    def produce():
        raise problem

    with pytest.raises(TypeError) as caught:
        next(batches(produce, 2))
    assert caught.value is problem


# ---- what is refused ----


@pytest.mark.parametrize('bad', [5, 1.5, True, object(), np.float64(1), lambda: 5, lambda: print])
def test_inputs_of_no_use_are_refused(bad):
    with pytest.raises(BadClientInput, match=r'inputs: .* cannot be turned into Documents; accepted are'):
        list(batches(bad, 10))


@pytest.mark.parametrize('bad', [5, None, ['a'], (Document(), 1), object(), np.float32(1)])
def test_an_item_of_no_use_is_named(bad):
    with pytest.raises(BadClientInput, match=rf'inputs\[3\]: .*type {type(bad).__name__} .*accepted are'):
        list(batches(['a', 'b', 'c', bad], 2))


def test_a_dict_with_an_unknown_field_is_refused_with_a_suggestion():
    with pytest.raises(BadClientInput, match=r"inputs\[1\]: Document has no field 'txt'; did you mean 'text'"):
        list(batches(['a', {'txt': 'b'}], 10))
    with pytest.raises(BadClientInput, match=r'inputs\[0\]: '):
        list(batches([{1: 'b'}], 10))


def test_a_dict_may_be_that_of_a_document():
    doc = Document(blob=b'\x00', embedding=[1.5], chunks=[Document(text='c')], scores={'s': 1})
    ((found,),) = batches(doc.to_dict(), 10)
    assert (found.blob, found.chunks, found.scores) == (doc.blob, doc.chunks, doc.scores)
    with pytest.raises(BadClientInput, match=r'inputs\[0\]: field blob: bytes or base64'):
        list(batches({'blob': '!'}, 10))


def test_asynchronous_inputs_are_refused_here():
    async def produce():
        yield Document()

    with pytest.raises(BadClientInput, match='asynchronous'):
        list(batches(produce, 10))


def test_a_function_that_wants_arguments_is_refused():
    with pytest.raises(BadClientInput, match=r'produce must be callable without arguments: .*size'):
        next(batches(_make_function(), 10))


def _make_function():
    def produce(size):
        return size

    return produce


def test_a_builtin_function_is_called():
    assert texts(str) == [['']]


def test_as_document_keeps_a_document():
    doc = Document()
    assert as_document(doc) is doc


# ---- Response ----


def test_status_of_success():
    status = Status.of(None)
    assert (status.code, status.description, status.exception) == (0, '', None)


def test_status_of_an_error():
    try:
        raise ValueError('bad', 7)
    except ValueError as error:
        info = describe(error, executor='Encoder')
    status = Status.of(info)
    assert status.code == 1
    assert status.description == info.message
    assert (status.exception.name, status.exception.args) == ('ValueError', ('bad', '7'))
    assert status.exception.executor == 'Encoder'
    assert ''.join(status.exception.stacks) == info.traceback
    assert len(status.exception.stacks) > 2


def test_status_of_an_error_that_no_executor_raised():
    status = Status.of(ErrorInfo(code='deadline', message='too late'))
    assert (status.code, status.description) == (1, 'too late')
    assert (status.exception.name, status.exception.args, status.exception.stacks) == ('DeadlineExceeded', (), ())


def test_response_to_dict():
    response = Response(
        header=Header(request_id='r', exec_endpoint='/x', status=Status.of(ErrorInfo('error', 'm', name='E'))),
        docs=DocumentArray(Document(id='a', tensor=np.arange(2))),
        parameters={'k': np.int64(1), 'a': np.arange(2)},
    )
    found = response.to_dict()
    assert found['header']['request_id'] == 'r'
    assert found['header']['exec_endpoint'] == '/x'
    assert found['header']['target_executor'] == ''
    assert found['header']['status']['code'] == 1
    assert found['header']['status']['exception']['name'] == 'E'
    assert found['parameters'] == {'k': 1, 'a': [0, 1]}
    assert found['routes'] == []
    assert [doc['tensor'] for doc in found['data']] == [[0, 1]]
    json.dumps(found)


def test_a_response_cannot_be_changed_and_has_its_own_containers():
    one, other = Response(header=Header(request_id='1')), Response(header=Header(request_id='2'))
    with pytest.raises(AttributeError):
        one.docs = DocumentArray()
    one.docs.append(Document())
    one.parameters['a'] = 1
    assert other.docs == []
    assert other.parameters == {}


@pytest.mark.parametrize(
    ('response', 'text'),
    [
        (Response(header=Header(request_id='1')), '<Response of /: 0 Documents, ok>'),
        (
            Response(header=Header(request_id='1', exec_endpoint='/index'), docs=DocumentArray([Document()])),
            '<Response of /index: 1 Document, ok>',
        ),
        (
            Response(header=Header(request_id='1'), parameters={'__results__': {'a/rep-0': {'sum': 1}, 'b/rep-0': {}}}),
            '<Response of /: 0 Documents, results of a/rep-0, b/rep-0, ok>',
        ),
        (
            Response(header=Header(request_id='1', status=Status(code=1, description='a long\nstory ' + 'x' * 500))),
            '<Response of /: 0 Documents, failed: a long story ' + 'x' * 87 + '>',
        ),
    ],
)
def test_a_response_shows_itself_in_a_line(response: Response, text: str) -> None:
    """As ``on_done=print`` prints it: no wall of numbers."""
    assert repr(response) == str(response) == text


def test_rows_of_a_masked_array_are_refused() -> None:
    """The mask would be lost, and what it hides be sent."""
    with pytest.raises(BadClientInput, match=r'inputs: a masked array cannot travel, .* use filled\(\)'):
        list(batches(np.ma.array([1, 2], mask=[False, True]), 10))


def test_a_key_that_is_no_text_is_named() -> None:
    with pytest.raises(BadClientInput, match=r'inputs\[1\]: Document has no field 1; its fields are id, text'):
        list(batches(['a', {1: 'b'}], 10))

"""Parts and columns of a DocumentArray."""

import numpy as np
import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document


@pytest.fixture
def docs():
    return DocumentArray(
        Document(id=name, text=f't{name}', tags={'n': at, 'in': {'x': -at}}) for at, name in enumerate('abcd')
    )


def ids(docs):
    assert type(docs) is DocumentArray
    return ''.join(doc.id for doc in docs)


# ---- parts ----


@pytest.mark.parametrize(
    ('key', 'expected'),
    [
        ([True, False, True, False], 'ac'),
        ([np.True_, np.False_, np.False_, np.False_], 'a'),
        (np.array([True, False, True, True]), 'acd'),
        (np.array([2, 0, -1]), 'cad'),
        (np.array([[1, 2]]), 'bc'),
        (np.array([]), ''),
        (np.array([], 'i8'), ''),
        ([np.int64(3), 0], 'da'),
        (range(1, 3), 'bc'),
        ((0, 1), 'ab'),
        ((0, 1, 2), 'abc'),
        (('a', 'd'), 'ad'),
        (('a', 1), 'ab'),
        ([], ''),
        (Ellipsis, 'abcd'),
        ('@r', 'abcd'),
        ('@r[1:3]', 'bc'),
    ],
    ids=repr,
)
def test_parts(docs, key, expected):
    assert ids(docs[key]) == expected


def test_single_documents(docs):
    assert docs[np.int64(1)].id == 'b'
    assert docs[-1].id == docs['d'].id == 'd'


@pytest.mark.parametrize(
    ('key', 'kind', 'message'),
    [
        ([True], IndexError, 'a mask of 1 values does not fit 4 Documents'),
        (np.array([True] * 5), IndexError, 'a mask of 5'),
        ([0, 4], IndexError, 'no Document 4 among 4'),
        (np.array([-5]), IndexError, 'no Document -5 among 4'),
        (np.zeros((2, 2), int), IndexError, 'one axis'),
        (np.array([0.5]), IndexError, 'one axis'),
        (['a', 'x'], KeyError, "id 'x'"),
        (['a', None], TypeError, 'not by NoneType'),
        ([True, 1], TypeError, 'not by bool'),
        ([1.0], TypeError, 'not by float'),
        (1.0, TypeError, 'not float'),
        (None, TypeError, 'not NoneType'),
        ('@x', ValueError, 'no way into nested'),
    ],
)
def test_what_stands_for_no_document(docs, key, kind, message):
    with pytest.raises(kind, match=message):
        docs[key]


# ---- columns ----


def test_a_field_of_several_documents(docs):
    assert docs[:, 'id'] == docs[..., 'id'] == docs['@r', 'id'] == list('abcd')
    assert docs[1:3, 'text'] == docs[[1, 2], 'text'] == docs[['b', 'c'], 'text'] == ['tb', 'tc']
    assert docs[[False, True, True, False], 'text'] == docs[np.array([1, 2]), 'text'] == ['tb', 'tc']
    assert docs[:, ['id', 'text']] == docs[:, ('id', 'text')] == [list('abcd'), ['ta', 'tb', 'tc', 'td']]
    assert docs[:, 'weight'] == [None] * 4
    assert DocumentArray()[:, 'id'] == []


def test_a_field_of_one_document(docs):
    assert docs[0, 'text'] == docs['a', 'text'] == 'ta'
    assert docs[0, ['id', 'text']] == ['a', 'ta']
    assert docs[0, 'tags__in__x'] == 0


def test_an_id_is_meant_before_a_field(docs):
    docs.append(Document(id='text'))
    assert [doc.id for doc in docs['a', 'text']] == ['a', 'text']


def test_paths_into_tags(docs):
    assert docs[:, 'tags__n'] == [0, 1, 2, 3]
    assert docs[:, 'tags__in__x'] == [0, -1, -2, -3]
    assert docs[:, 'tags__no__way'] == [None] * 4
    docs[0].scores['cosine'] = 0.5
    assert docs[:1, 'scores__cosine__value'] == [0.5]


def test_a_field_that_does_not_exist(docs):
    with pytest.raises(AttributeError, match='txt'):
        docs[:, 'txt']
    with pytest.raises(AttributeError, match='txt'):
        docs[:, 'txt'] = 'a'


# ---- setting ----


def test_setting_a_field_of_each(docs):
    docs[:, 'text'] = ['1', '2', '3', '4']
    assert docs.texts == ['1', '2', '3', '4']
    docs[[0, 3], 'text'] = ('x', 'y')
    docs['b', 'text'] = 'z'
    docs[2, ['text', 'weight']] = ['w', 5]
    assert docs.texts == ['x', 'z', 'w', 'y']
    assert docs[2].weight == 5
    docs[1:, ['id', 'mime_type']] = [['p', 'q', 'r'], 'text/plain']
    assert docs[:, ['id', 'mime_type']] == [['a', 'p', 'q', 'r'], [None, *['text/plain'] * 3]]


def test_setting_one_value_for_all(docs):
    docs[:, 'text'] = 'same'
    docs[:, 'tags'] = {'new': 1}
    docs[0].tags['new'] = 2
    assert docs[:, ['text', 'tags__new']] == [['same'] * 4, [2, 1, 1, 1]]
    docs[:, 'text'] = None
    assert docs.texts == [None] * 4


def test_setting_inside_tags(docs):
    docs[:, 'tags__n'] = [5, 6, 7, 8]
    docs[0, 'tags__new__deep'] = 'x'
    assert docs[:, 'tags__n'] == [5, 6, 7, 8]
    assert docs[0].tags['new'] == {'deep': 'x'}


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ((slice(None), 'text'), ['a']),
        ((slice(None), 'embedding'), np.zeros((3, 2))),
        ((slice(None), ['id', 'text']), [['a', 'b', 'c', 'd']]),
        ([0, 1], [Document()]),
    ],
)
def test_values_that_do_not_fit(docs, key, value):
    with pytest.raises(ValueError, match=r'values|replace'):
        docs[key] = value


def test_replacing_documents(docs):
    new = [Document(id='X'), Document(id='Y')]
    docs[[0, 2]] = new
    assert ids(docs) == 'XbYd'
    docs[[False, True, False, True]] = reversed(new)
    assert ids(docs) == 'XYYX'
    docs[np.array([0, 1])] = [Document(id='1'), Document(id='2')]
    docs[['2']] = [Document(id='3')]
    assert ids(docs) == '13YX'
    with pytest.raises(TypeError, match='Documents only'):
        docs[[0, 1]] = ['a', 'b']
    for nested in ('@c', ...):
        with pytest.raises(TypeError, match='set a field of them'):
            docs[nested] = new


def test_removing_documents_and_fields(docs):
    del docs[[0, -1, 0]]
    assert ids(docs) == 'bc'
    del docs[:, 'text'], docs[0, 'tags']
    assert (docs.texts, docs[:, 'tags__n']) == ([None, None], [None, 2])
    del docs[:, ['tags', 'id']]
    assert docs[1].tags == {}
    assert docs[1].id != 'c'
    docs[0].id = 'b'
    del docs[[True, False]]
    assert len(docs) == 1
    with pytest.raises(TypeError, match='cannot be removed'):
        del docs['@c']
    del docs[...]
    assert docs == []


# ---- all fields of a kind ----


def test_texts_and_blobs(docs):
    assert docs.texts == ['ta', 'tb', 'tc', 'td']
    assert docs.blobs == [None] * 4
    docs.texts = list('wxyz')
    docs.blobs = [b'1', b'2', b'3', b'4']
    assert (docs.texts, docs.blobs) == (list('wxyz'), [b'1', b'2', b'3', b'4'])
    docs.texts = docs.blobs = None
    assert (docs.texts, docs.blobs) == ([None] * 4, [None] * 4)
    assert DocumentArray().texts == DocumentArray().blobs == []


@pytest.mark.parametrize('name', ['tensor', 'embedding'])
def test_arrays_are_one_array(docs, name):
    columns = f'{name}s'
    assert getattr(docs, columns) is None
    assert getattr(DocumentArray(), columns) is None
    rows = np.arange(8.0, dtype='f4').reshape(4, 2)
    setattr(docs, columns, rows)
    found = getattr(docs, columns)
    assert np.array_equal(found, rows)
    assert found.dtype == 'f4'
    assert np.array_equal(docs[1:3, name], rows[1:3])
    assert np.array_equal(getattr(docs[1], name), rows[1])
    setattr(docs[0], name, [1, 2])
    assert np.array_equal(getattr(docs, columns)[0], [1, 2])
    setattr(docs, columns, None)
    assert getattr(docs, columns) is None


@pytest.mark.parametrize('name', ['tensor', 'embedding'])
def test_arrays_that_do_not_fit_are_a_list(docs, name):
    setattr(docs, f'{name}s', [np.zeros(1), np.zeros(2), [1, 2, 3], 5])
    found = getattr(docs, f'{name}s')
    assert [array.shape for array in found] == [(1,), (2,), (3,), ()]
    setattr(docs[2], name, None)
    assert getattr(docs, f'{name}s')[2] is None


def test_contents(docs):
    assert docs.contents == ['ta', 'tb', 'tc', 'td']
    docs.contents = np.eye(4)
    assert np.array_equal(docs.contents, np.eye(4))
    assert docs.texts == [None] * 4
    docs[0].content = b'b'
    found = docs.contents
    assert (found[0], found[1].tolist()) == (b'b', [0, 1, 0, 0])
    docs.contents = None
    assert docs.contents is None
    assert DocumentArray().contents is None

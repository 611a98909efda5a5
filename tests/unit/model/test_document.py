import copy
import json
import os
import pickle
from datetime import datetime

import numpy as np
import pytest

from mproc_flow.model.document import Document
from mproc_flow.model.further import FURTHER
from mproc_flow.model.ids import fresh_id


def test_a_new_document_has_an_id_and_nothing_else():
    doc = Document()
    assert len(doc.id) == 32
    assert int(doc.id, 16) >= 0
    assert [doc.text, doc.blob, doc.tensor, doc.embedding, doc.uri, doc.mime_type] == [None] * 6
    assert doc.tags == {}


def test_each_document_has_its_own_tags():
    one, other = Document(), Document()
    one.tags['a'] = 1
    assert other.tags == {}


def test_ids_do_not_repeat():
    assert len({fresh_id() for _ in range(10_000)}) == 10_000


def test_a_forked_process_makes_other_ids():
    fresh_id()  # fills the stock that the child inherits
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, ' '.join(fresh_id() for _ in range(300)).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, 'rb') as pipe:
        childs = pipe.read().decode().split()
    assert os.waitpid(pid, 0)[1] == 0
    assert len(childs) == 300
    assert not set(childs) & {fresh_id() for _ in range(600)}


@pytest.mark.parametrize(
    ('call', 'parts'),
    [
        (lambda: Document(txt='a'), ["no field 'txt'", "did you mean 'text'"]),
        (lambda: Document(Tensor=1), ["no field 'Tensor'", "did you mean 'tensor'"]),
        (lambda: Document(qqq=1), ["no field 'qqq'", 'id, text, blob', 'tags']),
        (lambda: Document('hello'), ["Document(text='hello')", 'by name']),
    ],
)
def test_a_wrong_constructor_call_says_what_would_be_right(call, parts):
    with pytest.raises(TypeError) as caught:
        call()
    assert all(part in str(caught.value) for part in parts)


def test_a_field_that_does_not_exist_cannot_be_set():
    with pytest.raises(AttributeError):
        Document().chunk = []


# ---- equality ----


def test_documents_are_equal_if_id_and_all_fields_are():
    fields = {'id': 'a', 'text': 't', 'blob': b'b', 'uri': 'u', 'mime_type': 'm', 'tags': {'x': [1]}}
    assert Document(**fields) == Document(**fields)
    for name, value in fields.items():
        other = {'x': [2]} if name == 'tags' else value * 2
        assert Document(**fields) != Document(**{**fields, name: other}), name


def test_equal_and_unequal_are_opposites():
    one, same, other = Document(id='a'), Document(id='a'), Document(id='b')
    assert (one == same, one != same) == (True, False)
    assert (one == other, one != other) == (False, True)
    assert (one == 'a', one != 'a') == (False, True)


@pytest.mark.parametrize('name', ['tensor', 'embedding'])
def test_arrays_are_compared_by_dtype_shape_and_values(name):
    def doc(array):
        return Document(id='a', **{name: array})

    array = np.array([[1.0, np.nan], [3, 4]])
    assert doc(array) == doc(array.copy())
    assert doc(array) != doc(array.astype('f4'))
    assert doc(array) != doc(array.reshape(4))
    assert doc(array) != doc(array + 1)
    assert doc(array) != doc(None)
    assert doc(None) != doc(array)
    assert doc([1, 2]) == doc(np.array([1, 2]))
    assert doc(np.array(['NaT'], 'M8[s]')) == doc(np.array(['NaT'], 'M8[s]'))
    assert doc(np.array([None, 1])) == doc(np.array([None, 1]))


def test_arrays_and_nan_inside_tags_are_compared_too():
    def doc(value):
        return Document(id='a', tags={'x': [value, {'y': float('nan')}]})

    assert doc(np.arange(3)) == doc(np.arange(3))
    assert doc(np.arange(3)) != doc(np.arange(4))
    assert doc(np.arange(3)) != doc([0, 1, 2])
    assert doc(1) != doc(2)
    assert Document(id='a', tags={'x': 1}) != Document(id='a', tags={'y': 1})
    assert Document(id='a', tags={'x': [1]}) != Document(id='a', tags={'x': [1, 2]})


def test_a_document_equals_nothing_else_and_is_no_key():
    assert Document(id='a') != 'a'
    with pytest.raises(TypeError):
        hash(Document())


# ---- text forms ----


def test_repr_shows_what_is_set():
    doc = Document(id='abc', tensor=np.zeros((3, 4)), tags={'k': np.zeros(2, 'i8')})
    assert repr(doc) == "Document(id='abc', tensor=float64(3, 4), tags={'k': int64(2,)})"
    assert repr(Document(id='abc')) == "Document(id='abc')"


def test_repr_is_short():
    tags = {'list': list(range(1000))}
    tags['self'] = tags
    doc = Document(text='x' * 10_000, blob=b'y' * 10_000, embedding=[0.0] * 10_000, tags=tags)
    assert len(repr(doc)) < 400
    assert '<10000 bytes>' in repr(doc)


def test_to_dict_has_every_field_and_can_be_json():
    doc = Document(id='a', blob=b'\x00\x01', tensor=np.eye(2), embedding=[1, 2])
    doc.tags = {'n': np.float32(0.5), 'a': np.arange(2), 'z': np.array([1 + 2j]), 't': (1,), 'd': datetime(2024, 1, 2)}
    found = doc.to_dict()
    assert json.loads(json.dumps(found)) == {
        'id': 'a',
        'text': None,
        'blob': 'AAE=',
        'tensor': [[1.0, 0.0], [0.0, 1.0]],
        'embedding': [1, 2],
        'uri': None,
        'mime_type': None,
        'tags': {'n': 0.5, 'a': [0, 1], 'z': [[1.0, 2.0]], 't': [1], 'd': '2024-01-02T00:00:00'},
        **dict.fromkeys(FURTHER),
    }


def test_to_dict_of_a_value_that_is_no_data_says_so():
    with pytest.raises(TypeError, match='object'):
        Document(tags={'x': object()}).to_dict()


# ---- content ----


def test_content_is_what_is_set():
    array = np.zeros(3)
    assert Document().content is None
    assert Document(text='a').content == 'a'
    assert Document(text='').content == ''
    assert Document(blob=b'a').content == b'a'
    assert Document(tensor=array).content is array


@pytest.mark.parametrize(('value', 'name'), [('a', 'text'), (b'a', 'blob'), ([1.0], 'tensor')])
def test_setting_content_fills_one_field_and_empties_the_others(value, name):
    doc = Document(text='old', blob=b'old', tensor=[0])
    doc.content = value
    assert doc.content == value
    assert {field: getattr(doc, field) for field in ('text', 'blob', 'tensor')} == {
        **dict.fromkeys(('text', 'blob', 'tensor')),
        name: value,
    }
    doc.content = None
    assert doc.text is doc.blob is doc.tensor is None


# ---- copies ----


@pytest.mark.parametrize('clone', [copy.deepcopy, lambda doc: pickle.loads(pickle.dumps(doc))])
def test_copies_are_equal_and_apart(clone):
    doc = Document(text='a', tensor=np.arange(3), tags={'k': [1]})
    other = clone(doc)
    assert other == doc
    other.tags['k'].append(2)
    other.tensor[0] = 9
    assert doc.tags == {'k': [1]}
    assert doc.tensor[0] == 0

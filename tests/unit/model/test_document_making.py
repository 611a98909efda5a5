"""How Documents are made, copied, and turned into dicts and JSON and back."""

import copy
import pickle

import numpy as np
import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from tests.unit.model.samples import full


def test_a_dict_by_position_gives_the_fields():
    assert Document({'id': 'a', 'text': 't', 'weight': 1}) == Document(id='a', text='t', weight=1)
    assert Document({'id': 'a', 'text': 't'}, text='u') == Document(id='a', text='u')
    assert len(Document(None).id) == 32


@pytest.mark.parametrize(
    ('call', 'parts'),
    [
        (lambda: Document({'txt': 1}), ["no field 'txt'", "did you mean 'text'"]),
        (lambda: Document(wieght=1), ["no field 'wieght'", "did you mean 'weight'"]),
        (lambda: Document(chunks=[], qqq=1), ["no field 'qqq'", 'scores', 'tags']),
        (lambda: Document({5: 1}), ['no field 5']),
        (lambda: Document('hello'), ["Document(text='hello')"]),
        (lambda: Document(5), ['by name']),
        (lambda: Document(Document(), Document()), ['by name']),
        (lambda: Document(copy=True, txt='a'), ["did you mean 'text'"]),
        (lambda: Document(more=2), ["no field 'more'"]),
    ],
)
def test_a_wrong_call_says_what_would_be_right(call, parts):
    with pytest.raises(TypeError) as caught:
        call()
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(('value', 'name'), [('a', 'text'), (b'a', 'blob'), ([1.0], 'tensor')])
def test_content_may_be_given(value, name):
    doc = Document(content=value)
    assert getattr(doc, name) == value
    assert doc.content_type == name
    assert Document(content=None).content_type is None


# ---- copies ----


def test_a_document_of_a_document_shares_its_values():
    doc = full()
    other = Document(doc)
    assert other == doc
    assert other.tensor is doc.tensor
    assert other.chunks[0] is doc.chunks[0]
    other.tags['new'] = other.weight = 1
    other.chunks.append(Document())
    other.scores['s'].value = 9
    assert doc == full()
    assert Document(doc, id='other', text='u').text == 'u'


@pytest.mark.parametrize(
    'clone',
    [
        lambda doc: Document(doc, copy=True),
        Document.copy,
        copy.deepcopy,
        lambda doc: pickle.loads(pickle.dumps(doc)),
        lambda doc: DocumentArray([doc], copy=True)[0],
    ],
)
def test_deep_copies_share_nothing(clone):
    doc = full()
    other = clone(doc)
    assert other == doc
    other.chunks[0].chunks[0].text = 'changed'
    other.tensor[0] = 9
    other.tags['k'].append(2)
    other.evaluations['e'].value = 9
    other.location.append(3.0)
    assert doc == full()
    new = Document()
    other.chunks.append(new)
    assert (new.parent_id, other.chunks[1]) == ('full', new)


def test_a_shallow_copy_is_that_of_the_constructor():
    doc = full()
    other = copy.copy(doc)
    other.weight = 9
    assert other.tensor is doc.tensor
    assert doc.weight == 0.5


def test_a_subclass_keeps_its_own_fields():
    class Special(Document):
        extra: int = 0

    doc = Special(extra=5, weight=1)
    assert (Special(doc).extra, Special(doc).weight, doc.copy()) == (5, 1, doc)
    with pytest.raises(TypeError, match="did you mean 'extra'"):
        Special(extr=5)


# ---- dicts and JSON ----


def test_dicts_and_json_give_the_document_back():
    doc = full()
    doc.blob, doc.embedding = b'\x00\xff', np.array([[0.5, 1.5]])
    assert Document.from_dict(doc.to_dict()) == doc
    assert Document.from_json(doc.to_json()) == doc
    assert Document.from_json(doc.to_json().encode()) == doc
    assert doc.to_dict()['scores'] == {'s': {'value': 0.5, 'op_name': None, 'description': None, 'ref_id': None}}
    assert doc.to_dict()['chunks'][0]['chunks'][0]['text'] == 'deep'


@pytest.mark.parametrize(
    ('values', 'kind', 'message'),
    [
        ({'txt': 'a'}, TypeError, "did you mean 'text'"),
        ([1], TypeError, 'a dict of fields is needed for a Document, not list'),
        ({'blob': 'no base64!'}, ValueError, 'field blob: bytes or base64 text'),
        ({'blob': 5}, ValueError, 'field blob: bytes or base64 text'),
        ({'tensor': [[1], [2, 3]]}, ValueError, 'field tensor:'),
        ({'embedding': ['a']}, ValueError, 'field embedding: lists of numbers are needed'),
        ({'chunks': [{'blob': '!'}]}, ValueError, 'field blob'),
        ({'scores': {'a': 'x'}}, TypeError, "the score 'a'"),
    ],
)
def test_a_dict_that_is_no_document(values, kind, message):
    with pytest.raises(kind, match=message):
        Document.from_dict(values)


def test_text_that_is_no_json():
    with pytest.raises(ValueError, match='Expecting'):
        Document.from_json('{')


# ---- URIs ----


def test_files_and_data_uris_are_loaded(tmp_path):
    path = tmp_path / 'name with spaces.txt'
    path.write_bytes('täxt'.encode())
    for uri in (str(path), path.as_uri()):
        doc = Document(uri=uri, tensor=[1])
        assert doc.load_uri_to_text() is doc
        assert (doc.text, doc.tensor) == ('täxt', None)
        assert doc.load_uri_to_blob().content == 'täxt'.encode()
        assert doc.text is None
    path.write_bytes(b'\xe4')
    assert Document(uri=str(path)).load_uri_to_text('latin-1').text == 'ä'
    assert Document(uri='data:,a%20b').load_uri_to_text().text == 'a b'
    assert Document(uri='data:text/plain;charset=utf-8;base64,w6Q=').load_uri_to_text().text == 'ä'


@pytest.mark.parametrize(
    ('uri', 'kind', 'message'),
    [
        (None, ValueError, 'has no uri'),
        ('/no/such/file', FileNotFoundError, '/no/such/file'),
        ('https://example.org/x', ValueError, 'nothing is fetched'),
        ('data:text/plain', ValueError, 'no comma'),
        ('data:;base64,a', ValueError, 'no data URI'),
    ],
)
def test_what_cannot_be_loaded(uri, kind, message):
    doc = Document(uri=uri, text='kept')
    with pytest.raises(kind, match=message):
        doc.load_uri_to_blob()
    assert doc.text == 'kept'


def test_a_dict_without_them_tells_nested_documents_where_they_are():
    doc = Document.from_dict({'id': 'a', 'chunks': [{'text': 'c'}], 'matches': [{'id': 'm'}]})
    assert (doc.chunks[0].parent_id, doc.chunks[0].granularity, doc.matches[0].adjacency) == ('a', 1, 1)
    with pytest.raises(TypeError, match='dict of fields is needed for a Document, not int'):
        Document.from_dict({'chunks': [5]})


def test_a_copy_has_containers_of_its_own_also_where_they_are_empty() -> None:
    """To look into ``scores`` or ``chunks`` makes them; what a copy gets later is not the original's."""
    doc = Document(embedding=[1.0, 2.0], location=[])
    held = [doc.chunks, doc.matches, doc.scores, doc.evaluations, doc.location]
    copy = Document(doc)
    copy.chunks.append(Document())
    copy.matches.append(Document())
    copy.scores['a'] = copy.evaluations['b'] = 1.0
    copy.location.append(1.0)
    found = DocumentArray(doc).find(doc)[0][0]
    assert found.scores['cosine'].value == pytest.approx(0.0)
    assert not any(held)

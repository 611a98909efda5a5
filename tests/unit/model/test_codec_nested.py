"""Nested Documents and the fields few have, sent and received."""

import re

import numpy as np
import pytest

from mproc_flow.errors import SerializationError
from mproc_flow.model.array import ChunkArray, DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.model.numeric import OWN_FRAME_FROM
from mproc_flow.model.quick import BLOB_FRAME_FROM, MAX_LEVELS, is_plain_document
from mproc_flow.model.score import NamedScore, Scores
from tests.unit.model.samples import SIMPLE, full, travel


def nested(depth, name='chunks', **fields):
    doc = Document(**fields)
    for _ in range(depth):
        doc = Document(**{name: [doc]})
    return doc


@pytest.mark.parametrize('hint', [{}, {'tags': {'t': (1,)}}, {'blob': bytearray(b'b')}], ids=['plain', 'tuple', 'blob'])
def test_every_field_arrives(hint):
    doc = full()
    for name, value in hint.items():
        setattr(doc, name, value)
    ((found,), _) = travel([doc])
    doc.tags = {key: list(value) for key, value in doc.tags.items()}
    doc.blob = bytes(doc.blob) if doc.blob else None
    assert found == doc
    assert (type(found.chunks), type(found.scores)) == (ChunkArray, Scores)
    new = Document()
    found.chunks.append(new)
    assert new.parent_id == found.id


def test_ordinary_documents_need_no_second_look():
    assert is_plain_document(full())
    assert is_plain_document(Document(chunks=[], scores={'a': 1}))
    assert len(encode([Document(id='')], {})[0]) == len(b'\x94\x01\x91\x99\xa0') + 6 + len(b'\x80\xc0\x80\x90')


def test_reading_what_is_not_set_sends_nothing():
    doc = Document(id='a')
    assert (len(doc.chunks), len(doc.scores)) == (0, 0)
    ((found,), _) = travel([doc])
    assert found == Document(id='a')


@pytest.mark.parametrize('name', ['chunks', 'matches'])
def test_large_values_of_nested_documents_have_frames_of_their_own(name):
    def blob(letter):
        return Document(blob=letter * BLOB_FRAME_FROM)

    inner = Document(blob=b'i' * BLOB_FRAME_FROM, embedding=np.zeros(OWN_FRAME_FROM, 'u1'), **{name: [blob(b'd')]})
    docs = [blob(b'a'), Document(**{name: [Document(), inner, blob(b'l')]}), blob(b'z')]
    docs[1].matches.append(blob(b'm'))
    frames = encode(docs, {})
    assert len(frames) == 1 + 6 + 1
    assert len(frames[0]) < 2000
    found, _ = decode(frames)
    assert found == docs
    assert inner.blob == b'i' * BLOB_FRAME_FROM
    assert np.shares_memory(getattr(found[1], name)[1].embedding, np.frombuffer(frames[-1], 'u1'))


@pytest.mark.parametrize('name', ['chunks', 'matches'])
@pytest.mark.parametrize('tags', [{}, {'t': (1,)}])
def test_documents_travel_nested_up_to_the_limit(name, tags):
    doc = nested(MAX_LEVELS, name, tags=tags, text='deep')
    ((found,), _) = travel([doc])
    for _ in range(MAX_LEVELS):
        found = getattr(found, name)[0]
    assert found.text == 'deep'


def refused(doc):
    with pytest.raises(SerializationError) as caught:
        encode([Document(), doc], {})
    return str(caught.value)


def test_documents_nested_deeper_are_refused_and_the_place_is_named():
    message = refused(nested(MAX_LEVELS + 1))
    assert message.startswith('Document 1 (')
    assert f'nested more than {MAX_LEVELS} deep' in message
    assert len(message) < 400
    loop = Document(id='loop')
    loop.matches.append(loop)
    assert 'contain what they are in' in refused(loop)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'weight': 'heavy'}, "field weight: a number is needed, not 'heavy' (str)"),
        ({'weight': 10**400}, 'field weight: a number is needed'),
        ({'offset': object()}, 'field offset: a number is needed'),
        ({'granularity': 1.5}, 'field granularity: a whole number is needed, not float'),
        ({'adjacency': 2**64}, 'field adjacency: the number 18446744073709551616 has more than 64 bits'),
        ({'parent_id': 5}, 'field parent_id: a str is needed, not int'),
        ({'modality': b'x'}, 'field modality: a str is needed, not bytes'),
        ({'location': 5}, 'field location: a list of numbers is needed, not int'),
        ({'location': [1, 'x']}, "field location[1]: a number is needed, not 'x' (str)"),
        ({'scores': {5: 1}}, 'field scores, key 5: a str is needed, not int'),
        ({'scores': {'s': NamedScore('x')}}, "field scores['s'].value: a number is needed, not 'x' (str)"),
        ({'evaluations': {'e': NamedScore(1, 5)}}, "field evaluations['e'].op_name: a str is needed, not int"),
        ({'tensor': np.array([None])}, 'field tensor: no numeric array can be made of this ndarray: an array of dtype'),
        ({'embedding': np.zeros(1, 'i4,f8')}, 'field embedding: no numeric array'),
    ],
)
@pytest.mark.parametrize('place', ['top', 'chunk', 'match of chunk'])
def test_what_cannot_travel_is_named_with_its_place(fields, message, place):
    bad = Document(id='bad')
    doc, where = bad, "Document 1 ('bad')"
    if place == 'chunk':
        doc, where = Document(id='a', chunks=[Document(), bad]), "Document 1 ('a'), chunks[1] ('bad')"
    elif place == 'match of chunk':
        doc = Document(id='a', chunks=[Document(id='c', matches=[bad])])
        where = "Document 1 ('a'), chunks[0] ('c'), matches[0] ('bad')"
    for name, value in fields.items():
        setattr(bad, name, value)
    assert refused(doc).startswith(f'{where}, {message}')


def test_a_nested_document_of_another_class_is_refused():
    class Special(Document):
        pass

    assert re.match(r"Document 1 \('a'\), matches\[0\]: only Documents", refused(Document(id='a', matches=[Special()])))


@pytest.mark.parametrize('name', [*SIMPLE])
def test_numbers_of_numpy_and_whole_numbers_arrive_as_what_the_field_is(name):
    given = {'location': (np.float32(1), 2), 'parent_id': np.str_('p'), 'modality': np.str_('m')}
    doc = Document(**{name: given.get(name, np.int64(2))})
    ((found,), _) = travel([doc])
    value = getattr(found, name)
    assert value == list(given[name]) if name == 'location' else value == getattr(doc, name)
    assert type(value) is type(SIMPLE[name])


def test_whole_numbers_arrive_as_numbers():
    ((found,), _) = travel([Document(weight=2, offset=3, location=[1, 2], scores={'s': NamedScore(4)})])
    assert [found.weight, found.offset, *found.location, found.scores['s'].value] == [2, 3, 1, 2, 4]
    assert {type(value) for value in (found.weight, found.offset, *found.location)} == {float}


def test_one_document_may_be_in_several_places():
    shared = Document(text='s')
    found, _ = travel([Document(id='a', chunks=[shared, shared]), Document(id='b', matches=DocumentArray(shared))])
    assert [doc.text for doc in (*found[0].chunks, *found[1].matches)] == ['s', 's', 's']

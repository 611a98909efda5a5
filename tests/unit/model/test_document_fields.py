"""The fields that few Documents have."""

import copy
import pickle

import numpy as np
import pytest

from mproc_flow.model.array import ChunkArray, DocumentArray, MatchArray
from mproc_flow.model.document import Document, More
from mproc_flow.model.further import FURTHER
from mproc_flow.model.score import NamedScore, Scores
from tests.unit.model.samples import SIMPLE, full


def test_the_names_of_fields_are_those_on_the_wire_in_that_order():
    assert More.__struct_fields__ == FURTHER


def test_the_nineteen_fields_and_the_id_are_in_the_dict():
    names = 'parent_id granularity adjacency blob tensor mime_type text weight uri tags offset location embedding '
    names += 'modality evaluations scores chunks matches'
    assert set(Document().to_dict()) == {'id', *names.split()}
    assert all(value is None for name, value in Document().to_dict().items() if name not in ('id', 'tags'))


# ---- setting and reading ----


@pytest.mark.parametrize('name', SIMPLE)
def test_a_simple_field_is_none_until_it_is_set(name):
    doc = Document(id='a')
    assert getattr(doc, name) is None
    setattr(doc, name, SIMPLE[name])
    assert getattr(doc, name) == SIMPLE[name]
    assert doc == Document(id='a', **{name: SIMPLE[name]})
    assert doc != Document(id='a')
    assert repr(doc) == f"Document(id='a', {name}={SIMPLE[name]!r})"
    setattr(doc, name, None)
    assert doc == Document(id='a', **{name: None}) == Document(id='a')


@pytest.mark.parametrize(('name', 'kind'), [('chunks', ChunkArray), ('matches', MatchArray)])
def test_nested_documents_that_are_not_set_are_an_empty_array_that_is_kept(name, kind):
    doc = Document(id='a')
    nested = getattr(doc, name)
    assert (type(nested), nested) == (kind, [])
    assert isinstance(nested, DocumentArray)
    assert doc == Document(id='a')
    nested.append(Document(id='b'))
    assert getattr(doc, name) is nested
    assert [one.id for one in getattr(doc, name)] == ['b']
    assert doc != Document(id='a')


def grow(change):
    def apply(doc, new):
        change(doc.chunks, new)

    return apply


@pytest.mark.parametrize(
    'add',
    [
        lambda doc, new: setattr(doc, 'chunks', [new]),
        lambda doc, new: setattr(doc, 'chunks', new),
        lambda doc, new: setattr(doc, 'chunks', iter([new])),
        lambda doc, new: setattr(doc, 'chunks', Document(chunks=[new]).chunks),
        grow(lambda chunks, new: chunks.append(new)),
        grow(lambda chunks, new: chunks.extend([new])),
        grow(lambda chunks, new: chunks.insert(0, new)),
        grow(lambda chunks, new: chunks.__iadd__([new])),
        grow(lambda chunks, new: chunks.__setitem__(slice(0, 0), [new])),
        grow(lambda chunks, new: (chunks.append(Document()), chunks.__setitem__(0, new))),
        grow(lambda chunks, new: (chunks.append(Document()), chunks.__setitem__([0], [new]))),
    ],
)
def test_chunks_learn_where_they_are_however_they_are_added(add):
    doc, new = Document(id='parent', granularity=1), Document()
    add(doc, new)
    assert (new.parent_id, new.granularity, new.adjacency) == ('parent', 2, None)
    assert doc.chunks[0] is new


def test_matches_learn_how_far_they_are():
    doc = Document(id='a', matches=[Document()])
    assert (doc.matches[0].adjacency, doc.matches[0].parent_id) == (1, None)
    assert Document(adjacency=1, matches=doc.matches).matches[0].adjacency == 2


def test_what_is_no_document_cannot_be_nested():
    for wrong in ([5], ['text'], [Document(), None]):
        with pytest.raises(TypeError, match='a DocumentArray holds Documents only'):
            Document(chunks=wrong)
    with pytest.raises(TypeError, match='item 0 is of type int'):
        Document().matches.append(5)


def test_parts_of_chunks_are_apart_from_the_document():
    doc = full()
    part = doc.chunks[:]
    assert type(part) is type(doc.chunks * 2) is type(doc.chunks.copy()) is DocumentArray
    new = Document()
    part.append(new)
    assert new.parent_id is None
    assert len(doc.chunks) == 1


# ---- scores ----


@pytest.mark.parametrize('name', ['scores', 'evaluations'])
def test_scores_by_name(name):
    doc = Document(id='a')
    scores = getattr(doc, name)
    assert (scores, type(scores)) == ({}, Scores)
    scores['cosine'] = 0.5
    assert getattr(doc, name)['cosine'] == NamedScore(value=0.5)
    scores['euclid'].value = 2
    scores['euclid'].op_name = 'l2'
    assert doc == Document(id='a', **{name: {'cosine': 0.5, 'euclid': NamedScore(2, 'l2')}})
    assert doc != Document(id='a', **{name: {'cosine': 0.5, 'euclid': 2}})
    setattr(doc, name, {'x': np.float32(0.25)})
    assert getattr(doc, name) == {'x': NamedScore(0.25)}


def test_scores_take_numbers_dicts_and_scores_and_nothing_else():
    scores = Scores({'a': 1, 'b': {'value': 2, 'ref_id': 'r'}, 'c': NamedScore(3)})
    assert scores == {'a': NamedScore(1.0), 'b': NamedScore(2, ref_id='r'), 'c': NamedScore(3)}
    scores |= {'d': 4}
    scores.update(e=5)
    assert scores.setdefault('f', 6) == NamedScore(6.0)
    assert scores.setdefault('f', 7) == NamedScore(6.0)
    assert [scores[name].value for name in 'def'] == [4, 5, 6]
    for wrong in ('0.5', None, [1]):
        with pytest.raises(TypeError, match="the score 'x' is a number, a NamedScore or a dict"):
            scores['x'] = wrong
    with pytest.raises(TypeError, match='vlaue'):
        scores['x'] = {'vlaue': 1}


def test_copies_of_scores_are_apart():
    scores = Scores({'a': 1})
    other = scores.copy()
    other['a'].value = 2
    assert scores['a'].value == 1
    assert pickle.loads(pickle.dumps(scores)) == scores
    assert type(copy.deepcopy(scores)) is Scores


def test_a_score_of_nan_equals_itself():
    nan = float('nan')
    assert Document(id='a', scores={'x': nan}) == Document(id='a', scores={'x': nan})


# ---- emptying ----


def test_fields_that_are_set():
    assert Document(id='a').non_empty_fields == ('id',)
    assert Document(id='a', text='', tags={}, chunks=[], scores={}, location=[]).non_empty_fields == ('id',)
    assert Document(id='a', tensor=[], weight=0, granularity=0).non_empty_fields == (
        'id',
        'tensor',
        'weight',
        'granularity',
    )
    assert set(full().non_empty_fields) == {'id', 'text', 'tensor', 'tags', *FURTHER}


def test_pop_and_clear():
    doc = full()
    doc.pop('text', 'chunks', 'tags', 'weight')
    assert set(doc.non_empty_fields) == {'id', 'tensor', *FURTHER} - {'chunks', 'weight'}
    assert doc.tags == {}
    with pytest.raises(AttributeError, match="did you mean 'text'"):
        doc.pop('txt')
    doc.clear()
    assert doc.non_empty_fields == ('id',)
    assert (doc.id != 'full', len(doc.id)) == (True, 32)

"""Batches, samples, groups, and merging."""

import random

import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document


@pytest.fixture
def docs():
    return DocumentArray(Document(id=str(at), tags={'odd': at % 2, 'in': {'third': at % 3}}) for at in range(7))


def ids(docs):
    assert type(docs) is DocumentArray
    return ''.join(doc.id for doc in docs)


@pytest.mark.parametrize(('size', 'expected'), [(1, list('0123456')), (3, ['012', '345', '6']), (7, ['0123456'])])
def test_batches(docs, size, expected):
    assert [ids(batch) for batch in docs.batch(size)] == expected
    assert [''.join(batch) for batch in docs.batch_ids(size)] == expected
    assert [ids(batch) for batch in docs.batch(batch_size=99)] == ['0123456']
    assert list(DocumentArray().batch(size)) == []


def test_batches_in_random_order(docs):
    random.seed(1)
    found = [ids(batch) for batch in docs.batch(3, shuffle=True)]
    assert [len(batch) for batch in found] == [3, 3, 1]
    assert sorted(''.join(found)) == list('0123456')
    assert ''.join(found) != '0123456' == ids(docs)
    random.seed(1)
    assert [''.join(batch) for batch in docs.batch_ids(3, shuffle=True)] == found


@pytest.mark.parametrize('size', [0, -1, 1.5, None])
def test_a_batch_has_at_least_one(docs, size):
    with pytest.raises(ValueError, match='batch_size is a whole number of at least 1'):
        docs.batch(size)


def test_samples(docs):
    assert ids(docs.sample(3, seed=5)) == ids(docs.sample(3, seed=5))
    assert len({ids(docs.sample(3, seed)) for seed in range(20)}) > 5
    assert sorted(ids(docs.shuffle(seed=1))) == list('0123456')
    assert ids(docs.shuffle(seed=1)) == ids(docs.shuffle(seed=1)) != ids(docs)
    assert ids(docs) == '0123456'
    state = random.getstate()
    docs.shuffle(seed=1)
    assert random.getstate() == state
    with pytest.raises(ValueError, match='larger'):
        docs.sample(8)


def test_groups_by_tag(docs):
    docs.append(Document(id='x'))

    def groups(tag):
        return {value: ids(group) for value, group in docs.split_by_tag(tag).items()}

    assert groups('odd') == {0: '0246', 1: '135'}
    assert groups('in__third') == {0: '036', 1: '14', 2: '25'}
    assert docs.split_by_tag('none') == {}


def test_arrays_are_merged(docs):
    first, second = DocumentArray([Document(id='a', text='1')]), DocumentArray([Document(id='a', text='2', uri='u')])
    third = [Document(id='b'), Document(id='a', mime_type='m')]
    assert first.reduce_all([second, third]) is first
    assert first == [Document(id='a', text='1', uri='u', mime_type='m'), Document(id='b')]
    assert first.reduce([Document(id='c')]) is first
    assert ids(first) == 'abc'


def test_empty():
    assert ids(DocumentArray.empty()) == ''
    docs = DocumentArray.empty(3)
    assert len({doc.id for doc in docs}) == 3
    assert {doc.non_empty_fields for doc in docs} == {('id',)}


def test_copies_of_the_documents(docs):
    other = DocumentArray(docs, copy=True)
    assert other == docs
    assert other[0] is not docs[0]


def test_an_array_merged_with_itself_stays_as_it_is():
    docs = DocumentArray([Document(id='a', chunks=[Document(id='c')]), Document(id='a', text='second')])
    docs.reduce(docs)
    assert [doc.text for doc in docs] == ['second', 'second']
    assert len(docs[0].chunks) == 1

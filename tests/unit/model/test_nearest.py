"""The nearest Documents, against plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document


def of(rows, prefix=''):
    return DocumentArray(Document(id=f'{prefix}{at}', embedding=row) for at, row in enumerate(rows))


def cosine(a, b):
    size = math.hypot(*a) * math.hypot(*b)
    return 1 - (sum(x * y for x, y in zip(a, b, strict=True)) / size if size else 0)


PLAIN = {'cosine': cosine, 'euclidean': math.dist, 'sqeuclidean': lambda a, b: math.dist(a, b) ** 2}
vectors = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=8)


@pytest.mark.parametrize('metric', PLAIN)
@pytest.mark.parametrize('batch_size', [None, 1, 3])
@settings(deadline=None, max_examples=40, derandomize=True, database=None)
@given(rows=vectors, queries=vectors, limit=st.none() | st.integers(1, 10))
def test_distances_and_order(metric, batch_size, rows, queries, limit):
    docs = of(rows)
    found = docs.find(np.array(queries), metric, limit, batch_size=batch_size)
    assert len(found) == len(queries)
    for query, nearest in zip(queries, found, strict=True):
        expected = sorted(PLAIN[metric](query, row) for row in rows)[:limit]
        distances = [doc.scores[metric].value for doc in nearest]
        assert distances == pytest.approx(expected, abs=1e-5)
        assert distances == sorted(distances)
        assert [PLAIN[metric](query, doc.embedding) for doc in nearest] == pytest.approx(expected, abs=1e-5)


def test_equally_near_ones_keep_their_order():
    found = of([[1, 0]] * 5).find(np.array([1, 0]))
    assert found[:, 'id'] == list('01234')


@pytest.mark.parametrize('dtype', ['u1', 'i1', 'i8', 'f2', 'f4', '?'])
def test_small_numbers_do_not_overflow(dtype):
    rows = np.array([[100, 100], [0, 1]]).astype(dtype)
    found = of(rows).find(np.array([0, 1], dtype), 'euclidean')
    assert [doc.scores['euclidean'].value for doc in found] == pytest.approx(
        sorted(math.dist([0, 1], [float(x) for x in row]) for row in rows), rel=1e-3
    )


def test_the_form_of_the_query_is_that_of_the_answer():
    docs = of(np.eye(3))
    assert type(docs.find(np.array([1, 0, 0]))) is DocumentArray
    assert [found[0].id for found in docs.find(np.eye(3))] == list('012')
    assert [found[0].id for found in docs.find(of(np.eye(3)[::-1]))] == list('210')
    (found,) = docs.find(docs[1])
    assert found[0].id == '1'
    assert docs.find([1, 0, 0])[0].id == '0'
    assert DocumentArray().find(np.eye(2)) == [[], []]


def test_what_is_found_are_copies_that_share_arrays():
    docs = of(np.eye(2))
    docs[0].matches = [docs[1]]
    docs[0].tags['k'] = 1
    (found,) = docs.find(docs[:1])
    assert found[0].embedding is docs[0].embedding
    assert (found[0].tags, len(found[0].matches)) == ({'k': 1}, 0)
    found[0].tags['k'] = 2
    assert (docs[0].tags, len(docs[0].matches), docs[0].scores) == ({'k': 1}, 1, {})


def test_options():
    docs = of([[0.0], [1], [2], [4]])
    query = docs[:1]

    def distances(**options):
        (found,) = docs.find(query, metric='euclidean', **options)
        return [(doc.id, *(score.value for score in doc.scores.values())) for doc in found]

    assert distances(limit=2) == [('0', 0), ('1', 1)]
    assert distances(limit=2, exclude_self=True) == [('1', 1), ('2', 2)]
    assert distances(normalization=(1, 0)) == [('0', 1), ('1', 0.75), ('2', 0.5), ('3', 0)]
    assert of([[1.0]]).find(query, 'euclidean', normalization=(0, 1))[0][0].scores['euclidean'].value == 0
    (found,) = docs.find(query, only_id=True, metric_name='mine')
    assert found[0].non_empty_fields == ('id', 'scores')
    assert list(found[0].scores) == ['mine']

    def backwards(queries, rows):
        return -np.abs(queries - rows.T)

    (found,) = docs.find(query, backwards, limit=1)
    assert (found[0].id, found[0].scores['backwards'].value) == ('3', -4)


def test_matches_are_set():
    docs, others = of(np.eye(2), 'q'), of([[1, 0], [1, 1], [0, 1]])
    docs[0].matches = [Document(id='old')]
    assert docs.match(others, limit=2) is None
    assert [doc.matches[:, 'id'] for doc in docs] == [['0', '1'], ['2', '1']]
    assert docs[0].matches[0].adjacency == 1
    doc = Document(embedding=[0, 1])
    assert doc.match(list(others), metric='euclidean', limit=1) is doc
    assert doc.matches[:, 'id'] == ['2']
    docs.match(docs, exclude_self=True)
    assert [one.matches[:, 'id'] for one in docs] == [['q1'], ['q0']]
    DocumentArray().match(others)


@pytest.mark.parametrize(
    ('call', 'kind', 'message'),
    [
        (lambda docs: docs.find({'text': {'$eq': 'a'}}), TypeError, 'to filter by fields'),
        (lambda docs: docs.find('text'), TypeError, 'to filter by fields'),
        (lambda docs: docs.find(np.eye(2), 'hamming'), ValueError, 'cosine, euclidean, sqeuclidean or a function'),
        (lambda docs: docs.find(np.eye(2), limit=0), ValueError, 'limit is at least 1'),
        (lambda docs: docs.find(np.eye(2), batch_size=0), ValueError, 'batch_size is at least 1'),
        (lambda docs: docs.find(np.eye(2), lmit=5), TypeError, 'lmit'),
        (lambda docs: docs.find(np.eye(3)), ValueError, 'embeddings of 2 numbers cannot be compared to a query of 3'),
        (lambda docs: docs.find(Document(id='q')), ValueError, "the query: Document 'q' has no embedding"),
        (lambda docs: DocumentArray(Document(id='d')).find(docs), ValueError, "Document 'd' has no embedding"),
        (lambda docs: (docs + of([[1]], 'x')).find(docs), ValueError, "embedding of Document 'x0' has another size"),
    ],
)
def test_what_cannot_be_searched(call, kind, message):
    with pytest.raises(kind, match=message):
        call(of(np.eye(2)))

import copy
import operator
import pickle

import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document


@pytest.fixture
def docs():
    return DocumentArray(Document(id=name, text=name) for name in 'abcd')


def ids(docs):
    assert type(docs) is DocumentArray
    return ''.join(doc.id for doc in docs)


def test_it_is_built_from_nothing_one_or_many(docs):
    assert ids(DocumentArray()) == ids(DocumentArray(None)) == ids(DocumentArray([])) == ''
    assert ids(DocumentArray(docs[0])) == 'a'
    assert ids(DocumentArray(tuple(docs))) == 'abcd'
    assert ids(DocumentArray(doc for doc in docs)) == 'abcd'
    other = DocumentArray(docs)
    other.append(Document())
    assert len(docs) == 4
    assert other[0] is docs[0]


def test_it_is_a_list_and_equals_one(docs):
    assert isinstance(docs, list)
    assert docs == list(docs)
    assert list(docs) == docs
    assert docs == DocumentArray(docs)
    assert docs != docs[:3]
    docs.reverse()
    assert ids(docs) == 'dcba'
    docs.sort(key=lambda doc: doc.id)
    assert docs.pop().id == 'd'
    assert docs.pop('a').id == 'a'
    with pytest.raises(KeyError, match='no Document has the id'):
        docs.pop('a')
    assert docs.index(docs[1]) == 1


def test_parts_sums_multiples_and_copies_are_arrays(docs):
    assert ids(docs[1:3]) == 'bc'
    assert ids(docs[::-1]) == 'dcba'
    assert ids(docs + docs[:1]) == ids(docs + list(docs[:1])) == 'abcda'
    assert ids(list(docs[:1]) + docs) == 'aabcd'
    assert ids(docs[:2] * 2) == ids(2 * docs[:2]) == 'abab'
    assert ids(docs.copy()) == ids(copy.copy(docs)) == 'abcd'
    assert docs.copy() is not docs
    docs += (doc for doc in docs[:1].copy())
    assert ids(docs) == 'abcda'
    docs *= 2
    assert ids(docs) == 'abcdaabcda'
    with pytest.raises(TypeError):
        docs + 5
    with pytest.raises(TypeError):
        docs + docs[0]


def test_a_sum_changes_neither_side(docs):
    left, right = docs[:2], docs[2:]
    assert ids(left + right) == 'abcd'
    assert (ids(left), ids(right)) == ('ab', 'cd')


# ---- by id ----


def test_documents_are_found_by_id(docs):
    assert docs['c'] is docs[2]
    assert ids(docs[['d', 'a', 'd']]) == 'dad'
    assert ids(docs[[1, -1, 'a']]) == 'bda'
    assert ids(docs[[]]) == ''


def test_of_two_with_one_id_the_first_is_meant(docs):
    docs.append(Document(id='a', text='second'))
    assert docs['a'].text == 'a'
    assert docs[['a']][0].text == 'a'
    del docs['a']
    assert docs['a'].text == 'second'


def test_an_id_that_is_not_there_is_named(docs):
    for use in (lambda: docs['x'], lambda: docs[['a', 'x']], lambda: docs.__delitem__('x')):
        with pytest.raises(KeyError, match="id 'x'"):
            use()
    with pytest.raises(KeyError, match="id 'x'"):
        docs['x'] = Document()
    with pytest.raises(IndexError):
        docs[4]


def test_membership_is_by_id_for_text_and_by_value_for_documents(docs):
    assert 'a' in docs
    assert 'x' not in docs
    assert Document(id='a', text='a') in docs
    assert Document(id='a', text='other') not in docs
    assert None not in docs


def test_items_are_replaced_and_removed(docs):
    docs['b'] = Document(id='B')
    docs[0] = Document(id='A')
    assert ids(docs) == 'ABcd'
    docs[1:3] = (Document(id=name) for name in 'xyz')
    assert ids(docs) == 'Axyzd'
    del docs['y'], docs[0]
    assert ids(docs) == 'xzd'
    del docs[:2]
    assert ids(docs) == 'd'
    docs.insert(0, Document(id='first'))
    assert docs[0].id == 'first'


# ---- what is refused ----


@pytest.mark.parametrize(
    ('change', 'position'),
    [
        (lambda docs, bad: DocumentArray([docs[0], docs[1], bad]), 2),
        (lambda docs, bad: DocumentArray(iter([docs[0], bad])), 1),
        (lambda docs, bad: docs.append(bad), 0),
        (lambda docs, bad: docs.insert(2, bad), 0),
        (lambda docs, bad: docs.extend([docs[0], bad]), 1),
        (lambda docs, bad: docs.extend(iter([docs[0], bad])), 1),
        (lambda docs, bad: docs.__iadd__([docs[0], bad]), 1),
        (lambda docs, bad: docs.__setitem__(0, bad), 0),
        (lambda docs, bad: docs.__setitem__('a', bad), 0),
        (lambda docs, bad: docs.__setitem__(slice(1, 2), [docs[0], bad]), 1),
        (lambda docs, bad: operator.add(docs, [docs[0], bad]), 1),
        (lambda docs, bad: operator.add([docs[0], bad], docs), 1),
    ],
)
@pytest.mark.parametrize('bad', ['text', None, {'text': 'a'}])
def test_what_is_no_document_is_refused_and_nothing_changes(docs, change, position, bad):
    with pytest.raises(TypeError, match=f'item {position} is of type {type(bad).__name__}'):
        change(docs, bad)
    assert ids(docs) == 'abcd'


def test_text_is_not_taken_for_an_iterable_of_documents():
    with pytest.raises(TypeError, match='item 0 is of type str'):
        DocumentArray('abc')


# ---- forms ----


def test_repr(docs):
    assert repr(docs) == '<DocumentArray, 4 Documents>'
    assert repr(docs[:1]) == '<DocumentArray, 1 Document>'
    assert repr(docs[:0]) == '<DocumentArray, 0 Documents>'


@pytest.mark.parametrize('protocol', range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(docs, protocol):
    other = pickle.loads(pickle.dumps(docs, protocol))
    assert ids(other) == 'abcd'
    assert other == docs


def test_deepcopy_copies_the_documents(docs):
    other = copy.deepcopy(docs)
    assert other == docs
    assert type(other) is DocumentArray
    other[0].text = 'changed'
    assert docs[0].text == 'a'

"""Conditions of ``when``: which Documents meet them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mproc_flow import Document
from mproc_flow.options import condition
from mproc_flow.options.condition import When, compile_condition


class Stubborn:
    """What cannot be compared at all."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError('not comparable')


DOC = Document(
    id='d',
    text='red apple',
    blob=b'abc',
    tensor=np.array([1, 2]),
    uri='',
    tags={
        'n': 5,
        'same': 5,
        'less': 4,
        'word': 'red',
        'words': ['red', 'green'],
        'none': None,
        'empty': [],
        'deep': {'list': [{'n': 1}, {'n': 2}]},
        'array': np.array([1, 2]),
        'odd': Stubborn(),
        'list': [1, 2],
        7: 'seven',
    },
)
N, WORD, MISSING, NONE, ODD = 'tags__n', 'tags__word', 'tags__missing', 'tags__none', 'tags__odd'


def meets(given: dict[str, Any], doc: Document = DOC) -> bool:
    found = compile_condition(When().check(given))(doc)
    assert type(found) is bool
    return found


# ---- what is met ----

OPERATORS = [
    (N, '$eq', 5, True),
    (N, '$eq', 5.0, True),
    (N, '$eq', 6, False),
    (N, '$eq', '5', False),
    (N, '$neq', 6, True),
    (N, '$neq', 5, False),
    (N, '$neq', '5', True),
    (N, '$lt', 6, True),
    (N, '$lt', 5, False),
    (N, '$lte', 5, True),
    (N, '$lte', 4, False),
    (N, '$gt', 4, True),
    (N, '$gt', 5, False),
    (N, '$gte', 5, True),
    (N, '$gte', 6, False),
    (N, '$in', [4, 5], True),
    (N, '$in', [4, 6], False),
    (N, '$in', [], False),
    (N, '$nin', [4, 6], True),
    (N, '$nin', [4, 5], False),
    (N, '$nin', [], True),
    (WORD, '$lt', 'rod', True),
    ('text', '$regex', 'ap+le$', True),
    ('text', '$regex', '^apple', False),
    ('text', '$size', 9, True),
    ('text', '$size', 8, False),
    ('blob', '$size', 3, True),
    ('tensor', '$size', 2, True),
    ('tensor', '$eq', [1, 2], True),
    ('tensor', '$eq', [1, 3], False),
    ('tensor', '$neq', [1, 3], True),
    ('tensor', '$neq', [1, 2], False),
    ('tags__words', '$eq', ['red', 'green'], True),
    ('tags', '$size', 12, True),
    (N, '$exists', True, True),
    (N, '$exists', False, False),
    ('text', '$exists', True, True),
    ('tensor', '$exists', True, True),
]
OF_NOTHING = [
    (MISSING, '$exists', False, True),
    (MISSING, '$exists', True, False),
    ('embedding', '$exists', False, True),
    ('uri', '$exists', False, True),
    ('uri', '$exists', True, False),
    (NONE, '$exists', True, False),
    ('tags__empty', '$exists', True, False),
    (MISSING, '$eq', None, False),
    (NONE, '$eq', None, True),
    (MISSING, '$neq', 5, True),
    (MISSING, '$lt', 5, False),
    (MISSING, '$gte', 5, False),
    (MISSING, '$in', [5, None], False),
    (MISSING, '$nin', [5], True),
    (MISSING, '$regex', '', False),
    (MISSING, '$size', 0, False),
    ('tags__empty', '$size', 0, True),
]
NOT_COMPARABLE = [
    (WORD, '$lt', 5, False),
    (WORD, '$gte', 5, False),
    (NONE, '$lt', 5, False),
    (N, '$regex', '5', False),
    ('blob', '$regex', 'abc', False),
    (N, '$size', 1, False),
    (ODD, '$eq', 5, False),
    (ODD, '$neq', 5, True),
    (ODD, '$in', [5], False),
    (ODD, '$gt', 5, False),
    ('tensor', '$eq', [1, 2, 3], False),
    ('tensor', '$neq', [1, 2, 3], True),
    ('tensor', '$lt', 5, False),
    ('tensor', '$in', [[1, 2, 3], [1, 2]], True),
    ('tensor', '$nin', [[1, 2, 3]], True),
    ('tags__words', '$eq', '{tensor}', False),
    ('tags__list', '$eq', '{tensor}', True),
    (ODD, '$nin', [5], True),
]
PATHS = [
    ('tags__deep__list__1__n', '$eq', 2, True),
    ('tags__deep__list__0__n', '$eq', 2, False),
    ('tags__deep__list__2__n', '$exists', False, True),
    ('tags__deep__list__x', '$exists', False, True),
    ('tags__deep__missing__n', '$exists', False, True),
    ('tags__words__1', '$eq', 'green', True),
    ('tags__word__0', '$exists', False, True),
    ('tags__array__size', '$eq', 2, True),
    ('tensor__ndim', '$eq', 1, True),
    ('tensor__1', '$eq', 2, True),
    ('tensor___secret', '$exists', False, True),
    ('tags__7', '$eq', 'seven', True),
    ('tags__words__1000000000000000000000', '$exists', False, True),
    (N, '$eq', f'{{tags__words__{"9" * 5000}}}', False),
]
REFERENCES = [
    (N, '$eq', '{tags__same}', True),
    (N, '$eq', '{tags__less}', False),
    (N, '$eq', '{ tags__same }', True),
    (N, '$neq', '{tags__less}', True),
    (N, '$gt', '{tags__less}', True),
    (N, '$lt', '{tags__less}', False),
    (WORD, '$eq', '{tags__words__0}', True),
    (WORD, '$eq', '{tags__words__1}', False),
    ('tensor', '$eq', '{tags__array}', True),
    (N, '$eq', '{tags__missing}', False),
    (N, '$neq', '{tags__missing}', True),
    (N, '$lte', '{tags__missing}', False),
    (MISSING, '$eq', '{tags__missing}', False),
    (WORD, '$lt', '{tags__n}', False),
]


@pytest.mark.parametrize(
    ('field', 'name', 'operand', 'met'), OPERATORS + OF_NOTHING + NOT_COMPARABLE + PATHS + REFERENCES, ids=ascii
)
def test_which_documents_meet_a_comparison(field: str, name: str, operand: Any, met: bool) -> None:
    assert meets({field: {name: operand}}) is met


def test_every_operator_is_tried_with_both_outcomes() -> None:
    tried = {(name, met) for _, name, _, met in OPERATORS}
    assert tried == {(name, met) for name in condition._OPERATORS for met in (True, False)}


def test_text_with_more_than_a_reference_is_text() -> None:
    assert meets({'text': {'$eq': 'a {id}'}}, Document(text='a {id}', id='x'))
    assert meets({'text': {'$regex': 'a{2}'}}, Document(text='caab'))
    assert meets({'text': {'$regex': '{id}'}}, Document(text='{id}', id='x'))


YES, NO = {N: {'$eq': 5}}, {WORD: {'$eq': 'blue'}}


@pytest.mark.parametrize(
    ('given', 'met'),
    [
        ({}, True),
        (YES, True),
        (NO, False),
        ({**YES, **NO}, False),
        ({**YES, 'id': {'$eq': 'd'}}, True),
        ({N: {'$gt': 4, '$lt': 6}}, True),
        ({N: {'$gt': 4, '$lt': 5}}, False),
        ({'$and': [YES, YES]}, True),
        ({'$and': [YES, NO]}, False),
        ({'$and': {**YES, **NO}}, False),
        ({'$or': [NO, YES]}, True),
        ({'$or': [NO, NO]}, False),
        ({'$or': {**NO, **YES}}, True),
        ({'$not': NO}, True),
        ({'$not': YES}, False),
        ({'$not': {**YES, **NO}}, True),
        ({'$not': [YES, NO]}, True),
        ({'$not': [YES, YES]}, False),
        ({'$not': {'$or': [NO, {'$and': [YES, {'$not': NO}]}]}}, False),
        ({'$and': [YES], '$or': [NO]}, False),
        ({'$or': [{'$not': {MISSING: {'$eq': 1}}}, NO]}, True),
    ],
    ids=str,
)
def test_conditions_are_joined(given: dict[str, Any], met: bool) -> None:
    assert meets(given) is met


# ---- against a model ----

VALUES = st.integers(-2, 2) | st.sampled_from(['a', 'b'])
TAGS = st.dictionaries(st.sampled_from(['a', 'b']), VALUES)
LEAVES = st.tuples(st.sampled_from(['$eq', '$lt']), st.sampled_from(['a', 'b']), VALUES) | st.tuples(
    st.just('$in'), st.sampled_from(['a', 'b']), st.lists(VALUES, max_size=3)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(st.sampled_from(['$and', '$or']), st.lists(inner, min_size=1, max_size=3))
        | st.tuples(st.just('$not'), inner)
    ),
    max_leaves=8,
)


def written(tree: Any) -> dict[str, Any]:
    name, *rest = tree
    if name in ('$and', '$or'):
        return {name: [written(part) for part in rest[0]]}
    return {'$not': written(rest[0])} if name == '$not' else {f'tags__{rest[0]}': {name: rest[1]}}


def holds(tree: Any, tags: dict[str, Any]) -> bool:
    name, *rest = tree
    if name == '$and':
        return False not in [holds(part, tags) for part in rest[0]]
    if name == '$or':
        return True in [holds(part, tags) for part in rest[0]]
    if name == '$not':
        return not holds(rest[0], tags)
    if rest[0] not in tags:
        return False
    value, operand = tags[rest[0]], rest[1]
    if name == '$lt':
        return type(value) is type(operand) and value < operand
    return value in operand if name == '$in' else value == operand


@given(TREES, TAGS)
def test_a_condition_means_what_the_model_says(tree: Any, tags: dict[str, Any]) -> None:
    assert meets(written(tree), Document(tags=tags)) is holds(tree, tags)


def test_fields_that_few_documents_have() -> None:
    doc = Document(weight=0.5, scores={'cosine': 0.25}, chunks=[Document()])
    assert meets({'weight': {'$gt': 0.4}, 'scores__cosine__value': {'$eq': 0.25}, 'chunks': {'$size': 1}}, doc)
    assert meets({'matches': {'$exists': False}, 'parent_id': {'$exists': False}, 'offset': {'$nin': [1]}}, doc)
    assert not meets({'weight': {'$lt': 0.4}}, doc)

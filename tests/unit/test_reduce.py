"""How the answers of parallel branches become one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from mproc_flow.model.making import known_fields
from mproc_flow.model.reduce import RESULTS, Part, reduce
from mproc_flow.model.score import NamedScore


def part(*docs: Document, **parameters: Any) -> Part:
    """One branch's answer."""
    return DocumentArray(list(docs)), parameters


def merged(*parts: Part) -> list[tuple[Any, ...]]:
    """Ids and texts of what parts become."""
    return [(doc.id, doc.text) for doc in reduce(list(parts))[0]]


def test_one_part_stays_as_it_is() -> None:
    only = part(Document(id='a', text='x'), key=1)
    assert reduce([only]) == only
    assert reduce([only])[0] is only[0]


def test_the_first_part_is_the_one_that_is_given_back() -> None:
    first = part(Document(id='a'))
    docs, parameters = reduce([first, part(Document(id='b'))])
    assert docs is first[0]
    assert parameters is first[1]


def test_documents_are_matched_by_id_and_others_appended_in_order() -> None:
    first = part(Document(id='a', text='a1'), Document(id='b', text='b1'))
    second = part(Document(id='c', text='c2'), Document(id='a', text='a2'), Document(id='d', text='d2'))
    third = part(Document(id='d', text='d3'), Document(id='e', text='e3'))
    assert merged(first, second, third) == [('a', 'a1'), ('b', 'b1'), ('c', 'c2'), ('d', 'd2'), ('e', 'e3')]


FULL: dict[str, Any] = {
    'text': 'text',
    'blob': b'blob',
    'tensor': np.array([1.0]),
    'embedding': np.array([2.0]),
    'uri': 'uri',
    'mime_type': 'type',
    'tags': {'k': 1},
    'scores': {'s': NamedScore(1.0)},
    'evaluations': {'e': NamedScore(1.0)},
    'weight': 1.0,
    'parent_id': 'p',
    'granularity': 1,
    'adjacency': 1,
    'modality': 'image',
    'location': [1.0],
    'offset': 1.0,
}
OTHER: dict[str, Any] = {
    'text': 'other',
    'blob': b'other',
    'tensor': np.array([8.0]),
    'embedding': np.array([9.0]),
    'uri': 'other',
    'mime_type': 'other',
    'tags': {'other': 2},
    'scores': {'other': NamedScore(2.0)},
    'evaluations': {'other': NamedScore(2.0)},
    'weight': 0.0,
    'parent_id': 'other',
    'granularity': 0,
    'adjacency': 0,
    'modality': 'other',
    'location': [2.0],
    'offset': 0.0,
}


def test_every_field_is_covered() -> None:
    by_id = {'chunks', 'matches'}  # see below
    assert {'id', *FULL} | by_id == set(known_fields(Document)) == {'id', *OTHER} | by_id


@pytest.mark.parametrize('field', FULL)
def test_a_field_of_a_later_part_counts_only_where_it_is_empty(field: str) -> None:
    empty, full = Document(id='a'), Document(id='a', **{field: FULL[field]})
    other = Document(id='a', **{field: OTHER[field]})
    (doc,) = reduce([part(empty), part(full), part(other)])[0]
    assert doc == Document(id='a', **{field: FULL[field]})
    (doc,) = reduce([part(Document(id='a', **{field: OTHER[field]})), part(full)])[0]
    assert doc == other


@pytest.mark.parametrize(('field', 'empty'), [('text', ''), ('blob', b''), ('uri', ''), ('tags', {}), ('text', None)])
def test_what_is_empty(field: str, empty: Any) -> None:
    (doc,) = reduce([part(Document(id='a', **{field: empty})), part(Document(id='a', **{field: FULL[field]}))])[0]
    assert getattr(doc, field) == FULL[field]


@pytest.mark.parametrize('array', [np.array([]), np.array(0), np.zeros(3), [0.0]])
def test_an_array_is_content_whatever_is_in_it(array: Any) -> None:
    given_array = Document(id='a', tensor=array)
    (doc,) = reduce([part(given_array), part(Document(id='a', tensor=np.ones(3)))])[0]
    assert doc.tensor is array


@pytest.mark.parametrize('name', ['chunks', 'matches'])
def test_nested_documents_are_merged_by_id_as_the_documents_are(name: str) -> None:
    def nested(*docs: Document) -> Document:
        return Document(id='a', **{name: list(docs)})

    first = nested(Document(id='x', text='x1'), Document(id='y', **{name: [Document(id='deep', uri='u1')]}))
    second = nested(Document(id='z', text='z2'), Document(id='x', text='x2', uri='u2'))
    third = nested(Document(id='y', text='y3', **{name: [Document(id='deep', uri='u3', text='d3')]}))
    (doc,) = reduce([part(Document(id='a')), part(first), part(second), part(third)])[0]
    found = getattr(doc, name)
    assert [(one.id, one.text, one.uri) for one in found] == [('x', 'x1', 'u2'), ('y', 'y3', None), ('z', 'z2', None)]
    assert [(one.text, one.uri) for one in getattr(found['y'], name)] == [('d3', 'u1')]


def test_tags_are_one_field() -> None:
    (doc,) = reduce([part(Document(id='a', tags={'x': 1})), part(Document(id='a', tags={'x': 2, 'y': 3}))])[0]
    assert doc.tags == {'x': 1}


def test_results_of_all_parts_are_united_and_other_parameters_are_the_first_ones() -> None:
    first = part(key=1, **{RESULTS: {'a': {'n': 1}}})
    second = part(key=2, more=3)
    third = part(**{RESULTS: {'b': {'n': 2}}})
    fourth = part(**{RESULTS: {'b': {'n': 9}}})
    assert reduce([first, second, third, fourth])[1] == {'key': 1, RESULTS: {'a': {'n': 1}, 'b': {'n': 9}}}


def test_results_may_come_from_a_later_part_only() -> None:
    assert reduce([part(), part(**{RESULTS: {'b': 1}})])[1] == {RESULTS: {'b': 1}}
    assert reduce([part(x=1), part(x=1)])[1] == {'x': 1}


def test_the_results_of_the_parts_themselves_do_not_change() -> None:
    results = {'a': 1}
    reduce([part(**{RESULTS: results}), part(**{RESULTS: {'b': 2}})])
    assert results == {'a': 1}


def test_several_documents_of_one_id_find_their_partners() -> None:
    first = part(Document(id='a', text='one'), Document(id='a', text='two'))
    second = part(Document(id='a', uri='one'), Document(id='a', uri='two'))
    found = reduce([first, second])[0]
    assert [doc.text for doc in found] == ['one', 'two']
    assert found[0].uri == 'one'  # the first of an id is the one that is meant by it


ids = st.lists(st.sampled_from('abcde'), unique=True, max_size=5)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(ids, min_size=1, max_size=4))
def test_each_document_once_with_the_first_text_and_each_field_of_whoever_has_it(parts: list[list[str]]) -> None:
    given_parts = [
        part(*(Document(id=name, text=f'{name}{number}', tags={f'{number}': name}) for name in names))
        for number, names in enumerate(parts)
    ]
    expected = {}
    for number, names in enumerate(parts):
        for name in names:
            expected.setdefault(name, f'{name}{number}')
    assert merged(*given_parts) == list(expected.items())


def test_merging_in_two_steps_is_merging_in_one() -> None:
    def branches() -> list[Part]:
        return [
            part(Document(id='a', text='1'), **{RESULTS: {'x': 1}}),
            part(Document(id='b', uri='2'), Document(id='a', uri='2')),
            part(Document(id='b', text='3'), Document(id='a', text='3'), **{RESULTS: {'y': 3}}),
        ]

    for order in itertools.permutations(range(3)):
        one = reduce([branches()[number] for number in order])
        steps = [branches()[number] for number in order]
        assert reduce([reduce(steps[:2]), steps[2]]) == one

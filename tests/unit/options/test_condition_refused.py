"""Conditions of ``when``: what is refused and why, and how what is accepted is kept."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow import Document
from mproc_flow.model.making import known_fields
from mproc_flow.options import condition
from mproc_flow.options.condition import When
from mproc_flow.options.kinds import Refused

EQ = {'$eq': 1}
ALL = '$eq, $neq, $lt, $lte, $gt, $gte, $in, $nin, $regex, $size, $exists'
REFUSED = [
    (5, " must be a condition such as {'tags__color': {'$eq': 'red'}}, got 5 (int): "),
    ([{'text': EQ}], " must be a condition such as {'tags__color': {'$eq': 'red'}}, got ["),
    ({1: EQ}, ' key must be non-empty text, got 1 (int): '),
    ({'text': {'$eq': b'x'}}, "['text']['$eq'] must be plain data"),
    ({'$and': []}, "['$and'] must be conditions for $and, got [] (list): there are none"),
    ({'$or': []}, "['$or'] must be conditions for $or, got [] (list): there are none"),
    ({'$not': []}, "['$not'] must be conditions for $not, got [] (list): there are none"),
    ({'$or': {}}, "['$or'] must be conditions for $or, got {} (dict): there are none"),
    ({'$eq': 1}, "['$eq'] must be below a field, got 1 (int): $eq stands where a field should"),
    ({'text': {'$eq': '{txet}'}}, "['text']['$eq'] must be a value, or {field} with one of id, text"),
    ({'text': {'$regex': 'a{99999999999999999999}'}}, "['text']['$regex'] must be a regular expression ("),
    ({'text': {'$regex': '(' * 5000}}, "['text']['$regex'] must be a regular expression ("),
    ({'$not': 5}, "['$not'] must be a condition (a dict), got 5 (int): "),
    ({'$or': [{'text': EQ}, 5]}, "['$or'][1] must be a condition (a dict), got 5 (int): "),
    (
        {'$adn': []},
        "['$adn'] must be below a field, got [] (list): $adn stands where a field should; did you mean '$and'?",
    ),
    ({'$regex': 'x'}, "['$regex'] must be below a field, got 'x' (str): $regex stands where a field should"),
    (
        {'colour': EQ},
        "['colour'] must be below a field of Document, got {'$eq': 1} (dict): there is no field 'colour'; "
        'known: id, text, blob, tensor, embedding, uri, mime_type, tags',
    ),
    ({'tag__x': EQ}, "there is no field 'tag'; did you mean 'tags'?"),
    (
        {'text': 'x'},
        f"['text'] must be an operator with its value, got 'x' (str): write {{'$eq': ...}} or another of {ALL}",
    ),
    ({'text': {}}, "['text'] must be an operator with its value, got {} (dict): write {'$eq': ...}"),
    ({'text': {'$eqq': 1}}, "got {'$eqq': 1} (dict): there is no operator '$eqq'; did you mean '$eq'?"),
    ({'text': {'like': 1}}, f"there is no operator 'like'; known: {ALL}"),
    ({'text': {'$in': 'x'}}, "['text']['$in'] must be a list of values, got 'x' (str): "),
    ({'text': {'$nin': {}}}, "['text']['$nin'] must be a list of values, got {} (dict): "),
    ({'text': {'$size': -1}}, "['text']['$size'] must be a whole number of at least 0, got -1 (int): "),
    ({'text': {'$size': True}}, "['text']['$size'] must be a whole number of at least 0, got True (bool): "),
    ({'text': {'$size': 1.0}}, "['text']['$size'] must be a whole number of at least 0, got 1.0 (float): "),
    ({'text': {'$exists': 1}}, "['text']['$exists'] must be True or False, got 1 (int): "),
    ({'text': {'$regex': '('}}, "['text']['$regex'] must be a regular expression (missing ), unterminated subpattern"),
    ({'text': {'$regex': 5}}, "['text']['$regex'] must be a regular expression (first argument must be string or"),
    ({'$not': {'$or': [{'txt': EQ}]}}, "['$not']['$or'][0]['txt'] must be below a field of Document"),
]


@pytest.mark.parametrize(('given', 'message'), REFUSED, ids=[str(given) for given, _ in REFUSED])
def test_a_bad_condition_is_refused_with_the_place_and_the_reason(given: Any, message: str) -> None:
    with pytest.raises(Refused) as caught:
        When().check(given)
    refused = caught.value
    assert message in f'{refused.at} must be {refused.accepts}, got {refused.got}: {refused.hint}'


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {'text': EQ}
    for _ in range(levels - 2):
        found = {'$not': found}
    return found


def test_conditions_are_nested_up_to_a_limit() -> None:
    assert When().check(nested(32)) == nested(32)
    with pytest.raises(Refused) as caught:
        When().check(nested(33))
    assert caught.value.hint == 'nested too deep'


def test_long_values_are_shortened_in_messages() -> None:
    with pytest.raises(Refused) as caught:
        When().check({'text': 'x' * 10_000})
    assert len(caught.value.got) < 120


def test_a_checked_condition_is_a_copy_that_passes_again() -> None:
    inner = {'$in': ('a', 'b')}
    kept = When().check({'text': inner})
    inner['$in'] = ()
    assert kept == {'text': {'$in': ['a', 'b']}}
    assert When().check(kept) == kept


def test_the_fields_are_those_of_a_document() -> None:
    assert known_fields(Document) == condition.FIELDS

"""Along which edges of a graph typed documents do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow.model.schema import DEFAULT_ENDPOINT, EndpointSchema
from mproc_flow.topology.edges import mismatches
from mproc_flow.topology.plan import Route

TEXT = {'title': 'Text', 'type': 'object', 'properties': {'text': {'type': 'string'}}, 'required': ['text']}
SCORE = {'title': 'Score', 'type': 'object', 'properties': {'score': {'type': 'number'}}, 'required': ['score']}

TEXT_TO_TEXT = EndpointSchema(TEXT, TEXT)
TEXT_TO_SCORE = EndpointSchema(TEXT, SCORE)
UNTYPED = EndpointSchema()


def route(name: str, *needs: str, **more: Any) -> Route:
    """A node with a process."""
    return Route(name, needs or ('gateway',), **{'shards': ((f'{name}/rep-0',),), **more})


def chain(*names: str) -> list[Route]:
    """Nodes one after the other."""
    return [route(name, before) for before, name in zip(('gateway', *names), names, strict=False)]


def at(endpoint: str = '/x', **nodes: EndpointSchema) -> dict[str, dict[str, EndpointSchema]]:
    """Nodes that each have one method."""
    return {name: {endpoint: schema} for name, schema in nodes.items()}


def test_an_edge_that_does_not_fit_is_told_with_both_ends_endpoint_and_field() -> None:
    found = mismatches(chain('a', 'b'), at(a=TEXT_TO_SCORE, b=TEXT_TO_TEXT))
    assert found == {
        'b': [
            "at endpoint '/x', what 'a' gives does not fit what 'b' takes: "
            "Score has no field 'text', which Text requires"
        ]
    }


@pytest.mark.parametrize(
    'schemas',
    [
        at(a=TEXT_TO_TEXT, b=TEXT_TO_SCORE),
        at(a=UNTYPED, b=TEXT_TO_TEXT),
        at(a=TEXT_TO_SCORE, b=UNTYPED),
        at(a=EndpointSchema(gives=SCORE), b=EndpointSchema(gives=TEXT)),
        at(b=TEXT_TO_TEXT),
        at(a=TEXT_TO_SCORE),
        {'a': {'/x': TEXT_TO_SCORE}, 'b': {'/y': TEXT_TO_TEXT}},
        {},
    ],
    ids=['fits', 'first untyped', 'second untyped', 'takes any', 'first unknown', 'second unknown', 'other', 'none'],
)
def test_an_edge_that_may_fit(schemas: Any) -> None:
    assert mismatches(chain('a', 'b'), schemas) == {}


def test_what_the_client_sends_is_not_known() -> None:
    assert mismatches(chain('a'), at(a=TEXT_TO_SCORE)) == {}


@pytest.mark.parametrize(('first', 'second'), [('/x', DEFAULT_ENDPOINT), (DEFAULT_ENDPOINT, '/x')])
def test_a_default_method_answers_every_endpoint(first: str, second: str) -> None:
    schemas = {'a': {first: TEXT_TO_SCORE}, 'b': {second: TEXT_TO_TEXT}}
    assert list(mismatches(chain('a', 'b'), schemas)) == ['b']


def test_a_method_of_its_own_goes_before_the_default_one() -> None:
    schemas = {'a': {'/x': TEXT_TO_SCORE}, 'b': {'/x': UNTYPED, DEFAULT_ENDPOINT: TEXT_TO_TEXT}}
    assert mismatches(chain('a', 'b'), schemas) == {}


@pytest.mark.parametrize(
    'between', [route('j', 'a'), route('j', 'a', shards=())], ids=['without the endpoint', 'without a process']
)
def test_a_node_that_does_nothing_hands_on(between: Route) -> None:
    schemas = {**at(a=TEXT_TO_SCORE, b=TEXT_TO_TEXT), **({'j': {'/other': UNTYPED}} if between.shards else {})}
    (sentences,) = mismatches([route('a'), between, route('b', 'j')], schemas).values()
    assert sentences[0].startswith("at endpoint '/x', what 'a' gives does not fit what 'b' takes")


@pytest.mark.parametrize(
    'between', [route('j', 'a'), route('j', 'a', shards=(), address='tcp://host:1')], ids=['not known yet', 'external']
)
def test_what_a_node_does_that_is_not_known_is_not_known(between: Route) -> None:
    assert mismatches([route('a'), between, route('b', 'j')], at(a=TEXT_TO_SCORE, b=TEXT_TO_TEXT)) == {}


def test_an_untyped_node_may_give_anything() -> None:
    assert mismatches(chain('a', 'b', 'c'), at(a=TEXT_TO_SCORE, b=UNTYPED, c=TEXT_TO_TEXT)) == {}


def test_branches_that_meet_are_looked_at_one_by_one() -> None:
    routes = [route('a'), route('b'), route('c'), route('j', 'a', 'b', 'c')]
    schemas = at(a=TEXT_TO_SCORE, b=TEXT_TO_TEXT, c=EndpointSchema(gives=SCORE), j=TEXT_TO_TEXT)
    (sentences,) = mismatches(routes, schemas).values()
    assert [sentence.partition(' gives')[0] for sentence in sentences] == [
        "at endpoint '/x', what 'a'",
        "at endpoint '/x', what 'c'",
    ]


def test_a_node_at_the_side_is_looked_at_too() -> None:
    assert list(mismatches([route('a'), route('s', 'a', side=True)], at(a=TEXT_TO_SCORE, s=TEXT_TO_TEXT))) == ['s']

"""The graph of Deployments."""

from __future__ import annotations

import copy
import pickle
import random

import pytest

from mproc_flow.errors import FlowTopologyError
from mproc_flow.topology.deployment import DeploymentSpec
from mproc_flow.topology.graph import Graph


def graph(**needs: str | list[str] | None) -> Graph:
    built = Graph()
    for name, wanted in needs.items():
        listed = (wanted,) if isinstance(wanted, str) else wanted
        built = built.add({'name': name} if listed is None else {'name': name, 'needs': tuple(listed)})
    return built


def needs(built: Graph) -> dict[str, tuple[str, ...]]:
    return {spec.name: spec.needs for spec in built}


def test_add_makes_a_new_graph_and_keeps_the_old() -> None:
    empty = Graph()
    one = empty.add({'name': 'a'})
    assert (len(empty), len(one)) == (0, 1)
    assert 'a' in one
    assert 'a' not in empty
    assert one.add({}) is not one


def test_a_graph_cannot_be_changed() -> None:
    built = graph(a=None)
    with pytest.raises(AttributeError):
        built.deployments = ()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        built['a'].name = 'b'  # type: ignore[misc]


def test_each_needs_the_one_before_and_the_first_the_gateway() -> None:
    assert needs(graph(a=None, b=None, c='gateway', d=None)) == {
        'a': ('gateway',),
        'b': ('a',),
        'c': ('gateway',),
        'd': ('c',),
    }


def test_the_order_of_needs_is_kept() -> None:
    built = graph(a=None, b='gateway', c=['b', 'gateway', 'a'])
    assert built['c'].needs == ('b', 'gateway', 'a')
    built.validate()


def test_name_and_needs_are_not_options_of_the_deployment() -> None:
    options = {'name': 'a', 'needs': ('gateway',), 'replicas': 2, 'uses': dict}
    spec = Graph().add(options)['a']
    assert spec == DeploymentSpec('a', ('gateway',), {'replicas': 2, 'uses': dict})
    assert options['name'] == 'a'


def test_deployments_are_found_by_name() -> None:
    built = graph(a=None, b=None)
    assert built.names == ('a', 'b')
    assert built['b'].name == 'b'
    with pytest.raises(KeyError):
        built['c']


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ([None, None, 'z', None], ['executor0', 'executor1', 'z', 'executor3']),
        (['executor1', None], ['executor1', 'executor2']),
        (['executor1', None, None, None], ['executor1', 'executor2', 'executor3', 'executor4']),
        (['executor3', 'executor2', None, None], ['executor3', 'executor2', 'executor4', 'executor5']),
    ],
)
def test_automatic_names_never_collide(given: list[str | None], expected: list[str]) -> None:
    built = Graph()
    for name in given:
        built = built.add({'name': name} if name else {})
    assert list(built.names) == expected


def test_a_name_given_twice_is_an_error_that_names_both_positions() -> None:
    with pytest.raises(FlowTopologyError, match=r"executors\[0\] and executors\[2\] are both called 'a'"):
        graph(a=None, b=None).add({'name': 'a'})


def test_the_gateways_name_is_reserved() -> None:
    with pytest.raises(FlowTopologyError, match="cannot be called 'gateway'"):
        Graph().add({'name': 'gateway'})


def test_names_may_be_needed_before_they_are_added() -> None:
    built = graph(a='b', b='gateway')
    built.validate()
    assert [spec.name for spec in built.ordered()] == ['b', 'a']


@pytest.mark.parametrize(
    ('built', 'message'),
    [
        (
            graph(encoder=None, b='encodr'),
            "Executor 'b' needs 'encodr', which is not in the Flow; did you mean 'encoder'?",
        ),
        (graph(a='gatewy'), "Executor 'a' needs 'gatewy', which is not in the Flow; did you mean 'gateway'?"),
        (graph(a=None, b='xyz'), "Executor 'b' needs 'xyz', which is not in the Flow; known: a, gateway"),
        (graph(a=None, b=['a', 'a']), "Executor 'b' needs 'a' twice"),
        (graph(a=['gateway', 'gateway']), "Executor 'a' needs 'gateway' twice"),
        (graph(a='b', b=None), "Executor 'a' waits for itself, results would go in a cycle a → b → a: change"),
        (graph(a='c', b='a', c='b'), 'a → b → c → a'),
        (graph(x='gateway', d='c', a=['x', 'c'], b='a', c='b'), 'c → a → b → c'),
    ],
)
def test_what_is_wrong_with_a_graph(built: Graph, message: str) -> None:
    with pytest.raises(FlowTopologyError) as caught:
        built.validate()
    assert message in str(caught.value)


def test_nobody_waits_for_itself() -> None:
    with pytest.raises(FlowTopologyError, match=r"^Executor 'a' needs itself: name another, or gateway$"):
        graph(a='a')
    with pytest.raises(FlowTopologyError, match=r"^Executor 'executor0' needs itself: name another, or gateway$"):
        Graph().add({'needs': ('executor0',)})


def test_leaves_are_those_nobody_needs_in_order_of_addition() -> None:
    assert Graph().leaves() == ()
    assert graph(a=None).leaves() == ('a',)
    assert graph(a=None, b='a', c='a', d='gateway').leaves() == ('b', 'c', 'd')
    assert graph(a=None, b='a', c='a', d=['c', 'b']).leaves() == ('d',)
    assert graph(a='b', b='gateway').leaves() == ('a',)


def test_an_empty_graph_is_valid() -> None:
    Graph().validate()
    assert Graph().ordered() == ()


def test_the_order_is_that_of_addition_if_it_can_be() -> None:
    built = graph(a=None, b='a', c='gateway', d=['c', 'b'], e='gateway')
    assert [spec.name for spec in built.ordered()] == ['a', 'b', 'c', 'd', 'e']


@pytest.mark.parametrize('seed', range(20))
def test_in_any_order_of_addition_each_comes_after_what_it_needs(seed: int) -> None:
    rng = random.Random(seed)
    names = [f'n{number}' for number in range(30)]
    wanted = {name: tuple(rng.sample(names[:at], min(at, rng.randrange(1, 4)))) for at, name in enumerate(names)}
    rng.shuffle(names)
    built = Graph()
    for name in names:
        built = built.add({'name': name, 'needs': wanted[name] or ('gateway',)})
    built.validate()
    done = {'gateway'}
    for spec in built.ordered():
        assert done.issuperset(spec.needs)
        done.add(spec.name)
    assert len(done) == 31


def test_a_long_chain_in_reverse_is_no_problem() -> None:
    specs = [DeploymentSpec(f'n{at}', (f'n{at + 1}',)) for at in range(1500)] + [DeploymentSpec('n1500', ('gateway',))]
    assert Graph(tuple(specs)).ordered()[0].name == 'n1500'
    looped = Graph((*specs[:-1], DeploymentSpec('n1500', ('n0',))))
    with pytest.raises(FlowTopologyError, match='n1500 → n1499'):
        looped.validate()


def test_a_graph_can_be_copied_and_pickled() -> None:
    built = Graph().add({'name': 'a', 'uses_with': {'x': [1]}})
    assert copy.deepcopy(built) == built
    assert pickle.loads(pickle.dumps(built)) == built

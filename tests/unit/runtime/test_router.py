"""How requests walk the graph: chains, forks, joins, leaves, and nodes that an endpoint skips."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow.errors import ErrorInfo
from mproc_flow.topology.plan import GATEWAY
from mproc_flow.transport.frames import Done, Submit, Work
from tests.unit.runtime.routing import CLIENT, Node, Town, model

A, B, C = Node('a'), Node('b', ('a',)), Node('c', ('b',))
LEFT, RIGHT = Node('left'), Node('right')


def test_an_empty_graph_answers_with_the_request() -> None:
    town = Town()
    town.submit(7)
    assert town.answer(7) == ['in7']
    assert town.router.in_flight == 0


def test_a_chain() -> None:
    town = Town(A, B, C)
    town.submit(1)
    for pod in ('a/rep-0', 'b/rep-0', 'c/rep-0'):
        assert town.router.in_flight == 1
        assert not town.answers
        town.finish(pod)
    assert town.answer(1) == ['c(b(a(in1)))']
    assert town.router.in_flight == 0


def test_work_carries_the_endpoint_and_its_parts() -> None:
    town = Town(LEFT, RIGHT, Node('end', ('right', 'left')))
    town.take(town.router.submit(CLIENT, Submit(1, '/index'), [['one', 'two']], 0.0))
    town.finish('left/rep-0')
    process = town.processes['right/rep-0']
    town.take(town.router.done(process.peer, Done(process.held.pop().header.key, 1), [['r1', 'r2', 'r3']], 0.0))
    (job,) = town.processes['end/rep-0'].held
    assert isinstance(job.header, Work)
    assert job.header.endpoint == '/index'
    assert job.parts == [['r1', 'r2', 'r3'], job.parts[1]]


def test_a_fork_gives_both_branches_the_same_input_at_once() -> None:
    town = Town(LEFT, RIGHT)
    town.submit(1)
    assert town.held('left/rep-0') == town.held('right/rep-0') == ['in1']


@pytest.mark.parametrize('first', ['left/rep-0', 'right/rep-0'])
@pytest.mark.parametrize('needs', [('left', 'right'), ('right', 'left')])
def test_a_join_has_its_parts_in_the_order_of_needs(needs: tuple[str, str], first: str) -> None:
    town = Town(LEFT, RIGHT, Node('end', needs))
    town.submit(1)
    town.finish(first)
    assert not town.held('end/rep-0')
    town.finish({'left/rep-0': 'right/rep-0', 'right/rep-0': 'left/rep-0'}[first])
    town.finish('end/rep-0')
    assert town.answer(1) == [f'end({needs[0]}(in1) {needs[1]}(in1))']


def test_the_request_itself_may_be_one_of_the_parts() -> None:
    town = Town(A, Node('end', ('a', GATEWAY)))
    town.submit(1)
    town.finish('a/rep-0')
    town.finish('end/rep-0')
    assert town.answer(1) == ['end(a(in1) in1)']


@pytest.mark.parametrize('order', list(itertools.permutations(range(3))))
def test_the_parts_of_several_leaves_are_in_the_order_of_the_leaves(order: tuple[int, ...]) -> None:
    nodes = [Node('one'), Node('two'), Node('three')]
    town = Town(*nodes)
    town.submit(1)
    for position in order:
        assert not town.answers
        town.finish(nodes[position].pods[0])
    assert town.answer(1) == ['one(in1)', 'two(in1)', 'three(in1)']


def test_requests_overtake_each_other() -> None:
    town = Town(A, credit=3)
    town.submit(1, 2, 3)
    for position in (2, 0, 0):
        town.finish('a/rep-0', position)
    assert town.order == [3, 1, 2]


def test_clients_number_their_requests_alike() -> None:
    town = Town(A)
    town.submit(1, client=b'one')
    town.submit(1, client=b'other')
    town.finish('a/rep-0', 1)
    assert set(town.answers) == {(b'other', 1)}
    town.finish('a/rep-0')
    assert set(town.answers) == {(b'one', 1), (b'other', 1)}


def test_a_node_without_a_method_for_the_endpoint_is_skipped() -> None:
    town = Town(A, Node('b', ('a',), endpoints=('/index',)), C)
    town.submit(1, endpoint='/search')
    town.finish('a/rep-0')
    assert not town.held('b/rep-0')
    town.finish('c/rep-0')
    assert town.answer(1) == ['c(a(in1))']
    town.submit(2, endpoint='/index')
    town.finish('a/rep-0')
    assert town.held('b/rep-0') == ['a(in2)']


def test_a_request_that_skips_everything_comes_back_at_once() -> None:
    town = Town(Node('a', endpoints=('/index',)), Node('b', ('a',), endpoints=('/index',)))
    town.submit(1, endpoint='/nothing')
    assert town.answer(1) == ['in1']


def test_skipped_branches_hand_all_their_parts_on() -> None:
    skipped = Node('skipped', ('left', 'right'), endpoints=('/index',))
    town = Town(LEFT, RIGHT, skipped, Node('end', ('skipped', GATEWAY)))
    town.submit(1)
    town.finish('right/rep-0')
    town.finish('left/rep-0')
    (job,) = town.processes['end/rep-0'].held
    assert list(map(list, job.parts)) == [['left(in1)'], ['right(in1)'], ['in1']]


def test_nothing_is_skipped_before_a_pod_has_said_what_it_answers() -> None:
    town = Town(Node('a', endpoints=('/index',)), said_hello=False)
    town.submit(1, endpoint='/search')
    assert not town.order
    town.hello('a/rep-0')
    town.finish('a/rep-0')
    assert town.answer(1) == ['in1']


def test_what_a_dead_pod_answered_is_remembered() -> None:
    town = Town(Node('a', endpoints=('/index',)))
    town.lose('a/rep-0')
    town.submit(1, endpoint='/search')
    assert town.answer(1) == ['in1']


def test_an_error_ends_the_request_and_nothing_after_it_is_done() -> None:
    town = Town(A, B)
    town.submit(1)
    town.fail('a/rep-0', ErrorInfo('executor', 'bad'))
    assert town.refusals[CLIENT, 1].message == 'bad'
    assert not town.held('b/rep-0')
    assert town.router.in_flight == 0


def test_an_error_in_one_branch_is_the_answer_and_the_other_branch_is_ignored() -> None:
    town = Town(LEFT, RIGHT, Node('end', ('left', 'right')))
    town.submit(1)
    town.fail('left/rep-0', ErrorInfo('executor', 'bad'))
    town.finish('right/rep-0')
    assert town.order == [1]
    assert not town.held('end/rep-0')


def test_a_second_error_of_the_same_request_is_not_told() -> None:
    town = Town(LEFT, RIGHT)
    town.submit(1)
    town.fail('left/rep-0', ErrorInfo('executor', 'first'))
    town.fail('right/rep-0', ErrorInfo('executor', 'second'))
    assert town.refusals[CLIENT, 1].message == 'first'


NAMES = ('n0', 'n1', 'n2', 'n3', 'n4')


@st.composite
def graphs(draw: st.DrawFn, replicas: int = 1, fates: bool = False) -> list[Node]:
    """Any graph of up to five nodes; with ``fates`` they have limits of their own for time and retries."""
    nodes: list[Node] = []
    for name in NAMES[: draw(st.integers(0, len(NAMES)))]:
        others = [GATEWAY, *(node.name for node in nodes)]
        needs = draw(st.lists(st.sampled_from(others), min_size=1, max_size=3, unique=True))
        endpoints = draw(st.sampled_from([('/default',), ('/x',), ('/x', '/y'), ('/y', '/default')]))
        node = Node(name, tuple(needs), draw(st.integers(1, replicas)), endpoints)
        if fates:
            retryable = draw(st.sampled_from([(), endpoints, endpoints[:1]]))
            retries, timeout = draw(st.sampled_from([-1, -1, 0, 1])), draw(st.sampled_from([0.0, 0.0, 4.0]))
            node = replace(node, retryable=retryable, retries=retries, timeout=timeout)
        nodes.append(node)
    return nodes


@settings(max_examples=150, deadline=None)
@given(nodes=graphs(), endpoint=st.sampled_from(['/x', '/y', '/z']), choices=st.lists(st.integers(0, 9), max_size=15))
def test_any_graph_answers_as_plain_python_would(nodes: list[Node], endpoint: str, choices: list[int]) -> None:
    town = Town(*nodes, credit=3)
    town.submit(1, 2, 3, endpoint=endpoint)
    for choice in itertools.chain(choices, itertools.repeat(0)):
        busy = [(pod, held) for pod, process in town.processes.items() for held in range(len(process.held))]
        if not busy:
            break
        town.finish(*busy[choice % len(busy)])
    assert town.ended == [1, 2, 3]
    for number in (1, 2, 3):
        assert town.answer(number) == model(nodes, endpoint, [f'in{number}'])
    assert town.router.in_flight == 0

"""Requests and pieces of work that run out of time, and clients that are gone."""

from __future__ import annotations

import math

import pytest

from mproc_flow.errors import ErrorInfo
from mproc_flow.transport.frames import Submit
from tests.unit.runtime.routing import CLIENT, Node, Town

A, B = Node('a'), Node('b', ('a',))


def test_a_request_that_waits_ends_at_its_deadline_and_is_never_done() -> None:
    town = Town(A, credit=1)
    town.submit(1)
    town.submit(2, timeout=5)
    town.pass_time(4.9)
    assert not town.order
    town.pass_time(0.1)
    assert town.code(2) == 'deadline'
    assert 'it waited for Executor a' in town.refusals[CLIENT, 2].message
    assert not town.withdrawn
    town.finish('a/rep-0')
    assert not town.held('a/rep-0')
    assert town.ended == [1, 2]


def test_a_request_at_a_pod_ends_at_its_deadline_and_the_pod_is_told() -> None:
    town = Town(A, B)
    town.submit(1, timeout=5)
    town.finish('a/rep-0')
    town.pass_time(5)
    assert town.code(1) == 'deadline'
    assert 'it was at pod b/rep-0' in town.refusals[CLIENT, 1].message
    assert town.withdrawn == {'b/rep-0': [town.key('b/rep-0')]}
    town.finish('b/rep-0')
    assert town.order == [1]
    assert town.router.in_flight == 0


def test_work_carries_the_deadline_but_not_beside_the_way() -> None:
    town = Town(A, Node('beside', side=True))
    town.submit(1, timeout=5)
    assert town.work_of('a/rep-0')[0].deadline == town.now + 5
    assert town.work_of('beside/rep-0')[0].deadline == 0.0


def test_what_arrives_too_late_is_refused_at_once() -> None:
    town = Town(A)
    town.submit(1, timeout=-1)
    assert town.code(1) == 'deadline'
    assert not town.held('a/rep-0')
    assert town.router.in_flight == 0


@pytest.mark.parametrize('deadline', [math.nan, math.inf])
def test_a_deadline_that_is_none_does_not_hide_those_of_others(deadline: float) -> None:
    town = Town(A)
    town.take(town.router.submit(b'odd', Submit(1, '/', deadline=deadline), [['in1']], town.now))
    town.submit(2, timeout=5)
    assert town.router.next_deadline == town.now + 5
    town.pass_time(1000)
    assert town.order == [2]


def test_the_nearest_deadline_is_told_and_those_of_what_has_ended_are_not() -> None:
    town = Town(A, credit=9)
    assert town.router.next_deadline is None
    town.submit(1, timeout=9)
    town.submit(2, timeout=3)
    assert town.router.next_deadline == town.now + 3
    town.finish('a/rep-0', 1)
    assert town.router.next_deadline == town.now + 9
    town.cancel(1)
    assert town.router.next_deadline is None


def test_what_has_ended_is_not_kept_until_its_deadline() -> None:
    town = Town(A)
    town.submit(0, timeout=1e6)
    for number in range(1, 1000):
        town.submit(number, timeout=1e6)
        town.finish('a/rep-0', 1)
    assert len(town.router._times._heap) < 200


def test_an_answered_request_does_not_end_its_work_beside_the_way() -> None:
    town = Town(A, Node('beside', side=True))
    town.submit(1, timeout=5)
    town.finish('a/rep-0')
    town.pass_time(10)
    assert town.router.in_flight == 1
    assert not town.withdrawn
    town.finish('beside/rep-0')
    assert town.router.in_flight == 0


# ---- timeout_send ----


def test_a_pod_that_takes_too_long_over_a_piece_of_work_fails_the_request() -> None:
    town = Town(Node('a', timeout=2.0), credit=1)
    town.submit(1, 2)
    town.pass_time(1.9)
    assert not town.order
    town.pass_time(0.1)
    info = town.refusals[CLIENT, 1]
    assert (info.code, info.pod) == ('deadline', 'a/rep-0')
    assert 'timeout_send=2000 ms' in info.message
    assert 'Executor a ' in info.message
    assert town.withdrawn == {'a/rep-0': [town.key('a/rep-0')]}
    town.pass_time(5)
    assert town.order == [1]  # the other one waits: its time runs from when it is given
    town.finish('a/rep-0')
    town.pass_time(1)
    town.finish('a/rep-0')
    assert town.answer(2) == ['a(in2)']


def test_time_counts_anew_for_every_pod() -> None:
    town = Town(Node('a', timeout=2.0), Node('b', ('a',), timeout=2.0))
    town.submit(1)
    town.pass_time(1.5)
    town.finish('a/rep-0')
    town.pass_time(1.5)
    town.finish('b/rep-0')
    assert town.answer(1) == ['b(a(in1))']


def test_too_long_beside_the_way_harms_nobody() -> None:
    town = Town(A, Node('beside', side=True, timeout=2.0), Node('next', ('beside',), side=True))
    town.submit(1)
    key = town.key('beside/rep-0')
    town.pass_time(2)
    assert town.withdrawn == {'beside/rep-0': [key]}
    town.finish('beside/rep-0')
    assert not town.held('next/rep-0')
    town.finish('a/rep-0')
    assert town.answer(1) == ['a(in1)']
    assert town.router.in_flight == 0


# ---- nobody waits ----


def test_pods_are_told_once_what_nobody_waits_for() -> None:
    left, right = Node('left'), Node('right')
    town = Town(left, right, credit=9)
    town.submit(1, 2, 3)
    keys = [town.key('left/rep-0', position) for position in (0, 2)]
    town.cancel(1, 3)
    assert town.withdrawn['left/rep-0'] == keys
    town.cancel(1, 3)
    assert town.withdrawn['left/rep-0'] == keys
    town.fail('right/rep-0', ErrorInfo('executor', 'bad'))  # the first, of which nobody wants to know
    town.fail('right/rep-0', ErrorInfo('executor', 'bad'))
    assert town.withdrawn['left/rep-0'] == [*keys, town.key('left/rep-0', 1)]


def test_a_client_that_is_gone_leaves_nothing_behind() -> None:
    town = Town(A, Node('beside', side=True), credit=1)
    town.submit(1, 2, 3, client=b'gone')
    town.finish('a/rep-0')
    town.submit(4)
    assert town.router.clients == [b'gone', CLIENT]
    town.take(town.router.gone(b'gone'))
    assert town.router.clients == [CLIENT]
    assert town.router.in_flight == 2  # with what is beside the way for the answered one
    assert town.withdrawn == {'a/rep-0': [town.key('a/rep-0')]}
    town.finish('a/rep-0')
    town.finish('a/rep-0')
    assert set(town.answers) == {(b'gone', 1), (CLIENT, 4)}
    assert town.held('beside/rep-0') == ['in1']
    assert town.router.gone(b'gone') == town.router.gone(b'stranger') == []


def test_the_time_of_a_dead_process_does_not_count_for_the_next() -> None:
    town = Town(Node('a', timeout=2.0))
    town.submit(1)
    town.pass_time(1)
    town.lose('a/rep-0', begun=0)
    town.hello('a/rep-0', generation=1)
    town.pass_time(1.5)
    assert not town.order
    town.pass_time(0.5)
    assert town.code(1) == 'deadline'

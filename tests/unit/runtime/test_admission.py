"""Who is refused because there is too much to do, and when they may try again."""

from __future__ import annotations

import pytest

from tests.unit.runtime.routing import CLIENT, Node, Town

A, B = Node('a'), Node('b', ('a',))


def learn(town: Town, pod: str, cost: float, times: int = 5) -> None:
    """Let the Router see what a pod's work costs."""
    for number in range(times):
        town.submit(-1 - number)
        town.finish(pod, cost=cost)
    town.answers.clear()
    town.order.clear()


def test_one_client_does_not_fill_the_house() -> None:
    town = Town(A, most=900)
    town.submit(*range(1000))
    inside = town.router.in_flight
    assert inside == 800
    assert town.code(999) == 'overloaded'
    assert 'max_in_flight=900' in town.refusals[CLIENT, 999].message
    town.submit(1, client=b'newcomer')
    assert town.router.in_flight == inside + 1


def test_the_limit_holds_for_newcomers_too() -> None:
    town = Town(A, most=20)
    for number in range(100):  # each call of an asynchronous client may have a connection of its own
        town.submit(1, client=b'%d' % number)
    assert town.router.in_flight == 20
    assert len(town.refusals) == 80
    town.finish('a/rep-0')
    town.submit(1, client=b'later')
    assert (b'later', 1) not in town.refusals


def test_work_beside_the_way_counts() -> None:
    town = Town(A, Node('beside', side=True), most=3, credit=9)
    for number in range(5):
        town.submit(number)
        if (CLIENT, number) not in town.refusals:
            town.finish('a/rep-0')
    assert town.router.in_flight == 3
    assert town.code(4) == 'overloaded'


def test_who_is_refused_is_told_when_to_try_again() -> None:
    town = Town(A, most=100)
    town.submit(*range(200))
    assert town.refusals[CLIENT, 199].retry_after == pytest.approx(0.05)
    for _ in range(10):
        town.finish('a/rep-0', cost=1.0)
    town.submit(*range(200, 300))
    assert 5 < town.refusals[CLIENT, 299].retry_after <= 10


def test_a_request_that_cannot_be_answered_in_time_is_refused() -> None:
    town = Town(A, credit=2)
    learn(town, 'a/rep-0', cost=1.0)
    town.submit(1, 2, 3)
    town.submit(4, timeout=4.9)  # three seconds of work before it, one of its own
    assert town.code(4) == 'overloaded'
    assert town.refusals[CLIENT, 4].retry_after == pytest.approx(4 - 0.8 * 4.9)
    town.submit(5, timeout=5.1)
    town.submit(6)
    assert town.ended == [4]


def test_the_estimate_knows_the_whole_way_and_its_busiest_place() -> None:
    town = Town(A, B, credit=9)
    learn_chain(town, 1.0, 2.0)
    town.submit(1, 2)
    town.finish('a/rep-0')
    town.finish('a/rep-0')  # both are at b: four seconds of work, and three for the new one
    town.submit(3, timeout=8.7)
    assert town.code(3) == 'overloaded'
    town.submit(4, timeout=8.8)
    assert town.ended == [3]


def learn_chain(town: Town, first: float, second: float) -> None:
    """Let the Router see what the work of two Executors costs."""
    for number in range(5):
        town.submit(-1 - number)
        town.finish('a/rep-0', cost=first)
        town.finish('b/rep-0', cost=second)
    town.order.clear()


def test_replicas_share_the_work_and_one_that_is_unknown_is_like_the_others() -> None:
    town = Town(Node('a', replicas=2), credit=9, said_hello=False)
    town.hello('a/rep-0')
    learn(town, 'a/rep-0', cost=1.0)
    town.hello('a/rep-1')
    town.submit(1, 2, 3, 4)  # two seconds
    town.submit(5, timeout=3.7)
    assert town.code(5) == 'overloaded'
    town.submit(6, timeout=3.8)
    assert town.ended == [5]


def test_where_little_is_known_or_nothing_is_before_it_a_request_may_try() -> None:
    town = Town(A)
    learn(town, 'a/rep-0', cost=100.0, times=4)
    town.submit(1)
    town.submit(2, timeout=1)
    assert not town.order
    town.finish('a/rep-0', cost=100.0)
    town.finish('a/rep-0', cost=100.0)
    town.submit(3, timeout=1)
    assert town.order == [1, 2]
    town.submit(4, timeout=1)
    assert town.code(4) == 'overloaded'


def test_who_has_little_waiting_is_not_refused_for_what_others_have() -> None:
    town = Town(A, credit=1)
    learn(town, 'a/rep-0', cost=0.1)
    town.submit(*range(500))
    town.submit(1, client=b'small', timeout=1)
    town.submit(1000, timeout=1)
    assert set(town.refusals) == {(CLIENT, 1000)}


def test_what_the_newest_work_costs_counts_most() -> None:
    town = Town(A)
    learn(town, 'a/rep-0', cost=10.0)
    learn(town, 'a/rep-0', cost=0.01, times=50)
    town.submit(1)
    town.submit(2, timeout=1)
    assert not town.order

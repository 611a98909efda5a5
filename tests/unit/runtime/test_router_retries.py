"""What becomes of the work that a dead process held."""

from __future__ import annotations

import pytest

from mproc_flow.errors import ErrorInfo
from mproc_flow.runtime.messages import PodLost
from tests.unit.runtime.routing import CLIENT, Node, Town

ONE = Node('one')
TWO = Node('two', replicas=2)
SAFE = Node('safe', replicas=2, retryable=('/default',))
FIRST, SECOND = SAFE.pods


def restart(town: Town, pod: str) -> None:
    """Let the next process of a pod say Hello."""
    town.hello(pod, town.processes[pod].generation + 1)


def test_what_was_not_begun_goes_to_another_pod_before_what_waits() -> None:
    town = Town(TWO, credit=2)
    town.submit(1, 2, 3, 4, 5)
    town.lose('two/rep-0', begun=1)
    assert town.order == [1]
    assert town.code(1) == 'pod_died'
    for _ in range(2):
        town.finish('two/rep-1')
    assert town.held('two/rep-1') == ['in3', 'in5']


def test_what_was_not_begun_waits_for_the_next_process() -> None:
    town = Town(ONE, credit=3)
    town.submit(1, 2, 3)
    town.lose('one/rep-0', begun=0)
    assert not town.order
    restart(town, 'one/rep-0')
    assert town.held('one/rep-0') == ['in1', 'in2', 'in3']


def test_what_was_not_begun_ends_when_no_process_comes() -> None:
    town = Town(ONE)
    town.submit(1)
    town.lose('one/rep-0', begun=0, final=True)
    assert town.code(1) == 'flow_failed'


@pytest.mark.parametrize(('retries', 'deaths'), [(0, 1), (1, 2), (3, 4)])
def test_retries_says_to_how_many_more_processes_it_is_given(retries: int, deaths: int) -> None:
    town = Town(Node('one', retries=retries))
    town.submit(1)
    for number in range(deaths):
        assert not town.order
        town.lose('one/rep-0', begun=0)
        restart(town, 'one/rep-0')
        assert bool(town.order) == (number == deaths - 1)
    assert town.code(1) == 'pod_died'
    assert not town.held('one/rep-0')


@pytest.mark.parametrize(
    ('endpoints', 'retryable'),
    [
        (('/a', '/b'), ('/a',)),
        (('/b', '/default'), ('/default',)),
        (('/a', '/default'), ('/a',)),
    ],
    ids=str,
)
def test_what_was_begun_is_given_again_only_where_that_is_allowed(
    endpoints: tuple[str, ...], retryable: tuple[str, ...]
) -> None:
    town = Town(Node('one', endpoints=endpoints, retryable=retryable), credit=2)
    town.submit(1, endpoint='/a')
    town.submit(2, endpoint='/b')
    town.lose('one/rep-0')
    assert town.order == [2]
    restart(town, 'one/rep-0')
    assert town.held('one/rep-0') == ['in1']


def test_what_was_begun_is_not_given_again_if_nothing_is() -> None:
    town = Town(Node('one', retryable=('/default',), retries=0))
    town.submit(1)
    town.lose('one/rep-0')
    assert town.code(1) == 'pod_died'


def test_all_that_an_external_executor_had_counts_as_begun() -> None:
    town = Town(ONE)
    town.submit(1)
    loss = PodLost('one/rep-0', 0, ErrorInfo('pod_died', 'the connection was lost'), True)
    town.take(town.router.lost(loss, None, town.now))
    assert town.code(1) == 'pod_died'


# ---- suspicion ----


def test_of_what_died_together_each_is_tried_alone() -> None:
    town = Town(Node('one', retryable=('/default',)), credit=3)
    town.submit(1, 2, 3, 4)
    town.lose('one/rep-0', begun=2)
    restart(town, 'one/rep-0')
    held = []
    while town.router.in_flight:
        held.append(town.held('one/rep-0'))
        town.finish('one/rep-0')
    assert held == [['in1'], ['in2'], ['in3', 'in4'], ['in4']]


def test_the_second_death_of_the_same_work_ends_it_and_no_other() -> None:
    town = Town(SAFE, credit=3)
    town.submit(1, 2, 3, 4, 5)  # 1, 3 and 5 are with the first
    town.lose(FIRST, begun=2)
    assert not town.order
    for _ in range(2):
        town.finish(SECOND)
    assert town.held(SECOND) == ['in1']
    town.submit(6)
    town.lose(SECOND)
    info = town.refusals[CLIENT, 1]
    assert info.code == 'poisoned'
    assert f'{FIRST} is gone; then {SECOND} is gone' in info.message
    restart(town, FIRST)
    restart(town, SECOND)
    for pod in (FIRST, SECOND) * 3:
        if town.processes[pod].held:
            town.finish(pod)
    assert sorted(number for _, number in town.answers) == [2, 3, 4, 5, 6]


def test_a_death_before_it_began_does_not_count() -> None:
    town = Town(Node('one', retryable=('/default',)))
    town.submit(1)
    for begun in (1, 0, 0, 0):
        town.lose('one/rep-0', begun=begun)
        restart(town, 'one/rep-0')
    assert not town.order
    assert town.held('one/rep-0') == ['in1']


def test_while_one_is_tried_alone_the_others_serve() -> None:
    town = Town(SAFE, credit=2)
    town.submit(1, 2, 3, 4, 5, 6)
    town.lose(FIRST, begun=2)  # 1 and 3
    town.finish(SECOND)
    assert town.held(SECOND) == ['in4']  # which is kept for one of them
    restart(town, FIRST)  # and is no longer: this one is free
    assert town.held(FIRST) == ['in1']
    assert town.held(SECOND) == ['in4', 'in5']


def test_one_under_suspicion_that_is_cancelled_frees_its_place() -> None:
    town = Town(Node('one', retryable=('/default',)))
    town.submit(1, 2)
    town.lose('one/rep-0', begun=1)
    town.cancel(1)
    restart(town, 'one/rep-0')
    assert town.held('one/rep-0') == ['in2']
    assert not town.withdrawn


def test_a_pod_that_leaves_is_not_waited_for() -> None:
    town = Town(SAFE, credit=2)
    town.submit(1, 2, 3, 4)
    town.lose(FIRST, begun=1)
    restart(town, FIRST)
    assert town.held(FIRST) == ['in1']
    town.router.leaving(town.processes[FIRST].peer, town.now)
    town.submit(5)
    town.finish(SECOND)
    assert town.held(SECOND) == ['in4', 'in3']


def test_slots_are_unique_among_what_a_pod_holds_and_used_again() -> None:
    town = Town(ONE, credit=3)
    town.submit(1, 2, 3, 4, 5)
    assert [work.slot for work in town.work_of('one/rep-0')] == [0, 1, 2]
    town.finish('one/rep-0', 1)
    assert [work.slot for work in town.work_of('one/rep-0')] == [0, 2, 1]


def test_a_pod_of_ours_never_has_more_than_there_are_slots() -> None:
    town = Town(ONE, credit=5000, most=5000)
    town.submit(*range(1500))
    assert len(town.held('one/rep-0')) == 1024
    assert {work.slot for work in town.work_of('one/rep-0')} == set(range(1024))


def test_beside_the_way_work_is_given_again_too() -> None:
    town = Town(ONE, Node('beside', side=True))
    town.submit(1)
    town.finish('one/rep-0')
    town.lose('beside/rep-0', begun=0)
    assert town.router.in_flight == 1
    restart(town, 'beside/rep-0')
    town.lose('beside/rep-0')
    assert town.router.in_flight == 0
    assert town.order == [1]


def test_pods_with_nothing_else_to_do_try_what_is_under_suspicion_each_alone() -> None:
    town = Town(Node('safe', replicas=3, retryable=('/default',)), credit=2)
    town.submit(1, 2, 3, 4)
    town.lose(FIRST)  # 1 and 4
    assert (town.held(SECOND), town.held('safe/rep-2')) == (['in2'], ['in3'])
    town.finish(SECOND)
    town.finish('safe/rep-2')
    assert (town.held(SECOND), town.held('safe/rep-2')) == (['in1'], ['in4'])
    town.submit(5)
    assert not town.held(FIRST)
    town.finish(SECOND)
    assert town.held(SECOND) == ['in5']


def test_what_is_under_suspicion_takes_one_pod_while_others_wait() -> None:
    town = Town(SAFE, credit=1)
    town.submit(1, 2)
    town.lose(FIRST)
    town.submit(3, 4, 5)
    town.finish(SECOND)
    town.lose(SECOND)  # 1, for the second time
    assert town.code(1) == 'poisoned'
    restart(town, FIRST)
    restart(town, SECOND)
    town.lose(FIRST)
    town.lose(SECOND)
    town.submit(6, 7)
    restart(town, FIRST)
    restart(town, SECOND)
    assert (town.held(FIRST), town.held(SECOND)) == (['in4'], ['in5'])


def test_the_place_of_a_pod_that_leaves_is_taken_by_another() -> None:
    town = Town(SAFE, credit=3)
    town.submit(1, 2, 3, 4)
    town.lose(FIRST, begun=1)  # 1: the second pod is kept for it
    restart(town, FIRST)
    town.lose(FIRST, begun=0)
    restart(town, FIRST)
    assert town.held(FIRST) == ['in1']
    assert town.held(SECOND) == ['in2', 'in4', 'in3']


def test_a_pod_that_is_kept_and_leaves_is_not_waited_for() -> None:
    town = Town(Node('safe', replicas=3, retryable=('/default',)), credit=3)
    town.submit(*range(9))
    town.lose(FIRST, begun=1)
    town.finish(SECOND)  # it is kept, for it has the least
    town.take(town.router.leaving(town.processes[SECOND].peer, town.now)[1:])
    for _ in range(3):
        town.finish('safe/rep-2')
    assert town.held('safe/rep-2') == ['in0']

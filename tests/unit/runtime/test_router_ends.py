"""How requests end before their answer: cancelled, refused at the door, and at the end of the Flow."""

from __future__ import annotations

import gc
import weakref

from mproc_flow.errors import ErrorInfo
from mproc_flow.runtime.sends import ToClient, ToPod
from mproc_flow.transport.frames import Done, Submit, Work
from tests.unit.runtime.routing import CLIENT, Node, Town

A, B = Node('a'), Node('b', ('a',))
LEFT, RIGHT = Node('left'), Node('right')


class Payload(str):
    """A frame whose end can be seen."""

    __slots__ = ('__weakref__',)


def test_cancelled_work_that_waits_is_never_done() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2, 3)
    town.cancel(2)
    town.finish('a/rep-0')
    assert town.held('a/rep-0') == ['in3']
    town.finish('a/rep-0')
    assert town.ended == [1, 3]
    assert town.router.in_flight == 0


def test_cancelled_work_that_runs_has_no_answer_and_goes_no_further() -> None:
    town = Town(A, B)
    town.submit(1)
    town.cancel(1)
    assert town.router.in_flight == 0
    town.finish('a/rep-0')
    assert not town.order
    assert not town.held('b/rep-0')


def test_neither_an_error_nor_a_death_is_told_for_cancelled_work() -> None:
    town = Town(A)
    town.submit(1, 2)
    town.cancel(1, 2)
    town.fail('a/rep-0', ErrorInfo('executor', 'bad'))
    town.lose('a/rep-0')
    assert not town.order


def test_cancelled_work_keeps_its_pod_busy_until_it_is_done() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2)
    town.cancel(1)
    assert town.held('a/rep-0') == ['in1']
    town.finish('a/rep-0')
    assert town.held('a/rep-0') == ['in2']


def test_a_client_cancels_its_own_requests_only() -> None:
    town = Town(A)
    town.submit(1, client=b'one')
    town.submit(1, client=b'other')
    town.cancel(1, 99, client=b'other')
    assert town.router.in_flight == 1
    town.finish('a/rep-0')
    assert set(town.answers) == {(b'one', 1)}


def test_cancelling_what_has_ended_is_fine() -> None:
    town = Town(A)
    town.submit(1)
    town.finish('a/rep-0')
    town.cancel(1, 1)
    assert town.ended == [1]


def test_the_payload_of_cancelled_work_is_freed_although_it_is_behind_other_work() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2)
    payload = Payload('large')
    alive = weakref.ref(payload)
    town.router.submit(CLIENT, Submit(3, '/'), [[payload]], 0.0)
    del payload
    gc.collect()
    assert alive() is not None
    town.cancel(3)
    gc.collect()
    assert alive() is None


def test_the_payload_of_refused_work_is_freed_although_it_is_behind_other_work() -> None:
    town = Town(LEFT, RIGHT, credit=1)
    town.submit(1, 2)
    town.finish('left/rep-0')
    town.finish('left/rep-0')  # left has answered both; right is at the first
    payload = Payload('large')
    alive = weakref.ref(payload)
    town.take(town.router.submit(CLIENT, Submit(3, '/'), [[payload]], 0.0))
    del payload
    assert alive() is not None
    town.fail('left/rep-0', ErrorInfo('executor', 'bad'))
    assert town.ended == [3]
    gc.collect()
    assert alive() is None


def test_more_requests_than_fit_are_refused_and_room_is_made_by_answers() -> None:
    town = Town(A, most=2)
    town.submit(1, 2, 3)
    assert town.code(3) == 'overloaded'
    town.finish('a/rep-0')
    town.submit(4)
    assert town.ended == [1, 3]
    town.cancel(2)
    town.submit(5)
    assert town.router.in_flight == 2


def test_the_refusal_names_the_limit() -> None:
    town = Town(A, most=50)
    town.submit(*range(51))
    assert 'max_in_flight=50' in town.refusals[CLIENT, 50].message
    assert town.router.in_flight < 50


def test_a_draining_router_finishes_what_it_has_and_refuses_the_rest() -> None:
    town = Town(A, B)
    town.submit(1)
    town.router.drain()
    town.submit(2)
    assert town.code(2) == 'closed'
    town.finish('a/rep-0')
    town.finish('b/rep-0')
    assert town.answer(1) == ['b(a(in1))']
    assert town.router.in_flight == 0


def test_close_refuses_all_that_is_under_way_and_what_comes_later() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2)
    town.take(town.router.close())
    assert town.ended == [1, 2]
    assert town.code(1) == town.code(2) == 'closed'
    assert town.router.in_flight == 0
    town.submit(3)
    assert town.code(3) == 'closed'
    assert town.router.close() == []


def test_work_that_ends_after_close_is_ignored() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2)
    town.take(town.router.close())
    town.finish('a/rep-0')
    assert town.ended == [1, 2]
    assert not town.held('a/rep-0')


def test_a_number_that_is_used_again_while_it_is_open_ends_as_often_as_it_came() -> None:
    town = Town(A, credit=1)
    sends = town.router.submit(CLIENT, Submit(1, '/'), [['first']], 0.0) + town.router.submit(
        CLIENT, Submit(1, '/'), [['second']], 0.0
    )
    job = next(send for send in sends if isinstance(send, ToPod))
    assert isinstance(job.header, Work)
    sends += town.router.done(job.peer, Done(job.header.key, 1), [['done']], 0.0)
    sends += town.router.close()
    assert sum(isinstance(send, ToClient) for send in sends) == 2


def test_a_number_that_is_used_again_does_not_open_the_door_to_more_than_fit() -> None:
    town = Town(A, credit=1, most=3)
    sends = [send for _ in range(10) for send in town.router.submit(CLIENT, Submit(1, '/'), [['again']], 0.0)]
    refused = sum(isinstance(send, ToClient) for send in sends)
    assert 10 - refused <= 3

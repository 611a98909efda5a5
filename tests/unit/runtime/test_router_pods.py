"""Which pod gets the work, and what becomes of it when pods come, go and die."""

from __future__ import annotations

import pytest

from mproc_flow.errors import ErrorInfo, PodFailure
from mproc_flow.runtime.messages import PodLost
from mproc_flow.runtime.router import Router
from mproc_flow.runtime.sends import ToPod
from mproc_flow.topology.plan import GATEWAY, Route
from mproc_flow.transport.frames import Done, Farewell, Hello, Submit, Work
from tests.unit.runtime.routing import CLIENT, Node, Town

A, B = Node('a'), Node('b', ('a',))
TWO = Node('two', replicas=2)
ONE_POD, OTHER_POD = TWO.pods


def test_work_waits_for_the_first_pod() -> None:
    town = Town(A, said_hello=False)
    town.submit(1, 2)
    assert not town.held('a/rep-0')
    town.hello('a/rep-0')
    assert town.held('a/rep-0') == ['in1', 'in2']


def test_no_pod_gets_more_than_its_credit() -> None:
    town = Town(A, credit=2)
    town.submit(1, 2, 3, 4)
    assert town.held('a/rep-0') == ['in1', 'in2']
    town.finish('a/rep-0')
    assert town.held('a/rep-0') == ['in2', 'in3']
    town.fail('a/rep-0', ErrorInfo('executor', 'bad'))
    assert town.held('a/rep-0') == ['in3', 'in4']


@pytest.mark.parametrize('credit', [0, -5])
def test_a_pod_that_gives_no_credit_gets_one_piece_at_a_time(credit: int) -> None:
    town = Town(A, credit=credit)
    town.submit(1, 2)
    assert town.held('a/rep-0') == ['in1']


def test_the_pod_with_the_least_work_gets_the_next() -> None:
    town = Town(TWO, credit=3)
    town.submit(1, 2, 3, 4)
    assert (town.held(ONE_POD), town.held(OTHER_POD)) == (['in1', 'in3'], ['in2', 'in4'])
    town.finish(OTHER_POD)
    town.finish(OTHER_POD)
    town.submit(5, 6)
    assert town.held(OTHER_POD) == ['in5', 'in6']


def test_what_waits_is_done_in_order() -> None:
    town = Town(A, credit=1)
    town.submit(*range(5))
    for _ in range(5):
        town.finish('a/rep-0')
    assert town.order == [0, 1, 2, 3, 4]


def test_a_loss_refuses_exactly_what_the_pod_held() -> None:
    town = Town(TWO, credit=2)
    town.submit(1, 2, 3, 4, 5)
    town.lose(ONE_POD)
    assert town.ended == [1, 3]
    assert town.code(1) == town.code(3) == 'pod_died'
    town.finish(OTHER_POD)
    assert town.held(OTHER_POD) == ['in4', 'in5']


def test_a_lost_pod_gets_no_work_until_its_next_process_says_hello() -> None:
    town = Town(A)
    town.lose('a/rep-0')
    town.submit(1)
    assert not town.held('a/rep-0')
    town.hello('a/rep-0', generation=1)
    assert town.held('a/rep-0') == ['in1']
    town.finish('a/rep-0')
    assert town.answer(1) == ['a(in1)']


def test_a_pod_lost_for_good_leaves_its_work_to_the_others() -> None:
    town = Town(TWO, credit=1)
    town.submit(1, 2, 3)
    town.lose(ONE_POD, final=True)
    assert town.ended == [1]
    town.finish(OTHER_POD)
    town.finish(OTHER_POD)
    assert sorted(number for _, number in town.answers) == [2, 3]


def test_the_last_pod_lost_for_good_refuses_what_waits_and_what_comes() -> None:
    town = Town(TWO, credit=1)
    town.submit(1, 2, 3)
    town.lose(ONE_POD, final=True)
    town.lose(OTHER_POD, final=True)
    assert (town.code(1), town.code(2), town.code(3)) == ('pod_died', 'pod_died', 'flow_failed')
    town.submit(4)
    assert town.code(4) == 'flow_failed'
    assert town.router.in_flight == 0


def test_the_refusal_of_a_failed_flow_names_the_deployment_the_pod_and_the_cause() -> None:
    town = Town(A)
    failure = PodFailure('a/rep-0', 42, 'ready', 'exited with code 3')
    info = ErrorInfo('pod_died', 'it is gone: exited', pod='a/rep-0', failure=failure)
    town.router.lost(PodLost('a/rep-0', 0, info, True), None, 0.0)
    town.submit(1)
    info = town.refusals[CLIENT, 1]
    assert 'no pod of a is left' in info.message
    assert 'it is gone: exited' in info.message
    assert (info.pod, info.failure) == ('a/rep-0', failure)


def test_a_flow_that_failed_anywhere_refuses_at_the_door() -> None:
    town = Town(A, B)
    town.lose('b/rep-0', final=True)
    town.submit(1)
    assert town.code(1) == 'flow_failed'
    assert not town.held('a/rep-0')


def test_a_request_on_its_way_to_a_deployment_that_failed_ends_too() -> None:
    town = Town(A, B)
    town.submit(1)
    town.lose('b/rep-0', final=True)
    if not town.order:  # it may be refused at once, or when it arrives there
        town.finish('a/rep-0')
    assert town.code(1) == 'flow_failed'
    assert town.router.in_flight == 0


def test_answers_of_a_dead_process_are_ignored() -> None:
    town = Town(A)
    town.submit(1)
    old = town.processes['a/rep-0']
    (job,) = old.held
    town.lose('a/rep-0')
    assert town.router.done(old.peer, Done(job.header.key, 1), [['late']], 0.0) == []
    assert town.router.failed(old.peer, job.header.key, ErrorInfo('executor', 'late'), 0.0) == []
    assert town.ended == [1]


def test_an_answer_counts_once() -> None:
    town = Town(A)
    town.submit(1)
    process = town.processes['a/rep-0']
    (job,) = process.held
    town.finish('a/rep-0')
    assert town.router.done(process.peer, Done(job.header.key, 1), [['again']], 0.0) == []
    assert town.router.failed(process.peer, job.header.key, ErrorInfo('executor', 'again'), 0.0) == []


def test_a_pod_cannot_answer_for_another() -> None:
    town = Town(TWO)
    town.submit(1)
    (job,) = town.processes[ONE_POD].held
    assert town.router.done(town.processes[OTHER_POD].peer, Done(job.header.key, 1), [['forged']], 0.0) == []
    town.finish(ONE_POD)
    assert town.answer(1) == ['two(in1)']


def test_news_of_pods_that_do_not_exist_is_ignored() -> None:
    town = Town(A)
    assert town.router.hello(b'x#0', Hello('x/rep-0', 0, ('/default',), 2), 0.0) == []
    assert town.router.lost(PodLost('x/rep-0', 0, ErrorInfo('pod_died', 'x'), True), None, 0.0) == []
    assert town.router.done(b'x#0', Done(0, 1), [['x']], 0.0) == []
    town.submit(1)
    assert town.held('a/rep-0') == ['in1']


def test_the_hello_of_a_new_process_tells_that_the_old_one_is_gone() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2)
    town.hello('a/rep-0', generation=1)
    assert town.code(1) == 'pod_died'
    assert town.held('a/rep-0') == ['in2']


def test_the_loss_of_an_old_process_does_not_hurt_the_new_one() -> None:
    town = Town(A)
    town.hello('a/rep-0', generation=1)
    town.submit(1)
    assert town.router.lost(PodLost('a/rep-0', 0, ErrorInfo('pod_died', 'old'), False), None, 0.0) == []
    town.finish('a/rep-0')
    assert town.answer(1) == ['a(in1)']


def test_a_hello_of_an_old_process_is_ignored() -> None:
    town = Town(A)
    old = town.processes['a/rep-0']
    town.hello('a/rep-0', generation=1)
    assert town.router.hello(old.peer, old.hello, 0.0) == []
    town.submit(1)
    assert town.held('a/rep-0') == ['in1']


@pytest.mark.parametrize('final', [False, True])
def test_a_hello_that_arrives_after_the_loss_of_its_process_is_ignored(final: bool) -> None:
    town = Town(A, said_hello=False)
    dead = town.processes['a/rep-0']
    town.lose('a/rep-0', final=final)
    assert town.router.hello(dead.peer, dead.hello, 0.0) == []
    sends = town.router.submit(CLIENT, Submit(1, '/'), [['in1']], 0.0)
    assert not [send for send in sends if isinstance(send, ToPod)]


def test_a_second_hello_of_the_same_process_keeps_what_it_holds() -> None:
    town = Town(A, credit=1)
    town.submit(1, 2)
    town.hello('a/rep-0')
    assert town.held('a/rep-0') == ['in1']
    town.finish('a/rep-0')
    town.finish('a/rep-0')
    assert sorted(number for _, number in town.answers) == [1, 2]


def test_a_pod_that_leaves_finishes_what_it_has_and_gets_no_more() -> None:
    town = Town(TWO)
    town.submit(1)
    process = town.processes[ONE_POD]
    assert town.router.leaving(process.peer, 0.0) == [ToPod(process.peer, Farewell())]
    town.submit(2, 3)
    assert town.held(OTHER_POD) == ['in2', 'in3']
    town.finish(ONE_POD)
    assert town.answer(1) == ['two(in1)']


def test_a_pod_that_left_may_come_back() -> None:
    town = Town(A)
    town.router.leaving(town.processes['a/rep-0'].peer, 0.0)
    town.submit(1)
    assert not town.held('a/rep-0')
    town.hello('a/rep-0')
    assert town.held('a/rep-0') == ['in1']


def test_what_a_leaving_pod_did_not_finish_is_refused_when_it_is_gone() -> None:
    town = Town(A)
    town.submit(1)
    town.router.leaving(town.processes['a/rep-0'].peer, 0.0)
    town.lose('a/rep-0')
    assert town.code(1) == 'pod_died'


def test_a_stranger_that_leaves_gets_its_farewell() -> None:
    assert Town(A).router.leaving(b'stranger', 0.0) == [ToPod(b'stranger', Farewell())]


def test_the_farewell_of_an_old_process_does_not_send_the_new_one_away() -> None:
    town = Town(A)
    old = town.processes['a/rep-0']
    town.hello('a/rep-0', generation=1)
    town.router.leaving(old.peer, 0.0)
    town.submit(1)
    assert town.held('a/rep-0') == ['in1']


def test_work_is_numbered_from_where_it_is_told() -> None:
    """So that a pod that still answers for a gateway that died is not believed."""
    router = Router([Route('a', (GATEWAY,), (('a/rep-0',),))], ('a',), 10, first_key=1 << 40)
    router.hello(b'a', Hello('a/rep-0', 0, ('/default',), 2), 0.0)
    (send,) = router.submit(CLIENT, Submit(1, '/'), [['in1']], 0.0)
    assert isinstance(send.header, Work)
    assert send.header.key == 1 << 40
    assert router.done(b'a', Done(0, 2), [['old']], 0.0) == []

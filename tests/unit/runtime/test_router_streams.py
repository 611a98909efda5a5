"""Partial answers: who may give them, and how much is taken."""

from __future__ import annotations

import pytest

from mproc_flow.transport.frames import Done, More
from tests.unit.runtime.routing import CLIENT, Node, Town

A, B = Node('a'), Node('b', ('a',))


def piece(town: Town, pod: str, *frames: str) -> None:
    """A pod gives a part of the result of its first piece of work."""
    town.take(town.router.piece(town.processes[pod].peer, town.key(pod), [list(frames)]))


def end(town: Town, pod: str) -> None:
    """A pod ends a piece of work of which it gave all parts before."""
    process = town.processes[pod]
    key = town.key(pod)
    process.held.pop(0)
    town.take(town.router.done(process.peer, Done(key, process.credit), [], town.now))


def test_pieces_go_to_the_client_as_they_come() -> None:
    town = Town(A, B)
    town.submit(1, window=3)
    assert town.work_of('a/rep-0')[0].window == 0
    town.finish('a/rep-0')
    assert town.work_of('b/rep-0')[0].window == 3
    piece(town, 'b/rep-0', 'x')
    piece(town, 'b/rep-0', 'y')
    assert not town.order
    end(town, 'b/rep-0')
    assert town.partials[CLIENT, 1] == ['x', 'y']
    assert town.answer(1) == []
    assert town.router.in_flight == 0


def test_more_reaches_the_pod_that_has_the_work() -> None:
    town = Town(A, B)
    town.submit(1, window=3)
    assert town.router.more(CLIENT, 1, 2) == []
    town.finish('a/rep-0')
    assert town.work_of('b/rep-0')[0].window == 5
    (send,) = town.router.more(CLIENT, 1, 7)
    assert (send.peer, send.header) == (b'b/rep-0#0', More(town.key('b/rep-0'), 7))  # type: ignore[union-attr]


@pytest.mark.parametrize('count', [0, -1, -(1 << 62)])
def test_less_than_more_is_nothing(count: int) -> None:
    town = Town(A)
    town.submit(1, window=1)
    assert town.router.more(CLIENT, 1, count) == []
    assert town.router.more(CLIENT, 2, 1) == town.router.more(b'stranger', 1, 1) == []


def test_counts_beyond_the_format_of_messages_are_cut() -> None:
    town = Town(A)
    town.submit(1, window=1 << 63)
    for _ in range(3):
        (send,) = town.router.more(CLIENT, 1, (1 << 64) - 1)
        assert send.header.count < 1 << 32  # type: ignore[union-attr]
    assert town.work_of('a/rep-0')[0].window < 1 << 32


@pytest.mark.parametrize(
    'nodes',
    [
        [A, Node('other')],
        [A, Node('beside', ('a',), side=True)],
    ],
    ids=['two leaves', 'somebody needs the whole'],
)
def test_nobody_gives_pieces_where_more_than_the_client_waits_for_it(nodes: list[Node]) -> None:
    town = Town(*nodes)
    town.submit(1, window=3)
    assert town.work_of('a/rep-0')[0].window == 0
    piece(town, 'a/rep-0', 'x')
    assert not town.partials


def test_pieces_for_who_did_not_ask_or_does_not_wait_are_dropped() -> None:
    town = Town(A)
    town.submit(1)
    piece(town, 'a/rep-0', 'x')
    town.finish('a/rep-0')
    town.submit(2, window=1)
    town.cancel(2)
    piece(town, 'a/rep-0', 'x')
    assert town.router.piece(b'stranger', 1, [['x']]) == []
    assert not town.partials


def test_what_has_delivered_a_piece_is_never_given_again() -> None:
    town = Town(Node('a', retryable=('/default',)))
    town.submit(1, 2, window=3)
    piece(town, 'a/rep-0', 'x')
    town.lose('a/rep-0')
    assert town.order == [1]
    assert town.code(1) == 'pod_died'
    town.hello('a/rep-0', 1)
    assert town.work_of('a/rep-0')[0].window == 3

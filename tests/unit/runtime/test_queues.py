"""The fair queue against a simple model, and what it is fair about."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings, strategies as st

from mproc_flow.runtime.queues import FairQueue


@dataclass
class Piece:
    """A piece of work."""

    client: bytes
    number: int
    waiting: bool = False


def put(queue: FairQueue[Piece], text: str) -> list[Piece]:
    """Put one piece for each letter; the letter is the client."""
    pieces = [Piece(letter.encode(), number) for number, letter in enumerate(text)]
    for piece in pieces:
        queue.put(piece, piece.client)
    return pieces


def names(pieces: list[Piece]) -> str:
    """The clients of some pieces."""
    return b''.join(piece.client for piece in pieces).decode()


def test_clients_take_turns_and_each_ones_work_stays_in_order() -> None:
    queue = FairQueue[Piece]()
    put(queue, 'aaaabbc')
    taken = queue.clear()
    assert names(taken) == 'abcabaa'
    for client in (b'a', b'b'):
        own = [piece.number for piece in taken if piece.client == client]
        assert own == sorted(own)


def test_a_client_that_comes_late_waits_one_round() -> None:
    queue = FairQueue[Piece]()
    put(queue, 'a' * 1000)
    put(queue, 'b')
    assert names(queue.clear()[:3]) == 'aba'


def test_what_was_given_out_before_comes_first() -> None:
    queue = FairQueue[Piece]()
    put(queue, 'ab')
    for number in (2, 1):
        queue.put_first(Piece(b'x', number))
    assert [piece.number for piece in queue.clear()] == [1, 2, 0, 1]


def test_what_was_dropped_costs_no_turn() -> None:
    queue = FairQueue[Piece]()
    pieces = put(queue, 'aaabbb')
    for piece in pieces[:2]:
        queue.drop(piece)
    assert names(queue.clear()) == 'abbb'


def test_what_was_dropped_is_not_kept() -> None:
    """Requests that run out of time behind a pod that hangs are forgotten."""
    queue = FairQueue[Piece]()
    for _ in range(1000):
        for piece in put(queue, 'ab'):
            queue.drop(piece)
    assert sum(map(len, queue._lines.values())) < 200
    assert queue.length == 0
    assert queue.pop() is None


def test_the_estimate_of_what_comes_before() -> None:
    queue = FairQueue[Piece]()
    assert queue.ahead(b'a') == 0
    put(queue, 'a' * 100 + 'b')
    assert queue.ahead(b'new') == 2
    assert queue.ahead(b'b') == 4
    assert queue.ahead(b'a') == 101


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(['put', 'put', 'first', 'pop', 'drop']), st.integers(0, 3)), max_size=60))
def test_nothing_is_lost_and_nobody_is_passed_over(steps: list[tuple[str, int]]) -> None:
    queue = FairQueue[Piece]()
    waiting: list[Piece] = []
    first: list[Piece] = []
    for number, (step, choice) in enumerate(steps):
        piece = Piece(b'%d' % choice, number)
        if step == 'put':
            queue.put(piece, piece.client)
            waiting.append(piece)
        elif step == 'first':
            queue.put_first(piece)
            first.insert(0, piece)
        elif step == 'drop' and waiting:
            dropped = waiting.pop(choice % len(waiting))
            queue.drop(dropped)
        elif step == 'pop':
            _check_pop(queue, waiting, first)
        assert queue.length == len(waiting) + len(first)
    for _ in range(queue.length):
        _check_pop(queue, waiting, first)
    assert queue.pop() is None


def _check_pop(queue: FairQueue[Piece], waiting: list[Piece], first: list[Piece]) -> None:
    """Pop, and do the same with the model."""
    taken = queue.pop()
    if first:
        assert taken is first.pop(0)
        return
    if not waiting:
        assert taken is None
        return
    assert taken is not None
    assert taken is next(piece for piece in waiting if piece.client == taken.client)
    waiting.remove(taken)

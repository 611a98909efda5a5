"""Answers in parts: which are delivered at once, which wait, and what is not sent again after them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mproc_flow.errors import ErrorInfo, PodDied
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import encode
from mproc_flow.model.document import Document
from mproc_flow.model.request import batches
from mproc_flow.posting.letters import Letters
from mproc_flow.posting.options import PostOptions
from mproc_flow.transport.exchange import AHEAD, Call, Reply

DIED = ErrorInfo(PodDied.code, 'gone')


class Round:
    """A round of requests that have been sent, one for each letter of a text, and which parts were taken."""

    def __init__(self, text: str, **options: Any) -> None:
        self.letters = Letters(Call('/'), {}, PostOptions(request_size=1, stream=True, **options), 100)
        self.letters.begin()
        self.inputs = batches(list(text), 1)
        self.sent = list(self.letters.round(self.inputs))
        self.taken: list[str] = []

    def part(self, position: int, text: str) -> Iterator[str]:
        """A part comes: give what is delivered for it."""
        part = encode(DocumentArray([Document(text=text)]), {})
        return self._delivered(Reply(7, position, [part], more=lambda: self.taken.append(text)))

    def end(self, position: int, info: ErrorInfo | None = None) -> list[str]:
        """The answer ends."""
        return list(self._delivered(Reply(7, position, info or [])))

    def _delivered(self, reply: Reply) -> Iterator[str]:
        for delivery in self.letters.take(reply):
            if delivery.is_empty:
                yield f'end of {delivery.sent}'
            else:
                yield (delivery.response.docs[0].text or '') + ('!' if delivery.info else '')


def test_parts_are_asked_for() -> None:
    assert Round('').letters.call.window == AHEAD
    assert Letters(Call('/'), {}, PostOptions(), 1).call.window == 0


def test_a_part_is_taken_when_the_consumer_comes_back() -> None:
    made = Round('a')
    delivered = made.part(0, 'a0')
    assert next(delivered) == 'a0'
    assert made.taken == []
    assert next(delivered, None) is None
    assert made.taken == ['a0']
    assert made.end(0) == ['end of 1']
    assert not made.letters.unfinished


def test_in_order_parts_wait_for_their_turn_and_are_not_taken() -> None:
    made = Round('ab', results_in_order=True)
    assert list(made.part(1, 'b0')) == []
    assert list(made.part(0, 'a0')) == ['a0']
    assert made.taken == ['a0']
    assert made.end(0) == ['end of 1', 'b0']
    assert list(made.part(1, 'b1')) == ['b1']
    assert made.taken == ['a0', 'b1']
    assert made.end(1) == ['end of 1']


def test_in_order_the_end_may_wait_too() -> None:
    made = Round('abc', results_in_order=True)
    for position, text in ((2, 'c0'), (1, 'b0')):
        assert list(made.part(position, text)) == []
        assert made.end(position) == []
    assert made.letters.window() == 98
    assert made.end(0) == ['end of 1', 'b0', 'end of 1', 'c0', 'end of 1']
    assert made.letters.window() == 100


def test_what_is_to_be_sent_again_waits_for_nobody() -> None:
    """Parts of others, whose turn comes later, are taken: it is sent when these requests have ended."""
    made = Round('ab', results_in_order=True, max_attempts=2, initial_backoff=0.0)
    assert list(made.part(1, 'b0')) == []
    assert made.end(0, DIED) == []
    assert list(made.part(1, 'b1')) == []
    assert made.taken == ['b1']
    assert made.end(1) == []
    list(made.letters.round(made.inputs))
    assert list(made.part(0, 'a0')) == ['a0']
    assert made.end(0) == ['end of 1', 'b0', 'b1', 'end of 1']


@pytest.mark.parametrize('in_order', [False, True])
def test_what_came_in_part_is_not_sent_again(in_order: bool) -> None:
    made = Round('a', max_attempts=9, results_in_order=in_order)
    list(made.part(0, 'a0'))
    assert made.end(0, DIED) == ['a!']
    assert not made.letters.unfinished


def test_nor_when_the_connection_is_lost() -> None:
    made = Round('ab', max_attempts=9)
    list(made.part(0, 'a0'))
    assert not made.letters.lost()
    other = Round('ab', max_attempts=9)
    assert other.letters.lost()

"""Which requests of a call are sent, sent again and delivered, and when."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mproc_flow.errors import BadServer, DeadlineExceeded, ErrorInfo, Overloaded, PodDied, PoisonedRequest
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode
from mproc_flow.model.request import batches
from mproc_flow.posting import letters as module
from mproc_flow.posting.letters import Letter, Letters
from mproc_flow.posting.options import PostOptions
from mproc_flow.transport.exchange import Call, Reply
from mproc_flow.transport.frames import Frame

DIED = ErrorInfo(PodDied.code, 'gone')
BUSY = ErrorInfo(Overloaded.code, 'too much')
FAILED = ErrorInfo(BadServer.code, 'no good')


def letters(prefetch: int = 100, **options: Any) -> Letters:
    made = Letters(Call('/'), {}, PostOptions(request_size=1, **options), prefetch)
    made.begin()
    return made


def inputs(texts: str) -> Iterator[DocumentArray]:
    """One request for each letter of a text."""
    return batches(list(texts), 1)


def texts(sent: list[list[Frame]]) -> str:
    """The text in each request."""
    return ''.join(doc.text or '' for frames in sent for doc in decode(frames)[0])


def delivered(made: Letters, position: int, sent: list[list[Frame]], error: ErrorInfo | None = None) -> str:
    """What can be delivered when the request at this position of the round is answered with itself, or fails."""
    found = made.take(Reply(7, position, error or [sent[position]]))
    return ''.join((delivery.response.docs[0].text or '') + ('!' if delivery.info else '') for delivery in found)


def test_a_call_without_trouble_is_one_round() -> None:
    made = letters()
    sent = list(made.round(inputs('abc')))
    assert texts(sent) == 'abc'
    assert [delivered(made, position, sent) for position in (2, 0, 1)] == ['c', 'a', 'b']
    assert not made.unfinished
    assert made.pause == 0.0


def test_in_order_nothing_overtakes_and_the_window_shrinks() -> None:
    made = letters(prefetch=3, results_in_order=True)
    sent = list(made.round(inputs('abcd')))
    assert made.window() == 3
    assert delivered(made, 1, sent) == ''
    assert made.window() == 2
    assert delivered(made, 2, sent) == ''
    assert delivered(made, 3, sent) == ''
    assert made.window() == 1, 'what is missing must still be under way'
    assert delivered(made, 0, sent) == 'abcd'
    assert made.window() == 3


@pytest.mark.parametrize('code', [PodDied.code, Overloaded.code])
def test_what_may_go_well_another_time_is_sent_again_in_another_round(code: str) -> None:
    made = letters(max_attempts=2)
    source = inputs('abc')
    going = made.round(source)
    sent = [next(going), next(going)]
    assert delivered(made, 0, sent, ErrorInfo(code, 'x')) == ''
    assert next(going, None) is None, 'a round with something to be sent again takes nothing new'
    assert delivered(made, 1, sent) == 'b'
    assert made.unfinished
    again = list(made.round(source))
    assert texts(again) == 'ac'
    assert delivered(made, 0, again, ErrorInfo(code, 'x')) == 'a!', 'it was sent twice'
    assert delivered(made, 1, again) == 'c'
    assert not made.unfinished


@pytest.mark.parametrize('code', ['executor', 'deadline', 'client', 'flow_failed'])
def test_other_errors_are_final(code: str) -> None:
    made = letters(max_attempts=5)
    sent = list(made.round(inputs('a')))
    assert delivered(made, 0, sent, ErrorInfo(code, 'x')) == 'a!'
    assert not made.unfinished


def test_a_lost_connection_may_be_survived() -> None:
    made = letters(max_attempts=2)
    source = inputs('ab')
    list(made.round(source))
    assert made.lost()
    assert texts(list(made.round(source))) == 'ab'
    assert not made.lost(), 'each was sent twice'


def test_what_was_about_to_be_sent_again_survives_the_next_loss() -> None:
    made = letters(max_attempts=9, initial_backoff=1.0)
    source = inputs('abc')
    list(made.round(source))
    assert made.lost()
    going = made.round(source)
    assert texts([next(going)]) == 'a', 'the others wait for their turn'
    assert made.lost()
    assert made.unfinished
    assert made.pause > 1.0
    sent = list(made.round(source))
    assert sorted(texts(sent)) == ['a', 'b', 'c']
    assert sorted(delivered(made, position, sent) for position in range(3)) == ['a', 'b', 'c']
    assert not made.unfinished


def test_pauses_grow_up_to_a_bound() -> None:
    made = letters(max_attempts=9, initial_backoff=1.0, backoff_multiplier=2.0, max_backoff=3.0)
    source = inputs('a')
    pauses = []
    for _ in range(4):
        sent = list(made.round(source))
        delivered(made, 0, sent, BUSY)
        pauses.append(made.pause)
    assert pauses == [1.0, 2.0, 3.0, 3.0]


def test_a_pause_is_bounded_however_often_something_failed() -> None:
    made = letters(max_attempts=5000, initial_backoff=1e-3, backoff_multiplier=1.5, max_backoff=0.01)
    made._again = [Letter(0, DocumentArray(), attempts=4000)]
    assert made.pause == 0.01


def test_the_time_of_a_call_ends_pauses_and_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, 'monotonic', lambda: clock[0])
    made = letters(max_attempts=9, timeout=1.0, initial_backoff=60.0, max_backoff=60.0)
    assert made.call.deadline == 101.0
    sent = list(made.round(inputs('a')))
    delivered(made, 0, sent, DIED)
    clock[0] = 100.75
    assert made.pause == 0.25
    made.check_time()
    clock[0] = 101.5
    assert made.pause == 0.0
    with pytest.raises(DeadlineExceeded, match='requests that failed and were not sent again: 1'):
        made.check_time()


@pytest.mark.parametrize('timeout', [None, float('inf')])
def test_there_is_time_without_end_unless_told(timeout: float | None) -> None:
    assert letters(timeout=timeout).call.deadline == 0.0


def test_an_overloaded_flow_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sooner than that nothing is sent again; later, if the pause would have been longer anyway."""
    made = letters(max_attempts=9, initial_backoff=1.0, backoff_multiplier=4.0, max_backoff=9.0)
    source = inputs('ab')
    for pause in (2.5, 4.0, 9.0):
        sent = list(made.round(source))
        for position in range(2):
            delivered(made, position, sent, ErrorInfo(Overloaded.code, 'x', retry_after=2.5 * position))
        assert made.pause == pause
    assert texts(list(made.round(source))) == 'ab'


def test_when_to_come_back_is_bounded_by_the_deadline() -> None:
    made = letters(max_attempts=9, timeout=5.0)
    delivered(made, 0, list(made.round(inputs('a'))), ErrorInfo(Overloaded.code, 'x', retry_after=60.0))
    assert 4.0 < made.pause <= 5.0


def test_what_two_processes_died_with_is_not_sent_to_a_third() -> None:
    """Overload in between does not count."""
    made = letters(max_attempts=9)
    source = inputs('a')
    for error in (DIED, BUSY):
        assert delivered(made, 0, list(made.round(source)), error) == ''
    list(made.round(source))
    (delivery,) = made.take(Reply(7, 0, DIED))
    assert delivery.info is not None
    assert delivery.info.code == PoisonedRequest.code
    assert delivery.info.message == 'gone; 2 processes died with this request, so it is not sent again'
    assert not made.unfinished


def test_the_last_attempt_ends_with_its_own_error() -> None:
    made = letters(max_attempts=2)
    source = inputs('a')
    delivered(made, 0, list(made.round(source)), DIED)
    list(made.round(source))
    (delivery,) = made.take(Reply(7, 0, DIED))
    assert delivery.info is DIED


def test_the_gateway_may_say_first_that_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a deadline of their own, an Executor for instance, ends only the request."""
    clock = [100.0]
    monkeypatch.setattr(module.time, 'monotonic', lambda: clock[0])
    late = ErrorInfo(DeadlineExceeded.code, 'executor0 had it for 3 s')
    made = letters(timeout=1.0)
    sent = list(made.round(inputs('ab')))
    assert delivered(made, 0, sent, late) == 'a!'
    clock[0] = 101.0
    with pytest.raises(DeadlineExceeded, match='executor0 had it for 3 s'):
        delivered(made, 1, sent, late)


@given(st.data(), st.text('abcdefgh', max_size=12), st.integers(1, 4), st.booleans())
def test_every_request_is_delivered_once(data: st.DataObject, text: str, attempts: int, in_order: bool) -> None:
    """Whatever fails and in whichever order answers come; in order, if that was asked for."""
    made = letters(max_attempts=attempts, results_in_order=in_order)
    source, found, tries = inputs(text), [], dict.fromkeys(range(max(1, len(text))), 0)
    while made.unfinished:
        sent = list(made.round(source))
        numbers = [letter.number for letter in made._open.values()]
        for number in numbers:
            tries[number] += 1
        for position in data.draw(st.permutations(range(len(sent)))):
            error = data.draw(st.sampled_from([None, DIED, FAILED]))
            found += made.take(Reply(0, position, error or [sent[position]]))
    got = [(delivery.response.docs[0].text if delivery.sent else None) for delivery in found]
    assert sorted(map(str, got)) == sorted(text or ['None'])
    assert max(tries.values()) <= attempts
    if in_order:
        assert got == (list(text) or [None])


@given(st.data(), st.text('abcdefgh', max_size=12), st.booleans())
def test_connections_may_be_lost_at_any_moment(data: st.DataObject, text: str, in_order: bool) -> None:
    """What was sent, was to be sent again, or was not read yet: nothing is left out or delivered twice."""
    made = letters(max_attempts=99, results_in_order=in_order, initial_backoff=0.0)
    source, found, losses = inputs(text), [], data.draw(st.integers(0, 6))
    while made.unfinished:
        going, sent = made.round(source), list[list[Frame]]()
        until = data.draw(st.integers(0, len(text) + 1)) if losses else len(text) + 1
        sent += itertools.islice(going, until)
        answered = data.draw(st.permutations(range(len(sent))))
        lost = bool(losses) and (losses := losses - 1) >= 0
        for position in answered[: data.draw(st.integers(0, len(sent)))] if lost else answered:
            found += made.take(Reply(0, position, data.draw(st.sampled_from([FAILED, [sent[position]]]))))
        if lost:
            going.close()  # type: ignore[attr-defined]
            assert made.lost()
        else:
            assert next(going, None) is None
    got = [delivery.response.docs[0].text if delivery.sent else None for delivery in found]
    assert sorted(map(str, got)) == sorted(text or ['None'])
    if in_order:
        assert got == (list(text) or [None])

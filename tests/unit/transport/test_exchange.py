"""Requests out and replies in, over a connection to a gateway that does what the test says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mproc_flow.errors import DeadlineExceeded, ErrorInfo
from mproc_flow.transport import exchange as exchange_module
from mproc_flow.transport.exchange import Call, Connection, Reply
from mproc_flow.transport.frames import Frame, Submit
from tests.unit.transport.fake_gateway import FakeGateway, Wire, open_wire

INFO = ErrorInfo('executor', 'bad')


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Where gateway and connections meet."""
    with open_wire() as opened:
        yield opened


CALL = Call('/x')


def echo(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    """Answer at once with the payload."""
    gateway.answer(submit, payload)


def silent(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    """Never answer."""


def exchange(connection: Connection, count: int, window: int = 100, timeout: float | None = 10.0) -> list[Reply]:
    """Send numbered requests and take all replies."""
    return list(connection.exchange(soon(timeout), payloads(count), lambda: window))


def soon(timeout: float | None) -> Call:
    """A call with its end so many seconds from now."""
    return CALL if timeout is None else CALL._replace(deadline=time.monotonic() + timeout)


def payloads(count: int) -> Iterator[list[Frame]]:
    """Numbered requests."""
    return ([b'%d' % number] for number in range(count))


def numbers(replies: list[Reply]) -> list[int]:
    """Numbers of the requests, in the order of their replies."""
    return [reply.request for reply in replies]


def test_each_request_has_its_reply(wire: Wire) -> None:
    gateway = wire.gateway(echo)
    replies = exchange(wire.connect(), 20)
    assert replies == [Reply(number, number, [[b'%d' % number]]) for number in range(20)]
    assert [(said.request, said.endpoint) for said in gateway.submitted] == [(number, '/x') for number in range(20)]


def test_no_requests_no_replies(wire: Wire) -> None:
    gateway = wire.gateway(echo)
    assert exchange(wire.connect(), 0) == []
    assert gateway.heard == []


def test_a_request_may_have_many_frames_and_an_answer_many_parts(wire: Wire) -> None:
    large = b'x' * (1 << 20)

    def react(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        gateway.answer(submit, payload, [b'part', b'two'])

    gateway = wire.gateway(react)
    ((reply),) = wire.connect().exchange(CALL, [[b'', large, b'three']], lambda: 1)
    assert [[bytes(frame) for frame in part] for part in reply.outcome] == [[b'', large, b'three'], [b'part', b'two']]
    assert len(gateway.submitted) == 1


def test_replies_come_in_any_order(wire: Wire) -> None:
    waiting: list[tuple[Submit, list[Frame]]] = []

    def backwards(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        waiting.append((submit, payload))
        if len(waiting) == 5:
            for held in reversed(waiting):
                gateway.answer(held[0], held[1])

    wire.gateway(backwards)
    replies = exchange(wire.connect(), 5)
    assert replies == [Reply(number, number, [[b'%d' % number]]) for number in (4, 3, 2, 1, 0)]


def test_an_error_is_a_reply_and_the_others_go_on(wire: Wire) -> None:
    def react(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request == 1:
            gateway.refuse(submit, INFO)
        else:
            gateway.answer(submit, payload)

    wire.gateway(react)
    assert exchange(wire.connect(), 3) == [Reply(0, 0, [[b'0']]), Reply(1, 1, INFO), Reply(2, 2, [[b'2']])]


@pytest.mark.parametrize('window', [1, 2, 7, 8, 9, 30])
def test_never_more_than_the_window_ahead(wire: Wire, window: int) -> None:
    wire.gateway(echo)
    sent = taken = most = 0

    def counted() -> Iterator[list[Frame]]:
        nonlocal sent, most
        for payload in payloads(60):
            sent += 1
            most = max(most, sent - taken)
            yield payload

    for _ in wire.connect().exchange(CALL, counted(), lambda: window):
        taken += 1
    assert (sent, taken) == (60, 60)
    # Between taking a reply and handing it to this loop the exchange sends nothing.
    assert most <= window


def test_requests_are_not_read_further_ahead_than_the_window(wire: Wire) -> None:
    gateway = wire.gateway(silent)
    asked: list[int] = []

    def endless() -> Iterator[list[Frame]]:
        while True:
            asked.append(len(asked))
            yield [b'x']

    with pytest.raises(DeadlineExceeded):
        list(wire.connect().exchange(soon(0.1), endless(), lambda: 11))
    assert len(asked) == 11
    assert gateway.cancelled() == set(range(11))


def test_numbers_are_not_used_again(wire: Wire) -> None:
    wire.gateway(echo)
    connection = wire.connect()
    assert numbers(exchange(connection, 3)) == [0, 1, 2]
    assert numbers(exchange(connection, 2)) == [3, 4]


def test_late_replies_to_an_abandoned_exchange_are_ignored(wire: Wire) -> None:
    kept: list[Submit] = []

    def late(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request == 0:
            gateway.answer(submit, payload)
        elif submit.request < 3:
            kept.append(submit)
        else:
            for old in kept:
                gateway.answer(old, [b'late'])
                gateway.refuse(old, INFO)
            gateway.answer(submit, [b'new'])

    gateway = wire.gateway(late)
    connection = wire.connect()
    abandoned = connection.exchange(CALL, payloads(3), lambda: 3)
    assert next(abandoned).request == 0
    abandoned.close()
    assert gateway.cancelled() == {1, 2}
    assert exchange(connection, 1) == [Reply(3, 0, [[b'new']])]


def test_a_deadline_raises_and_cancels_what_is_open(wire: Wire) -> None:
    def first_only(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request == 0:
            gateway.answer(submit, payload)

    gateway = wire.gateway(first_only)
    connection = wire.connect()
    replies = connection.exchange(soon(0.1), payloads(3), lambda: 3)
    assert next(replies).request == 0
    with pytest.raises(DeadlineExceeded, match='time is over; requests without an answer: 2'):
        next(replies)
    assert gateway.cancelled() == {1, 2}
    assert not connection.is_lost


def test_inputs_that_raise_cancel_what_is_open(wire: Wire) -> None:
    gateway = wire.gateway(silent)

    def bad() -> Iterator[list[Frame]]:
        yield [b'1']
        yield [b'2']
        raise ValueError('mine')

    with pytest.raises(ValueError, match='mine'):
        list(wire.connect().exchange(CALL, bad(), lambda: 10))
    assert gateway.cancelled() == {0, 1}


def test_time_that_runs_out_after_the_last_answer_is_no_error(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.gateway(echo)
    replies = wire.connect().exchange(CALL, payloads(1), lambda: 1)
    assert next(replies).request == 0
    now = exchange_module.time.monotonic()
    monkeypatch.setattr(exchange_module.time, 'monotonic', lambda: now + 100.0)
    assert list(replies) == []


def test_a_timeout_without_end(wire: Wire) -> None:
    wire.gateway(echo)
    connection = wire.connect()
    assert len(exchange(connection, 20, window=1, timeout=None)) == 20
    assert len(exchange(connection, 5, window=1, timeout=float('inf'))) == 5

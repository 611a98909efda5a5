"""Answers that come in parts: how many at once, and what ends them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator

import pytest

from mproc_flow.errors import DeadlineExceeded, ErrorInfo
from mproc_flow.transport import exchange as exchange_module
from mproc_flow.transport.exchange import AHEAD, Call, Connection, ConnectionLost, Reply
from mproc_flow.transport.frames import Frame, More, Part, Submit
from tests.support.waiting import eventually
from tests.unit.transport.fake_gateway import FakeGateway, Producer, Wire, open_wire

CALL = Call('/x', window=AHEAD)
INFO = ErrorInfo('executor', 'bad')


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Where gateway and connections meet."""
    with open_wire() as opened:
        yield opened


def part(request: int, number: int) -> Part:
    return [b'%d.%d' % (request, number)]


def take(reply: Reply) -> str:
    """Take what came, and give it as text."""
    if reply.more is not None:
        reply.more()
    assert not isinstance(reply.outcome, ErrorInfo)
    return ' '.join(bytes(frame).decode() for found in reply.outcome for frame in found)


Replies = Generator[Reply, None, None]
Stream = Callable[..., Replies]


@pytest.fixture
def stream(wire: Wire) -> Iterator[Stream]:
    """Begins an exchange, and ends it before its connection is closed."""
    with contextlib.ExitStack() as stack:

        def begin(requests: int = 1, deadline: float = 0.0, connection: Connection | None = None) -> Replies:
            call = CALL._replace(deadline=deadline)
            payloads = ([b'x'] for _ in range(requests))
            replies = (connection or wire.connect()).exchange(call, payloads, lambda: 100)
            return stack.enter_context(contextlib.closing(replies))

        yield begin


@pytest.mark.parametrize('count', [0, 1, 3, AHEAD - 1, AHEAD, AHEAD + 1, 100])
def test_all_parts_come_in_order_and_the_end_after_them(wire: Wire, stream: Stream, count: int) -> None:
    producer = Producer(count, part)
    wire.gateway(producer.begin, producer.go_on)
    replies = stream()
    found = [(take(reply), reply.more is None, reply.position) for reply in replies]
    assert found == [*((f'0.{number}', False, 0) for number in range(count)), ('', True, 0)]


def test_parts_of_several_requests_are_told_apart(wire: Wire, stream: Stream) -> None:
    producer = Producer(20, part)
    gateway = wire.gateway(producer.begin, producer.go_on)
    replies = stream(requests=3)
    found = [(reply.position, take(reply)) for reply in replies]
    for request in range(3):
        texts = [text for position, text in found if position == request]
        assert texts == [*(f'{request}.{number}' for number in range(20)), '']
    assert len(gateway.submitted) == 3


def test_what_is_not_taken_is_not_sent(wire: Wire, stream: Stream) -> None:
    """A gateway gets no leave to send more while the consumer is busy with what it has."""
    producer = Producer(1000, part)
    gateway = wire.gateway(producer.begin, producer.go_on)
    replies = stream()
    for number in range(50):
        reply = next(replies)
        assert producer.sent[0] <= number + AHEAD
        take(reply)
    assert gateway.more(0) <= 50


def test_more_is_said_before_all_is_taken(wire: Wire, stream: Stream) -> None:
    """So the next parts are made while the consumer is busy with those that are there."""
    producer = Producer(1000, part)
    wire.gateway(producer.begin, producer.go_on)
    replies = stream()
    for _ in range(AHEAD // 2):
        take(next(replies))
    eventually(lambda: producer.sent[0] == AHEAD + AHEAD // 2, 10.0, 'more parts than were asked for at first')


def test_more_is_not_said_for_each_part(wire: Wire, stream: Stream) -> None:
    producer = Producer(100, part)
    gateway = wire.gateway(producer.begin, producer.go_on)
    replies = stream()
    assert len([take(reply) for reply in replies]) == 101
    said = [header for header in gateway.heard if isinstance(header, More)]
    assert len(said) <= 100 // (AHEAD // 2)


def test_what_waits_for_another_request_does_not_keep_this_one_waiting(wire: Wire, stream: Stream) -> None:
    """Parts that nobody takes, as it is not their turn: their request goes on when nothing else comes for a while."""
    producer = Producer(3 * AHEAD, part)

    def first_is_late(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request == 1:
            producer.begin(gateway, submit, payload)

    wire.gateway(first_is_late, producer.go_on)
    replies = stream(requests=2)
    found = [next(replies) for _ in range(3 * AHEAD + 1)]
    assert [reply.position for reply in found] == [1] * (3 * AHEAD + 1)
    assert found[-1].more is None


def test_no_more_is_said_of_what_has_ended(wire: Wire, stream: Stream) -> None:
    """Though nobody has taken its parts yet."""

    def react(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        for number in range(AHEAD if submit.request == 1 else 0):
            gateway.part(submit.request, part(submit.request, number))
        if submit.request == 1:
            gateway.answer(submit)

    gateway = wire.gateway(react)
    replies = stream(requests=2, deadline=time.monotonic() + 2 * exchange_module._SIGNALS)
    with pytest.raises(DeadlineExceeded):
        list(replies)
    assert gateway.cancelled() == {0}
    assert gateway.more(1) == 0


def test_an_error_comes_after_the_parts_before_it(wire: Wire, stream: Stream) -> None:
    def fails(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        for number in range(3):
            gateway.part(submit.request, part(submit.request, number))
        gateway.refuse(submit, INFO)

    wire.gateway(fails)
    replies = stream()
    assert [take(next(replies)) for _ in range(3)] == ['0.0', '0.1', '0.2']
    assert [reply.outcome for reply in replies] == [INFO]


def test_the_parts_before_a_loss_count(wire: Wire, stream: Stream) -> None:
    def dies(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        for number in range(3):
            gateway.part(submit.request, part(submit.request, number))
        gateway.die()

    gateway = wire.gateway(dies)
    replies = stream()
    assert take(next(replies)) == '0.0'
    gateway.join(10.0)
    assert [take(next(replies)) for _ in range(2)] == ['0.1', '0.2']
    with pytest.raises(ConnectionLost):
        next(replies)


def test_who_ends_early_cancels_and_late_parts_reach_nobody(wire: Wire, stream: Stream) -> None:
    producer = Producer(1000, part)
    gateway = wire.gateway(producer.begin, producer.go_on)
    connection = wire.connect()
    replies = stream(connection=connection)
    take(next(replies))
    replies.close()
    assert gateway.cancelled() == {0}
    assert take(next(stream(connection=connection))) == '1.0'


def test_parts_that_came_in_time_are_given_after_the_deadline_and_no_more_asked_for(wire: Wire, stream: Stream) -> None:
    """Also by a gateway that goes on for ever: the client has its error by itself."""
    producer = Producer(1 << 62, part)
    gateway = wire.gateway(producer.begin, producer.go_on)
    replies = stream(deadline=time.monotonic() + 0.1)
    found, taken_late = 0, 0
    with pytest.raises(DeadlineExceeded, match='time is over; requests without an answer: 1'):
        for reply in replies:
            taken_late += time.monotonic() > gateway.submitted[0].deadline
            found += bool(take(reply))
    assert found > AHEAD
    assert taken_late <= AHEAD
    assert gateway.cancelled() == {0}

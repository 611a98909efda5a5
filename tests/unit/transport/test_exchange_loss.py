"""What an exchange does when the gateway dies, is not there yet, or never will be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from mproc_flow.errors import DeadlineExceeded
from mproc_flow.transport.exchange import Connection, ConnectionLost
from mproc_flow.transport.exchange_async import AsyncConnection
from mproc_flow.transport.frames import Frame, Submit
from mproc_flow.transport.turns import Turns
from tests.unit.transport.fake_gateway import BOUND, FakeGateway, Wire, open_wire
from tests.unit.transport.test_exchange import CALL, echo, exchange, payloads


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Where gateway and connections meet."""
    with open_wire() as opened:
        yield opened


def dies_at(last: int, answers: int) -> object:
    """Answer the first requests, and be gone when a certain one has come."""

    def react(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request < answers:
            gateway.answer(submit, payload)
        if submit.request == last:
            gateway.die()

    return react


def test_the_loss_of_the_gateway_ends_the_exchange(wire: Wire) -> None:
    wire.gateway(dies_at(0, answers=0))
    connection = wire.connect()
    with pytest.raises(ConnectionLost):
        exchange(connection, 1)
    assert connection.is_lost


def test_what_had_arrived_before_the_loss_is_delivered(wire: Wire) -> None:
    gateway = wire.gateway(dies_at(4, answers=3))
    connection = wire.connect()
    replies = connection.exchange(CALL, payloads(5), lambda: 5)
    first = next(replies)
    gateway.join(10.0)  # it is gone before the others are looked at
    found = [first.request]
    with pytest.raises(ConnectionLost):
        for reply in replies:
            found.append(reply.request)
    assert found == [0, 1, 2]


def test_a_loss_after_the_last_reply_is_no_error(wire: Wire) -> None:
    wire.gateway(dies_at(2, answers=3))
    assert len(exchange(wire.connect(), 3)) == 3


def test_a_loss_that_is_seen_before_the_last_reply_is_no_error(wire: Wire) -> None:
    gateway = wire.gateway(dies_at(1, answers=2))
    connection = wire.connect()
    replies = connection.exchange(CALL, payloads(2), lambda: 2)
    assert next(replies).request == 0
    gateway.join(10.0)
    see_loss(connection)
    assert [reply.request for reply in replies] == [1]


def see_loss(connection: Connection) -> None:
    """Wait until the news of the loss has come from ZeroMQ's thread."""
    while not connection.is_lost:
        assert connection._poller.poll(10_000)
        connection.update()


def test_a_loss_while_nothing_is_under_way_is_seen(wire: Wire) -> None:
    gateway = wire.gateway(dies_at(0, answers=1))
    connection = wire.connect()
    exchange(connection, 1)
    gateway.join(10.0)
    see_loss(connection)


def test_a_gateway_that_never_comes_is_given_up(wire: Wire) -> None:
    asked: list[float] = []

    def is_hopeless(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) == 2

    connection = wire.connect(is_hopeless)
    with pytest.raises(ConnectionLost):
        exchange(connection, 1)
    assert len(asked) == 2
    assert 0.0 < asked[0] < asked[1]


def test_a_gateway_may_come_later(wire: Wire) -> None:
    begun: list[FakeGateway] = []

    def is_hopeless(seconds: float) -> bool:
        if not begun:
            begun.append(wire.gateway(echo))
        return False

    assert len(exchange(wire.connect(is_hopeless), 3)) == 3
    assert begun


def test_nobody_is_asked_for_hope_once_there_is_a_connection(wire: Wire) -> None:
    wire.gateway(echo)
    connection = wire.connect()
    exchange(connection, 1)
    connection._is_hopeless = lambda seconds: pytest.fail('asked')
    assert len(exchange(connection, 20, window=1)) == 20


def test_nor_while_a_gateway_that_is_there_keeps_silent(wire: Wire) -> None:
    wire.gateway(dies_at(-1, answers=20))
    connection = wire.connect()
    exchange(connection, 20, window=1)
    connection._is_hopeless = lambda seconds: pytest.fail('asked')
    with pytest.raises(DeadlineExceeded):
        exchange(connection, 1, timeout=0.05)


def test_a_lost_connection_is_not_written_to(wire: Wire) -> None:
    wire.gateway(dies_at(0, answers=0))
    connection = wire.connect()
    with pytest.raises(ConnectionLost):
        exchange(connection, 1)
    after = wire.gateway(echo)
    other = wire.connect()
    exchange(other, 1)  # whatever the first connection had to say would have arrived by now
    other.close()
    assert [type(said) for said in after.heard if said not in after.submitted] == []


def many(most: int) -> Iterator[list[Frame]]:
    """Requests without end, as far as a test waits for it."""
    yield from payloads(most)
    pytest.fail(f'{most} requests were sent to nobody')


def test_a_loss_is_seen_by_who_always_has_more_to_send(wire: Wire) -> None:
    """However many may be under way: they would fill the memory."""
    wire.gateway(dies_at(0, answers=0))
    with pytest.raises(ConnectionLost):
        list(wire.connect().exchange(CALL, many(100_000), lambda: 1 << 62))


def test_a_loss_is_seen_in_a_loop_by_who_always_has_more_to_send(wire: Wire) -> None:
    async def aside(function: Callable[[], None]) -> None:
        function()

    async def main() -> None:
        connection = AsyncConnection(
            wire.context, wire.address, lambda seconds: seconds > BOUND, turns=Turns(), aside=aside
        )
        try:
            async for _ in connection.exchange_async(CALL, many(100_000), lambda: 1 << 62):
                pass
        finally:
            connection.close()

    wire.gateway(dies_at(0, answers=0))
    with pytest.raises(ConnectionLost):
        asyncio.run(main())


def test_a_loss_is_seen_whose_news_comes_at_the_end_of_a_wait(wire: Wire) -> None:
    """That there is no connection then is not for want of one so far, for which one would wait on."""
    gateway = wire.gateway(dies_at(1, answers=1))
    connection = wire.connect()
    exchange(connection, 1)
    connection._send(CALL, [b'the last one'], set())
    gateway.join(10.0)
    assert connection._poller.poll(10_000)
    connection._woken(by_event=False)
    assert connection.is_lost

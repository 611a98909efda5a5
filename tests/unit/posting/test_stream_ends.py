"""How post(stream=True) ends: with an error, at its deadline, or when nobody wants more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from mproc_flow.async_client import AsyncClient
from mproc_flow.client import Client
from mproc_flow.errors import (
    BadClientCallback,
    BadServer,
    DeadlineExceeded,
    ErrorInfo,
    PodDied,
)
from mproc_flow.model.request import Response
from mproc_flow.transport.exchange import AHEAD
from mproc_flow.transport.frames import Frame, Submit
from tests.support.streams import texts
from tests.support.waiting import within
from tests.unit.posting.streaming import DIED, FAILED, Stream, client_of, echo, names, part, produce
from tests.unit.transport.fake_gateway import BOUND, FakeGateway, Producer, Wire


def fails_after(count: int, info: ErrorInfo) -> Callable[[FakeGateway, Submit, list[Frame]], None]:
    """Give so many parts, then an error."""

    def react(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        for number in range(count):
            gateway.part(submit.request, part(submit.request, number))
        gateway.refuse(submit, info)

    return react


# ---- errors ----


def test_an_error_is_raised_after_the_parts_before_it(wire: Wire, stream: Stream) -> None:
    wire.gateway(fails_after(3, FAILED))
    found: list[str] = []
    with pytest.raises(BadServer, match='no good'):
        for docs in stream('a'):
            found += texts([docs])
    assert found == names(0, 3)


def test_callbacks_get_each_part(wire: Wire, stream: Stream) -> None:
    wire.gateway(fails_after(2, FAILED))
    called: list[tuple[str, str]] = []

    def note(name: str) -> Callable[[Response], None]:
        return lambda response: called.append((name, response.docs[0].text or ''))

    items = stream('a', note('done'), note('error'), note('always'))
    assert texts(items) == names(0, 2), 'an error that on_error takes is not raised'
    assert called == [
        ('done', '0.0'),
        ('always', '0.0'),
        ('done', '0.1'),
        ('always', '0.1'),
        ('error', 'a'),
        ('always', 'a'),
    ]


def test_callbacks_are_not_called_for_the_end_of_parts(wire: Wire, stream: Stream) -> None:
    produce(wire, 2)
    called: list[Response] = []
    assert len(list(stream('a', on_always=called.append))) == 2
    assert len(called) == 2


def test_one_may_go_on_after_an_error(wire: Wire, stream: Stream) -> None:
    wire.gateway(fails_after(1, FAILED))
    items = stream(list('ab'), request_size=1, results_in_order=True, continue_on_error=True)
    assert texts(items) == ['0.0', '1.0']


def test_a_callback_that_raises_ends_it(wire: Wire, stream: Stream) -> None:
    _, gateway = produce(wire, 100)
    with pytest.raises(BadClientCallback, match='ZeroDivisionError'):
        list(stream('a', lambda response: 1 / 0))
    assert gateway.cancelled() == {0}


def test_what_was_answered_in_part_is_never_sent_again(wire: Wire, stream: Stream) -> None:
    gateway = wire.gateway(fails_after(1, DIED))
    items = stream('a', max_attempts=5, initial_backoff=0)
    assert texts([next(items)]) == ['0.0']
    with pytest.raises(PodDied):
        next(items)
    assert len(gateway.submitted) == 1


def test_nor_after_the_loss_of_the_gateway(wire: Wire, stream: Stream) -> None:
    def dies(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        gateway.part(submit.request, part(submit.request, 0))
        gateway.die()

    gateway = wire.gateway(dies)
    items = stream('a', max_attempts=5, initial_backoff=0)
    assert texts([next(items)]) == ['0.0']
    gateway.join(BOUND)
    after = wire.gateway(echo)
    with pytest.raises(PodDied):
        next(items)
    assert after.submitted == []


def test_what_was_not_answered_in_part_is_sent_again(wire: Wire, stream: Stream) -> None:
    """With what else is under way, in order."""
    producer = Producer(2 * AHEAD, part)

    def react(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request == 0:
            gateway.refuse(submit, DIED)
        else:
            producer.begin(gateway, submit, payload)

    wire.gateway(react, producer.go_on)
    items = stream(list('ab'), request_size=1, results_in_order=True, max_attempts=2, initial_backoff=0)
    assert texts(items) == names(2, 2 * AHEAD) + names(1, 2 * AHEAD)


# ---- its end ----


def test_the_timeout_is_for_the_whole_stream(wire: Wire, stream: Stream) -> None:
    """And the client has its error by itself, soon."""
    _, gateway = produce(wire, 1 << 40)
    with within(0.25, 'a stream with timeout=0.2'), pytest.raises(DeadlineExceeded):
        list(stream('a', timeout=0.2))
    assert gateway.cancelled() == {0}


@pytest.mark.parametrize('how', ['close', 'break', 'drop', 'raise'])
def test_who_ends_early_cancels_at_once(wire: Wire, client: Client, how: str) -> None:
    _, gateway = produce(wire, 1 << 40)
    if how == 'close':
        items = client.post('/x', 'a', stream=True)
        next(items)
        items.close()
    elif how == 'break':
        for _ in client.post('/x', 'a', stream=True):
            break
    elif how == 'drop':
        next(client.post('/x', 'a', stream=True))
    else:
        with pytest.raises(ZeroDivisionError), contextlib.closing(client.post('/x', 'a', stream=True)) as items:
            for _ in items:
                raise ZeroDivisionError
    assert gateway.cancelled() == {0}
    wire.gateways[0].heard.clear()
    assert texts([next(client.post('/x', 'b', stream=True))]) == ['1.0'], 'the connection is used again'


@pytest.mark.parametrize('how', ['aclosing', 'break', 'cancel'])
def test_who_ends_early_in_a_loop_cancels_at_once(wire: Wire, how: str) -> None:
    _, gateway = produce(wire, 1 << 40)

    async def take(client: AsyncClient, first: asyncio.Event) -> None:
        async for _ in client.post('/x', 'a', stream=True):
            first.set()
            await asyncio.sleep(0 if how == 'cancel' else 60)

    async def main() -> None:
        async with client_of(wire, AsyncClient) as client:
            if how == 'aclosing':
                async with contextlib.aclosing(client.post('/x', 'a', stream=True)) as answers:
                    await anext(aiter(answers))
            elif how == 'break':
                answers = client.post('/x', 'a', stream=True)
                async for _ in answers:
                    break
            else:
                first = asyncio.Event()
                task = asyncio.create_task(take(client, first))
                await first.wait()
                task.cancel()
                await asyncio.wait({task})
            await asyncio.to_thread(gateway.cancelled)

    asyncio.run(main())

"""post(timeout=): one moment for the whole call, known to both sides, and the caller has its error soon after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from mproc_flow.async_client import AsyncClient
from mproc_flow.client import Client
from mproc_flow.errors import DeadlineExceeded, ErrorInfo
from mproc_flow.options.groups import CLIENT
from mproc_flow.transport import exchange
from mproc_flow.transport.frames import Frame, Submit
from tests.support.waiting import let_pass, within
from tests.unit.transport.fake_gateway import BOUND, FakeGateway, Wire

SOON = 0.2
PROMISED = SOON + 0.05


Post = Callable[..., Any]


@pytest.fixture(params=['sync', 'async'])
def post(request: pytest.FixtureRequest, wire: Wire) -> Iterator[Post]:
    """post() of a client of each kind."""
    kind = {'sync': Client, 'async': AsyncClient}[request.param]
    with kind.at(wire.address, CLIENT.with_defaults({}), lambda: None, lambda seconds: seconds > BOUND) as client:

        async def awaited(*args: Any, **options: Any) -> Any:
            return await client.post(*args, **options)

        yield client.post if request.param == 'sync' else lambda *args, **o: asyncio.run(awaited(*args, **o))


def silent(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    """Never answer."""


def echo(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    gateway.answer(submit, payload)


def test_every_request_of_a_call_has_the_same_deadline(wire: Wire, post: Post) -> None:
    gateway = wire.gateway(echo)
    begun = time.monotonic()
    post('/', list('abc'), request_size=1, prefetch=1, timeout=5)
    (deadline,) = {submit.deadline for submit in gateway.submitted}
    assert begun + 5 <= deadline <= time.monotonic() + 5


@pytest.mark.parametrize('timeout', [None, float('inf')])
def test_a_call_without_end_has_none(wire: Wire, post: Post, timeout: float | None) -> None:
    gateway = wire.gateway(echo)
    post('/', 'a', timeout=timeout)
    assert gateway.submitted[0].deadline == 0.0


def test_a_second_attempt_has_the_deadline_of_the_first(wire: Wire, post: Post) -> None:
    def busy(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if submit.request < 3:
            gateway.refuse(submit, ErrorInfo('overloaded', 'x', retry_after=0.01))
        else:
            gateway.answer(submit, payload)

    gateway = wire.gateway(busy)
    post('/', 'a', timeout=5, max_attempts=9, initial_backoff=0)
    assert len(gateway.submitted) == 4
    assert len({submit.deadline for submit in gateway.submitted}) == 1


def test_the_caller_has_its_error_though_the_gateway_keeps_silent(wire: Wire, post: Post) -> None:
    gateway = wire.gateway(silent)
    with within(PROMISED, 'a call with timeout=0.2'), pytest.raises(DeadlineExceeded, match='without an answer: 2'):
        post('/', list('ab'), request_size=1, timeout=SOON)
    assert gateway.cancelled() == {0, 1}


def test_and_though_nobody_is_there(wire: Wire, post: Post) -> None:
    with within(PROMISED, 'a call with timeout=0.2 to nobody'), pytest.raises(DeadlineExceeded):
        post('/', 'a', timeout=SOON)


def test_and_though_answers_come_all_the_time(wire: Wire, post: Post) -> None:
    wire.gateway(echo)
    with within(PROMISED, 'a call with timeout=0.2 that always has more'), pytest.raises(DeadlineExceeded):
        post('/', iter(lambda: 'x', None), request_size=1, timeout=SOON, on_done=lambda response: None)


def test_and_though_inputs_are_awaited(wire: Wire, post: Post) -> None:
    wire.gateway(echo)

    async def items() -> AsyncIterator[str]:
        yield 'a'
        await asyncio.sleep(60)

    with within(PROMISED, 'a call with timeout=0.2 that awaits inputs'), pytest.raises(DeadlineExceeded):
        post('/', items(), request_size=1, timeout=SOON)


def test_and_though_the_flow_is_overloaded(wire: Wire, post: Post) -> None:
    def busy(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        gateway.refuse(submit, ErrorInfo('overloaded', 'x', retry_after=60.0))

    wire.gateway(busy)
    with within(PROMISED, 'a call with timeout=0.2 to an overloaded Flow'), pytest.raises(DeadlineExceeded):
        post('/', 'a', timeout=SOON, max_attempts=9)


def test_the_word_of_the_gateway_is_the_better_one(wire: Wire, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it comes a moment later."""
    monkeypatch.setattr(exchange, '_GRACE', BOUND)

    def knows(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        let_pass(submit.deadline - time.monotonic() + 0.05)
        gateway.refuse(submit, ErrorInfo(DeadlineExceeded.code, 'executor0/rep-0 worked on it'))

    wire.gateway(knows)
    with pytest.raises(DeadlineExceeded, match='executor0/rep-0 worked on it'):
        post('/', 'a', timeout=SOON, on_error=lambda response: None)


def test_an_answer_that_came_in_time_counts(wire: Wire, post: Post) -> None:
    """Though the caller was busy with its own inputs when the time was over."""
    wire.gateway(echo)

    def items() -> Iterator[str]:
        yield 'a'
        let_pass(SOON)

    assert len(post('/', items(), request_size=1, timeout=SOON / 2)) == 1


def test_a_step_of_the_clock_changes_nothing(wire: Wire, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter(range(0, 10**12, 10**6))
    monkeypatch.setattr(time, 'time', lambda: float(next(steps)))
    gateway = wire.gateway(echo)
    assert len(post('/', list('abc'), request_size=1, timeout=5)) == 3
    wire.gateways[0].die()
    del gateway

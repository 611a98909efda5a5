"""Asynchronous inputs of a call whose requests have to be sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from mproc_flow.async_client import AsyncClient
from mproc_flow.errors import ErrorInfo, PodDied
from mproc_flow.model.codec import decode
from mproc_flow.options.groups import CLIENT
from mproc_flow.transport.frames import Frame, Submit
from tests.unit.transport.fake_gateway import BOUND, FakeGateway, Wire


class Inputs:
    """Two requests, the second of which is there when a test says so."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.more = asyncio.Event()

    async def __call__(self) -> AsyncIterator[str]:
        yield 'a'
        self.wanted.set()
        await self.more.wait()
        yield 'b'


def echo(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    gateway.answer(submit, payload)


async def call(wire: Wire, inputs: Inputs, seen: list[str]) -> list[str]:
    """Send the inputs, each in a request that may be sent twice; the first answer makes the second input come."""
    options = CLIENT.with_defaults({})
    client = AsyncClient.at(wire.address, options, lambda: None, lambda seconds: seconds > BOUND)

    def note(response: Any) -> None:
        seen.extend(response.docs[:, 'text'])
        inputs.more.set()

    try:
        answers = client.post('/', inputs(), request_size=1, max_attempts=2, initial_backoff=0.01, on_always=note)
        await asyncio.wait_for(answers, BOUND)
    finally:
        client.close()
    return seen


def test_no_input_is_lost_with_a_connection(wire: Wire) -> None:
    """The gateway dies, and another one comes, while the next input is awaited."""

    async def main() -> list[str]:
        inputs = Inputs()
        wire.gateway(lambda gateway, submit, payload: gateway.die())
        sending = asyncio.ensure_future(call(wire, inputs, []))
        await inputs.wanted.wait()
        await asyncio.to_thread(wire.gateways[0].join, BOUND)
        wire.gateway(echo)
        return await sending

    assert asyncio.run(main()) == ['a', 'b']


def test_what_failed_is_sent_again_without_waiting_for_the_next_input(wire: Wire) -> None:
    """Else a call whose next input waits for the answer to the last one would hang."""
    refused: list[str | None] = []

    def refuse_once(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        if refused:
            gateway.answer(submit, payload)
        else:
            refused.append(decode(payload)[0][0].text)
            gateway.refuse(submit, ErrorInfo(PodDied.code, 'gone'))

    async def main() -> list[str]:
        wire.gateway(refuse_once)
        return await call(wire, Inputs(), [])

    assert asyncio.run(main()) == ['a', 'b']
    assert refused == ['a']

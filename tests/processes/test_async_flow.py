"""Flows and clients in an event loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mproc_flow import AsyncClient, AsyncFlow, Client, Document, Flow
from mproc_flow.errors import FlowClosed
from tests.support.executors import Echo

ECHO = {'uses': Echo, 'uses_with': {'mark': '!'}}


def port_of(f: Flow) -> int:
    """The port of a Flow that listens on TCP."""
    return int(f.address.rpartition(':')[2])


def test_a_flow_with_asyncio_is_an_async_flow() -> None:
    """However it is written, and after add()."""

    async def main() -> None:
        f = Flow(asyncio=True).add(**ECHO)
        assert type(f) is AsyncFlow
        assert f == AsyncFlow().add(**ECHO)
        async with f:
            docs = await f.post('/', Document(text='a'))
            assert [doc.text for doc in docs] == ['a!']

    asyncio.run(main())


def test_a_client_with_asyncio_is_an_async_client() -> None:
    """What it posts can be awaited, or iterated over."""

    async def main(port: int) -> None:
        async with Client(port=port, asyncio=True) as client:
            assert type(client) is AsyncClient
            assert await client.is_flow_ready()
            assert [doc.text for doc in await client.post('/', Document(text='a'))] == ['a!']
            texts = []
            async for docs in client.post('/', [Document(text=str(n)) for n in range(5)], request_size=2):
                texts.append([doc.text for doc in docs])
            assert sorted(texts) == [['0!', '1!'], ['2!', '3!'], ['4!']]

    with Flow(port=0).add(**ECHO) as f:
        asyncio.run(main(port_of(f)))


def test_inputs_that_are_cancelled_cancel_the_call() -> None:
    """What makes them may be cancelled by itself: nobody waits for more of them then."""

    async def cancelled() -> AsyncIterator[str]:
        yield 'a'
        raise asyncio.CancelledError

    async def main() -> None:
        async with AsyncFlow(quiet=True).add(**ECHO) as f:
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(f.post('/', cancelled(), request_size=1), 5)
            assert (await f.post('/', 'b')).texts == ['b!']

    asyncio.run(main())


def test_with_works_in_a_running_loop_too() -> None:
    """It holds the loop up while it starts and closes, as in Jina; a closed Flow says so."""

    async def main() -> None:
        with AsyncFlow().add(**ECHO) as f:
            assert [doc.text for doc in await f.index(Document(text='a'))] == ['a!']
        with pytest.raises(FlowClosed):
            await f.index(Document(text='a'))

    asyncio.run(main())

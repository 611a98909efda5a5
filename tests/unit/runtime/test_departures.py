"""Who notices that a client is gone."""

from __future__ import annotations

import asyncio
import tempfile

import pytest

from mproc_flow.runtime.departures import Departures
from mproc_flow.transport import channel
from tests.support.waiting import eventually


@pytest.mark.parametrize('others', [0, 3])
def test_those_that_are_gone_are_told_from_those_that_are_there(others: int) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryDirectory() as directory:
            context = channel.context()
            where = channel.address(directory, channel.CLIENTS)
            server = channel.router(context, where)
            departures = Departures(server)
            gone = loop.create_future()

            def look() -> None:
                missing = departures.missing(names)
                if missing and not gone.done():
                    gone.set_result(missing)

            loop.add_reader(departures.fileno(), departures.look, look)
            names = [b'client-%d' % number for number in range(others + 1)]
            clients = [channel.dealer(context, where, name) for name in names]
            for client in clients:
                channel.send(client, [b'here'])
            for _ in names:
                eventually(lambda: channel.receive(server), 5, 'all are connected')
            channel.close(clients[0], linger=False)
            assert await asyncio.wait_for(gone, 5) == names[:1]
            loop.remove_reader(departures.fileno())
            channel.close(*clients[1:], server)
            departures.close()
            context.term()

    asyncio.run(run())

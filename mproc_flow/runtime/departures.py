"""Finds out which clients are no longer there: ZeroMQ tells that a connection is gone, but not whose it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from mproc_flow.transport import channel, frames
from mproc_flow.transport.frames import Pong

# Seconds from the news to the first look, so that many go at once, and from there to the second: the socket may get
# to know it later than its monitor.
_FIRST, _SECOND = 0.01, 0.1
# An answer to a question that nobody asked: clients drop it.
_NOTHING = Pong(-1, ())


class Departures:
    """Watches the socket to which clients connect.

    Args:
        clients: The socket, before it has connections.
    """

    def __init__(self, clients: channel.Socket) -> None:
        self._clients = clients
        self._monitor = channel.departures(clients)
        self._looks = 0
        self._timer: asyncio.TimerHandle | None = None

    def fileno(self) -> int:
        """Descriptor that tells of news; then call :meth:`look`."""
        return channel.fileno(self._monitor)

    def look(self, then: Callable[[], None]) -> None:
        """Take the news, and if somebody has gone call ``then`` shortly after, and once more."""
        if list(channel.connection_news(self._monitor)):
            self._looks = 2
            if self._timer is None:
                self._wait(_FIRST, then)

    def missing(self, clients: Iterable[bytes]) -> list[bytes]:
        """Say which of these clients are gone."""
        probe = frames.message(_NOTHING)
        return [client for client in clients if not channel.send(self._clients, [client, *probe])]

    def close(self) -> None:
        """Free the monitor."""
        self._monitor.close(0)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._due, then)

    def _due(self, then: Callable[[], None]) -> None:
        self._timer = None
        self._looks -= 1
        if self._looks:
            self._wait(_SECOND, then)
        then()

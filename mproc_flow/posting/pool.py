"""The connections of one client: each call has one of its own, and leaves it for the next."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from mproc_flow.errors import FlowClosed
from mproc_flow.transport import blocks, channel
from mproc_flow.transport.exchange import Connection
from mproc_flow.transport.sharing import Sharing

_Connection = TypeVar('_Connection', bound=Connection)
IsHopeless = Callable[[float], bool]


class Pool(Generic[_Connection]):
    """Connections to one gateway. Threads may share it.

    Args:
        kind: What kind of connection.
        address: Where the gateway listens, or will.
        is_hopeless: See :class:`~mproc_flow.transport.exchange.Connection`.
        shared_memory_from: The option of a Flow.
    """

    _pid: int
    _context: channel.Context | None
    _sharing: Sharing
    _idle: list[_Connection]

    def __init__(
        self,
        kind: Callable[[channel.Context, str, IsHopeless, Sharing], _Connection],
        address: str,
        is_hopeless: IsHopeless,
        shared_memory_from: int = 0,
    ) -> None:
        self._kind = kind
        self._address = address
        self._is_hopeless = is_hopeless
        self._shared_memory_from = shared_memory_from
        self._forget()

    def acquire(self) -> _Connection:
        """Give a connection that nobody else uses.

        Raises:
            FlowClosed: The pool is closed.
        """
        if self._pid != os.getpid():  # a fork of the program: ZeroMQ's sockets did not come along
            self._forget()
        with self._lock:
            if self._closed:
                raise FlowClosed(
                    'this client was closed, by itself or with its Flow; make a new one, or start the Flow'
                )
            while self._idle:
                connection = self._idle.pop()
                connection.update()
                if not connection.is_lost:
                    self._settle()
                    return connection
                self._drop(connection)
            if self._context is None:
                self._context = channel.context()
                self._sharing = Sharing(blocks.directory_of(self._address), self._shared_memory_from)
            connection = self._kind(self._context, self._address, self._is_hopeless, self._sharing)
            self._count += 1
            return connection

    def release(self, connection: _Connection) -> None:
        """Take back a connection."""
        with self._lock:
            if self._closed or connection.is_lost or not connection.is_whole:
                self._drop(connection)
                self._end_context()
            else:
                self._idle.append(connection)

    def close(self) -> None:
        """Close the connections; calls that are under way end with an error when theirs is lost."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closed = True
            while self._idle:
                self._drop(self._idle.pop())
            self._end_context()

    def _forget(self) -> None:
        self._lock = threading.Lock()  # who holds the other one may not have come along either
        self._context = None
        self._sharing = Sharing()  # what came along is of the other process
        self._idle = []
        self._count = 0
        self._closed = False
        self._pid = os.getpid()

    def _settle(self) -> None:
        """Let idle connections hear of shared memory that is free."""
        if self._idle and self._sharing.awaits_news:
            for connection in self._idle:
                connection.settle()

    def _drop(self, connection: _Connection) -> None:
        connection.close()
        self._count -= 1

    def _end_context(self) -> None:
        if self._closed and not self._count and self._context is not None:
            self._context.term()
            self._context = None
            self._sharing.close()

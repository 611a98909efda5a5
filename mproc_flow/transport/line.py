"""A client's line to the gateway: messages out and in, with large frames in shared memory where there is some."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from mproc_flow.errors import ErrorInfo, SerializationError
from mproc_flow.transport import channel, frames
from mproc_flow.transport.frames import Frame, Free, Part, Taken
from mproc_flow.transport.sharing import Sharing, has_refs

Received = tuple[Any, list[Part]]


class Line:
    """One socket to the gateway, with the one that tells of its connection.

    Args:
        context: The ZeroMQ context.
        address: Where the gateway listens, or will.
        sharing: The client's shared memory.

    Attributes:
        socket, monitor: See :func:`channel.watched_dealer`.
        is_whole: No signal's handler raised in the midst of a message, of which the rest would come next.
    """

    def __init__(self, context: channel.Context, address: str, sharing: Sharing) -> None:
        self._sharing = sharing
        self._identity = sharing.identity()
        self.socket, self.monitor = channel.watched_dealer(context, address, identity=self._identity)
        self._inbox: deque[Received] = deque()
        self.is_whole = True

    def send(self, header: msgspec.Struct, payload: list[Frame] | None = None) -> None:
        """Send a message."""
        if payload is None:
            self._put(frames.message(header))
            return
        part: Part = payload
        if len(payload) > 1:
            self.settle()  # blocks may be free by now
            part = self._sharing.put(payload, self._identity)
        self._put(frames.message(header, [part]))

    def receive(self) -> Received | None:
        """Take the next message if one is there, see :meth:`open`."""
        return self._inbox.popleft() if self._inbox else self._next()

    def open(self, request: int, parts: list[Part]) -> ErrorInfo | None:
        """Open what lies in shared memory of an answer; give an error if that cannot be."""
        if not any(map(has_refs, parts)):
            return None
        try:
            self._sharing.open(parts)
        except (OSError, ValueError) as error:
            text = f'an array of this answer is not in shared memory any more: {error}'
            return ErrorInfo(SerializationError.code, text)
        finally:
            self._put(frames.message(Taken(request)))
        return None

    def settle(self) -> None:
        """Take the news of blocks that are free; other messages wait."""
        while (received := self._next()) is not None:
            self._inbox.append(received)

    def close(self, connected: bool) -> None:
        """Free the sockets; with a gateway there, what was sent still goes out."""
        channel.close(self.socket, linger=connected)
        self.monitor.close(0)
        if connected:
            self._sharing.forget(self._identity)
        else:
            self._sharing.abandon(self._identity)

    def _next(self) -> Received | None:
        while (message := self._get()) is not None:
            header, parts = frames.read(frames.decode_to_client, message)
            if not isinstance(header, Free):
                return header, parts
            self._sharing.free(header.blocks)
        return None

    def _put(self, message: list[Frame]) -> None:
        whole, self.is_whole = self.is_whole, False
        channel.send(self.socket, message)
        self.is_whole = whole

    def _get(self) -> list[Frame] | None:
        whole, self.is_whole = self.is_whole, False
        message = channel.receive(self.socket)
        self.is_whole = whole
        return message

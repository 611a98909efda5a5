"""Where an Executor pod's work comes from and its answers go to."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

import msgspec

from mproc_flow.errors import ErrorInfo, FlowClosed, SerializationError
from mproc_flow.transport import channel, frames
from mproc_flow.transport.frames import (
    Answer,
    Cancel,
    Done,
    Failed,
    Farewell,
    Frame,
    Free,
    Hello,
    Leaving,
    More,
    Part,
    Partial,
    Piece,
    Ping,
    Pong,
    Refusal,
    Submit,
    Withdrawn,
    Work,
)
from mproc_flow.transport.leases import Lease
from mproc_flow.transport.sharing import Sharing, has_refs

Message = tuple[Work | Withdrawn | More | Farewell, list[Part]]


class Wire(Protocol):
    """What a worker talks to."""

    socket: channel.Socket

    def receive(self) -> Message | None:
        """Take what has arrived, or None: a piece of work with its parts, or word about some or of no more to come."""

    def send(self, header: Done | Failed | Piece, payload: Sequence[Frame] = ()) -> None:
        """Send how a piece of work ended, or a piece of its result."""

    def hello(self, hello: Hello) -> None:
        """Say that this pod takes work."""

    def leave(self) -> bool:
        """Ask for no more work; True if none comes from now on, False if :class:`Farewell` will tell."""

    def close(self, linger: bool = True) -> None:
        """Free the socket; what is left is still sent, for a bounded time, unless ``linger`` is false."""


class GatewayWire:
    """A connection to the gateway of the pod's own Flow.

    Args:
        context: The ZeroMQ context.
        where: Where the gateway listens.
        identity: The pod's routing id.
        sharing: Has the pod's shared memory.
    """

    def __init__(self, context: channel.Context, where: str, identity: bytes, sharing: Sharing) -> None:
        self.socket = channel.dealer(context, where, identity)
        self._sharing = sharing
        self._leases: dict[int, list[Lease]] = {}  # of the work that is not answered yet, where it has any
        self._has_spoken = False

    def receive(self) -> Message | None:
        while (message := channel.receive(self.socket)) is not None:
            header, parts = frames.read(frames.decode_to_pod, message)
            if isinstance(header, Free):
                self._sharing.free(header.blocks)
            elif not any(map(has_refs, parts)) or self._open(header, parts):
                return header, parts
        return None

    def send(self, header: Done | Failed | Piece | Leaving, payload: Sequence[Frame] = ()) -> None:
        self._has_spoken = True
        leases: Sequence[Lease] = ()
        if self._leases and not isinstance(header, Leaving):
            take = self._leases.get if isinstance(header, Piece) else self._leases.pop
            leases = take(header.key, ())
        if len(payload) > 1:
            payload = self._sharing.put(payload, b'', leases)
        channel.send(self.socket, frames.message(header, [payload] if payload else ()))

    def hello(self, hello: Hello) -> None:
        # If it is not the first gateway: this one knows nothing of what the other one had on the way.
        self._leases.clear()
        self._sharing.abandon(b'')
        channel.send(self.socket, frames.message(hello))

    def leave(self) -> bool:
        self.send(Leaving())
        return False

    def close(self, linger: bool = True) -> None:
        # If nothing but Hello was sent there may be no connection yet, and nobody needs the Hello any more.
        channel.close(self.socket, linger=linger and self._has_spoken)
        self._sharing.close()

    def _open(self, work: Work, parts: list[Part]) -> bool:
        """Open what lies in shared memory; if that cannot be, the work ends with an error."""
        try:
            self._leases[work.key] = self._sharing.open(parts)
        except (OSError, ValueError) as error:
            text = f'an array of this request is not in shared memory any more: {error}'
            self.send(Failed(work.key, ErrorInfo(SerializationError.code, text)))
            return False
        return True


class OpenWire:
    """A port that anybody may send requests to: the pod is an Executor served on its own, without a gateway.

    Args:
        context: The ZeroMQ context.
        where: Address to listen on.

    Raises:
        PortAlreadyUsed: Something else listens there.
    """

    def __init__(self, context: channel.Context, where: str) -> None:
        self.socket = channel.router_on(context)
        self.address = channel.bind(self.socket, where)
        self._keys = itertools.count()
        self._waiting: dict[int, tuple[bytes, int]] = {}
        self._key_of: dict[tuple[bytes, int], int] = {}

    def receive(self) -> Message | None:
        while (message := channel.receive(self.socket, copied=3)) is not None:
            try:
                found = self._read(message[0], message[1:])
            except (msgspec.DecodeError, ValueError, IndexError, RecursionError):
                continue  # not from one of ours; nobody to answer to
            if found is not None:
                return found
        return None

    def send(self, header: Done | Failed | Piece, payload: Sequence[Frame] = ()) -> None:
        if isinstance(header, Piece):
            client, request = self._waiting[header.key]
            channel.send(self.socket, [client, *frames.message(Partial(request), [payload])])
            return
        client, request = self._waiting.pop(header.key)
        self._key_of.pop((client, request), None)
        if isinstance(header, Done):
            channel.send(self.socket, [client, *frames.message(Answer(request), [payload] if payload else ())])
        else:
            channel.send(self.socket, [client, *frames.message(Refusal(request, header.info))])

    def hello(self, hello: Hello) -> None:
        """Nobody needs to know: clients come by themselves."""

    def leave(self) -> bool:
        return True

    def close(self, linger: bool = True) -> None:
        closed = ErrorInfo(FlowClosed.code, 'the Executor was closed before this request was answered')
        while self.receive() is not None:
            pass
        for key in list(self._waiting):
            self.send(Failed(key, closed))
        channel.close(self.socket, linger=linger)

    def _read(self, client: bytes, message: list[Frame]) -> Message | None:
        header, parts = frames.read(frames.decode_from_client, message)
        if isinstance(header, Ping):
            channel.send(self.socket, [client, *frames.message(Pong(header.request, ()))])
        if isinstance(header, Cancel):
            found = (self._key_of.get((client, request)) for request in header.requests)
            return Withdrawn(tuple(key for key in found if key is not None)), []
        if isinstance(header, More):
            key = self._key_of.get((client, header.number))
            return None if key is None else (More(key, header.count), [])
        if not isinstance(header, Submit):
            return None
        if any(map(has_refs, parts)):
            raise ValueError('a client at a TCP port shares no memory with us')
        key = next(self._keys)
        self._waiting[key] = client, header.request
        self._key_of[client, header.request] = key
        return Work(key, header.endpoint, deadline=header.deadline, window=header.window), parts

"""ZeroMQ sockets as this package uses them: made in one place, with the same bounds everywhere.

Sockets and contexts must be made in the process that uses them; a context does not survive a fork.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import zmq

from mproc_flow.errors import PortAlreadyUsed
from mproc_flow.transport.frames import Frame

# Below this size copying a frame is cheaper than handing it to ZeroMQ's garbage collector thread.
_COPY_BELOW = 1 << 16
# As plain numbers: pyzmq's enums cost more than the calls they are for.
_LAST = int(zmq.NOBLOCK)
_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)
_EVENTS = int(zmq.EVENTS)
_READABLE = int(zmq.POLLIN)
# The number of an event, in the first frame of a monitor's message (zmq_socket_monitor(3)). pyzmq's own function for
# this would import asyncio.
_EVENT = struct.Struct('=H')
# The first two frames of a message are usually small; to a ROUTER they come behind the routing id.
_COPIED = 2
_LINGER_MS = 500
_RECONNECT_MS = 5
_PATIENT_MS = 1000

CLIENTS = 'clients'
PODS = 'pods'

GONE = (zmq.EHOSTUNREACH, zmq.ENOTCONN)


Context = zmq.Context[Any]
Socket = zmq.Socket[bytes]


def context() -> Context:
    """Make a context: one for each process that talks, one thread of ZeroMQ's own."""
    return zmq.Context(1)


def address(run_directory: str, name: str) -> str:
    """Address of one of the gateway's sockets in the run directory."""
    return f'ipc://{os.path.join(run_directory, name)}'


def dealer(context: Context, where: str, identity: bytes = b'') -> Socket:
    """Connect a DEALER; it may connect before the other side listens."""
    socket = _dealer(context)
    if identity:
        socket.set(zmq.ROUTING_ID, identity)
    _connect(socket, where)
    return socket


def watched_dealer(context: Context, where: str, patient: bool = False, identity: bytes = b'') -> tuple[Socket, Socket]:
    """Connect a DEALER, and give it with a socket that can be read when it gains or loses its connection.

    Args:
        context: The context.
        where: Address of the other side.
        patient: Nobody here starts the other side: try ever more seldom to connect, and tell of attempts that failed
            as of a loss.
        identity: The routing id to have there; ZeroMQ makes one up if it is empty.
    """
    socket = _dealer(context)
    if identity:
        socket.set(zmq.ROUTING_ID, identity)
    failed = zmq.EVENT_CLOSED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL if patient else 0
    # Before it connects: what happens earlier is never told.
    monitor: Socket = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | failed)
    if patient:
        socket.set(zmq.RECONNECT_IVL_MAX, _PATIENT_MS)
    _connect(socket, where)
    return socket, monitor


def departures(socket: Socket) -> Socket:
    """Give a socket that can be read when somebody has gone who was connected to a socket: :func:`connection_news`."""
    monitor: Socket = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    is_readable(monitor)  # its descriptor tells of nothing before somebody has found it empty
    return monitor


def router(context: Context, where: str) -> Socket:
    """Bind a ROUTER.

    Raises:
        PortAlreadyUsed: Something else listens there.
    """
    socket = router_on(context)
    bind(socket, where)
    return socket


def router_on(context: Context) -> Socket:
    """Give a ROUTER that is not bound yet, see :func:`bind`."""
    socket: Socket = context.socket(zmq.ROUTER)
    _bound(socket)
    socket.set(zmq.ROUTER_MANDATORY, 1)
    return socket


def bind(socket: Socket, where: str) -> str:
    """Bind a socket to one more address, and give it, with the port's number in place of ``*``.

    Raises:
        PortAlreadyUsed: Something else listens there.
    """
    try:
        _speak_version_of(socket, where)
        socket.bind(where)
        endpoint: bytes = socket.getsockopt(zmq.LAST_ENDPOINT)  # type: ignore[assignment]
        return endpoint.rstrip(b'\0').decode()
    except zmq.ZMQError as error:
        if error.errno != zmq.EADDRINUSE:
            raise
        socket.close(0)
        raise PortAlreadyUsed(f'{where} is taken by another program: choose another port') from error


def send(socket: Socket, frames: Sequence[Frame], borrow: bool = False) -> bool:
    """Send a message without waiting; False if the peer is gone or takes no more.

    Args:
        socket: Where.
        frames: The message.
        borrow: Large frames need not be copied: nobody changes their memory, now or later. Not for what user code
            holds: ZeroMQ sends it after this returned.
    """
    last = len(frames) - 1
    try:
        for number, frame in enumerate(frames):
            copy = not borrow or len(frame) < _COPY_BELOW
            socket.send(frame, _MORE if number < last else _LAST, copy)
    except zmq.Again:
        return False
    except zmq.ZMQError as error:
        if error.errno not in GONE:
            raise
        return False
    return True


def receive(socket: Socket, copied: int = _COPIED) -> list[Frame] | None:
    """Take the next message if one is there.

    Args:
        socket: Where from.
        copied: So many frames come as bytes: those that are usually small, where that is cheaper. All others, the
            buffers of arrays, come as views on ZeroMQ's own memory.
    """
    if not is_readable(socket):  # to ask is far cheaper than to catch Again
        return None
    frames: list[Frame] = []
    if copied > _COPIED:  # a ROUTER: what comes first is never the last
        frames.append(socket.recv())
    part = socket.recv(0, False)
    frames.append(part.bytes)
    while part.more:  # to ask the socket takes as long as to receive
        part = socket.recv(copy=False)
        frames.append(part.bytes if len(frames) < copied else part.buffer)
    return frames


def is_readable(socket: Socket) -> bool:
    """Say whether there is a message to receive."""
    return bool(socket.get(_EVENTS) & _READABLE)  # type: ignore[operator]


def fileno(socket: Socket) -> int:
    """Descriptor for an event loop. It tells changes only: receive until there is nothing left, also after sending."""
    return int(socket.get(zmq.FD))


class Poller:
    """Waits until one of some sockets or descriptors can be read.

    It does what ``zmq.Poller`` does with a third of the system calls, which asks each socket three times.
    """

    def __init__(self, *sources: Socket | int) -> None:
        self._sources = {source if isinstance(source, int) else fileno(source): source for source in sources}
        self._sockets = [source for source in sources if not isinstance(source, int)]
        self._poll = select.poll()
        for fd in self._sources:
            self._poll.register(fd, select.POLLIN)

    def poll(self, timeout_ms: int | None = None) -> list[Socket | int]:
        """Give those that may be readable: of a socket, that something changed. None of them after the timeout."""
        # The descriptors tell changes only: what came before has to be asked for.
        ready: list[Socket | int] = [socket for socket in self._sockets if is_readable(socket)]
        return [self._sources[fd] for fd, _ in self._poll.poll(0 if ready else timeout_ms)] + ready


def connection_news(monitor: Socket) -> Iterator[bool]:
    """Take the news of a monitor, without waiting: True for a connection gained, False for one lost."""
    while (message := receive(monitor)) is not None:
        (event,) = _EVENT.unpack_from(message[0])
        yield event == zmq.EVENT_HANDSHAKE_SUCCEEDED


def close(*sockets: Socket, linger: bool = True) -> None:
    """Close sockets; what they hold is still sent, for a bounded time, unless ``linger`` is false."""
    for socket in sockets:
        with contextlib.suppress(zmq.ZMQError):
            socket.disable_monitor()
        socket.close(None if linger else 0)


def _dealer(context: Context) -> Socket:
    socket: Socket = context.socket(zmq.DEALER)
    _bound(socket)
    return socket


def _connect(socket: Socket, where: str) -> None:
    _speak_version_of(socket, where)
    socket.connect(where)


def _speak_version_of(socket: Socket, where: str) -> None:
    if '[' in where:
        socket.set(zmq.IPV6, 1)


def _bound(socket: Socket) -> None:
    socket.set(zmq.LINGER, _LINGER_MS)
    socket.set(zmq.RECONNECT_IVL, _RECONNECT_MS)
    # Queues are bounded by what the router admits and by credit; a high-water mark would drop or block instead.
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)

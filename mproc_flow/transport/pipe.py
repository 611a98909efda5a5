"""Messages between processes that are parent and child: msgspec Structs, length-prefixed, on a stream socket.

Used for control only (owner and Guardian, Guardian and pods), never for Documents. The socket is inherited, so
who is on the other end needs no proof, and its end-of-file tells of the other's death.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import msgspec

_LENGTH = struct.Struct('>Q')
_CHUNK = 1 << 18

_encode = msgspec.msgpack.Encoder().encode


class Pipe:
    """One end of a stream socket that carries tagged Structs in both directions.

    Sending never loses a message: what the socket does not take at once is kept, and :meth:`flush` sends it on.
    A thread may send while another receives.

    Args:
        sock: The connected socket; the Pipe owns it from now on.
        receives: The union of tagged Structs that the other end may send.
    """

    def __init__(self, sock: socket.socket, receives: Any) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._decode = msgspec.msgpack.Decoder(receives).decode
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._sending = threading.Lock()
        self.ended = False
        self.broken = False

    def fileno(self) -> int:
        """File descriptor, for selectors."""
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the other end to read."""
        return len(self._outgoing)

    def send(self, message: msgspec.Struct) -> None:
        """Send a message, or keep it for :meth:`flush` if the other end does not read at the moment."""
        data = _encode(message)
        with self._sending:
            self._outgoing += _LENGTH.pack(len(data)) + data
            self._push()

    def send_all(self, message: msgspec.Struct, timeout: float | None = None) -> None:
        """Send a message and wait until the other end's kernel has taken it all or the other end is gone.

        Args:
            message: The message.
            timeout: Wait no longer than this many seconds each time the other end takes nothing.
        """
        self.send(message)
        while self.unsent and wait_for(self._socket.fileno(), select.POLLOUT, timeout):
            self.flush()

    def flush(self) -> None:
        """Send what an earlier :meth:`send` had to keep."""
        with self._sending:
            self._push()

    def receive(self) -> Iterator[Any]:
        """Read what has arrived, without waiting, and give the complete messages; sets ``ended`` at end-of-file.

        Raises:
            msgspec.DecodeError: The next message is none of those the other end may send.
        """
        self._pull()
        while (message := self._cut()) is not None:
            yield self._read(message)

    def wait(self, timeout: float | None) -> bool:
        """Wait until something can be received; False after ``timeout`` seconds without."""
        return self._end_of_next() is not None or wait_for(self._socket.fileno(), select.POLLIN, timeout)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _cut(self) -> bytes | None:
        """Take the next complete message off what has arrived."""
        end = self._end_of_next()
        if end is None:
            return None
        message = bytes(memoryview(self._incoming)[_LENGTH.size : end])
        del self._incoming[:end]
        return message

    def _end_of_next(self) -> int | None:
        """Give where the next message ends in what has arrived, or None if it is not complete."""
        if len(self._incoming) < _LENGTH.size:
            return None
        end: int = _LENGTH.size + _LENGTH.unpack_from(self._incoming)[0]
        return end if len(self._incoming) >= end else None

    def _read(self, message: bytes) -> Any:
        try:
            return self._decode(message)
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(str(error)) from error

    def _push(self) -> None:
        while self._outgoing and not self.broken:
            try:
                sent = self._socket.send(self._outgoing)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.broken = True
                break
            del self._outgoing[:sent]
        if self.broken:
            self._outgoing.clear()

    def _pull(self) -> None:
        while not self.ended:
            try:
                data = self._socket.recv(_CHUNK)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b''
            self._incoming += data
            if len(data) < _CHUNK:
                self.ended = not data
                return


def pair() -> tuple[socket.socket, socket.socket]:
    """Make the two connected sockets of a Pipe; neither is inherited by programs that are executed."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def wait_for(fd: int, events: int, timeout: float | None) -> bool:
    """Wait until a descriptor is ready, or has ended; False after ``timeout`` seconds without.

    Args:
        fd: The descriptor; other than for ``select.select`` it may be any number.
        events: ``select.POLLIN``, ``select.POLLOUT`` or both.
        timeout: Seconds, or None to wait for ever.
    """
    poller = select.poll()
    poller.register(fd, events)
    return bool(poller.poll(None if timeout is None else max(0.0, timeout) * 1000))

"""Messages between processes that are parent and child: msgspec Structs, length-prefixed, on a stream socket.

Used for control only (owner and Guardian, Guardian and pods), never for Documents. The socket is inherited, so
who is on the other end needs no proof, and its end-of-file tells of the other's death.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterable
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
            self._outgoing += _LENGTH.pack(len(data))
            self._outgoing += data
            self._push()

    def send_all(self, message: msgspec.Struct, timeout: float | None = None) -> None:
        """Send a message and wait until the other end's kernel has taken it all or the other end is gone.

        Args:
            message: The message.
            timeout: Wait no longer than this many seconds each time the other end takes nothing.
        """
        self.send(message)
        while self.unsent and not self.broken:
            if not select.select([], [self._socket], [], timeout)[1]:
                return
            self.flush()

    def flush(self) -> None:
        """Send what an earlier :meth:`send` had to keep."""
        with self._sending:
            self._push()

    def receive(self) -> Iterable[Any]:
        """Read what has arrived, without waiting, and give the complete messages; sets ``ended`` at end-of-file."""
        self._pull()
        messages = []
        position = 0
        while len(self._incoming) - position >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._incoming, position)
            end = position + _LENGTH.size + length
            if len(self._incoming) < end:
                break
            messages.append(self._decode(memoryview(self._incoming)[position + _LENGTH.size : end]))
            position = end
        if position:
            self._incoming = self._incoming[position:]
        return messages

    def wait(self, timeout: float | None) -> bool:
        """Wait until something can be received; False after ``timeout`` seconds without."""
        return bool(select.select([self._socket], [], [], timeout)[0])

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _push(self) -> None:
        while self._outgoing and not self.broken:
            try:
                sent = self._socket.send(self._outgoing)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.broken = True
                return
            del self._outgoing[:sent]

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

"""A gateway in a thread that does with each message what a test says."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from mproc_flow.errors import ErrorInfo
from mproc_flow.transport import channel, frames
from mproc_flow.transport.exchange import Connection
from mproc_flow.transport.frames import Answer, Cancel, Frame, More, Part, Partial, Refusal, Submit

React = Callable[['FakeGateway', Submit, list[Frame]], None]
ReactToMore = Callable[['FakeGateway', More], None]

BOUND = 10.0


class FakeGateway(threading.Thread):
    """Takes requests and calls ``react`` with each, in its own thread.

    Args:
        address: Where to listen.
        react: What to do about a request; it may call :meth:`answer`, :meth:`part`, :meth:`refuse` and :meth:`die`.
        react_to_more: What to do when a client takes more parts; it may call the same.
    """

    def __init__(self, address: str, react: React, react_to_more: ReactToMore | None = None) -> None:
        super().__init__(daemon=True)
        self._react = react
        self._react_to_more = react_to_more
        self._news = threading.Condition()
        self._reader, self._writer = os.pipe()
        self._dying = False
        self.heard: list[Submit | Cancel | More] = []
        self.context = channel.context()
        self._socket = channel.router(self.context, address)
        self.start()

    def run(self) -> None:
        poller = channel.Poller(self._socket, self._reader)
        while not self._dying and self._reader not in poller.poll():
            message = channel.receive(self._socket)
            if message is not None:
                self._hear(*message)
        channel.close(self._socket)
        self.context.term()

    def _hear(self, client: bytes, *message: Frame) -> None:
        self._client = client
        said, parts = frames.read(frames.decode_from_client, message)
        with self._news:
            self.heard.append(said)
            self._news.notify_all()
        if isinstance(said, Submit):
            self._react(self, said, list(parts[0]))
        if isinstance(said, More) and self._react_to_more is not None:
            self._react_to_more(self, said)

    def answer(self, submit: Submit, *parts: list[Frame]) -> None:
        """Answer a request; without parts if there were some before."""
        self._send(Answer(submit.request), parts)

    def part(self, request: int, part: Part) -> None:
        """Answer a request in part."""
        self._send(Partial(request), [part])

    def refuse(self, submit: Submit, info: ErrorInfo) -> None:
        """Refuse a request, or end it with an error."""
        self._send(Refusal(submit.request, info), ())

    def die(self) -> None:
        """Be gone after this message."""
        self._dying = True

    def cancelled(self) -> set[int]:
        """Wait for a Cancel, and give the numbers in it."""
        with self._news:
            assert self._news.wait_for(lambda: any(isinstance(said, Cancel) for said in self.heard), BOUND)
            return {number for said in self.heard if isinstance(said, Cancel) for number in said.requests}

    def more(self, request: int) -> int:
        """Say how many more parts of a request a client has asked for so far."""
        return sum(said.count for said in self.heard if isinstance(said, More) and said.number == request)

    @property
    def submitted(self) -> list[Submit]:
        """The requests so far."""
        return [said for said in self.heard if isinstance(said, Submit)]

    def stop(self) -> None:
        """End the thread and free everything."""
        os.write(self._writer, b'.')
        self.join(BOUND)
        os.close(self._reader)
        os.close(self._writer)

    def _send(self, header: msgspec.Struct, parts: Sequence[Part]) -> None:
        channel.send(self._socket, [self._client, *frames.message(header, parts)])


class Wire:
    """A place for gateways, and connections to it."""

    def __init__(self, directory: str) -> None:
        self.address = channel.address(directory, channel.CLIENTS)
        self.context = channel.context()
        self._connections: list[Connection] = []
        self.gateways: list[FakeGateway] = []

    def gateway(self, react: React, react_to_more: ReactToMore | None = None) -> FakeGateway:
        """Start a gateway."""
        started = FakeGateway(self.address, react, react_to_more)
        self.gateways.append(started)
        return started

    def connect(self, is_hopeless: Callable[[float], bool] = lambda seconds: seconds > BOUND) -> Connection:
        """Make a connection to whatever listens there, or will."""
        connection = Connection(self.context, self.address, is_hopeless)
        self._connections.append(connection)
        return connection

    def end(self) -> None:
        """Close everything."""
        for connection in self._connections:
            connection.close()
        for gateway in self.gateways:
            gateway.stop()
        self.context.term()


@contextmanager
def open_wire() -> Iterator[Wire]:
    """A wire in a directory of its own, whose path is short enough for a socket."""
    directory = tempfile.mkdtemp(prefix='mfw-', dir='/tmp')
    wire = Wire(directory)
    try:
        yield wire
    finally:
        wire.end()
        shutil.rmtree(directory)


class Producer:
    """What a gateway does that streams: parts without end, or as many as a test says, no more than the client takes.

    Args:
        count: How many parts each request has.
        make: The part of this request and number.
    """

    def __init__(self, count: int, make: Callable[[int, int], Part]) -> None:
        self._count = count
        self._make = make
        self._open: dict[int, Submit] = {}
        self.sent: dict[int, int] = {}

    def begin(self, gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
        """Take a request."""
        self._open[submit.request] = submit
        self.sent[submit.request] = 0
        self._send(gateway, submit.request, submit.window)

    def go_on(self, gateway: FakeGateway, more: More) -> None:
        """The client takes more; also of what has ended meanwhile."""
        self._send(gateway, more.number, more.count)

    def _send(self, gateway: FakeGateway, request: int, count: int) -> None:
        for _ in range(count if request in self._open else 0):
            if self.sent[request] == self._count:
                gateway.answer(self._open.pop(request))
                return
            gateway.part(request, self._make(request, self.sent[request]))
            self.sent[request] += 1

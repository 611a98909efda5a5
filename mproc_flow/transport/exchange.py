"""A client's connection to the gateway: requests out, replies in, until each request has its reply."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from mproc_flow.errors import DeadlineExceeded, ErrorInfo
from mproc_flow.transport import channel
from mproc_flow.transport.frames import Answer, Cancel, Frame, More, Part, Partial, Ping, Pong, Refusal, Submit
from mproc_flow.transport.line import Line
from mproc_flow.transport.sharing import Sharing

# So many requests are sent before the sender looks for replies.
AT_ONCE = 8
# Partial answers of a request that may be on their way or wait here: as many as keep a generator busy that takes no
# longer for one than a message takes for its way. Said anew when half of them are taken.
AHEAD = 8
_HALF = AHEAD // 2
# Nothing on the socket tells that a gateway that is not there yet will never be.
_LOOK_AGAIN = 0.05
# A signal that comes just before a wait does not end it: so long may a Ctrl-C be unheard.
_SIGNALS = 0.5
# The gateway knows where a request was when its time was over: so long its word for it is awaited.
_GRACE = 0.01


# How many requests may be open; asked again before each is sent.
Window = Callable[[], int]


class ConnectionLost(ConnectionError):
    """The gateway's end of the connection is gone."""


class Reply(NamedTuple):
    """How a request ended, or a part of its answer.

    Attributes:
        request: The connection's number for it.
        position: Which of the exchange's requests it is, from 0.
        outcome: The parts of its answer, or an error.
        sort: See :class:`~mproc_flow.transport.frames.Answer`.
        more: Of a part after which others come: to be called when it was taken, so that these may come.
    """

    request: int
    position: int
    outcome: list[Part] | ErrorInfo
    sort: bool = False
    more: Callable[[], None] | None = None


class Call(NamedTuple):
    """Where requests go, and what is asked for; see :class:`~mproc_flow.transport.frames.Submit`.

    Attributes:
        endpoint: Which methods are meant.
        target: Which Executors are meant.
        deadline: When the exchange ends at the latest, in seconds of the monotonic clock; 0 for no limit.
        window: :data:`AHEAD` if partial answers are wanted.
    """

    endpoint: str
    target: str = ''
    deadline: float = 0.0
    window: int = 0


class Connection:
    """One socket to the gateway, used by one thread at a time.

    Args:
        context: The ZeroMQ context.
        address: Where the gateway listens, or will.
        is_hopeless: Asked, with the seconds since this was made, while there is no connection yet: true ends the
            wait for one.
        sharing: Has the client's shared memory, if it has some.

    Attributes:
        is_lost: It cannot be used any more.
    """

    def __init__(
        self,
        context: channel.Context,
        address: str,
        is_hopeless: Callable[[float], bool],
        sharing: Sharing | None = None,
    ) -> None:
        self._is_hopeless = is_hopeless
        self._made = time.monotonic()
        self._connected = False
        self._line = Line(context, address, sharing or Sharing())
        self._socket, self._monitor = self._line.socket, self._line.monitor
        self._poller = channel.Poller(self._socket, self._monitor)
        self._next = self._first = 0
        self._deadline = 0.0
        self._unpaid: dict[int, int] = {}  # partial answers that came since the gateway was told to send more
        self.is_lost = False

    def exchange(self, call: Call, requests: Iterable[list[Frame]], window: Window) -> Generator[Reply, None, None]:
        """Send requests, at most ``window()`` ahead of their replies, and give the replies as they come.

        Raises:
            ConnectionLost: The gateway is gone; what was still open stays without a reply.
            DeadlineExceeded: It is later than the call's deadline, and nothing is left of what came before.
        """
        pending = self._begin(call)
        waiting = iter(requests)
        more = True
        try:
            while more or pending:
                more = more and self._submit(call, waiting, pending, window)
                patience = self._patience(not more or self._room(pending, window) <= 0) if more or pending else 0.0
                yield from self._replies(pending, patience)
                if more or pending:
                    self._check(patience, len(pending))
        finally:
            self._give_up(pending)

    def ping(self, timeout: float) -> Pong | None:
        """Ask whether requests could be answered; None if nobody says anything within ``timeout`` seconds."""
        number = self._ask()
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0 and not self.is_lost:
            self._wait(left)
            pong = self._pong(number)
            if pong is not None:
                return pong
        return None

    @property
    def is_whole(self) -> bool:
        """No signal's handler raised in the midst of a message, of which the rest would come next."""
        return self._line.is_whole

    def settle(self) -> None:
        """Take the news of shared memory that is free, of a connection that nobody uses."""
        self._line.settle()

    def update(self) -> None:
        """Take the news of whether there is a connection; to be called before an exchange."""
        for connected in channel.connection_news(self._monitor):
            self._connected = connected
            self.is_lost = self.is_lost or not connected

    def close(self) -> None:
        """Free the socket."""
        # Without a connection there is nobody to wait for.
        self._line.close(connected=self._connected and not self.is_lost)

    def _ask(self) -> int:
        number = self._next
        self._next += 1
        self._line.send(Ping(number))
        return number

    def _pong(self, number: int) -> Pong | None:
        while (message := self._line.receive()) is not None:
            header, _ = message
            if isinstance(header, Pong) and header.request == number:
                return header
        return None

    def _begin(self, call: Call) -> set[int]:
        """Begin an exchange: give the set for its open requests."""
        self._first = self._next
        self._deadline = call.deadline
        self._unpaid.clear()
        return set()

    def _give_up(self, pending: set[int]) -> None:
        """Tell the gateway that nobody waits for these any more."""
        if pending and not self.is_lost:
            self._line.send(Cancel(tuple(pending)))

    def _submit(self, call: Call, waiting: Iterator[list[Frame]], pending: set[int], window: Window) -> bool:
        """Send a few more requests; False when there are no more."""
        for _ in range(self._room(pending, window)):
            payload = next(waiting, None)
            if payload is None:
                return False
            self._send(call, payload, pending)
        return True

    def _room(self, pending: set[int], window: Window) -> int:
        """Say how many requests may be sent now: none when there is no time left for them."""
        if self._deadline and time.monotonic() > self._deadline:
            return 0
        return min(AT_ONCE, window() - len(pending))

    def _send(self, call: Call, payload: list[Frame], pending: set[int]) -> None:
        header = Submit(self._next, *call)
        pending.add(self._next)
        self._next += 1
        self._line.send(header, payload)

    def _patience(self, idle: bool) -> float | None:
        """Say how long to wait for a reply: not at all while there is something to send; less than 0 after the end."""
        if not self._deadline:
            return None if idle else 0.0
        left = self._deadline + _GRACE - time.monotonic()
        return left if idle or left < 0 else 0.0

    def _replies(self, pending: set[int], patience: float | None) -> Iterator[Reply]:
        reply = self._receive(pending)  # to ask is cheaper than to wait, and while many are under way there is one
        if reply is None:
            if patience == 0.0:
                self.update()
            else:
                self._wait(patience)
            reply = self._receive(pending)  # also after a loss: what had arrived before counts
        while reply is not None:
            yield reply
            reply = self._receive(pending) if pending else None

    def _check(self, patience: float | None, pending: int) -> None:
        """Raise what ends the exchange before its requests have ended."""
        if pending and self.is_lost:
            raise ConnectionLost
        if patience is not None and patience < 0:
            raise DeadlineExceeded(f'time is over; requests without an answer: {pending}')

    def _wait(self, patience: float | None) -> None:
        bound = self._look_again(_SIGNALS if patience is None else min(patience, _SIGNALS))
        events = self._poller.poll(max(0, int(bound * 1000) + 1))
        self._woken(bool(events))

    def _look_again(self, patience: float) -> float:
        """Shorten a wait while there is no connection yet."""
        return patience if self._connected else min(patience, _LOOK_AGAIN)

    def _woken(self, by_event: bool) -> None:
        """See after a wait whether there is, and will be, a connection, and what keeps answers from coming."""
        self.update()
        if not by_event and self._unpaid:
            self._pay_all()
        if not by_event and not self._connected and not self.is_lost:
            self.is_lost = self._is_hopeless(time.monotonic() - self._made)

    def _receive(self, pending: set[int]) -> Reply | None:
        """Take the next reply to one of these requests; others were given up by an earlier exchange."""
        while True:
            message = self._line.receive()
            if message is None:
                return None
            header, parts = message
            if header.request in pending and not isinstance(header, Pong):
                return self._reply(header, parts, pending)

    def _reply(self, header: Answer | Partial | Refusal, parts: list[Part], pending: set[int]) -> Reply:
        request = header.request
        position = request - self._first
        failure = header.info if isinstance(header, Refusal) else self._line.open(request, parts)
        if isinstance(header, Partial):
            if failure is None:
                return Reply(request, position, parts, more=self._owe(request))
            self._give_up({request})
        pending.discard(request)
        self._unpaid.pop(request, None)
        return Reply(request, position, parts if failure is None else failure, getattr(header, 'sort', False))

    def _owe(self, request: int) -> Callable[[], None]:
        """A partial answer came: give what is to be called when it was taken."""
        self._unpaid[request] = self._unpaid.get(request, 0) + 1
        return partial(self._pay, request)

    def _pay(self, request: int) -> None:
        """Let the gateway send more, when it is worth a message; not after the deadline, or there might be no end."""
        count = self._unpaid.get(request, 0)
        if count < _HALF or self.is_lost or (self._deadline and time.monotonic() > self._deadline):
            return
        del self._unpaid[request]
        self._line.send(More(request, count))

    def _pay_all(self) -> None:
        """Nothing came for a while. What came before and waits for other requests may be what keeps these waiting."""
        for request in tuple(self._unpaid):
            self._pay(request)

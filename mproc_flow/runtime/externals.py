"""External Executors as the gateway sees them: connections on which it is itself a client."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from mproc_flow.errors import ErrorInfo, PodDied
from mproc_flow.runtime.messages import PodLost
from mproc_flow.runtime.router import Router
from mproc_flow.runtime.sends import Send, ToPod
from mproc_flow.topology.plan import Route
from mproc_flow.transport import channel, frames
from mproc_flow.transport.frames import Answer, Cancel, Done, Hello, More, Partial, Refusal, Submit, Withdrawn, Work
from mproc_flow.transport.sharing import without_refs

# What runs elsewhere bounds its own queues.
_CREDIT = 1 << 20


class External:
    """The connection to one external Executor: a Flow or Deployment that listens on TCP.

    The Router sees it as a pod that says Hello when there is a connection and is lost for good when there is none,
    until it says Hello again: so requests fail at once while it cannot be reached.

    Args:
        context: The ZeroMQ context.
        route: Its node, with the address.
        router: Who decides.
    """

    def __init__(self, context: channel.Context, route: Route, router: Router) -> None:
        self._route = route
        self._router = router
        self._socket, self._monitor = channel.watched_dealer(context, route.address, patient=True)
        self._generation = 0
        self._connected = False

    @property
    def peer(self) -> bytes:
        """Its routing id in the Router's eyes."""
        return self._route.name.encode()

    def filenos(self) -> tuple[int, int]:
        """Descriptors that tell of changes; then call :meth:`receive`."""
        return channel.fileno(self._socket), channel.fileno(self._monitor)

    def receive(self) -> Iterator[list[Send]]:
        """Take everything that has arrived, and give what the Router wants sent for it."""
        while (message := channel.receive(self._socket)) is not None:
            try:
                header, parts = frames.read(frames.decode_to_client, message)
            except (msgspec.DecodeError, ValueError, RecursionError):
                continue  # not one of ours after all
            parts = [without_refs(part) for part in parts]
            if isinstance(header, Answer):
                yield self._router.done(self.peer, Done(header.request, _CREDIT), parts, time.monotonic())
            elif isinstance(header, Partial):
                yield self._router.piece(self.peer, header.request, parts)
            elif isinstance(header, Refusal):
                yield self._router.failed(self.peer, header.request, header.info, time.monotonic())
        for connected in channel.connection_news(self._monitor):
            yield self._changed(connected)

    def send(self, send: ToPod) -> None:
        """Tell it what a pod would be told, in the words of a client."""
        header: Submit | Cancel | More
        if isinstance(send.header, Work):
            work = send.header
            header = Submit(work.key, work.endpoint, deadline=work.deadline, window=work.window)
        elif isinstance(send.header, Withdrawn):
            header = Cancel(send.header.keys)
        elif isinstance(send.header, More):
            header = send.header
        else:
            return
        channel.send(self._socket, frames.message(header, send.parts), borrow=True)

    def close(self) -> None:
        """Free the sockets."""
        channel.close(self._socket, linger=False)
        self._monitor.close(0)

    def _changed(self, connected: bool) -> list[Send]:
        if connected:
            self._generation += 1
            self._connected = True
            return self._router.hello(
                self.peer, Hello(self._route.name, self._generation, (), _CREDIT), time.monotonic()
            )
        what = 'was lost' if self._connected else 'cannot be made'
        self._connected = False
        text = f'the connection to the external Executor {self._route.name} at {self._route.address} {what}'
        info = ErrorInfo(PodDied.code, text, pod=self._route.name)
        loss = PodLost(self._route.name, self._generation, info, final=True)
        return self._router.lost(loss, None, time.monotonic())

"""The gateway pod: moves messages between clients and Executor pods as the Router says; never looks into a payload."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence

import msgspec

from mproc_flow.errors import ErrorInfo, FlowFailed, PodDied
from mproc_flow.options.address import tcp_address
from mproc_flow.runtime.bootstrap import Pod, run_fresh
from mproc_flow.runtime.departures import Departures
from mproc_flow.runtime.externals import External
from mproc_flow.runtime.ledger import Ledger, Owner
from mproc_flow.runtime.messages import Drain, Drained, Heard, PodLost, Stop, first_key
from mproc_flow.runtime.router import Router
from mproc_flow.runtime.sends import Send, ToClient, ToPod
from mproc_flow.topology.plan import GATEWAY
from mproc_flow.transport import blocks, channel, frames, started
from mproc_flow.transport.frames import Cancel, Done, Failed, Frame, Hello, More, Piece, Ping, Pong, Submit, Taken
from mproc_flow.transport.sharing import has_refs, reads_blocks

# So many messages are moved before other things in the loop get a turn.
_BATCH = 200
# So many messages are sent one right after the other: each one that finds ZeroMQ's thread asleep has to wake it.
_BURST = 16
# Seconds between two looks at what dead processes left in shared memory, as long as there may be something.
_SWEEP = 1.0


Handle = Callable[[bytes, list[Frame]], list[Send]]


class Gateway:
    """Runs the Router on two ZeroMQ sockets.

    Args:
        pod: Who this is.

    Raises:
        PortAlreadyUsed: The Plan's port is taken.
    """

    def __init__(self, pod: Pod) -> None:
        plan = pod.assignment.plan
        self._pod = pod
        self._router = Router(plan.routes, plan.leaves, plan.max_in_flight, first_key(pod.assignment.generation))
        self._context = channel.context()
        self._directory = directory = pod.assignment.run_directory
        self._pods = channel.router(self._context, channel.address(directory, channel.PODS))
        self._clients = channel.router(self._context, channel.address(directory, channel.CLIENTS))
        self._ledger = Ledger(os.path.join(directory, blocks.DIRECTORY))
        self._sweeper: asyncio.TimerHandle | None = None
        self._departures = Departures(self._clients)
        self._timer: asyncio.TimerHandle | None = None
        self._address = ''
        if plan.port is not None:
            self._address = channel.bind(self._clients, tcp_address(plan.host, plan.port))
        external = [External(self._context, route, self._router) for route in plan.routes if route.address]
        self._external = {connection.peer: connection for connection in external}
        self._outbox: list[Send] = []
        self._draining = self._closing = self._leaving = False
        self._cause: ErrorInfo | None = None

    async def run(self) -> None:
        """Serve until told to stop."""
        self._over = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(channel.fileno(self._pods), self._pump)
        loop.add_reader(channel.fileno(self._clients), self._pump)
        for connection in self._external.values():
            for fd in connection.filenos():
                loop.add_reader(fd, self._pump)
        loop.add_reader(self._departures.fileno(), self._departures.look, self._look_for_clients)
        loop.add_reader(self._pod.commands.fileno(), self._on_command)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        self._pod.ready(self._address)
        self._on_command()  # what came together with the Assignment has been read, and no descriptor tells of it
        await self._over.wait()
        self._pump()
        self._deliver(self._router.close(self._cause))

    def close(self) -> None:
        """Send what is left, for a bounded time, and free the sockets."""
        for connection in self._external.values():
            connection.close()
        channel.close(self._pods, self._clients)
        self._departures.close()
        self._context.term()

    # ---- messages ----

    def _pump(self) -> None:
        """Move messages until both sockets have none: their descriptors tell of changes only."""
        moved = _BATCH
        while moved:
            moved = self._drain(self._pods, self._from_pod) + self._drain(self._clients, self._from_client)
            for connection in self._external.values():
                moved += self._drain_external(connection)
            if self._ledger.has_news or self._ledger.is_stale:
                moved += self._settle()  # what is sent may take the news of what has come
            if moved >= _BATCH:
                asyncio.get_running_loop().call_soon(self._pump)
                break
        if self._router.next_deadline is not None:
            self._set_timer()
        if self._leaving or self._draining:
            self._tell_drained()

    def _drain(self, socket: channel.Socket, handle: Handle) -> int:
        """Take what a socket has, a batch at most; give how many messages that were."""
        for moved in range(_BATCH):
            if len(self._outbox) >= _BURST:
                self._flush()
            if not self._take(socket, handle):
                self._flush()
                return moved
        self._flush()
        return _BATCH

    def _drain_external(self, connection: External) -> int:
        moved = 0
        for sends in connection.receive():
            self._deliver(sends)
            moved += 1
        return moved

    def _take(self, socket: channel.Socket, handle: Handle) -> int:
        message = channel.receive(socket, copied=3)
        if message is None:
            return 0
        try:
            sends = handle(message[0], message[1:])
        except (msgspec.DecodeError, ValueError, IndexError, RecursionError):
            return 1  # not from one of ours; nobody to answer to
        self._outbox += sends
        return 1

    def _from_client(self, client: bytes, message: list[Frame]) -> list[Send]:
        header, parts = frames.read(frames.decode_from_client, message)
        if isinstance(header, Submit):
            self._ledger.note(Owner(False, client), parts)
            return self._router.submit(client, header, parts, time.monotonic())
        if isinstance(header, Ping):
            return [ToClient(client, Pong(header.request, self._router.missing))]
        if isinstance(header, Taken):
            self._ledger.taken(client, header.request)
        if isinstance(header, Cancel):
            self._ledger.cancelled(client, header.requests)
            return self._router.cancel(client, header.requests)
        if isinstance(header, More):
            return self._router.more(client, header.number, header.count)
        return []

    def _from_pod(self, peer: bytes, message: list[Frame]) -> list[Send]:
        header, parts = frames.read(frames.decode_from_pod, message)
        self._ledger.note(Owner(True, peer), parts)
        if isinstance(header, Done):
            return self._router.done(peer, header, parts, time.monotonic())
        if isinstance(header, Piece):
            return self._router.piece(peer, header.key, parts)
        if isinstance(header, Failed):
            return self._router.failed(peer, header.key, header.info, time.monotonic())
        if isinstance(header, Hello):
            return self._from_new_pod(peer, header)
        return self._router.leaving(peer, time.monotonic())

    def _from_new_pod(self, peer: bytes, hello: Hello) -> list[Send]:
        sends = self._router.hello(peer, hello, time.monotonic())
        if self._router.knows(hello.pod, hello.generation):
            self._pod.commands.send(Heard(hello.pod, hello.generation))
        return sends

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        self._deliver(outbox)

    def _deliver(self, sends: Sequence[Send]) -> None:
        for send in sends:
            if isinstance(send, ToClient):
                self._answer(send)
            elif send.peer in self._external:
                self._external[send.peer].send(ToPod(send.peer, send.header, self._ledger.plain(send.parts)))
            else:
                # A pod that is gone is told by the Guardian, and what it held is refused then.
                channel.send(self._pods, [send.peer, *frames.message(send.header, send.parts)], borrow=True)

    def _answer(self, send: ToClient) -> None:
        parts, kept = send.parts, False
        if any(map(has_refs, parts)):
            kept = reads_blocks(send.client)
            parts = parts if kept else self._ledger.plain(parts)
        if channel.send(self._clients, [send.client, *frames.message(send.header, parts)], borrow=True) and kept:
            self._ledger.sent(send.client, send.header.request, parts)

    # ---- shared memory ----

    def _settle(self) -> int:
        """Tell the owners of blocks which are free, and see from time to time what the dead left.

        Returns:
            How many messages were sent.
        """
        news = list(self._ledger.settle())
        for owner, free in news:
            socket = self._pods if owner.is_pod else self._clients
            if not channel.send(socket, [owner.peer, *frames.message(free)]):
                self._ledger.discard(free.blocks)
        if self._ledger.is_stale and self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)
        return len(news)

    def _sweep(self) -> None:
        self._pump()
        self._ledger.sweep()
        self._sweeper = None
        self._pump()

    # ---- time, and clients that go ----

    def _set_timer(self) -> None:
        """Wake when the next thing runs out of time; an earlier timer is left alone, it costs less than setting it."""
        when = self._router.next_deadline
        if when is None or (self._timer is not None and self._timer.when() <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._deliver(self._router.expire(time.monotonic()))
        self._pump()

    def _look_for_clients(self) -> None:
        for client in self._departures.missing({*self._router.clients, *self._ledger.clients}):
            self._ledger.gone(client)
            self._deliver(self._router.gone(client))
        self._pump()

    # ---- the Guardian ----

    def _on_command(self) -> None:
        for command in self._pod.commands.receive():
            if isinstance(command, PodLost):
                self._pump()  # answers that arrived before the death count
                self._ledger.is_stale = True
                begun = started.read(self._directory, command.pod, command.generation)
                self._deliver(self._router.lost(command, begun, time.monotonic()))
            elif isinstance(command, Drain):
                self._draining = self._closing = True
                self._router.drain()
            elif isinstance(command, Stop):
                self._over.set()
        if self._pod.commands.ended and not self._over.is_set():
            self._cause = ErrorInfo(FlowFailed.code, 'the Guardian died, and with it the Flow')
            self._over.set()
        self._pump()

    def _on_signal(self, number: int) -> None:
        """The Guardian's signal comes last; one from outside asks to finish what is under way, a second one not to."""
        if self._closing or self._leaving:
            name = signal.Signals(number).name
            if not self._closing:
                self._cause = ErrorInfo(PodDied.code, f'the gateway was ended from outside by {name}', pod=GATEWAY)
            self._over.set()
        self._leaving = True
        self._router.drain()
        self._pump()

    def _tell_drained(self) -> None:
        if self._router.in_flight:
            return
        if self._draining:
            self._draining = False
            self._pod.commands.send(Drained())
        if self._leaving:
            self._over.set()


def serve(pod: Pod) -> None:
    """Be the gateway until told to stop."""
    pod.phase('init')
    gateway = Gateway(pod)
    try:
        asyncio.run(gateway.run())
    finally:
        gateway.close()


def main(name: str, fd: str) -> None:
    """Be the gateway in a fresh interpreter."""
    run_fresh(int(fd), serve)

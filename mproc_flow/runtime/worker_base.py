"""What the loops of all Executor pods have in common: hearing what is to be done, and telling how it ended."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Collection

from mproc_flow.crossing import describe
from mproc_flow.errors import DeadlineExceeded, ErrorInfo, FlowClosed
from mproc_flow.runtime.batch import Batch, Request
from mproc_flow.runtime.batching import Gatherer
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.runtime.messages import Batches
from mproc_flow.runtime.stopping import Interrupted, Stopping
from mproc_flow.runtime.wire import GatewayWire, OpenWire, Wire
from mproc_flow.transport import blocks, channel
from mproc_flow.transport.frames import Done, Failed, Farewell, Frame, Hello, More, Part, Withdrawn, Work
from mproc_flow.transport.sharing import Sharing
from mproc_flow.transport.started import Started

# The Guardian is told of batches so often, in seconds.
_REPORT_EVERY = 0.5

WITHDRAWN = ErrorInfo(DeadlineExceeded.code, 'nobody waits for this request any more')
EXPIRED = ErrorInfo(DeadlineExceeded.code, 'the time for this request was over before its turn came')
NOBODY_TAKES = 'the Flow is stopping, and nobody takes what this stream has to give'


class BaseWorker:
    """Works for one Executor.

    Args:
        pod: Who this is.
        dispatcher: Calls the Executor.
        listen: Serve everybody at this TCP address instead of a Flow's gateway.
        credit: How much work the gateway may send ahead, at least.

    Raises:
        PortAlreadyUsed: Something else listens there.
    """

    def __init__(self, pod: Pod, dispatcher: Dispatcher, listen: str, credit: int) -> None:
        self._pod = pod
        self._dispatcher = dispatcher
        self._gatherer = Gatherer(dispatcher) if dispatcher.rules else None
        self._least = max(credit, self._gatherer.credit if self._gatherer is not None else 0)
        self._credit = self._least
        self._next_report = 0.0
        self._stopping = Stopping(pod.commands)
        self._stopping.install()
        self._started = None if listen else _page(pod)
        self._context = channel.context()
        self._wire = self._open(listen)
        self._socket = self._wire.socket
        self._backlog: deque[tuple[Work, list[Part]]] = deque()
        self._left = False
        self._over = False

    def run(self) -> None:
        """Work until told to stop."""
        self._say_hello()
        address = self._wire.address if isinstance(self._wire, OpenWire) else ''
        self._pod.ready(address, self._dispatcher.schemas)
        try:
            self._loop()
        finally:
            # When our time is over the gateway has stopped too; what is left of it is for the Executor to close.
            self._wire.close(linger=not self._stopping.interrupted)
            self._context.term()

    def _loop(self) -> None:
        """Work until it is over."""
        raise NotImplementedError

    # ---- hearing ----

    def _heed(self) -> None:
        """Do what the Guardian or a signal asks for."""
        self._stopping.update()
        first_key, self._stopping.announce = self._stopping.announce, None
        if first_key is not None:
            self._forget(first_key)
            self._say_hello()
        if self._stopping.leave and not self._left:
            self._left = True
            self._over = self._wire.leave()
        self._over = self._over or self._stopping.stop

    def _take(self) -> None:
        """Take all that has arrived: what is withdrawn comes after the work that it is about."""
        while (message := self._wire.receive()) is not None:
            header, parts = message
            if isinstance(header, Work):
                self._accept(header, parts)
            elif isinstance(header, Withdrawn):
                self._withdraw(header.keys)
            elif isinstance(header, More):
                self._give_credit(header.number, header.count)
            elif isinstance(header, Farewell):
                self._over = True

    def _accept(self, work: Work, parts: list[Part]) -> None:
        if self._gatherer is not None and self._gatherer.takes(work):
            self._gather(self._gatherer, work, parts)
        else:
            self._backlog.append((work, parts))

    def _withdraw(self, keys: Collection[int]) -> None:
        kept = [held for held in self._backlog if held[0].key not in keys]
        dropped = [work for work, _ in self._backlog if work.key in keys]
        self._backlog = deque(kept)
        if self._gatherer is not None:
            dropped += [request.work for request in self._gatherer.withdraw(keys)]
        for work in dropped:
            self._wire.send(Failed(work.key, WITHDRAWN))

    def _give_credit(self, key: int, count: int) -> None:
        """Whoever reads a stream takes so many more pieces."""
        raise NotImplementedError

    def _forget(self, first_key: int) -> None:
        """Drop what a gateway sent that is no more: nobody waits for it. The new one's work may be here already."""
        self._take()
        self._backlog = deque(held for held in self._backlog if held[0].key >= first_key)
        if self._gatherer is not None:
            self._gatherer.forget(first_key)

    # ---- work that shares calls ----

    def _gather(self, gatherer: Gatherer, work: Work, parts: list[Part]) -> None:
        """Decode a piece of work and let it wait; it begins with its batch, but may be the end of us already here."""
        if self._started is not None:
            self._started.mark(work.slot, work.key)
        try:
            self._stopping.in_call = True
            gatherer.add(work, parts, time.monotonic())
            self._stopping.in_call = False
        except Interrupted as error:
            self._over = True
            self._wire.send(Failed(work.key, ErrorInfo(FlowClosed.code, str(error))))
        except Exception as error:  # the reply to the sender
            self._stopping.in_call = False
            self._wire.send(Failed(work.key, self._describe(error)))
        else:
            if self._started is not None:
                self._started.clear(work.slot)

    def _next_batch(self) -> Batch | None:
        """Take the batch whose time has come, if one's has, and mark its requests as begun."""
        gatherer = self._gatherer
        if gatherer is None:
            return None
        now = time.monotonic()
        if gatherer.changed and now >= self._next_report:
            gatherer.changed = False
            self._next_report = now + _REPORT_EVERY
            self._pod.report(Batches(gatherer.counts))
        if self._stopping.leave or self._stopping.hurry:
            gatherer.hurry()
        if gatherer.due > now:
            return None
        for request in gatherer.late(now):
            self._wire.send(Failed(request.work.key, EXPIRED))
        batch = gatherer.take(now, self._finish)
        if batch is not None and self._started is not None:
            for request in batch.requests:
                self._started.mark(request.work.slot, request.work.key)
        return batch

    def _next_moment(self) -> float:
        """Give when there is something to do even if nothing arrives."""
        if self._gatherer is None:
            return math.inf
        return min(self._gatherer.due, self._next_report if self._gatherer.changed else math.inf)

    def _finish(self, request: Request, outcome: list[Frame] | Exception) -> None:
        key = request.work.key
        if isinstance(outcome, list):
            self._wire.send(Done(key, self._credit, request.cost), outcome)
        else:
            self._wire.send(Failed(key, self._describe(outcome)))

    def _abandon(self, batch: Batch, why: ErrorInfo) -> None:
        for request in batch.requests:
            self._wire.send(Failed(request.work.key, why))

    # ---- who this is ----

    def _describe(self, error: BaseException) -> ErrorInfo:
        name = type(self._dispatcher.executor).__name__
        return describe(error, executor=name, pod=self._pod.assignment.spec.name)

    def _open(self, listen: str) -> Wire:
        if listen:
            return OpenWire(self._context, listen)
        assignment = self._pod.assignment
        identity = f'{assignment.spec.name}#{assignment.generation}'.encode()
        where = channel.address(assignment.run_directory, channel.PODS)
        sharing = Sharing(blocks.directory_of(where), assignment.plan.shared_memory_from)
        return GatewayWire(self._context, where, identity, sharing)

    def _say_hello(self) -> None:
        assignment = self._pod.assignment
        self._left = False
        name, endpoints = assignment.spec.name, self._dispatcher.endpoints
        self._wire.hello(
            Hello(name, assignment.generation, endpoints, self._credit, retryable=self._dispatcher.retryable)
        )


def _page(pod: Pod) -> Started:
    assignment = pod.assignment
    return Started(assignment.run_directory, assignment.spec.name, assignment.generation)

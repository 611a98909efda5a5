"""The loop of an Executor pod: take a piece of work, do it, send the answer; one at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator
from typing import Any

from mproc_flow.errors import ErrorInfo, FlowClosed
from mproc_flow.runtime.batch import Batch
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.dispatch import Call, Dispatcher
from mproc_flow.runtime.stopping import Interrupted
from mproc_flow.runtime.worker_base import EXPIRED, NOBODY_TAKES, WITHDRAWN, BaseWorker
from mproc_flow.transport import channel
from mproc_flow.transport.frames import Done, Failed, Frame, Part, Piece, Work

# One piece of work ahead hides the way to the gateway and back. Where calls are so short that the way is longer, a pod
# asks for as many as it does in _AHEAD seconds, so that messages travel in batches.
_CREDIT = 2
_MOST_CREDIT = 32
_AHEAD = 0.002
# So long it does what it holds before it looks for news again: what is withdrawn, and what the Guardian says.
_GLANCE = 0.002
_END: Any = object()


class _Dropped(Exception):
    """Nobody reads this stream any more."""


class _Stream:
    """What is known of the reader of the stream that is sent now."""

    __slots__ = ('credit', 'dropped', 'forgotten', 'key')

    def __init__(self, work: Work) -> None:
        self.key = work.key
        self.credit = work.window
        self.dropped = self.forgotten = False


class Worker(BaseWorker):
    """Works for one Executor whose methods are plain functions.

    Args:
        pod: Who this is.
        dispatcher: Calls the Executor.
        listen: Serve everybody at this TCP address instead of a Flow's gateway.

    Raises:
        PortAlreadyUsed: Something else listens there.
    """

    def __init__(self, pod: Pod, dispatcher: Dispatcher, listen: str) -> None:
        super().__init__(pod, dispatcher, listen, _CREDIT)
        self._stream: _Stream | None = None

    def _loop(self) -> None:
        self._heed()  # what came together with the Assignment has been read, and no descriptor tells of it
        self._poller = channel.Poller(self._socket, *self._stopping.filenos())
        while not self._over:
            events = self._poller.poll(self._patience())
            if any(fd in events for fd in self._stopping.filenos()):
                self._heed()
            self._work_some()
        self._stopping.hurry = True
        while not self._stopping.interrupted and (batch := self._next_batch()) is not None:
            self._run(batch)

    def _patience(self) -> int | None:
        """Give how many milliseconds there is nothing to do if nothing arrives; None for ever."""
        if self._backlog:
            return 0
        moment = self._next_moment()
        return None if moment == math.inf else max(0, math.ceil((moment - time.monotonic()) * 1000))

    def _work_some(self) -> None:
        until = time.monotonic() + _GLANCE
        self._take()
        while not self._over:
            if (batch := self._next_batch()) is not None:
                ended = self._run(batch)
            elif self._backlog:
                ended = self._do(*self._backlog.popleft())
            else:
                return
            if ended > until or self._stopping.leave:
                return
            if not self._backlog:
                self._take()

    def _do(self, work: Work, parts: list[Part]) -> float:
        """Do a piece of work, send its answer, and give when that was."""
        begin = time.monotonic()
        if 0.0 < work.deadline < begin:
            self._wire.send(Failed(work.key, EXPIRED))
            return begin
        if self._started is not None:
            self._started.mark(work.slot, work.key)
        try:
            self._stopping.in_call = True
            call = self._dispatcher.prepare(work, parts)
            answer = self._streamed(work, call) if work.window and call.streams else call.finish(call.start())
            self._stopping.in_call = False
        except Interrupted as error:
            self._over = True
            self._wire.send(Failed(work.key, ErrorInfo(FlowClosed.code, str(error))))
        except _Dropped as error:
            self._stopping.in_call = False
            if not error.args:
                self._wire.send(Failed(work.key, WITHDRAWN))
        except Exception as error:  # the reply to the sender
            self._stopping.in_call = False
            self._wire.send(Failed(work.key, self._describe(error)))
        else:
            end = time.monotonic()
            self._credit = max(self._least, _credit(self._credit, end - begin))
            self._wire.send(Done(work.key, self._credit, end - begin), answer)
            return end
        return time.monotonic()

    def _run(self, batch: Batch) -> float:
        """Make the calls of a batch, and give when they ended."""
        calls = batch.run()
        try:
            call = next(calls)
            while True:
                try:
                    self._stopping.in_call = True
                    returned = call.start()
                    self._stopping.in_call = False
                except Exception as error:  # the batch makes it a reply
                    self._stopping.in_call = False
                    call = calls.throw(error)
                else:
                    call = calls.send(returned)
        except StopIteration:
            pass
        except Interrupted as error:
            self._over = True
            self._abandon(batch, ErrorInfo(FlowClosed.code, str(error)))
        return time.monotonic()

    # ---- streams ----

    def _streamed(self, work: Work, call: Call) -> list[Frame]:
        """Send what a generator yields, piece by piece; nothing is left for the answer."""
        stream = self._stream = _Stream(work)
        pieces: Iterator[Any] = call.start()
        try:
            while (piece := next(pieces, _END)) is not _END:
                frames = call.piece(piece)
                self._stopping.in_call = False
                self._await_credit(stream)
                self._wire.send(Piece(work.key), frames)
                stream.credit -= 1
                self._stopping.in_call = True
        finally:
            self._stream = None
            self._close(pieces)
        return []

    def _close(self, pieces: Any) -> None:
        """Let a generator clean up; what interrupted it must not be hidden by an interruption of that."""
        self._stopping.in_call = not self._stopping.interrupted
        pieces.close()
        self._stopping.in_call = False

    def _await_credit(self, stream: _Stream) -> None:
        self._take()
        while stream.credit <= 0 and not stream.dropped:
            if self._stopping.stop or self._over:
                raise Interrupted(NOBODY_TAKES)
            events = self._poller.poll()
            if any(fd in events for fd in self._stopping.filenos()):
                self._heed()
            self._take()
        if stream.dropped:
            raise _Dropped(*['forgotten'] * stream.forgotten)

    def _give_credit(self, key: int, count: int) -> None:
        if self._stream is not None and self._stream.key == key:
            self._stream.credit += count

    def _withdraw(self, keys: Collection[int]) -> None:
        super()._withdraw(keys)
        if self._stream is not None and self._stream.key in keys:
            self._stream.dropped = True

    def _forget(self, first_key: int) -> None:
        super()._forget(first_key)
        if self._stream is not None and self._stream.key < first_key:
            self._stream.dropped = self._stream.forgotten = True


def _credit(credit: int, seconds: float) -> int:
    """Give the credit to ask for after a call that took so long: it grows slowly and shrinks at once."""
    wanted = max(_CREDIT, min(_MOST_CREDIT, int(_AHEAD / max(seconds, 1e-6))))
    return min(wanted, credit + 1)

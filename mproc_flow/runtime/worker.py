"""The loop of an Executor pod: take a piece of work, do it, send the answer; one at a time."""

from __future__ import annotations

import time

from mproc_flow.crossing import describe
from mproc_flow.errors import ErrorInfo, FlowClosed
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.runtime.stopping import Interrupted, Stopping
from mproc_flow.runtime.wire import GatewayWire, OpenWire, Wire
from mproc_flow.transport import blocks, channel
from mproc_flow.transport.frames import Done, Failed, Farewell, Hello, Part, Work
from mproc_flow.transport.sharing import Sharing

# One piece of work ahead hides the way to the gateway and back. Where calls are so short that the way is longer, a pod
# asks for as many as it does in _AHEAD seconds, so that messages travel in batches.
_CREDIT = 2
_MOST_CREDIT = 32
_AHEAD = 0.002
# So long it serves what has arrived before it looks for news again.
_GLANCE = 0.002


class Worker:
    """Works for one Executor whose methods are plain functions.

    Args:
        pod: Who this is.
        dispatcher: Calls the Executor.
        listen: Serve everybody at this TCP address instead of a Flow's gateway.
        credit: How much work the gateway may send ahead.

    Raises:
        PortAlreadyUsed: Something else listens there.
    """

    def __init__(self, pod: Pod, dispatcher: Dispatcher, listen: str = '', credit: int = _CREDIT) -> None:
        self._pod = pod
        self._dispatcher = dispatcher
        self._credit = credit
        self._stopping = Stopping(pod.commands)
        self._stopping.install()
        self._context = channel.context()
        self._wire = self._open(listen)
        self._socket = self._wire.socket
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
            self._wire.close()
            self._context.term()

    def _loop(self) -> None:
        self._heed()  # what came together with the Assignment has been read, and no descriptor tells of it
        poller = channel.Poller(self._socket, *self._stopping.filenos())
        while not self._over:
            events = poller.poll()
            if any(fd in events for fd in self._stopping.filenos()):
                self._heed()
            if self._socket in events and not self._over:
                self._serve_some()

    def _heed(self) -> None:
        """Do what the Guardian or a signal asks for."""
        self._stopping.update()
        if self._stopping.announce:
            self._stopping.announce = False
            self._say_hello()
        if self._stopping.leave and not self._left:
            self._left = True
            self._over = self._wire.leave()
        self._over = self._over or self._stopping.stop

    def _serve_some(self) -> None:
        until = time.monotonic() + _GLANCE
        while not self._over:
            message = self._wire.receive()
            if message is None:
                return
            self._serve(*message)
            if time.monotonic() > until or self._stopping.leave:
                return

    def _serve(self, header: Work | Farewell, parts: list[Part]) -> None:
        if isinstance(header, Farewell):
            self._over = True
        else:
            self._do(header, parts)

    def _do(self, work: Work, parts: list[Part]) -> None:
        begin = time.monotonic()
        try:
            self._stopping.in_call = True
            answer = self._dispatcher.call(work, parts)
            self._stopping.in_call = False
        except Interrupted as error:
            self._over = True
            self._wire.send(Failed(work.key, ErrorInfo(FlowClosed.code, str(error))))
        except Exception as error:  # the reply to the sender
            self._stopping.in_call = False
            self._wire.send(Failed(work.key, self._describe(error)))
        else:
            self._credit = _credit(self._credit, time.monotonic() - begin)
            self._wire.send(Done(work.key, self._credit), answer)

    def _describe(self, error: Exception) -> ErrorInfo:
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
        self._wire.hello(Hello(assignment.spec.name, assignment.generation, self._dispatcher.endpoints, self._credit))


def _credit(credit: int, seconds: float) -> int:
    """Give the credit to ask for after a call that took so long: it grows slowly and shrinks at once."""
    wanted = max(_CREDIT, min(_MOST_CREDIT, int(_AHEAD / max(seconds, 1e-6))))
    return min(wanted, credit + 1)

"""An Executor pod's loop in this process, against a gateway that a test plays."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mproc_flow.executor import Executor
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.dispatch import Dispatcher, started_async
from mproc_flow.runtime.executor_pod import worker_class
from mproc_flow.runtime.messages import Assignment, Command, Report
from mproc_flow.runtime.stopping import Stopping
from mproc_flow.topology.plan import Plan, PodSpec, Route
from mproc_flow.transport import channel, frames
from mproc_flow.transport.frames import Done, Failed, Farewell, Hello, Leaving, Work
from mproc_flow.transport.pipe import Pipe, pair

NAME = 'enc/rep-0'
ROUTE = Route('enc', ('gateway',), ((NAME,),), target='enc')
_PATIENCE = 10.0

Result = TypeVar('Result')


class Answer(msgspec.Struct, frozen=True):
    """What the pod said, with the Documents and parameters that came along."""

    header: Any
    docs: DocumentArray
    parameters: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """The texts of the Documents."""
        return [str(doc.text) for doc in self.docs]


class FakeGateway:
    """The other end of a pod's socket; only for the thread in which the script runs."""

    def __init__(self, context: channel.Context, directory: Path) -> None:
        self._socket = channel.router(context, channel.address(str(directory), channel.PODS))
        self._peer = b''
        self.directory = directory

    def hello(self) -> Hello:
        """Wait for the pod."""
        found = self.answer().header
        assert isinstance(found, Hello)
        return found

    def send(self, *headers: msgspec.Struct) -> None:
        """Send headers without parts."""
        for header in headers:
            assert channel.send(self._socket, [self._peer, *frames.message(header)])

    def work(self, work: Work, texts: Iterable[str] = ('x',), parameters: Mapping[str, Any] | None = None) -> None:
        """Give a piece of work: Documents with these texts."""
        self.parts(work, [encode([Document(text=text) for text in texts], parameters or {})])

    def parts(self, work: Work, parts: list[list[Any]]) -> None:
        """Give a piece of work with the parts as they are."""
        assert channel.send(self._socket, [self._peer, *frames.message(work, parts)])

    def answer(self) -> Answer:
        """Wait for what the pod says next."""
        assert not self.is_silent(_PATIENCE), 'the pod said nothing'
        message = channel.receive(self._socket, copied=3)
        assert message is not None
        self._peer = bytes(message[0])
        header, parts = frames.read(frames.decode_from_pod, message[1:])
        docs, parameters = decode(parts[0]) if parts else (DocumentArray(), {})
        return Answer(header, docs, parameters)

    def answers(self, count: int) -> dict[int, Answer]:
        """Wait for the ends of so many pieces of work; give them by key."""
        found: dict[int, Answer] = {}
        while len(found) < count:
            answer = self.answer()
            assert isinstance(answer.header, (Done, Failed))
            assert answer.header.key not in found, 'answered twice'
            found[answer.header.key] = answer
        return found

    def is_silent(self, seconds: float) -> bool:
        """Say whether the pod says nothing for some time."""
        end = time.monotonic() + seconds
        while not channel.is_readable(self._socket):
            left = end - time.monotonic()
            if left <= 0:
                return True
            channel.Poller(self._socket).poll(int(left * 1000) + 1)
        return False

    def close(self) -> None:
        """Tell the pod that no more comes."""
        channel.send(self._socket, [self._peer, *frames.message(Farewell())])  # it may be gone
        channel.close(self._socket)


class ReportingPod(Pod):
    """Keeps what the pod tells its Guardian, and is its Guardian."""

    def __init__(self, assignment: Assignment) -> None:
        ours, theirs = pair()
        super().__init__(assignment, Pipe(theirs, Command))
        self.guardian = Pipe(ours, Report)
        self.reports: list[Report] = []

    def report(self, report: Report) -> None:
        self.reports.append(report)


class Scene(msgspec.Struct):
    """What a script works with."""

    gateway: FakeGateway
    pod: ReportingPod


Script = Callable[[Scene], Result]


def play(executor: Executor, script: Script[Result], directory: Path, route: Route = ROUTE) -> Result:
    """Run an Executor's loop in this thread, and a script beside it; give what the script gives."""
    spec = PodSpec(NAME, 'enc', 'fork')
    plan = Plan('flow', (spec,), (route,), ('enc',), 'fork')
    pod = ReportingPod(Assignment(spec, plan, 0, str(directory)))
    dispatcher = Dispatcher(executor, NAME, route)
    found: list[Any] = []

    def run() -> None:
        context = channel.context()
        gateway = FakeGateway(context, directory)
        try:
            gateway.hello()
            found.append(script(Scene(gateway, pod)))
        except BaseException as error:  # raised again below
            found.append(error)
        finally:
            gateway.close()
            context.term()

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    other = threading.Thread(target=run)
    try:
        other.start()
        worker_class(dispatcher)(pod, dispatcher, '').run()
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        other.join(_PATIENCE)
        pod.commands.close()
        pod.guardian.close()
    if isinstance(found[0], BaseException):
        raise found[0]
    result: Result = found[0]
    return result


def left(scene: Scene) -> None:
    """Ask the pod, as a signal from outside does, to take no more work; wait until it says so."""
    signal.raise_signal(signal.SIGTERM)
    assert isinstance(scene.gateway.answer().header, Leaving)


def called(dispatcher: Dispatcher, work: Work, parts: list[Any]) -> list[Any]:
    """Do a piece of work with a plain method, as the loop does; give the frames of the answer."""
    call = dispatcher.prepare(work, parts)
    return call.finish(call.start())


async def called_async(dispatcher: Dispatcher, work: Work, parts: list[Any], stopping: Stopping) -> list[Any]:
    """The same with a method of either kind."""
    call = dispatcher.prepare(work, parts)
    return call.finish(await started_async(call, stopping))

"""What a Flow and a Deployment have in common: they are started, take requests, and are stopped."""

from __future__ import annotations

import atexit
import os
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mproc_flow.client import Client
from mproc_flow.errors import FlowBuildLevelError, FlowClosed, MissingMainGuard
from mproc_flow.posting.options import Posting
from mproc_flow.run import Run
from mproc_flow.runtime import loader
from mproc_flow.supervisor import signals
from mproc_flow.supervisor.blocking import Blocking
from mproc_flow.supervisor.control import PodStatus

if TYPE_CHECKING:
    from typing_extensions import Self

# Strong references: a running Flow that nobody holds any more still runs, until it is closed at exit.
_running: set[Service] = set()

GLANCE = 0.002


class Service(Posting):
    """Processes that run between :meth:`start` and :meth:`close` and answer :meth:`post`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._run: Run | None = None

    def _new_run(self) -> Run:
        raise NotImplementedError

    # ---- running ----

    def start(self) -> Self:
        """Start all processes and wait until every one is ready.

        Raises:
            RuntimeFailToStart: At least one failed; the message names each with its cause, and none is left.
            FlowTopologyError: The Executors do not form a graph; no process was started.
            BadOption, BadConfigSource: An Executor cannot be found or cannot work; no process was started.
            FlowBuildLevelError: The Flow is running already.
        """
        self._check_start()
        run = self._new_run()
        self._begin(run)
        try:
            with signals.left_to_main():
                run.start()
        except BaseException:
            self._forget(run)
            raise
        return self

    def close(self) -> None:
        """Stop all processes, within the longest ``timeout_ctrl`` and a second. Closing twice does nothing.

        In-flight requests are answered first. A KeyboardInterrupt while it waits kills everything at once.
        """
        with self._lock:
            run = self._run
        if run is None or run.owner != os.getpid():  # a fork of the program does not own the processes
            return
        try:
            run.close()
        finally:
            self._forget(run)

    def block(self, stop_event: Any = None) -> None:
        """Wait until something ends the Flow's service, then return, for the ``with`` block to close it.

        It ends when ``stop_event`` is set, at Ctrl-C, when another thread calls :meth:`close`, when the main thread
        has ended, and, if called in the main thread, at SIGTERM or SIGHUP that the program does not handle itself.

        Args:
            stop_event: A threading or multiprocessing Event, or anything with ``is_set()``.

        Raises:
            FlowFailed: The Flow cannot serve any more.
            FlowBuildLevelError: The Flow does not run.
            TypeError: ``stop_event`` is of another kind, e.g. an asyncio Event.
        """
        run = self._running_run()
        with signals.left_to_main():
            ended_by = Blocking(run.supervision, stop_event).wait()
        run.interrupted = ended_by == 'signal'
        failure = run.supervision.failure
        if ended_by == 'flow' and failure is not None and not run.closing:
            raise failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # ---- requests ----

    def post(self, on: str, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """Send inputs to an endpoint and wait for the answers; arguments as in :meth:`mproc_flow.Client.post`.

        Raises:
            FlowClosed: The Flow does not run.
            FlowFailed: The Flow cannot serve any more.
        """
        run = self._run
        if run is None or run.client is None:
            state = 'not running: start() it, or use it in a with block' if run is None else 'still starting'
            raise FlowClosed(f'post() on a Flow that is {state}')
        failure = run.supervision.failure
        if failure is not None:
            raise failure
        return run.client.post(on, inputs, *args, **options)

    def is_flow_ready(self, timeout: float = 5.0) -> bool:
        """Say whether it runs and every Executor that an answer waits for has a process that takes work.

        Args:
            timeout: Seconds to wait for word of this.
        """
        run = self._run
        end = time.monotonic() + timeout
        while run is not None and run.client is not None and run.supervision.failure is None:
            left = end - time.monotonic()
            if run.client.is_flow_ready(max(left, 0.0)):
                return True
            if left <= 0 or any(pod.state != 'ready' for pod in run.supervision.pods):
                return False
            time.sleep(GLANCE)  # all are ready, and the gateway is about to hear of it
        return False

    # ---- how it is ----

    @property
    def is_running(self) -> bool:
        """True from :meth:`start` to :meth:`close`."""
        return self._run is not None

    @property
    def pods(self) -> tuple[PodStatus, ...]:
        """Name, pid, state, phase and restarts of each process, the gateway last; empty if the Flow does not run."""
        return self._run.supervision.pods if self._run is not None else ()

    @property
    def guardian_pid(self) -> int:
        """Pid of the process that supervises the others."""
        return self._running_run().supervision.guardian_pid

    @property
    def run_directory(self) -> str:
        """The private directory of this run."""
        return self._running_run().supervision.run_directory

    @property
    def client(self) -> Client:
        """What sends requests; it is closed with the Flow."""
        client: Client | None = self._running_run().client
        if client is None:
            raise FlowBuildLevelError('the Flow is still starting')
        return client

    @property
    def address(self) -> str:
        """Where clients connect: ``tcp://host:port`` if a port was given, else a private socket file."""
        return self._running_run().address

    @property
    def _state(self) -> str:
        """In words, for people."""
        run = self._run
        if run is None:
            return 'not running'
        if run.supervision.failure is not None:
            return 'failed'
        return 'starting' if run.client is None else f'running at {self.address}'

    def _check_start(self) -> None:
        if loader.is_importing_main():
            raise MissingMainGuard
        if self._run is not None:
            raise FlowBuildLevelError('start() on a Flow that is running already')

    def _begin(self, run: Run) -> None:
        """Take on a run that is about to be started."""
        with self._lock:
            if self._run is not None:
                raise FlowBuildLevelError('start() on a Flow that is running already')
            self._run = run
            _running.add(self)

    def _running_run(self) -> Run:
        run = self._run
        if run is None:
            raise FlowBuildLevelError('the Flow is not running: start() it, or use it in a with block')
        return run

    def _forget(self, run: Run) -> None:
        with self._lock:
            if self._run is run:
                self._run = None
                _running.discard(self)


@atexit.register
def _close_all() -> None:
    for service in list(_running):
        service.close()

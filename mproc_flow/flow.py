"""The Flow: what users build, start, post to and close."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mproc_flow.errors import BadOption, FlowBuildLevelError, FlowClosed, MissingMainGuard
from mproc_flow.executor import Executor
from mproc_flow.options.groups import EXECUTOR, FLOW
from mproc_flow.run import Run
from mproc_flow.runtime import loader
from mproc_flow.supervisor import signals
from mproc_flow.supervisor.blocking import Blocking
from mproc_flow.supervisor.control import PodStatus
from mproc_flow.topology.graph import Graph

# Strong references: a running Flow that nobody holds any more still runs, until it is closed at exit.
_running: set[Flow] = set()


class Flow:
    """A topology of Executors that run as supervised processes of this host.

    ``Flow().add(...)`` builds it, ``with flow:`` (or :meth:`start` and :meth:`close`) runs it, :meth:`post` sends
    Documents through it. A closed Flow can be started again. See the options table for all keyword arguments.

    Raises:
        BadOption: An option does not exist or cannot have this value.
    """

    def __init__(self, **options: Any) -> None:
        self._set_up(FLOW.check(options, 'Flow()'), Graph())

    def _set_up(self, options: Mapping[str, Any], graph: Graph) -> None:
        self._given = options
        self._options = FLOW.with_defaults(options)
        self._graph = graph
        self._lock = threading.RLock()
        self._run: Run | None = None

    @classmethod
    def load_config(cls, source: str | Path, **options: Any) -> Flow:
        """Make a Flow from a YAML file, or from YAML text.

        Args:
            source: Path of the file, or text that starts with ``jtype: Flow``.
            **options: Options of the Flow that override the file's.

        Raises:
            BadConfigSource: The file does not exist or is no Flow.
            BadOption: It has an option that does not exist or cannot have its value.
        """
        from mproc_flow.topology import flowfile  # PyYAML is for those who have a file

        file = flowfile.load(source)
        flow = cls.__new__(cls)
        given = FLOW.check(file.flow, f'{file.origin}: with')
        graph = Graph()
        for position, item in enumerate(file.executors):
            graph = graph.add(EXECUTOR.check(item, f'{file.origin}: executors[{position}]'))
        flow._set_up({**given, **FLOW.check(options, 'Flow.load_config()')}, graph)
        return flow

    # ---- building ----

    def add(self, **options: Any) -> Flow:
        """Give a Flow with one more Executor; this one stays as it is. See the options table for the arguments.

        Raises:
            BadOption: An option does not exist or cannot have this value.
            FlowTopologyError: The name is taken or reserved.
            FlowBuildLevelError: The Flow is running.
        """
        if self._run is not None:
            raise FlowBuildLevelError('add() while the Flow is running: close() it first')
        name = options.get('name')
        checked = EXECUTOR.check(options, f'Flow.add(name={name!r})' if name else 'Flow.add()')
        uses = checked.get('uses')
        if isinstance(uses, type) and not issubclass(uses, Executor):
            raise BadOption(f'Flow.add(): uses={uses.__qualname__} is no Executor: derive it from mproc_flow.Executor')
        flow = type(self).__new__(type(self))
        flow._set_up(self._given, self._graph.add(checked))
        return flow

    # ---- running ----

    def start(self) -> Flow:
        """Start all processes and wait until every one is ready.

        Raises:
            RuntimeFailToStart: At least one failed; the message names each with its cause, and none is left.
            FlowTopologyError: The Executors do not form a graph; no process was started.
            FlowBuildLevelError: The Flow is running already.
        """
        if loader.is_importing_main():
            raise MissingMainGuard
        with self._lock:
            if self._run is not None:
                raise FlowBuildLevelError('start() on a Flow that is running already')
            run = self._run = Run(self._options, self._graph)
            _running.add(self)
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

    def __enter__(self) -> Flow:
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
        if run is None:
            raise FlowClosed('post() on a Flow that is not running: start() it, or use it in a with block')
        failure = run.supervision.failure
        if failure is not None:
            raise failure
        return run.client.post(on, inputs, *args, **options)

    def index(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/index``."""
        return self.post('/index', inputs, **options)

    def search(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/search``."""
        return self.post('/search', inputs, **options)

    def update(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/update``."""
        return self.post('/update', inputs, **options)

    def delete(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/delete``."""
        return self.post('/delete', inputs, **options)

    # ---- what it is and how it is ----

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
    def address(self) -> str:
        """Where clients connect: ``tcp://host:port`` if a port was given, else a private socket file."""
        return self._running_run().address

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
    for flow in list(_running):
        flow.close()

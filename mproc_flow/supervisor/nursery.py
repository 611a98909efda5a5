"""Where pods' processes come from: forked from the Guardian, or fresh interpreters."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable

import msgspec

from mproc_flow.runtime.messages import Assignment, Report
from mproc_flow.supervisor import process
from mproc_flow.supervisor.control import Launch
from mproc_flow.supervisor.pod import Output, Pod
from mproc_flow.supervisor.rundir import RUN_VARIABLE, run_id
from mproc_flow.topology.plan import GATEWAY, PodSpec
from mproc_flow.transport.pipe import Pipe, pair

POD_VARIABLE = 'MPROC_FLOW_POD'

PodMain = Callable[[Assignment, socket.socket], None]


class Nursery:
    """Starts pods' processes.

    A pod is forked from the Guardian if the Guardian has the memory its start method promises: that of the user's
    program for ``fork``, or that of a fresh interpreter with the preloaded modules for ``forkserver``. All others
    are fresh interpreters of their own.

    Args:
        order: What is run, with the payloads.
        run_directory: Path of the run directory.
        forkable: The start method whose pods can be forked from here.
        main: What a forked pod runs; None if none can be forked after all.
    """

    def __init__(self, order: Launch, run_directory: str, forkable: str, main: PodMain | None) -> None:
        self._plan = order.plan
        self._payloads = order.payloads
        self._run_directory = run_directory
        self._forkable = forkable if main is not None else None
        self._main = main

    def start(self, pod: Pod, close: Iterable[int]) -> None:
        """Start a new process for a pod and tell the pod of it.

        Args:
            pod: The pod, which has no process now.
            close: The Guardian's descriptors, which a forked child must not hold open.
        """
        ours, theirs = pair()
        ends = [os.pipe() for _ in ('stdout', 'stderr')]
        for reader, _ in ends:
            os.set_blocking(reader, False)
        forked = pod.spec.start_method == self._forkable
        spec = self._loaded(pod.spec)
        assignment = Assignment(spec, self._plan, pod.generation + 1, self._run_directory)
        child = self._forked(assignment, theirs) if forked else self._fresh(spec, theirs)
        doomed = [*close, ours.fileno(), *(reader for reader, _ in ends)]
        try:
            pid = process.spawn(child, doomed, (ends[0][1], ends[1][1]))
        finally:
            theirs.close()
            for _, writer in ends:
                os.close(writer)
        outputs = [Output(ends[0][0], 'stdout'), Output(ends[1][0], 'stderr')]
        pod.started(pid, Pipe(ours, Report), outputs)
        if not forked and pod.pipe is not None:
            pod.pipe.send(assignment)

    def keep_port(self, address: str) -> None:
        """A gateway that is started again listens where this one does, though the port was chosen by chance."""
        if address:
            self._plan = msgspec.structs.replace(self._plan, port=int(address.rpartition(':')[2]))

    def _loaded(self, spec: PodSpec) -> PodSpec:
        """Put the payload, which all pods of a Deployment share, into the spec."""
        payload = self._payloads.get(spec.deployment)
        if payload is None or spec.executor is None:
            return spec
        return msgspec.structs.replace(spec, executor=msgspec.structs.replace(spec.executor, payload=payload))

    def _forked(self, assignment: Assignment, sock: socket.socket) -> Callable[[], None]:
        def child() -> None:
            os.environ.update(self._environment(assignment.spec))
            process.set_title(assignment.spec.name)
            if self._main is not None:
                self._main(assignment, sock)

        return child

    def _fresh(self, spec: PodSpec, sock: socket.socket) -> Callable[[], None]:
        def child() -> None:
            environment = {**os.environ, **self._environment(spec)}
            fd = sock.fileno()
            module = 'gateway' if spec.deployment == GATEWAY else 'executor_pod'
            words = process.entry(f'mproc_flow.runtime.{module}', spec.name, str(fd))
            process.execute(words, environment, keep=fd)

        return child

    def _environment(self, spec: PodSpec) -> dict[str, str]:
        return {**spec.env, RUN_VARIABLE: run_id(self._run_directory), POD_VARIABLE: spec.name}

"""One run of a Flow, from start to close: its Plan, its processes, and the client that talks to them."""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from mproc_flow.client import Client
from mproc_flow.errors import FlowClosed, FlowTopologyError, MprocFlowError
from mproc_flow.executor import bindings, check_executor, find_class
from mproc_flow.logs import FlowLog
from mproc_flow.options.groups import FLOW
from mproc_flow.signature import schemas
from mproc_flow.supervisor import payload
from mproc_flow.supervisor.launch import Cargo, needs_fork, preload
from mproc_flow.supervisor.owner import Supervision
from mproc_flow.topology import devices
from mproc_flow.topology.edges import Schemas, mismatches
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.plan import ExecutorSpec, Plan, PodSpec
from mproc_flow.topology.pods import Host
from mproc_flow.topology.source import Source
from mproc_flow.transport import channel

# The Guardian tells within milliseconds why a gateway is gone; this bounds the wait should it be gone itself.
_CAUSE_WAIT = 0.5


class Run:
    """A Flow's processes and its client.

    Args:
        options: The Flow's options, as checked.
        graph: Its graph.
        client_type: What kind of client it is to have.

    Attributes:
        supervision: The processes.
        client: Sends requests; None until all is ready.
        closing: :meth:`close` was called.
        interrupted: A signal ended ``block()``: the user has asked for the end already.
    """

    def __init__(self, options: Mapping[str, Any], graph: Graph, client_type: Any = Client) -> None:
        self.owner = os.getpid()
        self.closing = False
        self.interrupted = False
        self.client: Any = None
        self._launched = False
        self._client_type = client_type
        chosen = FLOW.with_defaults(options)
        self._log = FlowLog(chosen['quiet'])
        self._options = chosen
        self._plan, cargo = _cargo(*self.plan(options, graph))
        self.supervision = Supervision(self._plan, cargo, self._log)

    @staticmethod
    def plan(options: Mapping[str, Any], graph: Graph) -> tuple[Plan, dict[str, Source]]:
        """Make the Plan of a run, and find by node what is to be loaded.

        Raises:
            FlowTopologyError, BadOption, BadConfigSource: It could not be started.
        """
        plan, sources = graph.plan(options, _surroundings())
        known = {}
        for node, source in sources.items():
            if source.kind is not None:
                check_executor(source.kind, source.place, source.requests, source.batching)
                bound = bindings(source.kind, source.requests)
                known[node] = schemas({endpoint: getattr(source.kind, name) for endpoint, name in bound.items()})
        _check_edges(plan, known)
        return plan, sources

    @property
    def address(self) -> str:
        """Where clients connect."""
        run_directory = self.supervision.run_directory
        return self.supervision.address or channel.address(run_directory, channel.CLIENTS)

    def start(self) -> None:
        """Start everything, and say so."""
        self.launch()
        self.await_start()

    @property
    def forks(self) -> bool:
        """Pods get the memory of the process that starts it."""
        return needs_fork(self._plan)

    def prepare(self) -> None:
        """Do beforehand what :meth:`launch` would have to do and any thread can: import what pods need."""
        preload()

    def launch(self) -> None:
        """Begin with :meth:`start`: what has to happen in the thread whose memory forked pods get."""
        self._begin = time.monotonic()
        self.supervision.launch()
        self._launched = True
        if self.closing:  # close() came when there was nothing to stop yet
            self.supervision.stop()
            raise FlowClosed(f'{self._plan.flow} was closed while it started')

    def await_start(self) -> None:
        """Go on with it: wait until everything is ready."""
        self.supervision.await_start()
        try:
            address = channel.address(self.supervision.run_directory, channel.CLIENTS)
            self.client = self._client_type.at(address, self._options, self._explain, self._is_hopeless)
            self._log.say(logging.INFO, self._banner(time.monotonic() - self._begin))
        except BaseException:  # of the application's logging, or a Ctrl-C meanwhile
            self.close()
            raise

    def kill(self) -> None:
        """Make :meth:`close`, in another thread, end at once."""
        if self._launched:
            self.supervision.kill()

    def close(self, grace: float | None = None) -> None:
        """Stop everything; nothing if nothing was launched. For ``grace`` see :meth:`Supervision.stop`."""
        self.closing = True
        if not self._launched:
            return
        try:
            self.supervision.stop(grace)
        except KeyboardInterrupt:
            if not self.interrupted:  # else it is the second one, and asked for no more than what was done
                raise
        finally:
            if self.client is not None:
                self.client.close()

    def _is_hopeless(self, seconds: float) -> bool:
        return self.closing or self.supervision.failure is not None

    def _explain(self) -> MprocFlowError | None:
        if self.closing:
            return FlowClosed('the Flow was closed before this request was answered')
        return self.supervision.explain_gateway_loss(_CAUSE_WAIT)

    def _banner(self, seconds: float) -> str:
        pods = '\n'.join(f'    {pod.name:<24} pid {pod.pid}' for pod in self.supervision.pods)
        return f'{self._plan.flow} is ready after {seconds:.2f} s at {self.address} (protocol zmq)\n{pods}'


def _check_edges(plan: Plan, known: Schemas) -> None:
    """Check what is known before any process runs; of classes that only their pods load, the pods tell."""
    found = [sentence for sentences in mismatches(plan.routes, known).values() for sentence in sentences]
    if found:
        raise FlowTopologyError(f'{plan.flow}: {"; ".join(found)}')


def _surroundings() -> Host:
    count = functools.partial(devices.count_devices, os.environ)
    return Host(os.environ, os.getcwd(), sys.path, functools.cache(count), find_class)


def _cargo(plan: Plan, sources: Mapping[str, Source]) -> tuple[Plan, Cargo]:
    """Gather what the pods get beside the Plan; a node's pods share it."""
    cargo = Cargo({node: (source.kind, source.uses_with) for node, source in sources.items()}, {})
    packed = {spec.deployment: _packed(spec, cargo) for spec in _first_pods(plan)}
    pods = tuple(
        msgspec.structs.replace(spec, executor=packed.get(spec.deployment, spec.executor)) for spec in plan.pods
    )
    return msgspec.structs.replace(plan, pods=pods, log_level=logging.getLogger().level), cargo


def _first_pods(plan: Plan) -> list[PodSpec]:
    return list({spec.deployment: spec for spec in plan.pods if spec.executor is not None}.values())


def _packed(spec: PodSpec, cargo: Cargo) -> ExecutorSpec | None:
    """Turn class and arguments into bytes for pods that do not get them with their memory."""
    kind, uses_with = cargo.objects[spec.deployment]
    if spec.executor is None or spec.start_method == 'fork' or (kind is None and not uses_with):
        return spec.executor
    executor = payload.pack(spec.deployment, spec.executor, kind, uses_with)
    cargo.payloads[spec.deployment] = executor.payload
    return msgspec.structs.replace(executor, payload=b'')

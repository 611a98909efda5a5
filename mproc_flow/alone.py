"""One pod in the foreground, without a Flow around it: what containers run."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mproc_flow.errors import BadOption, FlowTopologyError
from mproc_flow.options.address import tcp_address
from mproc_flow.options.groups import EXECUTOR
from mproc_flow.run import Run
from mproc_flow.runtime import bootstrap, executor_pod, gateway
from mproc_flow.runtime.messages import Assignment
from mproc_flow.supervisor.process import occupy_standard_streams
from mproc_flow.supervisor.rundir import RunDirectory
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.plan import GATEWAY, PodSpec

# Tells the process that execve() made that it has its environment already.
_PREPARED = 'MPROC_FLOW_ALONE'
_START, _END = 'start-gateway', 'end-gateway'


def run_executor(options: Mapping[str, Any], host: str, port: int) -> NoReturn:
    """Be one Executor that answers everybody at a TCP port; the process ends with it.

    Args:
        options: Options of an Executor, as checked.
        host, port: Where to listen; port 0 takes any that is free.

    Raises:
        BadOption, BadConfigSource: The Executor cannot be found or cannot work.
    """
    occupy_standard_streams()
    for name in ('replicas', 'shards', 'uses_before', 'uses_after'):
        if options.get(name, 1) != 1:
            raise BadOption(f'--{name.replace("_", "-")}: executor runs one process; for more run deployment')
    graph = Graph().add({'name': 'executor', **options}).placed('executor', Graph())
    plan, sources = Run.plan({'name': 'executor'}, graph)
    (spec, _) = plan.pods
    _take_environment(spec)
    objects = {name: (source.kind, source.uses_with) for name, source in sources.items()}
    where = tcp_address(host, port)
    bootstrap.run_alone(Assignment(spec, plan, 0, ''), lambda pod: executor_pod.serve(pod, objects, where))


def run_gateway(options: Mapping[str, Any], graph: Mapping[str, Any], addresses: Mapping[str, Any]) -> NoReturn:
    """Be a gateway for Executors that run elsewhere; the process ends with it.

    Args:
        options: Options of a Flow, as checked; ``port`` among them.
        graph: ``{node: [nodes that wait for it]}``, beginning with ``start-gateway`` and ending with ``end-gateway``,
            as Jina's ``--graph-description``.
        addresses: ``{node: "host:port"}``, or a list with one of these.

    Raises:
        FlowTopologyError: The graph is not valid.
        BadOption: An address is missing or wrong.
    """
    occupy_standard_streams()
    plan, _ = Run.plan({'protocol': 'zmq', **options}, _graph(graph, addresses))
    (spec,) = plan.pods
    _take_environment(spec)
    directory = RunDirectory()
    atexit.register(directory.remove)
    bootstrap.run_alone(Assignment(spec, plan, 0, str(directory.path)), gateway.serve)


def _graph(description: Mapping[str, Any], addresses: Mapping[str, Any]) -> Graph:
    needs: dict[str, list[str]] = {name: [] for name in description if name != _START}
    for name, followers in description.items():
        if not isinstance(followers, Sequence) or isinstance(followers, str):
            raise FlowTopologyError(f'--graph-description: {name!r} must have a list of the nodes that wait for it')
        for follower in followers:
            if follower != _END:
                needs.setdefault(follower, []).append(GATEWAY if name == _START else name)
    graph = Graph()
    for name, waits_for in needs.items():
        host, port = _split(name, addresses)
        options = {'name': name, 'needs': waits_for, 'external': True, 'host': host, 'port': port}
        graph = graph.add(EXECUTOR.check(options, f'--graph-description: {name}'))
    return graph


def _split(name: str, addresses: Mapping[str, Any]) -> tuple[str, int]:
    given = addresses.get(name)
    one = given[0] if isinstance(given, list) and len(given) == 1 else given
    host, _, port = str(one).rpartition('://')[2].rpartition(':')
    if not isinstance(one, str) or not port.isdecimal():
        raise BadOption(f'--deployments-addresses: {name!r} needs one address such as "127.0.0.1:50000", got {given!r}')
    return host.strip('[]'), int(port)


def _take_environment(spec: PodSpec) -> None:
    """Begin again with the pod's environment variables: they must be there before anything is imported."""
    if spec.env and _PREPARED not in os.environ:
        environment = {**os.environ, **spec.env, _PREPARED: '1'}
        os.execve(sys.executable, [sys.executable, '-m', 'mproc_flow', *sys.argv[1:]], environment)

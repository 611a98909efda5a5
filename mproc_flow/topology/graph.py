"""The graph of a Flow's Deployments: which there are, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec

from mproc_flow.errors import FlowTopologyError
from mproc_flow.options.groups import FLOW, start_method
from mproc_flow.topology import order
from mproc_flow.topology.deployment import DeploymentSpec, Role
from mproc_flow.topology.plan import GATEWAY, Plan, Route
from mproc_flow.topology.pods import Host, executor_pods, gateway_pod, sources
from mproc_flow.topology.source import Source

JOINER, INSPECTOR, GATHERER = 'joiner', 'inspect', 'gather_inspect'


class Graph(msgspec.Struct, frozen=True):
    """The Deployments of a Flow, in the order in which they were added. It never changes: :meth:`add` makes another.

    Args:
        deployments: The Deployments.
    """

    deployments: tuple[DeploymentSpec, ...] = ()

    # ---- building ----

    def add(self, options: Mapping[str, Any], role: Role = 'executor') -> Graph:
        """Return a graph with one more Deployment.

        Without a name it is called ``executor0``, ``executor1``, ... by its position, or the next number that is
        free. Without ``needs`` it waits for the last Deployment that others wait for, or for the gateway if there is
        none. Names in ``needs`` may be added later; they are looked up by :meth:`validate`.

        Args:
            options: Options of an Executor, as checked.
            role: How it comes into the graph.

        Raises:
            FlowTopologyError: The name is taken, or is ``gateway``, or it waits for itself.
        """
        name = options.get('name') or self._free_name()
        self._check_name(name)
        needs = tuple(options.get('needs') or (self.last,))
        if name in needs:
            raise FlowTopologyError(f'Executor {name!r} needs itself: name another, or gateway')
        rest = {key: value for key, value in options.items() if key not in ('name', 'needs')}
        return Graph((*self.deployments, DeploymentSpec(name, needs, rest, role)))

    def join(self, options: Mapping[str, Any]) -> Graph:
        """Return a graph with a Deployment that waits for several others.

        Args:
            options: Options of an Executor, as checked, ``needs`` among them. Without any but ``name`` and ``needs``
                it only brings results together, and no process runs for it.

        Raises:
            FlowTopologyError: There are fewer than two to wait for.
        """
        needs = options.get('needs', ())
        if len(needs) < 2:
            given = f' not only {needs[0]!r}' if needs else ''
            raise FlowTopologyError(f'needs() joins at least two Executors,{given}; for one write add(needs=...)')
        return self.add({'name': self._free_name(JOINER), **options}, 'join')

    def join_all(self, options: Mapping[str, Any]) -> Graph:
        """Return a graph with a Deployment that waits for all that nobody waits for yet.

        Raises:
            FlowTopologyError: There is nothing to wait for, or ``needs`` is among the options.
        """
        _check_no_needs(options, 'needs_all()')
        needs = tuple(name for name in self.leaves() if self[name].role != 'inspect')
        if not needs:
            raise FlowTopologyError('needs_all() has nothing to join: add() Executors first')
        options = {'name': self._free_name(JOINER), **options, 'needs': needs}
        return self.join(options) if len(needs) > 1 else self.add(options)

    def inspect(self, options: Mapping[str, Any]) -> Graph:
        """Return a graph with a Deployment that looks at what the last one did; what is added later does not see it."""
        return self.add({'name': self._free_name(INSPECTOR), **options}, 'inspect')

    def gather(self, options: Mapping[str, Any], include_last: bool) -> Graph:
        """Return a graph with a Deployment that joins all inspectors, and the last Deployment if asked to.

        Without inspectors it is the same graph.

        Raises:
            FlowTopologyError: ``needs`` is among the options.
        """
        _check_no_needs(options, 'gather_inspect()')
        inspectors = tuple(spec.name for spec in self if spec.role == 'inspect')
        if not inspectors:
            return self
        needs = (self.last, *inspectors) if include_last else inspectors
        options = {'name': self._free_name(GATHERER), **options, 'needs': needs}
        return self.join(options) if len(needs) > 1 else self.add(options)

    def placed(self, place: str, before: Graph) -> Graph:
        """Return the graph with a place in a file for what was added to another one."""
        new = self.deployments[len(before) :]
        return Graph((*before.deployments, *(msgspec.structs.replace(spec, place=place) for spec in new)))

    def steps(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the calls that make this graph, each as the name of a method of a Flow and its options."""
        methods = {'executor': 'add', 'join': 'needs', 'inspect': 'inspect'}
        steps: list[tuple[str, dict[str, Any]]] = []
        graph = Graph()
        for spec in self:
            options: dict[str, Any] = {'name': spec.name}
            if spec.role == 'join' or spec.needs != (graph.last,):
                options['needs'] = spec.needs
            steps.append((methods[spec.role], {**options, **spec.options}))
            graph = Graph((*graph.deployments, spec))
        return steps

    # ---- looking ----

    @property
    def last(self) -> str:
        """Name of the Deployment that the next one waits for unless it says otherwise."""
        followed = [spec.name for spec in self if not spec.floating and spec.role != 'inspect']
        return followed[-1] if followed else GATEWAY

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Deployments, in order of addition."""
        return tuple(spec.name for spec in self.deployments)

    def awaited(self, hang: bool = False) -> frozenset[str]:
        """Return the names of the Deployments that the answer to a client waits for, directly or not.

        Args:
            hang: It does not wait for inspectors.
        """
        found = {spec.name for spec in self if not spec.floating and not (hang and spec.role == 'inspect')}
        before = -1
        while len(found) > before:  # names that do not exist (yet) do no harm here
            before = len(found)
            found.update(name for spec in self if spec.name in found for name in spec.needs if name != GATEWAY)
        return frozenset(found)

    def leaves(self, hang: bool = False) -> tuple[str, ...]:
        """Return the names of the Deployments whose results make the answer, in the order in which they are merged.

        They are those that nobody waits for, in order of addition, then inspectors that nobody waits for.

        Args:
            hang: What inspectors do is left out.
        """
        awaited = self.awaited(hang)
        specs = [spec for spec in self if spec.name in awaited]
        flowing = {name for spec in specs if spec.role != 'inspect' for name in spec.needs}
        leaves = [spec for spec in specs if spec.name not in flowing]
        return tuple(spec.name for spec in sorted(leaves, key=lambda spec: spec.role == 'inspect'))

    def without_inspectors(self) -> Graph:
        """Return the graph without inspectors, as if they had never been added."""
        gone = {spec.name for spec in self if spec.role == 'inspect'}
        kept = []
        for spec in self:
            needs = tuple(name for name in spec.needs if name not in gone)
            if spec.name not in gone and needs:
                kept.append(msgspec.structs.replace(spec, needs=needs))
        return Graph(tuple(kept))

    def within(self, flow: Mapping[str, Any]) -> Graph:
        """Return the graph as it runs in a Flow: without inspectors if these are to be removed.

        Args:
            flow: Options of the Flow, as checked; the Deployments inherit them.
        """
        graph = self.without_inspectors() if flow.get('inspect') == 'remove' else self
        return Graph(tuple(spec.within(flow) for spec in graph))

    def __len__(self) -> int:
        return len(self.deployments)

    def __iter__(self) -> Iterator[DeploymentSpec]:
        return iter(self.deployments)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> DeploymentSpec:
        for spec in self.deployments:
            if spec.name == name:
                return spec
        raise KeyError(name)

    def validate(self) -> None:
        """Check what its Deployments need.

        Raises:
            FlowTopologyError: A name in ``needs`` does not exist or stands twice, or somebody waits for itself.
        """
        order.validate(self.deployments)

    def ordered(self) -> tuple[DeploymentSpec, ...]:
        """Return the Deployments so that each comes after all it needs; see :func:`order.ordered`."""
        return order.ordered(self.deployments)

    def plan(self, flow_options: Mapping[str, Any], host: Host) -> tuple[Plan, dict[str, Source]]:
        """Return the pods and routes of one start, and by node what is to be loaded in the pods.

        Args:
            flow_options: Options of the Flow, as checked.
            host: The user's process and its host.

        Raises:
            FlowTopologyError: The graph is not valid.
            BadOption, BadConfigSource: An Executor cannot be found, or ``JINA_MP_START_METHOD`` or the devices cannot
                be resolved.
        """
        self.validate()
        flow = FLOW.with_defaults(flow_options)
        graph = self.within(flow_options)
        specs = graph.ordered()
        by_name = {spec.name: spec for spec in specs}
        found = {node: source for spec in specs for node, source in sources(spec, host).items()}
        pods = [pod for name in graph.names for pod in executor_pods(by_name[name], found, host)]
        plan = Plan(
            flow=flow['name'],
            pods=(*pods, gateway_pod(flow, host.environ)),
            routes=_routes(specs, graph.awaited(flow['inspect'] == 'hang')),
            leaves=tuple(by_name[name].output for name in graph.leaves(flow['inspect'] == 'hang')),
            start_method=start_method(flow['start_method'], host.environ),
            host=flow['host'],
            port=0 if flow['port'] is None and flow['protocol'] is not None else flow['port'],
            max_in_flight=flow['max_in_flight'],
            preload=flow['preload'],
            sys_path=tuple(host.sys_path),
            workdir=host.workdir,
            shared_memory_from=flow['shared_memory_from'],
        )
        return plan, found

    def _free_name(self, prefix: str = 'executor') -> str:
        if prefix != 'executor' and prefix not in self.names:
            return prefix
        start = len(self) if prefix == 'executor' else 1
        return next(name for number in count(start) if (name := f'{prefix}{number}') not in self.names)

    def _check_name(self, name: str) -> None:
        if name == GATEWAY:
            raise FlowTopologyError(
                f'an Executor cannot be called {GATEWAY!r}: there every Flow begins and ends; choose another name'
            )
        if name in self.names:
            first = self.names.index(name)
            raise FlowTopologyError(
                f'executors[{first}] and executors[{len(self)}] are both called {name!r}: give one of them another name'
            )


def _check_no_needs(options: Mapping[str, Any], call: str) -> None:
    if 'needs' in options:
        raise FlowTopologyError(f'{call} finds out itself what it waits for: leave needs out')


def _routes(specs: Sequence[DeploymentSpec], awaited: frozenset[str]) -> tuple[Route, ...]:
    outputs = {GATEWAY: GATEWAY, **{spec.name: spec.output for spec in specs}}
    return tuple(
        route
        for spec in specs
        for route in spec.routes(tuple(outputs[name] for name in spec.needs), spec.name not in awaited)
    )

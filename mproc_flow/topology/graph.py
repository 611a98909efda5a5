"""The graph of a Flow's Deployments: which there are, and who waits for whom."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec

from mproc_flow.errors import FlowTopologyError
from mproc_flow.options.groups import FLOW, start_method
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.topology import devices
from mproc_flow.topology.deployment import DeploymentSpec, Host, executor_pods, gateway_pod
from mproc_flow.topology.plan import GATEWAY, Plan, Route


class Graph(msgspec.Struct, frozen=True):
    """The Deployments of a Flow, in the order in which they were added. It never changes: :meth:`add` makes another.

    Args:
        deployments: The Deployments.
    """

    deployments: tuple[DeploymentSpec, ...] = ()

    def add(self, options: Mapping[str, Any]) -> Graph:
        """Return a graph with one more Deployment.

        Without a name it is called ``executor0``, ``executor1``, ... by its position, or the next number that is
        free. Without ``needs`` it waits for the Deployment added before it, or for the gateway if it is the first.
        Names in ``needs`` may be added later; they are looked up by :meth:`validate`.

        Args:
            options: Options of an Executor, as checked.

        Raises:
            FlowTopologyError: The name is taken, or is ``gateway``.
        """
        name = options.get('name') or self._free_name()
        self._check_name(name)
        last = self.deployments[-1].name if self.deployments else GATEWAY
        needs = tuple(options.get('needs') or (last,))
        rest = {key: value for key, value in options.items() if key not in ('name', 'needs')}
        return Graph((*self.deployments, DeploymentSpec(name, needs, rest)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Deployments, in order of addition."""
        return tuple(spec.name for spec in self.deployments)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of the Deployments that nobody needs, in order of addition."""
        needed = {name for spec in self.deployments for name in spec.needs}
        return tuple(name for name in self.names if name not in needed)

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
        """Check that every name in ``needs`` exists, that none stands twice, and that nobody waits for itself.

        Raises:
            FlowTopologyError: The message names the Executors and, for a cycle, all on it.
        """
        for spec in self.deployments:
            self._check_needs(spec)
        self.ordered()

    def ordered(self) -> tuple[DeploymentSpec, ...]:
        """Return the Deployments so that each comes after all it needs, else in order of addition.

        Raises:
            FlowTopologyError: Some wait for each other in a cycle.
        """
        done = {GATEWAY}
        waiting = list(self.deployments)
        found = []
        while waiting:
            spec = next((spec for spec in waiting if done.issuperset(spec.needs)), None)
            if spec is None:
                raise FlowTopologyError(_describe_cycle(waiting))
            waiting.remove(spec)
            done.add(spec.name)
            found.append(spec)
        return tuple(found)

    def plan(
        self,
        flow_options: Mapping[str, Any],
        *,
        environ: Mapping[str, str],
        sys_path: Sequence[str],
        workdir: str,
        count_devices: Callable[[], int] | None = None,
    ) -> Plan:
        """Return the pods and routes of one start.

        Args:
            flow_options: Options of the Flow, as checked.
            environ: Environment variables of the user's process.
            sys_path, workdir: Module search path and working directory of the user's process.
            count_devices: Tells how many GPUs there are; by default the host is asked, at most once.

        Raises:
            FlowTopologyError: The graph is not valid.
            BadOption: ``JINA_MP_START_METHOD`` or the devices cannot be resolved.
        """
        self.validate()
        flow = FLOW.with_defaults(flow_options)
        ask_once = functools.cache(count_devices or functools.partial(devices.count_devices, environ))
        host = Host(environ, workdir, ask_once)
        pods = [pod for spec in self.deployments for pod in executor_pods(spec, flow_options, host)]
        return Plan(
            flow=flow['name'],
            pods=(*pods, gateway_pod(flow, environ)),
            routes=tuple(Route(spec.name, spec.needs, spec.pods) for spec in self.ordered()),
            leaves=self.leaves,
            start_method=start_method(flow['start_method'], environ),
            host=flow['host'],
            port=flow['port'],
            preload=flow['preload'],
            sys_path=tuple(sys_path),
            workdir=workdir,
        )

    def _free_name(self) -> str:
        return next(name for number in count(len(self)) if (name := f'executor{number}') not in self.names)

    def _check_name(self, name: str) -> None:
        if name == GATEWAY:
            raise FlowTopologyError(
                f'an Executor cannot be called {GATEWAY!r}: that is where every Flow begins and ends'
            )
        if name in self.names:
            first = self.names.index(name)
            raise FlowTopologyError(
                f'executors[{first}] and executors[{len(self)}] are both called {name!r}: give one of them another name'
            )

    def _check_needs(self, spec: DeploymentSpec) -> None:
        seen: set[str] = set()
        for name in spec.needs:
            if name == spec.name:
                raise FlowTopologyError(f'Executor {spec.name!r} needs itself')
            if name in seen:
                raise FlowTopologyError(f'Executor {spec.name!r} needs {name!r} twice: name it once')
            if name != GATEWAY and name not in self.names:
                others = [other for other in (*self.names, GATEWAY) if other != spec.name]
                hint = did_you_mean(name, others)
                raise FlowTopologyError(f'Executor {spec.name!r} needs {name!r}, which is not in the Flow{hint}')
            seen.add(name)


def _describe_cycle(waiting: Sequence[DeploymentSpec]) -> str:
    # Each that waits needs another that waits, so following these comes back to where it was.
    needs = {spec.name: spec.needs for spec in waiting}
    path = [waiting[0].name]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in needs[path[-1]] if name in needs))
    cycle = path[path.index(path[-1]) :]
    return f'Executors wait for each other in a cycle, results would go {" → ".join(reversed(cycle))}'

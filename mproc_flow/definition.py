"""What a Flow is made of: its options and its graph, and what can be asked about them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mproc_flow.display import table
from mproc_flow.options.groups import FLOW
from mproc_flow.service import Service
from mproc_flow.topology.deployment import DeploymentSpec
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.same import same

if TYPE_CHECKING:
    from typing_extensions import Self


class Definition(Service):
    """Options and a graph of Deployments, as a Flow has them.

    ``flow['name']`` and ``flow[0]`` give its Deployments, ``len(flow)`` their number, and iteration their names with
    them. Two are equal if they have the same options and the same graph.
    """

    def _set_up(self, options: Mapping[str, Any], graph: Graph) -> None:
        self._given = dict(options)
        self._graph = graph
        self._built = False

    @property
    def num_deployments(self) -> int:
        """How many Deployments there are; once it is built or running the gateway counts too."""
        return len(self) + (self._built or self._run is not None)

    @property
    def last_deployment(self) -> str:
        """Name of the Deployment that the next one added waits for, ``gateway`` if there is none."""
        return self._graph.last

    @property
    def layout(self) -> tuple[DeploymentSpec, ...]:
        """The Deployments that run: each with what it inherits, and no inspectors if they are to be removed."""
        return self._graph.within(self._given).deployments

    @property
    def num_pods(self) -> int:
        """How many processes it has when it runs, the gateway among them."""
        return 1 + sum(spec.num_pods for spec in self.layout)

    def __getitem__(self, key: str | int) -> DeploymentSpec:
        if isinstance(key, str):
            found = self._graph[key]
        elif isinstance(key, int):
            found = self._graph.deployments[key]
        else:
            raise TypeError(f'a Deployment is named by its name or its number, not by {key!r}')
        return found.within(self._given)

    def __len__(self) -> int:
        return len(self._graph)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[tuple[str, DeploymentSpec]]:
        return iter([(spec.name, spec.within(self._given)) for spec in self._graph])

    def __contains__(self, name: object) -> bool:
        return name in self._graph

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Definition):
            return NotImplemented
        return same((self._given, self._graph.deployments), (other._given, other._graph.deployments))

    __hash__ = object.__hash__

    def __copy__(self) -> Self:
        flow = type(self).__new__(type(self))
        Service.__init__(flow)
        flow._set_up(self._given, self._graph)
        return flow

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        flow = copy.copy(self)
        flow._set_up(copy.deepcopy(self._given, memo), copy.deepcopy(self._graph, memo))
        return flow

    def __repr__(self) -> str:
        names = ', '.join(self._graph.names)
        return f'<{type(self).__name__} {self._options["name"]!r} of {len(self)} Executors: {names}>'

    def _repr_html_(self) -> str:  # for notebooks
        title = f'{type(self).__name__} {self._options["name"]!r}, {self._state}'
        return table(title, self.layout, self.pods)

    @property
    def _options(self) -> dict[str, Any]:
        return FLOW.with_defaults(self._given)

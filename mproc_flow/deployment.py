"""One Executor served on its own, or given to a Flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mproc_flow.display import table
from mproc_flow.executor import check_executor
from mproc_flow.options.groups import ALONE, DEPLOYMENT, EXECUTOR
from mproc_flow.run import Run
from mproc_flow.service import Service
from mproc_flow.topology.files import located
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.same import same

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self, Unpack

    from mproc_flow.options.signatures import DeploymentLoadOptions, DeploymentOptions


class Deployment(Service):
    """One Executor with its replicas and shards, served without a Flow around it.

    It is started, asked and closed like a Flow, and can be given to one: ``Flow().add(deployment)``.

    Args:
        **options: The options of an Executor, and those of a Flow that say how it is reached; see the options table.

    Raises:
        BadOption: An option does not exist or cannot have this value.
    """

    def __init__(self, **options: Unpack[DeploymentOptions]) -> None:
        super().__init__()
        self._place = 'Deployment()'
        self._given = located(DEPLOYMENT.check(options, 'Deployment()'), '')
        if isinstance(self._given.get('uses'), type):
            check_executor(self._given['uses'], 'Deployment(): uses')

    @classmethod
    def load_config(cls, source: Any, **options: Unpack[DeploymentLoadOptions]) -> Self:
        """Make a Deployment from YAML with ``jtype: Deployment``; arguments as :meth:`mproc_flow.Flow.load_config`."""
        from mproc_flow.topology import configuration, flowfile  # PyYAML is for those who have a file

        where = f'{cls.__name__}.load_config()'
        rest: dict[str, Any] = dict(options)
        given, place = flowfile.load_deployment(source, configuration.Values.taken_from(rest, where))
        deployment = cls(**{**given, **DEPLOYMENT.check(rest, where)})
        deployment._place = place
        return deployment

    def save_config(self, filename: str | Path | None = None) -> str:
        """Write YAML that :meth:`load_config` makes an equal Deployment of; see :meth:`mproc_flow.Flow.save_config`."""
        from mproc_flow.topology import flowdump  # see load_config

        return flowdump.save(filename, lambda folder: flowdump.dump_deployment(self._given, folder))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Deployment):
            return NotImplemented
        return same(self._given, other._given)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self._name!r}>'

    @property
    def _name(self) -> str:
        return str(self._given.get('name', 'executor'))

    @property
    def executor_options(self) -> Mapping[str, Any]:
        """The options it gives to a Flow's ``add()``."""
        return {name: value for name, value in self._given.items() if name not in ALONE and name in EXECUTOR.names}

    def _repr_html_(self) -> str:  # for notebooks
        return table(f'Deployment, {self._state}', self._graph, self.pods)

    @property
    def _graph(self) -> Graph:
        return Graph().add({**self.executor_options, 'name': self._name})

    def _new_run(self) -> Run:
        alone = (*ALONE, 'name', 'start_method', 'timeout_ready', 'timeout_ctrl')
        around = {name: value for name, value in {**self._given, 'name': self._name}.items() if name in alone}
        return Run(around, self._graph.placed(self._place, Graph()))

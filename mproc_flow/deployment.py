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

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mproc_flow.options.signatures import DeploymentOptions, LoadOptions


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
        self._given = located(DEPLOYMENT.check(options, 'Deployment()'), '')
        if isinstance(self._given.get('uses'), type):
            check_executor(self._given['uses'], 'Deployment(): uses')

    @classmethod
    def load_config(cls, source: Any, **options: Unpack[LoadOptions]) -> Deployment:
        """Make a Deployment from YAML with ``jtype: Deployment``; arguments as :meth:`mproc_flow.Flow.load_config`."""
        from mproc_flow.topology import configuration, flowfile  # PyYAML is for those who have a file

        where = f'{cls.__name__}.load_config()'
        rest: dict[str, Any] = dict(options)
        given = flowfile.load_deployment(source, configuration.Values.taken_from(rest, where))
        return cls(**{**given, **DEPLOYMENT.check(rest, where)})

    @property
    def executor_options(self) -> Mapping[str, Any]:
        """The options it gives to a Flow's ``add()``."""
        return {name: value for name, value in self._given.items() if name not in ALONE and name in EXECUTOR.names}

    def _repr_html_(self) -> str:  # for notebooks
        return table(f'Deployment, {self._state}', Graph().add(self._named_options), self.pods)

    @property
    def _named_options(self) -> dict[str, Any]:
        return {'name': 'executor', **self.executor_options}

    def _new_run(self) -> Run:
        options = self._named_options
        alone = (*ALONE, 'name', 'start_method', 'timeout_ready', 'timeout_ctrl')
        around = {name: value for name, value in {**self._given, 'name': options['name']}.items() if name in alone}
        return Run(around, Graph().add(options))

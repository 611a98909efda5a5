"""The Flow: what users build, start, post to and close."""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mproc_flow.deployment import Deployment
from mproc_flow.display import table
from mproc_flow.errors import BadOption, FlowBuildLevelError
from mproc_flow.executor import check_executor
from mproc_flow.options.groups import EXECUTOR, FLOW
from mproc_flow.run import Run
from mproc_flow.service import Service
from mproc_flow.topology.deployment import DeploymentSpec
from mproc_flow.topology.files import USES, located
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.same import same

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mproc_flow.options.signatures import ExecutorOptions, FlowOptions, LoadOptions


# By name: it stands above this module, and asyncio is for those who use it.
_ASYNC_FLOW = 'mproc_flow.async_flow'


class _Setting:
    """An option of a Flow that can be read, and set until the Flow is built."""

    def __set_name__(self, owner: type[Flow], name: str) -> None:
        self._name = name

    def __get__(self, flow: Flow | None, owner: type[Flow]) -> Any:
        return self if flow is None else flow._options[self._name]

    def __set__(self, flow: Flow, value: Any) -> None:
        flow._check_level(f'setting {self._name}')
        rest = {name: old for name, old in flow._given.items() if name != self._name}
        flow._given = {**rest, **FLOW.check({self._name: value}, 'Flow()')}


class Flow(Service):
    """A topology of Executors that run as supervised processes of this host.

    ``Flow().add(...)`` builds it, ``with flow:`` (or :meth:`start` and :meth:`close`) runs it, :meth:`post` sends
    Documents through it. A closed Flow can be started again. See the options table for all keyword arguments.

    ``flow['name']`` and ``flow[0]`` give its Deployments, ``len(flow)`` their number, and iteration their names with
    them. Two Flows are equal if they have the same options and the same graph.

    ``name``, ``host``, ``port``, ``protocol``, ``workspace`` and ``env`` can be read, and set until it is built.

    Raises:
        BadOption: An option does not exist or cannot have this value.
    """

    name = _Setting()
    host = _Setting()
    port = _Setting()
    protocol = _Setting()
    workspace = _Setting()
    env = _Setting()

    def __init__(self, **options: Unpack[FlowOptions]) -> None:
        super().__init__()
        self._set_up(FLOW.check(options, 'Flow()'), Graph())
        if self._given.get('asyncio') and type(self) is Flow:
            self.__class__ = importlib.import_module(_ASYNC_FLOW).AsyncFlow

    def _set_up(self, options: Mapping[str, Any], graph: Graph) -> None:
        self._given = dict(options)
        self._graph = graph
        self._built = False

    @classmethod
    def load_config(cls, source: Any, **options: Unpack[LoadOptions]) -> Flow:
        """Make a Flow from a YAML file, from YAML or JSON text, from a dict, or from an open file.

        Args:
            source: The path, the text, the dict or the file.
            **options: ``context`` (values for ``${{ name }}``), ``substitute`` (False leaves these as they are),
                ``extra_search_paths`` (folders in which a relative path is looked for), ``uses_with`` (overrides what
                is under ``with``); all others are options of the Flow that override the file's.

        Raises:
            BadConfigSource: There is no such file, or it is not a Flow.
            BadOption: It has an option that does not exist or cannot have its value.
        """
        from mproc_flow.topology import configuration, flowfile  # PyYAML is for those who have a file

        where = f'{cls.__name__}.load_config()'
        rest: dict[str, Any] = dict(options)
        file = flowfile.load(source, configuration.Values.taken_from(rest, where))
        override = {**(rest.pop('uses_with', None) or {}), **rest}
        flow = cls(**{**file.flow, **FLOW.check(override, where)})
        for method, given in file.steps:
            flow._graph = flow._step(method, dict(given))
        return flow

    def save_config(self, filename: str | Path | None = None) -> str:
        """Write the Flow as YAML that :meth:`load_config` makes an equal Flow of.

        Args:
            filename: The file to write, or None to write none.

        Returns:
            The text.

        Raises:
            BadOption: Something in it cannot be written, for instance an object in ``uses_with``.
        """
        from mproc_flow.topology import flowdump  # see load_config

        folder = None if filename is None else os.path.dirname(os.path.abspath(filename))
        text = flowdump.dump(self._given, self._graph.steps(), folder)
        if filename is not None:
            Path(filename).write_text(text, encoding='utf-8')
        return text

    # ---- building ----

    def add(
        self, deployment: Deployment | None = None, *, copy_flow: bool = True, **options: Unpack[ExecutorOptions]
    ) -> Flow:
        """Give a Flow with one more Executor; this one stays as it is. See the options table for the arguments.

        Args:
            deployment: Takes its options from a Deployment; others override them.
            copy_flow: False changes this Flow instead of making another.
            **options: Options of the Executor.

        Raises:
            BadOption: An option does not exist or cannot have this value.
            FlowTopologyError: The name is taken or reserved.
            FlowBuildLevelError: The Flow is built or running.
        """
        if deployment is not None and not isinstance(deployment, Deployment):
            raise BadOption(f'Flow.add() takes options by name: write add(uses={deployment!r})')
        own = deployment.executor_options if deployment is not None else {}
        return self._changed('add', {**own, **options}, copy_flow)

    def needs(self, needs: Sequence[str], name: str | None = None, *, copy_flow: bool = True, **options: Any) -> Flow:
        """Give a Flow with an Executor that waits for at least two others and unites their results.

        Args:
            needs: Names of the others.
            name: Its name, ``joiner`` unless given.
            copy_flow: See :meth:`add`.
            **options: Options of an Executor; if there are none, uniting needs no process.
        """
        return self._changed('needs', {**options, 'needs': needs, 'name': name}, copy_flow)

    def needs_all(self, name: str | None = None, *, copy_flow: bool = True, **options: Any) -> Flow:
        """Give a Flow with an Executor that waits for all that nobody waits for yet; arguments as :meth:`needs`."""
        return self._changed('needs_all', {**options, 'name': name}, copy_flow)

    def inspect(self, name: str | None = None, *, copy_flow: bool = True, **options: Any) -> Flow:
        """Give a Flow with an Executor that looks at the last one's results; the next one waits for the last one.

        What becomes of its own results says the Flow's option ``inspect``. Arguments as :meth:`add`; its name is
        ``inspect`` unless given.
        """
        return self._changed('inspect', {**options, 'name': name}, copy_flow)

    def gather_inspect(
        self,
        name: str | None = None,
        include_last_deployment: bool = True,
        *,
        copy_flow: bool = True,
        **options: Any,
    ) -> Flow:
        """Give a Flow with an Executor that unites the results of all inspectors, and those of the last Executor.

        Args:
            name: Its name, ``gather_inspect`` unless given.
            include_last_deployment: False leaves out the last Executor's results.
            copy_flow: See :meth:`add`.
            **options: Options of an Executor.
        """
        given = {**options, 'name': name, 'include_last_deployment': include_last_deployment}
        return self._changed('gather_inspect', given, copy_flow)

    def build(self, copy_flow: bool = False) -> Flow:
        """Check the whole Flow, as :meth:`start` would, without starting anything; afterwards it cannot be changed.

        Raises:
            FlowTopologyError, BadOption, BadConfigSource: It could not be started.
            FlowBuildLevelError: It is built or running already.
        """
        flow = copy.copy(self) if copy_flow else self
        flow._check_level('build()')
        Run.plan(flow._given, flow._graph)
        flow._built = True
        return flow

    __call__ = build

    def close(self) -> None:
        super().close()
        self._built = False

    def _new_run(self) -> Run:
        return Run(self._given, self._graph)

    def _check_level(self, call: str) -> None:
        if self._run is not None:
            raise FlowBuildLevelError(f'{call} while the Flow is running: close() it first')
        if self._built:
            raise FlowBuildLevelError(f'{call} on a Flow that is built: it cannot be changed any more')

    def _changed(self, method: str, given: dict[str, Any], copy_flow: bool) -> Flow:
        self._check_level(f'{method}()')
        flow = copy.copy(self) if copy_flow else self
        flow._graph = self._step(method, given)
        return flow

    def _step(self, method: str, given: dict[str, Any]) -> Graph:
        include_last = given.pop('include_last_deployment', True)
        name = given.get('name')
        checked = EXECUTOR.check(given, f'Flow.{method}(name={name!r})' if name else f'Flow.{method}()')
        for option in USES:
            if isinstance(checked.get(option), type):
                check_executor(checked[option], f'Flow.{method}(): {option}')
        checked = located(checked, '')
        graph = self._graph
        if method == 'gather_inspect':
            return graph.gather(checked, include_last)
        steps = {'add': graph.add, 'needs': graph.join, 'needs_all': graph.join_all, 'inspect': graph.inspect}
        return steps[method](checked)

    # ---- what it is ----

    def __getitem__(self, key: str | int) -> DeploymentSpec:
        return self._graph.deployments[key] if isinstance(key, int) else self._graph[key]

    def __len__(self) -> int:
        return len(self._graph)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[tuple[str, DeploymentSpec]]:
        return iter([(spec.name, spec) for spec in self._graph])

    def __contains__(self, name: object) -> bool:
        return name in self._graph

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Flow):
            return NotImplemented
        return same((self._given, self._graph.deployments), (other._given, other._graph.deployments))

    __hash__ = object.__hash__

    def __copy__(self) -> Flow:
        flow = type(self).__new__(type(self))
        Service.__init__(flow)
        flow._set_up(self._given, self._graph)
        return flow

    def __deepcopy__(self, memo: dict[int, Any]) -> Flow:
        flow = copy.copy(self)
        flow._set_up(copy.deepcopy(self._given, memo), copy.deepcopy(self._graph, memo))
        return flow

    def __repr__(self) -> str:
        names = ', '.join(self._graph.names)
        return f'<{type(self).__name__} {self._options["name"]!r} of {len(self)} Executors: {names}>'

    def _repr_html_(self) -> str:  # for notebooks
        title = f'{type(self).__name__} {self._options["name"]!r}, {self._state}'
        return table(title, [spec.within(self._given) for spec in self._graph], self.pods)

    @property
    def num_deployments(self) -> int:
        """How many Deployments there are; once it is built or running the gateway counts too."""
        return len(self) + (self._built or self._run is not None)

    @property
    def last_deployment(self) -> str:
        """Name of the Deployment that the next one added waits for, ``gateway`` if there is none."""
        return self._graph.last

    @property
    def num_pods(self) -> int:
        """How many processes it has when it runs, the gateway among them."""
        return 1 + sum(len(names) for spec in self._graph for part in spec.parts() for names in part.pods)

    @property
    def _options(self) -> dict[str, Any]:
        return FLOW.with_defaults(self._given)

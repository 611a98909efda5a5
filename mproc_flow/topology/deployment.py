"""One named node of a Flow: its options, and what it becomes when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Literal

import msgspec

from mproc_flow.errors import FlowTopologyError
from mproc_flow.options.address import tcp_address
from mproc_flow.options.groups import EXECUTOR, inherited
from mproc_flow.topology.plan import Route

# Whether it was made by add(), by needs() and its like, or by inspect().
Role = Literal['executor', 'join', 'inspect']

_BEFORE, _AFTER = 'uses_before', 'uses_after'


class DeploymentSpec(msgspec.Struct, frozen=True):
    """One named node of a Flow.

    Args:
        name: Its name, unique in the Flow.
        needs: Names of the Deployments, or ``gateway``, whose results it waits for.
        options: Its other options, as checked; only those that were given.
        role: How it came into the graph.
        place: Where it stands in a file, e.g. ``flow.yml: executors[1]``; nothing if it was added in Python.
    """

    name: str
    needs: tuple[str, ...]
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)
    role: Role = 'executor'
    place: str = ''

    @property
    def where(self) -> str:
        """Where it was given, to begin the name of an option in a message with."""
        return self.place or f'Flow.add(name={self.name!r})'

    def error(self, problem: str) -> FlowTopologyError:
        """Make the error for something that is wrong with it."""
        return FlowTopologyError(f'{self.place}{": " if self.place else ""}Executor {self.name!r} {problem}')

    @property
    def args(self) -> SimpleNamespace:
        """All options that act, with defaults for those that were not given."""
        return SimpleNamespace(**{**EXECUTOR.with_defaults(self.options), 'name': self.name, 'needs': self.needs})

    @property
    def floating(self) -> bool:
        """Nobody waits for it."""
        return bool(self.options.get('floating'))

    @property
    def external(self) -> bool:
        """It runs already, somewhere else."""
        return bool(self.options.get('external'))

    @property
    def is_passive(self) -> bool:
        """It only brings results together, which needs no process."""
        return self.role == 'join' and not self.options

    def within(self, flow: Mapping[str, Any]) -> DeploymentSpec:
        """Return it with the options that it inherits from its Flow."""
        if self.is_passive or self.external:
            return self
        return msgspec.structs.replace(self, options=inherited(flow, self.options))

    def parts(self) -> tuple[Part, ...]:
        """Return the nodes it becomes, in the order in which a request passes them."""
        options = self.options
        if self.is_passive or self.external:
            return (Part(self.name, self.name, None, 0),)
        shards = int(options.get('shards', 1))
        parts = [Part(self.name, self.name, options.get('uses'), int(options.get('replicas', 1)), shards)]
        if _BEFORE in options:
            parts.insert(0, Part(f'{self.name}/{_BEFORE}', self.name, options[_BEFORE], 1))
        if _AFTER in options:
            parts.append(Part(f'{self.name}/{_AFTER}', self.name, options[_AFTER], 1))
        return tuple(parts)

    @property
    def num_pods(self) -> int:
        """How many processes it has."""
        return sum(len(names) for part in self.parts() for names in part.pods)

    @property
    def output(self) -> str:
        """Name of the node whose answer is this Deployment's."""
        return self.parts()[-1].name

    def routes(self, needs: tuple[str, ...], side: bool) -> tuple[Route, ...]:
        """Return its nodes as the Router sees them.

        Args:
            needs: Names of the nodes whose answers it waits for.
            side: No answer waits for it.

        Raises:
            FlowTopologyError: ``disable_reduce`` has nothing that could get the parts.
        """
        self._check_reduce()
        target = '' if self.is_passive else self.name
        routes: list[Route] = []
        for part in self.parts():
            is_main, is_first = part.name == self.name, not routes
            route = Route(
                name=part.name,
                needs=needs if is_first else (routes[-1].name,),
                shards=part.pods,
                polling=self.options.get('polling', EXECUTOR['polling'].default) if is_main else 'any',
                target=target,
                side=side,
                apart=bool(self.options.get('disable_reduce')) and len(needs) > 1 if is_first else not is_main,
                when=self.options.get('when') if is_first else None,
                address=tcp_address(self.args.host, self.args.port) if self.external else '',
                timeout_send=max(0, self.options.get('timeout_send') or 0) / 1000,
                retries=self.options.get('retries', EXECUTOR['retries'].default),
            )
            routes.append(route)
        return tuple(routes)

    def _check_reduce(self) -> None:
        options = self.options
        useless = options.get('disable_reduce') and options.get('shards', 1) > 1 and _AFTER not in options
        if useless and len(self.needs) == 1:
            raise self.error(
                'has disable_reduce, but nothing that could get the answers of its shards apart: give it uses_after'
            )


class Part(msgspec.Struct, frozen=True):
    """One node that a Deployment becomes: itself, or what stands before or after it.

    Args:
        name: Name of the node.
        deployment: Name of the Deployment.
        uses: Its Executor.
        replicas: How many processes each shard has; 0 if nothing runs.
        shards: How many shards it has.
    """

    name: str
    deployment: str
    uses: Any
    replicas: int
    shards: int = 1

    @property
    def pods(self) -> tuple[tuple[str, ...], ...]:
        """Names of its pods by shard: ``a/rep-0``, ``a/shard-1/rep-0``, ``a/uses_before-0``."""
        if not self.replicas:
            return ()
        if self.name != self.deployment:
            return ((f'{self.name}-0',),)
        prefixes = [self.name] if self.shards == 1 else [f'{self.name}/shard-{shard}' for shard in range(self.shards)]
        return tuple(tuple(f'{prefix}/rep-{replica}' for replica in range(self.replicas)) for prefix in prefixes)

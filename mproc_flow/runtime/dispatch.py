"""From the frames of a piece of work to the user's method, and back to frames."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from itertools import islice
from typing import Any

from mproc_flow.executor import Executor
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.reduce import RESULTS, reduce
from mproc_flow.model.schema import EndpointSchema, at_endpoint
from mproc_flow.options.condition import compile_condition
from mproc_flow.runtime.method import Method
from mproc_flow.runtime.stopping import Stopping
from mproc_flow.signature import schemas
from mproc_flow.topology.plan import Route
from mproc_flow.transport.frames import Frame, Part, Work
from mproc_flow.transport.leases import private


class Dispatcher:
    """Calls one Executor's methods.

    Args:
        executor: The Executor.
        pod: Name of the pod, under which a dict that a method returns is filed.
        route: Its place in the graph.
    """

    def __init__(self, executor: Executor, pod: str, route: Route) -> None:
        self.executor = executor
        self._pod = pod
        self._deployment = route.target
        self._needs = [need.partition('/')[0] for need in route.needs]  # Executors, not what stands after them
        self._matches = None if route.when is None else compile_condition(route.when)
        self._methods = {endpoint: Method(method) for endpoint, method in executor.requests.items()}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """What the Executor answers."""
        return tuple(self._methods)

    @property
    def is_async(self) -> bool:
        """True if at least one method is ``async def``."""
        return any(method.is_async for method in self._methods.values())

    @property
    def schemas(self) -> dict[str, EndpointSchema]:
        """What its methods take and give, by endpoint."""
        return schemas(self.executor.requests)

    def call(self, header: Work, parts: Sequence[Part]) -> list[Frame]:
        """Do a piece of work with a plain method."""
        work = self._prepare(header, parts)
        return work.finish(work.start())

    async def call_async(self, header: Work, parts: Sequence[Part], stopping: Stopping) -> list[Frame]:
        """Do a piece of work with a method of either kind; ``stopping`` is told while a plain one runs."""
        work = self._prepare(header, parts)
        stopping.in_call = True
        try:
            returned = work.start()
        finally:
            stopping.in_call = False
        if inspect.isawaitable(returned):
            returned = await returned
        return work.finish(returned)

    def _prepare(self, header: Work, parts: Sequence[Part]) -> _Call:
        groups, parameters = self._groups(header, parts)
        method = at_endpoint(self._methods, header.endpoint)
        if method is None:  # nobody sees them apart
            docs, _ = reduce([(docs, {}) for docs in groups])
            return _Call(None, docs, {}, parameters, self._pod)
        seen = [method.group(docs) for docs in groups]
        names = self._names(header)
        arguments = {
            'parameters': self._scope(parameters),
            'docs_matrix': seen if any(groups) else None,
            'docs_map': dict(zip(names, seen, strict=True)) if len(names) == len(seen) else {},
        }
        return _Call(method, method.together(seen), arguments, parameters, self._pod)

    def _groups(self, header: Work, parts: Sequence[Part]) -> tuple[list[DocumentArray], dict[str, Any]]:
        """Decode what has arrived and merge what belongs together; parameters are one in any case."""
        decoded = iter([self._decoded(part) for part in parts])
        merged = [reduce(list(islice(decoded, size))) for size in header.groups or (len(parts),)]
        _, parameters = reduce([(DocumentArray(), parameters) for _, parameters in merged])
        return [self._filtered(docs) for docs, _ in merged], parameters

    def _decoded(self, part: Part) -> tuple[DocumentArray, dict[str, Any]]:
        return decode(private(part), writable=True) if self.executor.writable_arrays else decode(part)

    def _filtered(self, docs: DocumentArray) -> DocumentArray:
        return docs if self._matches is None else DocumentArray([doc for doc in docs if self._matches(doc)])

    def _names(self, header: Work) -> Sequence[str]:
        """Give the names of the groups: of the nodes they come from, or of their shards."""
        return [f'{self._needs[0]}/shard-{number}' for number in header.shards] or self._needs

    def _scope(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Give the parameters as this Executor sees them: ``name__key`` and ``{name: {key: ...}}`` addressed to it."""
        scoped = {}
        mine = f'{self._deployment}__'
        for key, value in parameters.items():
            owner, mark, _ = key.partition('__')
            if key.startswith(mine):
                scoped[key.removeprefix(mine)] = value
            elif not mark or not owner or key == RESULTS:
                scoped[key] = value
        own = parameters.get(self._deployment)
        if isinstance(own, dict):
            scoped.update(own)
        return scoped


class _Call:
    def __init__(
        self,
        method: Method | None,
        docs: Any,
        arguments: dict[str, Any],
        parameters: dict[str, Any],
        pod: str,
    ) -> None:
        self._method = method
        self._docs = docs
        self._arguments = arguments
        self._parameters = parameters
        self._pod = pod

    def start(self) -> Any:
        """Call the method; an endpoint that none is bound to changes nothing."""
        return self._method.start(self._docs, self._arguments) if self._method is not None else None

    def finish(self, returned: Any) -> list[Frame]:
        """Turn what the method returned into the frames of the answer."""
        docs = self._docs if self._method is None else self._method.answer(self._docs, returned)
        if isinstance(returned, dict):
            self._parameters[RESULTS] = {**self._parameters.get(RESULTS, {}), self._pod: returned}
        return encode(docs, self._parameters)

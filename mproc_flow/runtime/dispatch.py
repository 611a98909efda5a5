"""From the frames of a piece of work to the user's method, and back to frames."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from mproc_flow.executor import Executor, batching_rules, retryable_endpoints
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.model.reduce import RESULTS, reduce
from mproc_flow.model.schema import DEFAULT_ENDPOINT, EndpointSchema, at_endpoint
from mproc_flow.options.condition import compile_condition
from mproc_flow.runtime.method import Method
from mproc_flow.runtime.stopping import Stopping
from mproc_flow.signature import schemas
from mproc_flow.topology.plan import Route
from mproc_flow.transport.frames import Frame, Part, Work
from mproc_flow.transport.leases import private

_END: Any = object()


class Dispatcher:
    """Calls one Executor's methods.

    Args:
        executor: The Executor.
        pod: Name of the pod, under which a dict that a method returns is filed.
        route: Its place in the graph.
        batching: ``uses_dynamic_batching``.

    Attributes:
        rules: How requests share calls, by endpoint, where they do.
        retryable: The endpoints at which work may be begun again.
    """

    def __init__(
        self, executor: Executor, pod: str, route: Route, batching: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.executor = executor
        self._pod = pod
        self._deployment = route.target
        self._needs = [need.partition('/')[0] for need in route.needs]  # Executors, not what stands after them
        self._matches = None if route.when is None else compile_condition(route.when)
        self._methods = {endpoint: Method(method) for endpoint, method in executor.requests.items()}
        self.rules = batching_rules(type(executor), executor._bindings, batching or {})
        self.retryable = retryable_endpoints(type(executor), executor._bindings)

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

    def prepare(self, header: Work, parts: Sequence[Part]) -> Call:
        """Decode a piece of work."""
        groups, parameters = self._groups(header, parts)
        method = at_endpoint(self._methods, header.endpoint)
        if method is None:  # nobody sees them apart
            docs, _ = reduce([(docs, {}) for docs in groups])
            return Call(self, None, docs, {}, parameters)
        seen = [method.group(docs) for docs in groups]
        arguments = self._arguments(header, seen, parameters)
        return Call(self, method, method.together(seen), arguments, parameters)

    def _arguments(self, header: Work, seen: Sequence[Any], parameters: dict[str, Any]) -> dict[str, Any]:
        names = self._names(header)
        return {
            'parameters': self._scope(parameters),
            'docs_matrix': seen if any(seen) else None,
            'docs_map': dict(zip(names, seen, strict=True)) if len(names) == len(seen) else {},
        }

    # ---- calls that requests share ----

    def bound_to(self, endpoint: str) -> str:
        """Give the endpoint under which the method is bound that answers this one."""
        return endpoint if endpoint in self._methods else DEFAULT_ENDPOINT

    def may_share(self, header: Work) -> bool:
        """Say whether a call for this work can have other Documents too; not if it is to see its parts apart."""
        return len(header.groups) < 2 or not self._methods[self.bound_to(header.endpoint)].takes_groups

    def documents(self, header: Work, parts: Sequence[Part]) -> tuple[list[Any], dict[str, Any]]:
        """Decode a piece of work: its Documents as the method takes them, and its parameters."""
        groups, parameters = self._groups(header, parts)
        method = self._methods[self.bound_to(header.endpoint)]
        return [doc for docs in groups for doc in method.group(docs)], parameters

    def shared(self, header: Work, docs: list[Any], parameters: dict[str, Any]) -> Attempt:
        """Prepare a call for Documents of several requests, of which this is one."""
        method = self._methods[self.bound_to(header.endpoint)]
        seen = method.array(docs)
        return Attempt(method, seen, self._arguments(header, [seen], parameters), len(docs))

    def with_results(self, parameters: dict[str, Any], returned: Any) -> dict[str, Any]:
        """File what a method returned, if it is a dict, in the parameters."""
        if isinstance(returned, dict):
            parameters[RESULTS] = {**parameters.get(RESULTS, {}), self._pod: returned}
        return parameters

    def _groups(self, header: Work, parts: Sequence[Part]) -> tuple[list[DocumentArray], dict[str, Any]]:
        """Decode what has arrived and merge what belongs together; parameters are one in any case."""
        if len(parts) == 1:  # nearly always
            docs, parameters = self._decoded(parts[0])
            return [self._filtered(docs)], parameters
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


async def started_async(call: Call | Attempt, stopping: Stopping) -> Any:
    """Start a call and await it if need be; give what the method returned.

    Args:
        call: Of a method of either kind.
        stopping: Is told while user code runs that cannot be cancelled.
    """
    stopping.in_call = True
    try:
        returned = call.start()
    finally:
        stopping.in_call = False
    return await returned if inspect.isawaitable(returned) else returned


async def each(pieces: Any, stopping: Stopping) -> AsyncGenerator[Any, None]:
    """Give what a generator of either kind yields; see :func:`started_async`. Close it to close that."""
    if inspect.isasyncgen(pieces):
        try:
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()
        return
    try:
        while True:
            stopping.in_call = True
            try:
                piece = next(pieces, _END)
            finally:
                stopping.in_call = False
            if piece is _END:
                return
            yield piece
            await asyncio.sleep(0)  # others have a turn
    finally:
        pieces.close()


class Call:
    """A piece of work, decoded."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        method: Method | None,
        docs: Any,
        arguments: dict[str, Any],
        parameters: dict[str, Any],
    ) -> None:
        self._dispatcher = dispatcher
        self._method = method
        self._docs = docs
        self._arguments = arguments
        self._parameters = parameters

    def start(self) -> Any:
        """Call the method; an endpoint that none is bound to changes nothing."""
        return self._method.start(self._docs, self._arguments) if self._method is not None else None

    @property
    def streams(self) -> bool:
        """The method is a generator."""
        return self._method is not None and self._method.is_generator

    def piece(self, yielded: Any) -> list[Frame]:
        """Turn what the method yielded into the frames of a part of the answer."""
        return self._gathered([yielded])

    def _gathered(self, pieces: Iterable[Any]) -> list[Frame]:
        docs: list[Document] = []
        results: dict[str, Any] = {}
        for piece in pieces:
            docs += self._method.part(piece) if self._method is not None else ()
            results.update(piece if isinstance(piece, dict) else {})
        parameters = dict(self._parameters)  # those of the next piece are to be the same
        return encode(docs, self._dispatcher.with_results(parameters, results or None))

    def finish(self, returned: Any) -> list[Frame]:
        """Turn what the method returned, or all that it yielded, into the frames of the answer."""
        if self.streams:
            return self._gathered(returned)
        docs = self._docs if self._method is None else self._method.answer(self._docs, returned)
        return encode(docs, self._dispatcher.with_results(self._parameters, returned))


class Attempt:
    """A call with Documents of several requests."""

    def __init__(self, method: Method, docs: Any, arguments: dict[str, Any], size: int) -> None:
        self._method = method
        self._docs = docs
        self._arguments = arguments
        self._size = size

    def start(self) -> Any:
        """Call the method."""
        return self._method.start(self._docs, self._arguments)

    def answer(self, returned: Any) -> DocumentArray:
        """Give the Documents that go on, in the order of those that were given.

        Raises:
            TypeError: It returned what no method may.
            ValueError: It gave more or fewer Documents than it was given.
        """
        docs = self._method.answer(self._docs, returned)
        if len(docs) != self._size:
            raise ValueError(
                f'{self._method.name} was given {self._size} Documents of several requests (dynamic batching) and gave '
                f'{len(docs)}: it must give as many, in their order'
            )
        return docs

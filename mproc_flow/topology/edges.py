"""Whether the typed documents that Executors hand to each other fit, along every edge of a Flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mproc_flow.model.schema import EndpointSchema, Schema, at_endpoint, misfits
from mproc_flow.topology.plan import Route

# What the methods of each node take and give by endpoint; without the nodes of which that is not known.
Schemas = Mapping[str, Mapping[str, EndpointSchema]]


def mismatches(routes: Sequence[Route], schemas: Schemas) -> dict[str, list[str]]:
    """Find the edges along which typed documents do not fit.

    Of several branches that meet each is looked at by itself. A node that has no method for an endpoint hands on what
    it gets. Nothing is said about what clients and external Executors give, nor about methods without types.

    Args:
        routes: The graph, in an order in which every node comes after all it needs.
        schemas: What is known of its nodes.

    Returns:
        By name of the node that takes the documents, one sentence for each thing that is wrong.
    """
    found: dict[str, list[str]] = {}
    for endpoint in sorted({endpoint for methods in schemas.values() for endpoint in methods}):
        given: dict[str, dict[str, Schema]] = {}
        for route in routes:
            arriving = {giver: schema for need in route.needs for giver, schema in given.get(need, {}).items()}
            method = at_endpoint(schemas.get(route.name, {}), endpoint)
            for sentence in _sentences(route.name, endpoint, method, arriving):
                found.setdefault(route.name, []).append(sentence)
            given[route.name] = _handed_on(route, method, arriving, route.name in schemas)
    return found


def _handed_on(
    route: Route, method: EndpointSchema | None, arriving: dict[str, Schema], is_known: bool
) -> dict[str, Schema]:
    """Give the schemas that leave a node, by the node whose method gives them."""
    if method is not None:
        return {} if method.gives is None else {route.name: method.gives}
    has_processes = bool(route.shards or route.address)
    return arriving if is_known or not has_processes else {}


def _sentences(taker: str, endpoint: str, method: EndpointSchema | None, arriving: dict[str, Schema]) -> Iterator[str]:
    if method is None or method.takes is None:
        return
    for giver, schema in arriving.items():
        for why in misfits(schema, method.takes):
            yield f'at endpoint {endpoint!r}, what {giver!r} gives does not fit what {taker!r} takes: {why}'

"""The decorators of an Executor's methods, and what they write down."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from mproc_flow.model.schema import DEFAULT_ENDPOINT
from mproc_flow.options.batching import Batching, BatchingRule
from mproc_flow.options.kinds import Refused
from mproc_flow.signature import check_accepted, give_schemas

_ENDPOINTS, _RETRYABLE, _BATCHING = '_mproc_flow_endpoints', '_mproc_flow_retryable', '_mproc_flow_batching'

_On = str | Iterable[str] | None
_Method = TypeVar('_Method', bound=Callable[..., Any])


@overload
def requests(function: _Method, /) -> _Method: ...


@overload
def requests(
    *, on: _On = None, request_schema: Any = None, response_schema: Any = None, retryable: bool | None = None
) -> Callable[[_Method], _Method]: ...


def requests(
    function: Any = None,
    /,
    *,
    on: _On = None,
    request_schema: Any = None,
    response_schema: Any = None,
    retryable: bool | None = None,
) -> Any:
    """Bind an Executor's method to endpoints; alone, to all that no other method is bound to.

    The method may be plain or ``async def``; it takes any of ``**kwargs`` and

    * ``docs``: DocumentArray, or what it is annotated with: docarray's ``DocList[X]``;
    * ``parameters``: dict;
    * ``docs_matrix``: list of such arrays, one for each branch if the Executor has ``disable_reduce``, else with all
      Documents in one; None if there are no Documents;
    * ``docs_map``: the same as a dict by the name of the branch;

    or ``doc`` instead of all Documents: then it is called for each. It returns None (the Documents, changed in place,
    go on), an array (replaces them; of ``doc`` a document) or a dict (goes to ``parameters['__results__'][<pod>]``).
    If it is a generator, what it yields (a document, an array or a dict) is the result, in parts.

    Args:
        on: Endpoint or endpoints.
        request_schema, response_schema: ``DocList[X]``, instead of annotations of ``docs`` and of what is returned.
        retryable: Work may be begun again if a process died of the first try; if not given, the Executor's attribute
            ``retryable`` counts.

    Raises:
        TypeError: A value is not what it must be, or a request does not offer what the method takes.
    """
    bind = _binder(_endpoints(on), request_schema, response_schema, retryable)
    return bind if function is None else bind(function)


def _binder(
    endpoints: tuple[str, ...], request_schema: Any, response_schema: Any, retryable: bool | None
) -> Callable[[_Method], _Method]:
    if retryable not in (None, True, False):
        raise TypeError(f'@requests(retryable=...) takes True or False, not {retryable!r}')

    def bind(method: _Method) -> _Method:
        if not inspect.isfunction(method):
            raise TypeError(f"@requests goes on a method; to name endpoints write @requests(on='/x'), not {method!r}")
        check_accepted(method)
        if request_schema is not None or response_schema is not None:
            give_schemas(method, request_schema, response_schema)
        if retryable is not None:
            setattr(method, _RETRYABLE, retryable)
        setattr(method, _ENDPOINTS, (*getattr(method, _ENDPOINTS, ()), *endpoints))
        return method

    return bind


def dynamic_batching(
    function: Any = None,
    /,
    *,
    preferred_batch_size: int | None = None,
    timeout: int = 10_000,
    flush_all: bool = False,
) -> Callable[[_Method], _Method]:
    """Let requests to an Executor's method wait for each other and share a call.

    It stands above or below ``@requests``. A call gets Documents of several requests, with the same parameters, and
    each request gets its own results: so the method must give as many Documents as it was given, in their order.

    Args:
        preferred_batch_size: So many Documents are one call, and never more; a larger request is done in several.
        timeout: A request waits no longer than this for others, in milliseconds.
        flush_all: Whatever waits goes into one call, however much it is; then the size only says when.

    Raises:
        TypeError: It is given no size, or a value that cannot be.
    """
    given = {'preferred_batch_size': preferred_batch_size, 'timeout': timeout, 'flush_all': flush_all}
    if function is not None or preferred_batch_size is None:
        raise TypeError('@dynamic_batching needs a size: write @dynamic_batching(preferred_batch_size=32, timeout=50)')
    try:
        rule = BatchingRule(**Batching().check(given))
    except Refused as refused:
        raise TypeError(f'@dynamic_batching{refused.at} must be {refused.accepts}, got {refused.got}') from None

    def mark(method: _Method) -> _Method:
        setattr(method, _BATCHING, rule)
        return method

    return mark


def endpoints_of(function: Any) -> tuple[str, ...]:
    """Give the endpoints that a function is bound to."""
    found: tuple[str, ...] = getattr(function, _ENDPOINTS, ())
    return found


def batching_of(method: Any) -> BatchingRule | None:
    """Give the rule that a method was decorated with, or None."""
    return getattr(method, _BATCHING, None)


def is_retryable(method: Any, otherwise: bool) -> bool:
    """Say whether a method's work may be begun again; ``otherwise`` is what its Executor says."""
    return bool(getattr(method, _RETRYABLE, otherwise))


def _endpoints(on: _On) -> tuple[str, ...]:
    if on is None:
        return (DEFAULT_ENDPOINT,)
    endpoints = (on,) if isinstance(on, str) else tuple(on) if isinstance(on, Iterable) else (on,)
    if not endpoints or not all(isinstance(endpoint, str) for endpoint in endpoints):
        raise TypeError(f"@requests(on=...) takes an endpoint such as '/index' or a list of them, not {on!r}")
    return endpoints

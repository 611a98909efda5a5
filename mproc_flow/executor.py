"""The class users write, and the decorator that binds its methods to endpoints."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Iterable
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar, overload

from mproc_flow.errors import BadOption
from mproc_flow.model.schema import DEFAULT_ENDPOINT, at_endpoint
from mproc_flow.signature import accepted, check_accepted, give_schemas, signature

_ENDPOINTS = '_mproc_flow_endpoints'

_On = str | Iterable[str] | None
_Method = TypeVar('_Method', bound=Callable[..., Any])


@overload
def requests(function: _Method, /) -> _Method: ...


@overload
def requests(
    *, on: _On = None, request_schema: Any = None, response_schema: Any = None
) -> Callable[[_Method], _Method]: ...


def requests(
    function: Any = None, /, *, on: _On = None, request_schema: Any = None, response_schema: Any = None
) -> Any:
    """Bind an Executor's method to endpoints.

    ``@requests`` alone makes the method answer every endpoint that no other method is bound to. The method may be
    plain or ``async def``; it takes any of ``**kwargs`` and

    * ``docs``: DocumentArray, or what it is annotated with: docarray's ``DocList[X]``;
    * ``parameters``: dict;
    * ``docs_matrix``: list of such arrays, one for each branch if the Executor has ``disable_reduce``, else with all
      Documents in one; None if there are no Documents;
    * ``docs_map``: the same as a dict by the name of the branch;

    or ``doc`` instead of all Documents: then it is called for each.

    It returns None (the Documents, changed in place, go on), an array (replaces them; of ``doc`` a document) or a dict
    (goes to ``parameters['__results__'][<pod name>]``).

    Args:
        on: Endpoint or endpoints.
        request_schema, response_schema: ``DocList[X]``, instead of annotations of ``docs`` and of what is returned.

    Raises:
        TypeError: ``on`` is not text, a schema is not docarray's, or a request does not offer what the method takes.
    """
    endpoints = _endpoints(on)

    def bind(method: _Method) -> _Method:
        check_accepted(method)
        if request_schema is not None or response_schema is not None:
            give_schemas(method, request_schema, response_schema)
        setattr(method, _ENDPOINTS, (*getattr(method, _ENDPOINTS, ()), *endpoints))
        return method

    if function is None:
        return bind
    if not inspect.isfunction(function):
        raise TypeError(f"@requests goes on a method; to name endpoints write @requests(on='/x'), not {function!r}")
    return bind(function)


class Executor:
    """Base of the classes whose instances do a Flow's work, each in its own process.

    A subclass binds methods with :func:`requests`. Its ``__init__`` gets the arguments of ``uses_with`` and runs in
    the pod's process. The attributes below are there before ``__init__`` runs, whether or not it calls
    ``super().__init__(**kwargs)``.

    Attributes:
        metas: Namespace with ``name`` (the class's name unless given), ``description``, ``workspace``, ...
        runtime_args: Namespace with ``name`` (of the pod), ``shard_id``, ``shards``, ``replica_id``, ``replicas``,
            ``workspace``. Empty if the Executor was made by hand.
        writable_arrays: Set it to True in the class if methods change arrays in place: then they get private ones, and
            the changes go on with the Documents. Otherwise arrays are read-only, and a write raises ValueError.
    """

    writable_arrays = False
    metas: SimpleNamespace
    runtime_args: SimpleNamespace
    _bindings: dict[str, str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Executor:
        self = super().__new__(cls)
        prepare(self, {}, {}, {})
        return self

    def __init__(self, **kwargs: Any) -> None:
        unknown = set(kwargs) - {'metas', 'requests', 'runtime_args', 'workspace'}
        if unknown:
            names = ', '.join(sorted(unknown))
            raise TypeError(f'{type(self).__name__} does not take {names}: name them in its __init__, or in uses_with')

    @property
    def requests(self) -> dict[str, Callable[..., Any]]:
        """The bound methods by endpoint."""
        return {endpoint: getattr(self, name) for endpoint, name in self._bindings.items()}

    @property
    def workspace(self) -> str | None:
        """Directory for this Executor's files, made when first asked for; replicas of a shard share it.

        ``<base>/<metas.name>/<shard_id>``, where base is the Flow's or Executor's ``workspace``, else that of
        ``metas``, else ``JINA_DEFAULT_WORKSPACE_BASE``; None if none of them is set.
        """
        base = (
            getattr(self.runtime_args, 'workspace', None)
            or getattr(self.metas, 'workspace', None)
            or os.environ.get('JINA_DEFAULT_WORKSPACE_BASE')
        )
        if not base:
            return None
        parts = [str(base), str(self.metas.name)]
        if hasattr(self.runtime_args, 'shard_id'):
            parts.append(str(self.runtime_args.shard_id))
        path = os.path.abspath(os.path.join(*parts))
        os.makedirs(path, exist_ok=True)
        return path

    @property
    def logger(self) -> logging.Logger:
        """Logger named after the pod, or the class if there is no pod."""
        return logging.getLogger(getattr(self.runtime_args, 'name', type(self).__name__))

    def close(self) -> None:
        """Free what the Executor holds; called once when its pod ends, unless that is killed."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, endpoint: str = DEFAULT_ENDPOINT, **kwargs: Any) -> Any:
        """Call the method bound to an endpoint by hand, e.g. ``executor('/index', docs=docs)``.

        Raises:
            KeyError: No method is bound to it.
        """
        name = at_endpoint(self._bindings, endpoint)
        if name is None:
            raise KeyError(f'{type(self).__name__} has no method for {endpoint!r}; it has {sorted(self._bindings)}')
        method = getattr(self, name)
        return method(**{key: value for key, value in kwargs.items() if key in accepted(method)})


def prepare(executor: Executor, metas: dict[str, Any], overrides: dict[str, str], runtime_args: dict[str, Any]) -> None:
    """Set what an Executor knows before its ``__init__`` runs.

    Args:
        executor: The bare instance.
        metas: ``uses_metas``.
        overrides: ``uses_requests``: ``{endpoint: method name}``; such a method loses its former endpoints.
        runtime_args: See the class.

    Raises:
        AttributeError: An override names a method that does not exist.
    """
    known = {
        'metas': SimpleNamespace(**{'name': type(executor).__name__, 'description': '', **metas}),
        'runtime_args': SimpleNamespace(**runtime_args),
        '_bindings': bindings(type(executor), overrides),
    }
    for name, value in known.items():
        object.__setattr__(executor, name, value)  # a frozen dataclass refuses any other way


def bindings(kind: type[Executor], overrides: dict[str, str] | None = None) -> dict[str, str]:
    """Give the endpoints of an Executor class: ``{endpoint: method name}``.

    They are found on the class and its bases each time, so that no class can see another one's.

    Raises:
        TypeError: One class binds two methods to the same endpoint.
        AttributeError: An override names a method that does not exist.
    """
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        found.update(_own_bindings(owner))
    for endpoint, name in (overrides or {}).items():
        if not callable(getattr(kind, name, None)):
            raise AttributeError(
                f'uses_requests binds {endpoint!r} to {name!r}, but {kind.__name__} has no such method'
            )
        check_accepted(getattr(kind, name))
    moved = set((overrides or {}).values())
    kept = {endpoint: name for endpoint, name in found.items() if name not in moved}
    return {**kept, **(overrides or {})}


def check_executor(kind: Any, where: str, overrides: dict[str, str] | None = None) -> None:
    """Check that a class can be run as an Executor.

    Args:
        kind: The class.
        where: Who gave it, for messages.
        overrides: ``uses_requests``.

    Raises:
        BadOption: It is no Executor, binds an endpoint twice or to a method that does not exist, or binds none.
    """
    name = getattr(kind, '__qualname__', repr(kind))
    if not (isinstance(kind, type) and issubclass(kind, Executor)):
        raise BadOption(f'{where}={name} is no Executor: derive it from mproc_flow.Executor')
    try:
        bound = bindings(kind, overrides)
        for method in bound.values():
            signature(getattr(kind, method))
    except (AttributeError, TypeError) as error:
        raise BadOption(f'{where}={name}: {error}') from None
    if not bound:
        raise BadOption(f'{where}={name} has no method marked @requests: mark one, or bind one with uses_requests')


def find_class(name: str) -> type[Executor] | None:
    """Give the Executor class of this program that has this name, or None.

    Raises:
        BadOption: Several have it.
    """
    found: dict[str, type[Executor]] = {}
    known = [Executor]
    while known:
        kind = known.pop()
        known += kind.__subclasses__()
        if kind.__name__ == name:
            found[f'{kind.__module__}:{kind.__qualname__}'] = kind
    if len(found) > 1:
        raise BadOption(f'{name!r} is the name of several Executor classes: write one of {", ".join(sorted(found))}')
    return next(iter(found.values()), None)


def _own_bindings(owner: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in vars(owner).items():
        function = getattr(value, '__func__', value)  # what a staticmethod or classmethod wraps
        for endpoint in getattr(function, _ENDPOINTS, ()):
            if endpoint in found:
                raise TypeError(f'{owner.__name__}.{found[endpoint]} and .{name} are both bound to {endpoint!r}')
            found[endpoint] = name
    return found


def _endpoints(on: _On) -> tuple[str, ...]:
    if on is None:
        return (DEFAULT_ENDPOINT,)
    endpoints = (on,) if isinstance(on, str) else tuple(on) if isinstance(on, Iterable) else (on,)
    if not endpoints or not all(isinstance(endpoint, str) for endpoint in endpoints):
        raise TypeError(f"@requests(on=...) takes an endpoint such as '/index' or a list of them, not {on!r}")
    return endpoints


class BaseExecutor(Executor):
    """The Executor of a Deployment without ``uses``: passes everything on unchanged."""

    @requests
    def pass_on(self, **kwargs: Any) -> None:
        """Change nothing."""

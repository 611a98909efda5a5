"""The class users write, and what is known of it before it is made."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from types import SimpleNamespace, TracebackType
from typing import Any

from mproc_flow.binding import batching_of, endpoints_of, is_retryable, requests
from mproc_flow.errors import BadOption
from mproc_flow.model.schema import DEFAULT_ENDPOINT, at_endpoint
from mproc_flow.options.batching import BatchingRule
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.signature import accepted, check_accepted, is_generator, signature

__all__ = ['BaseExecutor', 'Executor', 'requests']


class Executor:
    """Base of the classes whose instances do a Flow's work, each in its own process.

    A subclass binds methods with :func:`requests`. Its ``__init__`` gets the arguments of ``uses_with`` and runs in
    the pod's process. The attributes below are there before ``__init__`` runs, whether or not it calls
    ``super().__init__(**kwargs)``.

    Attributes:
        metas: Namespace with ``name`` (the class's name unless given), ``description``, ``workspace``, ...
        runtime_args: Namespace with ``name`` (of the pod), ``shard_id``, ``shards``, ``replica_id``, ``replicas``,
            ``workspace``. Empty if the Executor was made by hand.
        retryable: Work may be begun again if a process died of the first try; ``@requests(retryable=)`` says it of one
            method. Set it in a class whose methods do the same however often they are called.
        writable_arrays: Set it to True in a class whose methods change arrays in place: then they get private ones, and
            the changes go on with the Documents. Otherwise arrays are read-only, and a write raises ValueError.
    """

    retryable = False
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


def batching_rules(
    kind: type[Executor], bound: Mapping[str, str], given: Mapping[str, Mapping[str, Any]]
) -> dict[str, BatchingRule]:
    """Give by endpoint how requests are gathered into calls, where they are.

    Args:
        kind: The class.
        bound: Its :func:`bindings`.
        given: ``uses_dynamic_batching`` as checked, by endpoint or name of a method; it wins over what methods say.

    Raises:
        BadOption: It names what the Executor does not have.
        TypeError: The method is a generator.
    """
    found = {endpoint: rule for endpoint, name in bound.items() if (rule := batching_of(getattr(kind, name)))}
    for key, settings in given.items():
        endpoints = [endpoint for endpoint, name in bound.items() if key in (endpoint, name)]
        if not endpoints:
            raise BadOption(f'uses_dynamic_batching names {key!r}, which is no endpoint{did_you_mean(key, bound)}')
        found.update(dict.fromkeys(endpoints, BatchingRule(**settings)))
    for endpoint in found:
        if is_generator(getattr(kind, bound[endpoint])):
            raise TypeError(f'{bound[endpoint]} is a generator: its requests cannot share a call (dynamic batching)')
    return found


def retryable_endpoints(kind: type[Executor], bound: Mapping[str, str]) -> tuple[str, ...]:
    """Give the endpoints at which work may be begun again.

    Args:
        kind: The class.
        bound: Its :func:`bindings`.
    """
    return tuple(name for name, method in bound.items() if is_retryable(getattr(kind, method), kind.retryable))


def check_executor(
    kind: Any,
    where: str,
    overrides: dict[str, str] | None = None,
    batching: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Check that a class can be run as an Executor.

    Args:
        kind: The class.
        where: Who gave it, for messages.
        overrides: ``uses_requests``.
        batching: ``uses_dynamic_batching``.

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
        batching_rules(kind, bound, batching or {})
    except (AttributeError, TypeError) as error:  # BadOption among them
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
        for endpoint in endpoints_of(function):
            if endpoint in found:
                raise TypeError(f'{owner.__name__}.{found[endpoint]} and .{name} are both bound to {endpoint!r}')
            found[endpoint] = name
    return found


class BaseExecutor(Executor):
    """The Executor of a Deployment without ``uses``: passes everything on unchanged."""

    @requests
    def pass_on(self, **kwargs: Any) -> None:
        """Change nothing."""

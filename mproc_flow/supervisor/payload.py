"""Handing an Executor's class and arguments from the user's process to a fresh interpreter.

cloudpickle ships what lives in ``__main__``, in functions and in notebook cells by value, so spawn works for them
without a main guard. The bytes go over inherited pipes to our own children only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from mproc_flow.errors import BadOption
from mproc_flow.model import typed_classes
from mproc_flow.topology.plan import ExecutorSpec

_DEEPEST = 8


def pack(deployment: str, spec: ExecutorSpec, kind: type[Any] | None, uses_with: dict[str, Any]) -> ExecutorSpec:
    """Put an Executor's class and arguments into its spec, as bytes.

    Args:
        deployment: Name for messages.
        spec: The spec to complete.
        kind: The class, or None if the spec names it.
        uses_with: Arguments of its constructor.

    Raises:
        BadOption: Something cannot be pickled; the message names the path to it.
    """
    try:
        return _with(spec, payload=_dumps((kind, uses_with)))
    except Exception as error:
        _check(deployment, uses_with)
        main = _main_data() if kind is not None and kind.__module__ == '__main__' else {}
        if not main or kind is None or '<locals>' in kind.__qualname__:
            raise BadOption(_class_message(deployment, kind, error)) from error
        named = {'uses': f'__mp_main__:{kind.__qualname__}', 'main': main}
        return _with(spec, payload=_dumps((None, uses_with)), **named)


def _with(spec: ExecutorSpec, **changes: Any) -> ExecutorSpec:
    fields = {name: getattr(spec, name) for name in spec.__struct_fields__}
    return ExecutorSpec(**{**fields, **changes})


def _main_data() -> dict[str, str]:
    """Say how a child can import the user's main module; empty if it has none that can be imported."""
    import multiprocessing.spawn  # not at the top: hardly any program needs it

    data = multiprocessing.spawn.get_preparation_data('mproc_flow')
    return {key: data[key] for key in ('init_main_from_name', 'init_main_from_path') if data.get(key)}


def _class_message(deployment: str, kind: type[Any] | None, error: Exception) -> str:
    name = getattr(kind, '__qualname__', kind)
    return (
        f'{deployment}: the class {name} cannot be sent to a fresh process ({error}). Something its methods use as a '
        'global or from an enclosing function cannot be pickled: make it in __init__, put the class into a module '
        "that can be imported, or use start_method='fork'"
    )


def _check(deployment: str, uses_with: dict[str, Any]) -> None:
    error = _failure(uses_with)
    if error is None:
        return
    path, culprit, reason = _culprit('uses_with', uses_with, error, set(), 0)
    raise BadOption(
        f'{deployment}: {path} is a {type(culprit).__name__}, which cannot be sent to a fresh process ({reason}). '
        "Make it in the Executor's __init__, or use start_method='fork'"
    ) from error


def _failure(value: Any) -> Exception | None:
    try:
        _dumps(value)
    except (Exception, RecursionError) as error:  # whatever a __reduce__ of the user's raises
        return error
    return None


def _culprit(path: str, value: Any, error: Exception, seen: set[int], depth: int) -> tuple[str, Any, Exception]:
    """Walk to the innermost part of a value that cannot be pickled."""
    seen.add(id(value))
    for inner_path, inner in _parts(path, value):
        if depth < _DEEPEST and id(inner) not in seen:
            inner_error = _failure(inner)
            if inner_error is not None:
                return _culprit(inner_path, inner, inner_error, seen, depth + 1)
    return path, value, error


def _parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f'{path}[{key!r}]', inner
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, inner in enumerate(value):
            yield f'{path}[{index}]', inner
    elif not isinstance(value, type):
        for name, inner in getattr(value, '__dict__', {}).items():
            yield f'{path}.{name}', inner


def _dumps(value: Any) -> bytes:
    import cloudpickle  # not at the top: a Flow under fork does without, and starts sooner

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            return typed_classes.reduced(obj) or super().reducer_override(obj)

    file = io.BytesIO()
    Pickler(file).dump(value)
    return file.getvalue()

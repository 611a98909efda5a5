"""Making the Executor of a pod from what its spec says."""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
import inspect
import pickle
import sys
from pathlib import Path
from typing import Any

from mproc_flow.errors import BadOption
from mproc_flow.executor import BaseExecutor, Executor, prepare
from mproc_flow.topology.plan import ExecutorSpec, PodSpec

Parts = tuple[type[Any] | None, dict[str, Any]]


def load_class(spec: ExecutorSpec, parts: Parts) -> tuple[type[Executor], dict[str, Any]]:
    """Find the class to make an instance of, and the arguments for it.

    Args:
        spec: What the user's process wrote down.
        parts: The class (or None) and ``uses_with`` as the user gave them.

    Raises:
        BadOption: ``uses`` names nothing that can be imported, or something that is no Executor.
    """
    kind, uses_with = parts
    if spec.main:
        _import_main(spec.main)
    modules = [_load_file(path) for path in spec.py_modules]
    if kind is None:
        kind = BaseExecutor if spec.uses is None else _find(spec.uses, modules)
    if not (inspect.isclass(kind) and issubclass(kind, Executor)):
        raise BadOption(f'uses={kind!r} is no Executor: derive the class from mproc_flow.Executor')
    return kind, uses_with


def unpack(payload: bytes) -> Parts:
    """Load what :func:`mproc_flow.supervisor.payload.pack` made in the user's process."""
    kind, uses_with = pickle.loads(payload) if payload else (None, {})
    if kind is not None and kind.__module__ == '__main__':
        _adopt_main(kind)
    return kind, uses_with


def make(kind: type[Executor], uses_with: dict[str, Any], pod: PodSpec) -> Executor:
    """Make the instance: this runs the user's constructor."""
    spec = pod.executor or ExecutorSpec()
    runtime_args = {
        'name': pod.name,
        'shard_id': pod.shard,
        'shards': pod.shards,
        'replica_id': pod.replica,
        'replicas': pod.replicas,
        'workspace': spec.workspace,
    }
    executor = kind.__new__(kind)
    prepare(executor, spec.metas, spec.requests, runtime_args)
    offered = {'metas': spec.metas, 'requests': spec.requests, 'runtime_args': runtime_args}
    executor.__init__(**uses_with, **_taken(kind, offered, uses_with))  # type: ignore[misc]
    return executor


def _taken(kind: type[Executor], offered: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    names = inspect.signature(kind.__init__).parameters.values()
    if any(name.kind is inspect.Parameter.VAR_KEYWORD for name in names):
        return {key: value for key, value in offered.items() if key not in given}
    wanted = {name.name for name in names}
    return {key: value for key, value in offered.items() if key in wanted and key not in given}


def is_importing_main() -> bool:
    """True while a child imports the user's main module: a Flow must not be started then."""
    return _importing_main


_importing_main = False


def _import_main(how: dict[str, str]) -> None:
    """Import the user's main module as ``__mp_main__``, as multiprocessing's spawn does."""
    import multiprocessing.spawn  # not at the top: hardly any pod needs it

    global _importing_main
    _importing_main = True
    try:
        multiprocessing.spawn.prepare(how)
    finally:
        _importing_main = False


def _adopt_main(kind: type[Any]) -> None:
    # A class shipped by value still says that it lives in __main__. Put it there, with the globals its methods
    # use, so that pickle finds them by name: a multiprocessing Pool inside the Executor needs that.
    main = sys.modules['__main__']
    found: dict[str, Any] = {kind.__name__: kind}
    for value in vars(kind).values():
        found.update(getattr(value, '__globals__', {}))
    for name, value in found.items():
        if not name.startswith('__') and not hasattr(main, name) and not hasattr(builtins, name):
            setattr(main, name, value)


def _load_file(path: str) -> Any:
    name = Path(path).stem
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, '__file__', None) == path:
        return loaded
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None or not Path(path).is_file():
        raise BadOption(f'py_modules names {path}, which is not a Python file that can be read')
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    # A module may import its neighbours, as it could as a script.
    if str(Path(path).parent) not in sys.path:
        sys.path.append(str(Path(path).parent))
    found.loader.exec_module(module)
    return module


def _find(uses: str, modules: list[Any]) -> Any:
    if ':' not in uses:
        for module in modules:
            if hasattr(module, uses):
                return getattr(module, uses)
    where, _, name = uses.rpartition(':' if ':' in uses else '.')
    if not where:
        raise BadOption(f'uses={uses!r} is in none of the py_modules: write an import path, package.module:Class')
    module = _import(uses, where)
    try:
        return functools.reduce(getattr, name.split('.'), module)
    except AttributeError:
        place = getattr(module, '__file__', 'built in')
        raise BadOption(f'uses={uses!r}: module {where} ({place}) has no {name}') from None


def _import(uses: str, name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f'{name}.'.startswith(f'{error.name}.'):
            raise  # the module is there; it is one of its own imports that is not
        raise BadOption(f'uses={uses!r}: there is no module {error.name}; sys.path is {sys.path}') from None

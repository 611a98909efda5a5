"""Whether ``uses`` names an Executor, found out without importing anything of the user's.

This runs in the user's process, where an import may take long or initialise a device. So files are looked for step by
step (``importlib.util.find_spec`` would import the parents) and their source is read. What is refused here fails in
the child for certain; when in doubt nothing is said, and the child decides. A fresh child has what is on disk, a
forked one what is loaded here: both have to fail.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import SOURCE_SUFFIXES, all_suffixes
from pathlib import Path
from typing import Any

import msgspec

from mproc_flow.errors import BadOption
from mproc_flow.topology.lineage import check_class
from mproc_flow.topology.search import Search, is_loaded_from
from mproc_flow.topology.syntax import Code, Fault, Uncertain, read, suggestion

# Where the decorator writes the endpoints of a method.
MARK = '_mproc_flow_endpoints'

# The main module has another name in a child, and we know that our own Executors work.
_NOT_JUDGED = ('__main__', '__mp_main__', 'mproc_flow', 'jina')


def check_uses(
    uses: str,
    py_modules: Sequence[str],
    sys_path: Sequence[str],
    place: str,
    overrides: Mapping[str, str] | None = None,
) -> None:
    """Check the name of an Executor as far as that is possible without importing it.

    Args:
        uses: ``package.module:Class`` or ``package.module.Class``, or with ``py_modules`` a bare class name.
        py_modules: Python files that the child loads first, as absolute paths.
        sys_path: Module search path of the child.
        place: Which option this is, for messages, e.g. ``Flow.add(name='encoder'): uses``.
        overrides: ``uses_requests``: ``{endpoint: method name}``.

    Raises:
        BadOption: It is certain that the child cannot load it: there is no such file, module or class, its source is
            not valid Python, or the class is no Executor, has no method for requests, or two for the same ones.
    """
    try:
        _check(uses, py_modules, sys_path, overrides or {})
    except Fault as fault:
        raise BadOption(f'{place} is {uses!r}, but {fault}') from None
    except Uncertain:
        return


class _Wanted(msgspec.Struct, frozen=True):
    """What to look for in a module; of ``Outer.Inner`` only the first part."""

    name: str
    is_nested: bool
    overrides: Mapping[str, str]


def _check(uses: str, py_modules: Sequence[str], sys_path: Sequence[str], overrides: Mapping[str, str]) -> None:
    files = {path: _read_file(path) for path in py_modules}
    module, _, names = uses.rpartition(':' if ':' in uses else '.')
    name, dot, _ = names.partition('.')
    wanted = _Wanted(name, bool(dot), overrides)
    by_stem = {Path(path).stem: path for path in py_modules}  # of two with the same name, the child keeps the second
    if not module:
        _check_files(wanted, files)
    elif module in by_stem:
        _check_code(wanted, files[by_stem[module]], module)
    elif not py_modules and module.partition('.')[0] not in _NOT_JUDGED:  # a file may change where modules are found
        _check_module(wanted, module, sys_path)


def _check_files(wanted: _Wanted, files: Mapping[str, Code | None]) -> None:
    """Look for a bare name, as the child does, in one file after the other."""
    codes = [code for code in files.values() if code is not None]
    having = [code for code in codes if code.may_have(wanted.name)]
    unclear = [path for path in files if _may_be_better(wanted, Path(path).stem, path)]
    if len(codes) < len(files) or unclear or len(having) > 1:
        raise Uncertain
    if not having:
        hint = suggestion(wanted.name, [name for code in codes for name in code.classes])
        raise Fault(f'there is no such class in {", ".join(files) or "py_modules, which is empty"}{hint}')
    check_class(having[0], wanted.name, wanted.overrides)


def _check_module(wanted: _Wanted, module: str, sys_path: Sequence[str]) -> None:
    search = Search(module, sys_path)
    try:
        path = search.run()
        _check_code(wanted, _read(path, module), module)
    except Fault:
        if search.is_tampered_with(wanted.name):
            raise Uncertain from None
        raise


def _check_code(wanted: _Wanted, code: Code | None, module: str) -> None:
    if code is None or _may_be_better(wanted, module, code.path):
        raise Uncertain
    if wanted.is_nested and code.may_have(wanted.name):
        raise Uncertain
    check_class(code, wanted.name, wanted.overrides)


def _read_file(path: str) -> Code | None:
    """Read one of the py_modules; None if it is one without source."""
    stem = Path(path).stem
    if not os.path.isfile(path) and not is_loaded_from(sys.modules.get(stem), path):
        why = 'is not a file' if os.path.exists(path) else 'does not exist'
        raise Fault(f'{path}, one of its py_modules, {why}')
    if not path.endswith(tuple(all_suffixes())):
        raise Fault(f'{path}, one of its py_modules, is not a Python file')
    return _read(path, stem) if path.endswith(tuple(SOURCE_SUFFIXES)) else None


def _read(path: str, module: str) -> Code:
    try:
        return read(path)
    except Fault:
        if is_loaded_from(sys.modules.get(module), path):
            raise Uncertain from None  # a forked child need not read it
        raise


# ---- what is loaded here ----


def _may_be_better(wanted: _Wanted, module: str, path: str) -> bool:
    """Say whether a forked child may find something that works, whatever the file says."""
    if module not in sys.modules:
        return False
    loaded = sys.modules[module]
    if not is_loaded_from(loaded, path):
        return True
    has = vars(loaded)
    is_partial = getattr(has.get('__spec__'), '_initializing', False)
    return is_partial or '__getattr__' in has or (wanted.name in has and _may_work(wanted, has[wanted.name]))


def _may_work(wanted: _Wanted, kind: Any) -> bool:
    if wanted.is_nested:
        return True
    if not isinstance(kind, type) or not any(_is_executor(base) for base in kind.__mro__):
        return False
    marks = [list(_marks(base)) for base in kind.__mro__]
    if any(len(set(endpoints)) < len(endpoints) for endpoints in marks):
        return False
    return any(marks) or bool(wanted.overrides)


def _is_executor(kind: type[Any]) -> bool:
    return (kind.__module__, kind.__name__) == ('mproc_flow.executor', 'Executor')


def _marks(kind: type[Any]) -> Iterator[str]:
    for value in vars(kind).values():
        function = inspect.getattr_static(value, '__func__', value)
        yield from inspect.getattr_static(function, MARK, ())

"""Where the source of a module is, found out without importing its parents."""

from __future__ import annotations

import os
import re
import sys
import zipimport
from collections.abc import Iterator, Sequence
from importlib.machinery import (
    BuiltinImporter,
    FrozenImporter,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    all_suffixes,
)
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from mproc_flow.topology.syntax import Fault, Uncertain, suggestion

# Finders of other people that are nearly always there, and ours, which never find a module in somebody's package.
_HARMLESS = ('_distutils_hack', '_pytest.assertion.rewrite', 'six', 'mproc_flow.compat.aliases')
_STANDARD = (BuiltinImporter, FrozenImporter, PathFinder)

# In the source of a package: it may change what is in it, or where its modules are, while it is imported.
_CHANGES = (
    r'\.modules\b|from\s+sys\s+import|__path__|meta_path|path_hooks|\bexec\b|\bsetattr\b|__import__|globals\('
    r'|(?<!ogger\()__(?:name|package|spec|dict)__\s*[,)]'
)
_MOST_FILES = 300


class Search:
    """The way from the module search path to the file of one module.

    Args:
        module: Its dotted name.
        sys_path: Where to begin.
    """

    def __init__(self, module: str, sys_path: Sequence[str]) -> None:
        self._module = module
        self._path = [_absolute(entry) for entry in sys_path if isinstance(entry, str)]
        self._parent = ''
        self._origin: str | None = None
        self._is_package = True
        self._first = ''  # the first file or folder with code that runs when the module is imported

    def run(self) -> str:
        """Return the file with the module's source.

        Raises:
            Fault: There is no such module.
            Uncertain: It may be there, but not as a source file.
        """
        for part in self._module.split('.'):
            self._step(part)
        if self._origin is None:
            raise Uncertain
        return self._origin

    def is_tampered_with(self, name: str) -> bool:
        """Say whether a package on the way may be another one once it has been imported.

        Args:
            name: Of what is looked for in the module.
        """
        if not self._first:
            return False
        pattern = re.compile(rf'{_CHANGES}|\.{name}\s*(?::[^=]*)?=[^=]')
        files = list(islice(_sources(self._first), _MOST_FILES + 1))
        try:
            return len(files) > _MOST_FILES or any(
                pattern.search(file.read_text(encoding='utf-8', errors='replace')) for file in files
            )
        except OSError:
            return True

    def _step(self, part: str) -> None:
        name = f'{self._parent}.{part}' if self._parent else part
        if not self._is_package:
            self._first = self._first or self._origin or ''
            self._check_missing(name)
            raise Fault(f'there is no module {name!r}: {self._origin} is a module, not a package')
        spec = self._find(part)
        if spec is None:
            self._check_missing(name)
            self._check_disk(part)
            raise Fault(self._complaint(name, part))
        self._enter(spec, part)
        if name in sys.modules and not is_loaded_from(sys.modules[name], self._origin):
            raise Uncertain
        self._parent = name

    def _find(self, part: str) -> ModuleSpec | None:
        if PathFinder not in sys.meta_path or (self._parent and _foreign(sys.meta_path[: _own_place()])):
            raise Uncertain
        try:
            if self._parent:
                name = f'{self._parent}.{part}'
                found = (finder.find_spec(name, self._path) for finder in sys.meta_path if _is_editable(finder))
                return PathFinder.find_spec(part, self._path) or next((spec for spec in found if spec), None)
            found = (_ask(finder, part, self._path) for finder in sys.meta_path)
            return next((spec for spec in found if spec is not None), None)
        except Exception:
            raise Uncertain from None

    def _enter(self, spec: ModuleSpec, part: str) -> None:
        if spec.loader is None or type(spec.loader).__name__ == 'NamespaceLoader':
            self._origin = None
            # Its own list of folders cannot be read before its parent is imported.
            self._path = [folder for entry in self._path if os.path.isdir(folder := os.path.join(entry, part))]
            return
        if type(spec.loader) is not SourceFileLoader or not spec.origin:
            raise Uncertain
        self._origin = spec.origin
        self._is_package = spec.submodule_search_locations is not None
        self._path = list(spec.submodule_search_locations or ())
        if self._is_package:
            self._first = self._first or os.path.dirname(spec.origin)

    def _check_missing(self, name: str) -> None:
        """Check that nobody but the folders of the path could have a module."""
        is_loaded = name in sys.modules or self._module in sys.modules
        if is_loaded or (self._parent and _foreign(sys.meta_path)) or not all(map(_is_own_hook, sys.path_hooks)):
            raise Uncertain

    def _check_disk(self, part: str) -> None:
        """Check that really nothing is there: what finders remember of a folder may be old."""
        names = [part, *(part + suffix for suffix in all_suffixes())]
        for entry in self._path:
            if not os.path.isdir(entry) and os.path.exists(entry):
                raise Uncertain
            if any(os.path.lexists(os.path.join(entry, name)) for name in names):
                raise Uncertain

    def _complaint(self, name: str, part: str) -> str:
        modules = sorted({module for entry in self._path for module in _modules_in(entry)})
        if self._parent:
            return f'there is no module {name!r} in {", ".join(self._path)}{suggestion(part, modules)}'
        similar = suggestion(part, modules)
        return f'there is no module {name!r}: install it, or put its folder on PYTHONPATH or sys.path{similar}'


def is_loaded_from(module: Any, path: str | None) -> bool:
    """Say whether this is a plain module, made from this file. It is not asked itself: it may be a lazy one."""
    return type(module) is ModuleType and vars(module).get('__file__') == path


def _absolute(entry: str) -> str:
    return os.path.abspath(entry) if not entry or os.path.isdir(entry) else entry


def _ask(finder: Any, name: str, path: Sequence[str]) -> ModuleSpec | None:
    spec: ModuleSpec | None = finder.find_spec(name, path if finder is PathFinder else None)
    return spec


def _own_place() -> int:
    return sys.meta_path.index(PathFinder)


def _foreign(finders: Sequence[Any]) -> list[Any]:
    others = [item for item in finders if item not in _STANDARD and not _is_editable(item)]
    return [item for item in others if getattr(item, '__module__', '') not in _HARMLESS]


def _is_editable(finder: Any) -> bool:
    """Say whether this is what pip makes for a project that is being worked on: it looks into a table, no more."""
    return getattr(finder, '__module__', '').startswith('__editable__')


def _is_own_hook(hook: Any) -> bool:
    name = getattr(hook, '__qualname__', '')
    return (
        hook is zipimport.zipimporter
        or _is_editable(hook)
        or name == 'FileFinder.path_hook.<locals>.path_hook_for_FileFinder'
    )


def _sources(place: str) -> Iterator[Path]:
    path = Path(place)
    return path.rglob('*.py') if path.is_dir() else iter((path,))


def _modules_in(folder: str) -> Iterator[str]:
    try:
        entries = os.listdir(folder)
    except OSError:
        return
    for entry in entries:
        stem = entry.partition('.')[0]
        is_module = entry.endswith(tuple(all_suffixes())) or os.path.isdir(os.path.join(folder, entry))
        if is_module and stem.isidentifier() and not stem.startswith('_'):
            yield stem

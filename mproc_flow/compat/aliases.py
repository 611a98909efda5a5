"""Modules that have somebody else's name and our content."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from mproc_flow.compat.names import MODULES, absence


class Alias(ModuleType):
    """A module of the table; what is in it is loaded when it is first used."""

    def __getattr__(self, name: str) -> Any:
        own = f'{self.__name__}.{name}'
        if name in MODULES[self.__name__]:
            home, _, there = MODULES[self.__name__][name].partition(':')
            value = getattr(importlib.import_module(home), there)
        elif own in MODULES:
            value = importlib.import_module(own)
        elif name.startswith('__'):  # asked for by tools, of every module
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}', name=name, obj=self)
        else:
            raise AttributeError(absence(own), name=name, obj=self)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *MODULES[self.__name__]})


class _Finder(MetaPathFinder, Loader):
    """Finds what is below a module that :func:`serve` made ours, and says so of what is not there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, dot, _ = fullname.partition('.')
        if not dot or not isinstance(sys.modules.get(package), Alias):
            return None
        if fullname not in MODULES:
            # Without its name: with it, `from jina import ...` would throw the sentence away.
            raise ModuleNotFoundError(absence(fullname))
        return ModuleSpec(fullname, self, origin=__name__, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Alias(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        _declare(module)


_FINDER = _Finder()


def serve(name: str) -> None:
    """Make the module of this name, which is just being imported, and all below it, those of the table."""
    module = sys.modules[name]
    module.__class__ = Alias
    _declare(module)
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)  # behind all others: nobody's modules are hidden by it


def _declare(module: ModuleType) -> None:
    names = [name for name in MODULES[module.__name__] if not name.startswith('_')]
    module.__all__ = names  # type: ignore[attr-defined]

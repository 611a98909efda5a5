"""Putting our stand-in for Jina where ``import jina`` finds it.

It is a folder on the module search path, as any other package is. So whatever takes over that path takes it over too:
the pods of a Flow under every start method, and the children of :mod:`multiprocessing`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import warnings
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mproc_flow.compat.aliases import Alias
from mproc_flow.errors import MprocFlowError

_HERE = Path(__file__).resolve().parent
AS_JINA, AS_DOCARRAY = str(_HERE / 'as_jina'), str(_HERE / 'as_docarray')

# From this release on docarray has other types, which live beside ours.
_TYPED_DOCARRAY = (0, 30)


class JinaInTheWay(MprocFlowError, ImportError):
    """``import jina`` already means something else."""

    code = 'jina_in_the_way'


def install_as_jina(*, replace: bool = False) -> None:
    """Make ``import jina`` mean mproc_flow, in this program and in all processes that its Flows start.

    Where docarray is not installed, ``import docarray`` gives the parts of it that our types stand in for; an
    installed docarray stays what it is. Call it before anything imports jina. Calling it twice does nothing.

    Args:
        replace: Do so also where Jina is installed.

    Raises:
        JinaInTheWay: Jina is installed and ``replace`` is not given, or it was imported already.
    """
    loaded = sys.modules.get('jina')
    if loaded is not None and not isinstance(loaded, Alias):
        where = getattr(loaded, '__file__', None) or 'no file'
        raise JinaInTheWay(f'jina was imported already, from {where}: call install_as_jina() before that')
    installed = installed_jina()
    if installed is not None and not replace:
        raise JinaInTheWay(
            f'jina is installed in {installed}: give install_as_jina(replace=True), or run this program where it is not'
        )
    wanted = folders()
    missing = [folder for folder in wanted if folder not in sys.path]
    sys.path[:] = [*missing, *sys.path] if installed is not None else [*sys.path, *missing]


def folders() -> list[str]:
    """Return the folders that the module search path needs, and warn of a docarray that does not fit."""
    found = _found('docarray')
    if found is None or (found.origin or '').startswith(AS_DOCARRAY):
        return [AS_JINA, AS_DOCARRAY]
    release = _release('docarray')
    if release is not None and tuple(map(int, re.findall(r'\d+', release)[:2])) < _TYPED_DOCARRAY:
        warnings.warn(
            f'docarray {release} is installed: what is imported from it is not what a Flow takes here. Uninstall it, '
            'and mproc_flow stands in for it too',
            stacklevel=3,
        )
    return [AS_JINA]


def installed_jina() -> str | None:
    """Return where Jina itself would be imported from, or None if it is not installed."""
    found = _found('jina')
    return None if found is None or (found.origin or '').startswith(AS_JINA) else found.origin


def _found(package: str) -> ModuleSpec | None:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # somebody put a module there that was never imported
        return None
    # A mere folder of that name is no package: what we add is found in spite of it.
    return spec if spec is not None and spec.origin is not None else None


def _release(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

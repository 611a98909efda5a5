"""A folder that makes programs run as if docarray were not installed, whether it is or not."""

from __future__ import annotations

from pathlib import Path

_TEXT = """\
import sysconfig
from importlib.machinery import PathFinder

installed = {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}
find = PathFinder.find_spec


def find_spec(name, path=None, target=None):
    if name == 'docarray' and path is None:
        import sys
        path = [entry for entry in sys.path if entry not in installed]
    return find(name, path, target)


PathFinder.find_spec = find_spec
"""


def hiding(folder: Path) -> str:
    """Make the folder, for ``PYTHONPATH``; each interpreter reads it when it starts."""
    folder.mkdir()
    (folder / 'sitecustomize.py').write_text(_TEXT)
    return str(folder)

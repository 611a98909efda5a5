"""Where the files are that options name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mproc_flow.options.kinds import resolve
from mproc_flow.options.uses import form_of

# The options that name an Executor, perhaps by a file.
USES = ('uses', 'uses_before', 'uses_after')


def locate(path: str, folder: str, search_paths: Sequence[str] = ()) -> str:
    """Return the absolute path of a file: in a folder, or else in the first search path that has it."""
    first = resolve(path, folder)
    candidates = [first, *(resolve(path, resolve(place, folder)) for place in search_paths)]
    return next((candidate for candidate in candidates if os.path.exists(candidate)), first)


def located(options: Mapping[str, Any], folder: str, search_paths: Sequence[str] = ()) -> dict[str, Any]:
    """Return options of an Executor with absolute paths for ``uses``, so that it does not matter where they are used.

    Args:
        options: As checked.
        folder: What relative paths belong to; empty for the working directory.
        search_paths: Further folders, beside the option ``extra_search_paths``.
    """
    places = (*options.get('extra_search_paths', ()), *search_paths)
    return {**options, **{name: _located(options[name], folder, places) for name in USES if name in options}}


def _located(uses: Any, folder: str, places: Sequence[str]) -> Any:
    form = form_of(uses) if uses is not None else ''
    if form in ('file', 'folder'):
        return locate(uses, folder, places)
    if form == 'dict':
        metas = uses.get('metas')
        return {**_with_files(uses, folder), **({'metas': _with_files(metas, folder)} if metas else {})}
    return uses


def _with_files(given: Any, folder: str) -> Any:
    if not isinstance(given, Mapping) or not given.get('py_modules'):
        return given
    files = given['py_modules']
    paths = [files] if isinstance(files, str | os.PathLike) else files
    try:
        return {**given, 'py_modules': [resolve(os.fspath(path), folder) for path in paths]}
    except TypeError:  # what is wrong with them is said when the dict is read
        return given

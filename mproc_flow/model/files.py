"""Files of Documents, in several formats."""

from __future__ import annotations

import csv
import os
from contextlib import nullcontext
from typing import Any

from mproc_flow.errors import SerializationError
from mproc_flow.model import packed, rows, sources

_FORMATS = ('json', 'jsonl', 'csv', 'binary')


def save(docs: Any, file: Any, file_format: str | None, encoding: str) -> None:
    """Write a DocumentArray; arguments as of its method."""
    form = _format(file, file_format)
    with _opened(file, 'wb' if form == 'binary' else 'w', encoding) as target:
        if form == 'binary':
            target.write(packed.pack(docs))
        elif form == 'json':
            target.write(docs.to_json())
        elif form == 'jsonl':
            target.writelines(f'{doc.to_json()}\n' for doc in docs)
        else:
            writer = csv.DictWriter(target, list(rows.columns(docs)))
            writer.writeheader()
            writer.writerows(map(rows.row_of, docs))


def load(kind: Any, file: Any, file_format: str | None, encoding: str) -> Any:
    """Read what :func:`save` wrote, as Documents for an array of this class.

    Raises:
        ValueError: The file holds something else; the message names it.
    """
    form = _format(file, file_format)
    try:
        return _read(kind, file, form, encoding)
    except (ValueError, TypeError) as error:
        if form in ('jsonl', 'csv'):  # which name file and line
            raise
        raised = SerializationError if isinstance(error, SerializationError) else ValueError
        raise raised(f'{sources.name_of(file)}: {error}') from error


def _read(kind: Any, file: Any, form: str, encoding: str) -> Any:
    with _opened(file, 'rb' if form == 'binary' else 'r', encoding) as source:
        if form == 'binary':
            return packed.unpack(source.read())
        if form == 'json':
            return kind.from_json(source.read())
        read = sources.from_ndjson if form == 'jsonl' else sources.from_csv
        return list(read(kind._kind, source))


def _format(file: Any, wanted: str | None) -> str:
    if wanted is None:
        ending = os.path.splitext(os.fspath(file))[1][1:].lower() if isinstance(file, (str, os.PathLike)) else ''
        return ending if ending in _FORMATS else 'binary'
    if wanted not in _FORMATS:
        raise ValueError(f'file_format is one of {", ".join(_FORMATS)}, not {wanted!r}')
    return wanted


def _opened(file: Any, mode: str, encoding: str) -> Any:
    if not isinstance(file, (str, os.PathLike)):
        return nullcontext(file)
    if 'b' in mode:
        return open(file, mode)
    return open(file, mode, encoding=encoding, newline='')

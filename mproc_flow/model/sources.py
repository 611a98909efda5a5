"""Documents made of arrays, files and lines, one after the other.

``kind`` is the class of the Documents in all of these; the functions of
:mod:`mproc_flow.types.document.generators` say the rest.
"""

from __future__ import annotations

import csv
import glob
import itertools
import json
import mimetypes
import os
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np

from mproc_flow.model import rows
from mproc_flow.model.numeric import as_array, unmasked
from mproc_flow.model.rows import Resolver

Value = TypeVar('Value')

_CSV = ('.csv', '.tcsv')
_JSON_LINES = ('.jsonl', '.ndjson', '.jsonlines', '.jl', '.ldjson')


def from_ndarray(kind: Any, array: Any, axis: int = 0, size: int | None = None, shuffle: bool = False) -> Iterator[Any]:
    """Yield a Document for each sub-array along an axis."""
    values = as_array(unmasked(array))
    if values.ndim == 0:
        raise ValueError('from_ndarray() needs an array of at least one axis, this is a single value')
    values = np.moveaxis(values, axis, 0)
    order = np.random.permutation(len(values)) if shuffle else np.arange(len(values))
    if values.dtype.kind in 'US':
        return (kind(content=values[row].item()) for row in order[:size])
    return (kind(tensor=values[row, ...]) for row in order[:size])


def from_files(  # parameters: those of the generator, and the class
    kind: Any,
    patterns: Any,
    recursive: bool = True,
    size: int | None = None,
    sampling_rate: float | None = None,
    read_mode: str | None = None,
    exclude_regex: str | None = None,
) -> Iterator[Any]:
    """Yield a Document for each file, in the order of the patterns, those of one pattern by name."""
    if read_mode not in ('r', 'rb', None):
        raise ValueError(f"read_mode is 'r' for text, 'rb' for bytes or None for names only, not {read_mode!r}")
    excluded = re.compile(exclude_regex) if exclude_regex else None
    names = [patterns] if isinstance(patterns, (str, os.PathLike)) else list(patterns)
    found = dict.fromkeys(itertools.chain.from_iterable(_files(os.fspath(name), recursive) for name in names))
    wanted = (path for path in found if not (excluded and excluded.match(path)))
    return (_of_file(kind, path, read_mode) for path in _some(wanted, size, sampling_rate))


def _files(pattern: str, recursive: bool) -> list[str]:
    pattern = os.path.expanduser(pattern)
    if not glob.has_magic(pattern) and not os.path.exists(pattern):
        raise FileNotFoundError(f'there is no file {pattern}')
    return sorted(path for path in glob.glob(pattern, recursive=recursive) if not os.path.isdir(path))


def _of_file(kind: Any, path: str, read_mode: str | None) -> Any:
    doc = kind(uri=path, mime_type=mimetypes.guess_type(path)[0])
    if read_mode is not None:
        doc.load_uri_to_blob()
    if read_mode == 'r':
        try:
            doc.content = doc.blob.decode().replace('\r\n', '\n')
        except UnicodeDecodeError as error:
            raise ValueError(f'{path} is no UTF-8 text ({error}); read it with read_mode="rb"') from None
    return doc


def from_csv(  # parameters: those of the generator, and the class
    kind: Any,
    file: Any,
    field_resolver: Resolver = None,
    size: int | None = None,
    sampling_rate: float | None = None,
    dialect: Any = 'excel',
    encoding: str = 'utf-8',
) -> Iterator[Any]:
    """Yield a Document for each row of CSV with a header."""
    known = csv.list_dialects()
    if isinstance(dialect, str) and dialect not in ('auto', *known):
        raise ValueError(f'from_csv(dialect={dialect!r}): known are auto, {", ".join(known)}, and classes of dialects')
    return _some(_csv_rows(kind, file, field_resolver, dialect, encoding), size, sampling_rate)


def from_ndjson(
    kind: Any, fp: Any, field_resolver: Resolver = None, size: int | None = None, sampling_rate: float | None = None
) -> Iterator[Any]:
    """Yield a Document for each line that is a JSON object; blank lines do not count."""
    return _some(_json_lines(kind, fp, field_resolver), size, sampling_rate)


def from_lines(  # parameters: those of the generator, and the class
    kind: Any,
    lines: Any = None,
    filepath: Any = None,
    read_mode: str = 'r',
    line_format: str = 'json',
    field_resolver: Resolver = None,
    size: int | None = None,
    sampling_rate: float | None = None,
) -> Iterator[Any]:
    """Yield a Document for each line of JSON, CSV or text."""
    if (lines is None) == (filepath is None):
        raise ValueError('from_lines() needs either lines or filepath')
    form = line_format if filepath is None else _form_of(os.fspath(filepath))
    if form not in ('json', 'csv', 'text'):
        raise ValueError(f'line_format is json, csv or text, not {line_format!r}')
    if read_mode not in ('r', 'rb'):
        raise ValueError(f"read_mode is 'r' or 'rb', not {read_mode!r}")
    source = lines if filepath is None else filepath
    if form == 'csv':
        return from_csv(kind, source, field_resolver, size, sampling_rate)
    if form == 'json':
        return from_ndjson(kind, source, field_resolver, size, sampling_rate)
    return _some(_text_lines(kind, source, read_mode), size, sampling_rate)


def _csv_rows(kind: Any, file: Any, resolver: Resolver, dialect: Any, encoding: str) -> Iterator[Any]:
    name = name_of(file)
    with _opened(file, encoding) as lines:
        lines = _without_mark(lines)
        if dialect == 'auto':
            dialect, lines = _sniffed(lines)
        reader = csv.DictReader(lines, dialect=dialect, strict=True)
        try:
            _check_header(reader.fieldnames or ())
            yield from (_csv_document(kind, row, resolver) for row in reader)
        except UnicodeDecodeError as error:
            raise _undecodable(name, reader.line_num, error) from None
        except (ValueError, TypeError) as error:
            raise ValueError(f'{name}, line {reader.line_num}: {error}') from error
        except csv.Error as error:  # in a line that does not count as read
            raise ValueError(f'{name}, line {reader.line_num + 1}: {error}') from error


def _check_header(columns: Sequence[str]) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ValueError(f'column {twice[0]!r} is there more than once; give each a name of its own')


def _csv_document(kind: Any, row: Any, resolver: Resolver) -> Any:
    if None in row:
        raise ValueError(f'there are more cells than the {len(row) - 1} columns of the header')
    return rows.document(kind, rows.cells(row, resolver), resolver)


def _json_lines(kind: Any, file: Any, resolver: Resolver) -> Iterator[Any]:
    with _opened(file, 'utf-8') as lines:
        for number, line in _numbered(file, lines):
            if line.strip():
                yield _json_document(kind, line, f'{name_of(file)}, line {number}', resolver)


def _json_document(kind: Any, line: str, where: str, resolver: Resolver) -> Any:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f'a JSON object is needed, not {type(row).__name__}')
        return rows.document(kind, row, resolver)
    except (ValueError, TypeError) as error:
        raise ValueError(f'{where}: {error}') from error


def _text_lines(kind: Any, file: Any, read_mode: str) -> Iterator[Any]:
    with _opened(file, None if read_mode == 'rb' else 'utf-8') as lines:
        for _, line in _numbered(file, lines):
            yield kind(content=line.rstrip(b'\r\n' if isinstance(line, bytes) else '\r\n'))


def _form_of(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    return 'csv' if ending in _CSV else 'json' if ending in _JSON_LINES else 'text'


def _some(values: Iterable[Value], size: int | None, sampling_rate: float | None) -> Iterator[Value]:
    if size is not None and size < 0:
        raise ValueError(f'size={size}: how many Documents there may be at most, or None')
    if sampling_rate is not None:
        values = (value for value in values if random.random() < sampling_rate)
    return itertools.islice(values, size)


def _numbered(file: Any, lines: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        for number, line in enumerate(_without_mark(lines), 1):
            yield number, line
    except UnicodeDecodeError as error:
        raise _undecodable(name_of(file), number, error) from None


def _without_mark(lines: Iterable[Any]) -> Iterator[Any]:
    """Leave out the byte order mark with which some programs begin a text."""
    rest = iter(lines)
    for first in itertools.islice(rest, 1):
        yield first.removeprefix('\ufeff') if isinstance(first, str) else first
    yield from rest


def _undecodable(name: str, number: int, error: UnicodeDecodeError) -> ValueError:
    why = f'this is no {error.encoding} text ({error.reason})'
    return ValueError(f'{name}, after line {number}: {why}; open it with the encoding that it has')


def _opened(file: Any, encoding: str | None) -> Any:
    if not isinstance(file, (str, os.PathLike)):
        return nullcontext(file)
    path = os.path.expanduser(file)
    return open(path, 'rb') if encoding is None else open(path, encoding=encoding, newline='')


def _sniffed(lines: Iterable[str]) -> tuple[Any, Iterable[str]]:
    lines = iter(lines)
    first = list(itertools.islice(lines, 20))
    try:
        dialect: Any = csv.Sniffer().sniff(''.join(first))
    except csv.Error:
        dialect = 'excel'
    return dialect, itertools.chain(first, lines)


def name_of(file: Any) -> str:
    """Return the name of a file for messages."""
    return str(file if isinstance(file, (str, os.PathLike)) else getattr(file, 'name', 'input'))

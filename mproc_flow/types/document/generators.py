"""Generators of Documents: of arrays, files, CSV, JSON and text.

Each reads lazily, takes at most ``size`` Documents, and each of them with the probability ``sampling_rate`` (by
Python's ``random``) if that is given. What cannot be read raises a ValueError that names file and line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mproc_flow.model import sources
from mproc_flow.model.document import Document

_Path = str | os.PathLike[str]


def from_ndarray(array: Any, axis: int = 0, size: int | None = None, shuffle: bool = False) -> Iterator[Document]:
    """Yield a Document for each part of an array, which is its ``tensor``, or ``text`` if the array is one of text.

    Args:
        array: A numpy array, or what ``numpy.asarray`` takes.
        axis: Along which axis it is cut.
        size: Most Documents; None for all.
        shuffle: In random order, by ``numpy.random``.

    Raises:
        ValueError: The array has no axis, or not this one.
    """
    return sources.from_ndarray(Document, array, axis, size, shuffle)


def from_files(
    patterns: _Path | Iterable[_Path],
    recursive: bool = True,
    size: int | None = None,
    sampling_rate: float | None = None,
    read_mode: str | None = None,
    exclude_regex: str | None = None,
) -> Iterator[Document]:
    """Yield a Document for each file, with its name as ``uri`` and its kind as ``mime_type``.

    Args:
        patterns: A name or pattern such as ``'data/**/*.txt'``, or several. Files come in the order of the patterns,
            those of one pattern by name, none twice. Folders are left out.
        recursive: Whether ``**`` stands for any folders.
        size: Most Documents; None for all.
        sampling_rate: Probability of each file; None for all.
        read_mode: ``'r'`` to read the files as ``text`` (UTF-8), ``'rb'`` as ``blob``, None to read nothing.
        exclude_regex: Names that match it from their start are left out.

    Raises:
        FileNotFoundError: A name without wildcards is no file.
        ValueError: A file is no text, or an argument has a value it cannot take.
    """
    return sources.from_files(Document, patterns, recursive, size, sampling_rate, read_mode, exclude_regex)


def from_csv(
    file: Any,
    field_resolver: Mapping[str, str] | None = None,
    size: int | None = None,
    sampling_rate: float | None = None,
    dialect: Any = 'excel',
    encoding: str = 'utf-8',
) -> Iterator[Document]:
    """Yield a Document for each row of CSV; columns that are no fields become tags.

    Args:
        file: Its name, an open file, or an iterable of lines. The first line has the names of the columns.
        field_resolver: Names of fields by names of columns.
        size: Most Documents; None for all.
        sampling_rate: Probability of each row; None for all.
        dialect: Name or class of a dialect of Python's ``csv``, or ``'auto'`` to find it out.
        encoding: Of the file, if its name is given.

    Raises:
        ValueError: A row has too many cells, or a cell does not fit its field.
    """
    return sources.from_csv(Document, file, field_resolver, size, sampling_rate, dialect, encoding)


def from_ndjson(
    fp: Any,
    field_resolver: Mapping[str, str] | None = None,
    size: int | None = None,
    sampling_rate: float | None = None,
) -> Iterator[Document]:
    """Yield a Document for each line of JSON, which is an object; keys that are no fields become tags.

    Args:
        fp: Name of a file, an open file, or an iterable of lines.
        field_resolver: Names of fields by keys.
        size: Most Documents; None for all.
        sampling_rate: Probability of each line; None for all.

    Raises:
        ValueError: A line is no JSON object, or a value does not fit its field.
    """
    return sources.from_ndjson(Document, fp, field_resolver, size, sampling_rate)


def from_lines(  # parameters: those that programs for Jina give
    lines: Iterable[str] | None = None,
    filepath: _Path | None = None,
    read_mode: str = 'r',
    line_format: str = 'json',
    field_resolver: Mapping[str, str] | None = None,
    size: int | None = None,
    sampling_rate: float | None = None,
) -> Iterator[Document]:
    """Yield a Document for each line.

    Args:
        lines: The lines; or
        filepath: The file they are in. The ending of its name says whether it is JSON (``.jsonl``, ``.ndjson``, ...),
            CSV (``.csv``) or text.
        read_mode: ``'r'`` or, for lines of text that become ``blob``, ``'rb'``.
        line_format: What ``lines`` are: ``json``, ``csv`` or ``text``.
        field_resolver: Names of fields by keys or names of columns.
        size: Most Documents; None for all.
        sampling_rate: Probability of each line; None for all.

    Raises:
        ValueError: Neither or both of ``lines`` and ``filepath`` are given, or a line cannot be read.
    """
    return sources.from_lines(Document, lines, filepath, read_mode, line_format, field_resolver, size, sampling_rate)

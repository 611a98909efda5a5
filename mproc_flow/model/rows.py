"""Documents of the rows of CSV and of lines of JSON, whose names may be others than those of our fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mproc_flow.model.making import known_fields

Resolver = Mapping[str, str] | None

_JSON = ('tensor', 'embedding', 'tags', 'location', 'chunks', 'matches', 'scores', 'evaluations')
_CELLS: dict[str, Callable[[str], Any]] = {
    'weight': float,
    'offset': float,
    'granularity': int,
    'adjacency': int,
    **dict.fromkeys(_JSON, json.loads),
}
_TAG = 'tag__'


def document(kind: Any, row: Mapping[str, Any], resolver: Resolver) -> Any:
    """Make a Document of a row; what is no field goes into its tags.

    Args:
        kind: The class of the Document.
        row: Values by name.
        resolver: Names of fields by the names in the row.

    Raises:
        ValueError: A value does not fit its field.
        TypeError: Neither does its type.
    """
    known = known_fields(kind)
    fields: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    for name, value in row.items():
        name = (resolver or {}).get(name, name)
        if name in known:
            fields[name] = value
        else:
            tags[name.removeprefix(_TAG)] = value
    if tags:
        fields['tags'] = {**(fields.get('tags') or {}), **tags}
    return kind.from_dict(fields)


def cells(row: Mapping[str, str], resolver: Resolver) -> dict[str, Any]:
    """Read the cells of a row of CSV: empty ones are left out, those of fields that are no text become what they say.

    Raises:
        ValueError: A cell does not fit its field; the message names the column.
    """
    found: dict[str, Any] = {}
    for column, cell in row.items():
        read = _CELLS.get((resolver or {}).get(column, column), str)
        try:
            if cell:
                found[column] = read(cell)
        except ValueError as error:
            raise ValueError(f'column {column!r}: {error}') from None
    return found


def row_of(doc: Any) -> dict[str, Any]:
    """Return the fields of a Document that are set as cells; each tag is a column of its own."""
    values = doc.to_dict()
    row = {name: _cell(name, values[name]) for name in doc.non_empty_fields if name != 'tags'}
    return row | {f'{_TAG}{key}': _tag(value) for key, value in values['tags'].items()}


def columns(docs: Iterable[Any]) -> Iterator[str]:
    """Yield the names of all columns that :func:`row_of` makes of these, fields in their order before tags."""
    names = dict.fromkeys(name for doc in docs for name in row_of(doc))
    yield from sorted(names, key=lambda name: name.startswith(_TAG))


def _cell(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name in _JSON else value


def _tag(value: Any) -> Any:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

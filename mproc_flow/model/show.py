"""Documents to be read by people: as text in a terminal, as HTML in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from mproc_flow.model.brief import brief
from mproc_flow.model.making import known_fields

# Nothing but borders and spacing: colours are those of the page, light or dark.
_CELL = 'style="text-align:left;padding:2px 8px;border:1px solid rgba(128,128,128,.4);vertical-align:top"'
_ROWS = 20


def summary_of_array(docs: Sequence[Any]) -> str:
    """Describe a DocumentArray: how many, alike or not, which fields of which types."""
    sets = Counter(tuple(doc.non_empty_fields) for doc in docs)
    rows = [
        ('Type', type(docs).__name__),
        ('Length', str(len(docs))),
        ('Homogenous Documents', 'yes' if len(sets) <= 1 else 'no'),
    ]
    nested = [name for name in ('chunks', 'matches') if any(name in fields for fields in sets)]
    if nested:
        rows.append(('Nested Documents in', ', '.join(nested)))
    if len(sets) == 1:
        rows.append(('Fields', ', '.join(next(iter(sets)))))
    else:
        rows += [(f'{count} of them with', ', '.join(fields)) for fields, count in sets.most_common()]
    head = '\n'.join(_table(rows))
    fields = list(_fields(docs))
    if not fields:
        return head
    return head + '\n\n' + '\n'.join(_table([('Field', 'Types', 'Set', 'Different'), *fields]))


def summary_of_document(doc: Any) -> str:
    """Describe a Document and what is nested in it, as a tree."""
    return '\n'.join(_tree(doc, '', ''))


def html_of_array(docs: Sequence[Any]) -> str:
    """Return a table of the first Documents."""
    first = docs[:_ROWS]
    names = [name for name in _known(docs) if any(name in doc.non_empty_fields for doc in first)]
    body = [[_shown(doc, name) for name in names] for doc in first]
    more = f'<div>and {len(docs) - _ROWS} more</div>' if len(docs) > _ROWS else ''
    return f'<div><b>{escape(repr(docs))}</b></div>{_html_table(names, body)}{more}'


def html_of_document(doc: Any) -> str:
    """Return a table of the fields that are set."""
    body = [[name, _shown(doc, name)] for name in doc.non_empty_fields]
    return _html_table([type(doc).__name__, ''], body)


def _known(docs: Sequence[Any]) -> tuple[str, ...]:
    return known_fields(type(docs[0])) if docs else ()


def _fields(docs: Sequence[Any]) -> Iterator[tuple[str, ...]]:
    for name in _known(docs):
        values = [getattr(doc, name) for doc in docs if name in doc.non_empty_fields]
        if values:
            types = ', '.join(dict.fromkeys(type(value).__name__ for value in values))
            yield name, types, f'{len(values)} of {len(docs)}', _different(values)


def _different(values: list[Any]) -> str:
    try:
        return str(len(set(values)))
    except TypeError:  # arrays, dicts and lists cannot be counted
        return ''


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _tree(doc: Any, first: str, further: str) -> Iterator[str]:
    yield f'{first}{type(doc).__name__} {doc.id}'
    groups = [name for name in ('matches', 'chunks') if name in doc.non_empty_fields]
    bar = '│ ' if groups else '  '
    for name in doc.non_empty_fields:
        if name not in ('id', *groups):
            yield f'{further}{bar}{name}: {_shown(doc, name)}'
    for name in groups:
        last_group = name == groups[-1]
        yield f'{further}{"└─" if last_group else "├─"}{name}'
        inner = further + ('  ' if last_group else '│ ')
        nested = getattr(doc, name)
        for one in nested:
            last = one is nested[-1]
            yield from _tree(one, inner + ('└─' if last else '├─'), inner + ('  ' if last else '│ '))


def _shown(doc: Any, name: str) -> str:
    value = getattr(doc, name)
    return value if name == 'id' and isinstance(value, str) else brief(value)


def _html_table(head: list[str], body: list[list[str]]) -> str:
    cells = ''.join(f'<th {_CELL}>{escape(name)}</th>' for name in head)
    rows = ''.join('<tr>' + ''.join(f'<td {_CELL}>{escape(cell)}</td>' for cell in row) + '</tr>' for row in body)
    return f'<table style="border-collapse:collapse"><tr>{cells}</tr>{rows}</table>'

"""How two states of one Document, or of many, become one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def merge(docs: Any, others: Iterable[Any]) -> None:
    """Merge Documents into an array: those with an id it has fill that Document, others are appended."""
    by_id = {doc.id: doc for doc in reversed(docs)}  # of several with one id the first is meant
    for other in others:
        if other.id in by_id:
            fill(by_id[other.id], other)
        else:
            by_id[other.id] = other
            docs.append(other)


def fill(doc: Any, other: Any) -> None:
    """Give a Document the fields of another where its own are empty; chunks and matches are merged by id."""
    mine = set(doc.non_empty_fields)
    for name in other.non_empty_fields:
        if name in ('chunks', 'matches') and name in mine:
            merge(getattr(doc, name), getattr(other, name))
        elif name not in mine:
            setattr(doc, name, getattr(other, name))

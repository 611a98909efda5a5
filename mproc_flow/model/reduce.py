"""How the answers of parallel branches become one.

The rule, the same wherever parts meet: parts are taken in the order of ``needs``, whichever came first. Documents
are matched by ``id``; a field of a later one counts only where the field is still empty; Documents that only a
later part has are appended. ``parameters['__results__']`` of all parts are united.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document

RESULTS = '__results__'

Part = tuple[DocumentArray, dict[str, Any]]

_FIELDS = tuple(name for name in Document.__struct_fields__ if name != 'id')


def reduce(parts: Sequence[Part]) -> Part:
    """Merge parts into the first one, and give that.

    Args:
        parts: ``(docs, parameters)`` of each branch, in the order of ``needs``; at least one.
    """
    docs, parameters = parts[0]
    by_id = {doc.id: doc for doc in reversed(docs)}  # of several with one id the first is meant
    for more, more_parameters in parts[1:]:
        for doc in more:
            if doc.id in by_id:
                _fill(by_id[doc.id], doc)
            else:
                by_id[doc.id] = doc
                docs.append(doc)
        _unite(parameters, more_parameters)
    return docs, parameters


def _fill(doc: Document, other: Document) -> None:
    for name in _FIELDS:
        if _is_empty(getattr(doc, name)):
            setattr(doc, name, getattr(other, name))


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, bytes, dict)) and not value)


def _unite(parameters: dict[str, Any], more: dict[str, Any]) -> None:
    if RESULTS in more:
        parameters[RESULTS] = {**parameters.get(RESULTS, {}), **more[RESULTS]}

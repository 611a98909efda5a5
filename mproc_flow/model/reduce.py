"""How the answers of parallel branches become one.

The rule, the same wherever parts meet: parts are taken in the order of ``needs``, whichever came first. Documents
are matched by ``id``; a field of a later one counts only where the field is still empty, but chunks and matches, which
are Documents too, are merged by this same rule; Documents that only a later part has are appended.
``parameters['__results__']`` of all parts are united.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.merging import merge

RESULTS = '__results__'

Part = tuple[DocumentArray, dict[str, Any]]


def reduce(parts: Sequence[Part]) -> Part:
    """Merge parts into the first one, and give that.

    Args:
        parts: ``(docs, parameters)`` of each branch, in the order of ``needs``; at least one.
    """
    docs, parameters = parts[0]
    for more, more_parameters in parts[1:]:
        merge(docs, more)
        _unite(parameters, more_parameters)
    return docs, parameters


def _unite(parameters: dict[str, Any], more: dict[str, Any]) -> None:
    if RESULTS in more:
        parameters[RESULTS] = {**parameters.get(RESULTS, {}), **more[RESULTS]}

"""Typed documents for tests, and how they are compared."""

from typing import Any

import numpy as np
from docarray import BaseDoc
from docarray.typing import NdArray

from mproc_flow.model.codec import decode, encode
from mproc_flow.model.typed import from_document, to_document


class Part(BaseDoc):
    """A document that others have in them."""

    name: str
    vector: NdArray | None = None


def there_and_back(typed: Any, kind: Any = None) -> Any:
    """What arrives as what was sent."""
    docs, _ = decode(encode([to_document(typed)], {}))
    return from_document(docs[0], kind or type(typed))


def same(one: Any, other: Any) -> bool:
    """Whether two documents are equal, ids and arrays included."""
    return type(one) is type(other) and _equal(one.__dict__, other.__dict__)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, BaseDoc):
        return same(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and bool(one == other)

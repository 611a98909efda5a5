"""The DocumentArray: a list of Documents that also finds them by id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsIndex, overload

from mproc_flow.model.document import Document

_DOCUMENT = frozenset({Document})


class DocumentArray(list[Document]):
    """A list of Documents.

    It behaves as a list does; slices, sums, multiples and copies are DocumentArrays too. Beside positions it
    takes ids: ``docs['some-id']``, ``docs[['id-1', 'id-2']]``, ``'some-id' in docs``, ``del docs['some-id']``.
    An id is looked up from the start, and the first Document that has it is meant.

    Args:
        docs: A Document, any iterable of them, or None for an empty array. The Documents are not copied.

    Raises:
        TypeError: An item is not a Document. So says every method that adds items.
    """

    __slots__ = ()

    def __init__(self, docs: Document | Iterable[Document] | None = None) -> None:
        if docs is None:
            super().__init__()
        elif isinstance(docs, Document):
            super().__init__((docs,))
        else:
            super().__init__(docs)
            _check(self)

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Document: ...
    @overload
    def __getitem__(self, key: slice | list[str] | list[int]) -> DocumentArray: ...
    def __getitem__(self, key: Any) -> Document | DocumentArray:
        """Return a Document by position or id, or a DocumentArray by a slice or a list of positions or ids."""
        if isinstance(key, str):
            return super().__getitem__(self._position(key))
        if isinstance(key, slice):
            return trusted(super().__getitem__(key))
        if isinstance(key, list):
            return self._pick(key)
        doc: Document = super().__getitem__(key)
        return doc

    def __setitem__(self, key: Any, value: Any) -> None:
        """Replace a Document by position or id, or a slice by Documents."""
        if isinstance(key, slice):
            super().__setitem__(key, _checked(value))
        else:
            _check((value,))
            super().__setitem__(self._position(key) if isinstance(key, str) else key, value)

    def __delitem__(self, key: SupportsIndex | slice | str) -> None:
        """Remove a Document by position or id, or a slice."""
        super().__delitem__(self._position(key) if isinstance(key, str) else key)

    def __contains__(self, item: object) -> bool:
        """Say whether there is a Document with this id (a str), or one equal to this Document."""
        if isinstance(item, str):
            return any(doc.id == item for doc in self)
        return super().__contains__(item)

    def append(self, doc: Document, /) -> None:
        """Add a Document at the end."""
        _check((doc,))
        super().append(doc)

    def extend(self, docs: Iterable[Document], /) -> None:
        """Add Documents at the end; if one item is none, nothing is added."""
        super().extend(_checked(docs))

    def insert(self, index: SupportsIndex, doc: Document, /) -> None:
        """Add a Document before a position."""
        _check((doc,))
        super().insert(index, doc)

    def copy(self) -> DocumentArray:
        """Return a new array of the same Documents."""
        return trusted(self)

    def __add__(self, other: Any) -> DocumentArray:  # type: ignore[override]
        if not isinstance(other, list):
            return NotImplemented
        return trusted([*self, *_checked(other)])

    def __radd__(self, other: Any) -> DocumentArray:
        if not isinstance(other, list):
            return NotImplemented
        return trusted([*_checked(other), *self])

    def __iadd__(self, other: Iterable[Document]) -> DocumentArray:  # type: ignore[override,misc]
        self.extend(other)
        return self

    def __mul__(self, times: SupportsIndex) -> DocumentArray:
        return trusted(super().__mul__(times))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f'<DocumentArray, {len(self)} Document{"" if len(self) == 1 else "s"}>'

    def _position(self, wanted: str) -> int:
        for position, doc in enumerate(self):
            if doc.id == wanted:
                return position
        raise KeyError(f'no Document has the id {wanted!r}')

    def _pick(self, keys: list[Any]) -> DocumentArray:
        by_id = {doc.id: doc for doc in reversed(self)}
        missing = next((key for key in keys if isinstance(key, str) and key not in by_id), None)
        if missing is not None:
            raise KeyError(f'no Document has the id {missing!r}')
        return trusted([by_id[key] if isinstance(key, str) else self[key] for key in keys])


def trusted(docs: Iterable[Document]) -> DocumentArray:
    """Make a DocumentArray of what is known to be Documents, without looking at each."""
    array = DocumentArray()
    list.extend(array, docs)
    return array


def _checked(docs: Iterable[Document]) -> list[Document]:
    found = docs if isinstance(docs, list) else list(docs)
    if type(docs) is not DocumentArray:
        _check(found)
    return found


def _check(docs: list[Any] | tuple[Any, ...]) -> None:
    if _DOCUMENT.issuperset(map(type, docs)):
        return
    for position, doc in enumerate(docs):
        if not isinstance(doc, Document):
            raise TypeError(f'a DocumentArray holds Documents only; item {position} is of type {type(doc).__name__}')

"""A list that holds items of one kind only and also finds them by id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, SupportsIndex, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self


class _HasId(Protocol):
    id: str


Item = TypeVar('Item', bound=_HasId)


class Items(list[Item]):
    """A list of items with ids, which checks whatever is added to it.

    The class sets ``_kind``, the type of its items.
    """

    __slots__ = ()

    _kind: ClassVar[type]

    def __init__(self, docs: Any = None, copy: bool = False) -> None:
        if docs is None:
            super().__init__()
            return
        one: Any = (docs,)
        super().__init__(one if isinstance(docs, self._kind) else docs)
        self._check(self)
        if copy:
            super().__setitem__(slice(None), [doc.copy() for doc in self])  # type: ignore[attr-defined]

    def append(self, doc: Item, /) -> None:
        """Add a Document at the end."""
        self._admit((doc,))
        super().append(doc)

    def extend(self, docs: Iterable[Item], /) -> None:
        """Add Documents at the end; if one item is none, nothing is added."""
        super().extend(self._checked(docs))

    def insert(self, index: SupportsIndex, doc: Item, /) -> None:
        """Add a Document before a position."""
        self._admit((doc,))
        super().insert(index, doc)

    def pop(self, key: SupportsIndex | str = -1, /) -> Item:
        """Remove a Document, by its position or id, and return it."""
        return super().pop(self._position(key) if isinstance(key, str) else key)

    def copy(self) -> Self:
        """Return a new array of the same Documents."""
        return self._new(self)

    def __contains__(self, item: object) -> bool:
        """Say whether there is a Document with this id (a str), or one equal to this Document."""
        if isinstance(item, str):
            return any(doc.id == item for doc in self)
        return super().__contains__(item)

    def __add__(self, other: Any) -> Self:  # type: ignore[override]
        if not isinstance(other, list):
            return NotImplemented
        self._check(other)
        return self._new([*self, *other])

    def __radd__(self, other: Any) -> Self:
        if not isinstance(other, list):
            return NotImplemented
        self._check(other)
        return self._new([*other, *self])

    def __iadd__(self, other: Iterable[Item]) -> Self:  # type: ignore[override,misc]
        self.extend(other)
        return self

    def __mul__(self, times: SupportsIndex) -> Self:
        return self._new(super().__mul__(times))

    __rmul__ = __mul__

    def _new(self, docs: Iterable[Item]) -> Self:
        """Make an array of what is known to be Documents, without looking at each."""
        raise NotImplementedError

    def _admit(self, docs: list[Any] | tuple[Any, ...]) -> None:
        """Check what is about to be added."""
        self._check(docs)

    def _checked(self, docs: Iterable[Item]) -> list[Item]:
        found = docs if isinstance(docs, list) else list(docs)
        self._admit(found)
        return found

    def _check(self, docs: list[Any] | tuple[Any, ...]) -> None:
        kind = self._kind
        if {kind}.issuperset(map(type, docs)):
            return
        for position, doc in enumerate(docs):
            if not isinstance(doc, kind):
                raise TypeError(
                    f'a DocumentArray holds Documents only; item {position} is of type {type(doc).__name__}'
                )

    def _position(self, wanted: str) -> int:
        for position, doc in enumerate(self):
            if doc.id == wanted:
                return position
        raise KeyError(f'no Document has the id {wanted!r}')

"""The fields that few Documents have: kept together, so that all others pay nothing for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

# Names in the order on the wire, containers first: new ones go to the end.
CONTAINERS = ('chunks', 'matches', 'scores', 'evaluations')
FURTHER = (*CONTAINERS, 'weight', 'parent_id', 'granularity', 'adjacency', 'modality', 'location', 'offset')

Value = TypeVar('Value')


class Further(Generic[Value]):
    """A field of a Document that is kept in ``doc._more``, which is None until one of these fields is set."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, doc: None, owner: type) -> Further[Value]: ...
    @overload
    def __get__(self, doc: Any, owner: type | None = None) -> Value | None: ...
    def __get__(self, doc: Any, owner: type | None = None) -> Any:
        """Return the value, None if it is not set."""
        if doc is None:
            return self
        return None if doc._more is None else getattr(doc._more, self.name)

    def __set__(self, doc: Any, value: Value | None) -> None:
        """Set the value; None empties the field."""
        setattr(doc._with_more(), self.name, value)


class Holder(Generic[Value]):
    """A field kept there whose value is a container that is made when it is first asked for.

    Whatever is set, or arrived in a message, is put into a container of the right kind, which belongs to its Document.
    """

    def __init__(self, kind: Callable[[], Any]) -> None:
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, doc: None, owner: type) -> Holder[Value]: ...
    @overload
    def __get__(self, doc: Any, owner: type | None = None) -> Value: ...
    def __get__(self, doc: Any, owner: type | None = None) -> Any:
        """Return the container, a new one if nothing is set."""
        if doc is None:
            return self
        more = doc._with_more()
        found = getattr(more, self.name)
        kind = self.kind()
        if type(found) is not kind:
            found = kind._held(found or (), doc, False)
            setattr(more, self.name, found)
        return found

    def __set__(self, doc: Any, value: Any) -> None:
        """Fill a new container; None empties the field."""
        made = None if value is None else self.kind()._held(value, doc, True)
        setattr(doc._with_more(), self.name, made)

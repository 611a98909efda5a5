"""What can be done with the fields of one Document."""

from __future__ import annotations

import copy as copying
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import astuple, replace

from mproc_flow.model.further import CONTAINERS, FURTHER
from mproc_flow.model.ids import fresh_id
from mproc_flow.model.making import advice, known_fields

if TYPE_CHECKING:
    from typing_extensions import Self

    class _Fields(msgspec.Struct, kw_only=True):
        """What the class that has these methods has."""

        text: str | None = None
        blob: bytes | None = None
        tensor: Any = None
        uri: str | None = None
        tags: Any = None
        _more: Any = None
else:
    _Fields = object


class Content(_Fields):
    """The methods of a Document that read and set its fields."""

    __slots__ = ()

    @property
    def content(self) -> Any:
        """``text``, ``blob`` or ``tensor``: the first that is not None, or None.

        Setting it fills the field that fits (str: text; bytes: blob; anything else: tensor) and empties the
        two others; None empties all three.
        """
        if self.text is not None:
            return self.text
        return self.blob if self.blob is not None else self.tensor

    @content.setter
    def content(self, value: Any) -> None:
        self.text = self.blob = self.tensor = None
        if isinstance(value, str):
            self.text = value
        elif isinstance(value, bytes):
            self.blob = value
        else:
            self.tensor = value

    @property
    def content_type(self) -> str | None:
        """Which field :attr:`content` is: ``text``, ``blob``, ``tensor``, or None."""
        return next((name for name in ('text', 'blob', 'tensor') if getattr(self, name) is not None), None)

    @property
    def non_empty_fields(self) -> tuple[str, ...]:
        """Names of the fields that are set, to something else than an empty text, bytes, dict or list."""
        return tuple(name for name, value in self._values() if _is_set(name, value))

    def pop(self, *names: str) -> None:
        """Empty some fields.

        Raises:
            AttributeError: There is no such field.
        """
        for name in names:
            if name not in known_fields(type(self)) and name != 'content':
                raise AttributeError(advice(type(self), {name: None}))
            setattr(self, name, {} if name == 'tags' else fresh_id() if name == 'id' else None)

    def clear(self) -> None:
        """Empty all fields; the id becomes a new one."""
        self.pop(*known_fields(type(self)))

    def copy(self) -> Self:
        """Return a copy of the Document and of all that is in it."""
        return copying.deepcopy(self)

    def load_uri_to_text(self, charset: str = 'utf-8') -> Self:
        """Set ``text`` to what ``uri`` stands for, a file of this machine or a data URI, and return the Document.

        Raises:
            OSError: The file cannot be read.
            ValueError: There is no URI, it would have to be fetched, or what it stands for is no text.
        """
        from mproc_flow.model import uri

        self.content = uri.read(self.uri).decode(charset)
        return self

    def load_uri_to_blob(self) -> Self:
        """Set ``blob`` to what ``uri`` stands for; otherwise as :meth:`load_uri_to_text`."""
        from mproc_flow.model import uri

        self.content = uri.read(self.uri)
        return self

    def __copy__(self) -> Self:
        return type(self)(self)  # type: ignore[arg-type,call-arg]

    def _values(self) -> Iterator[tuple[str, Any]]:
        """Yield all fields by name as they are kept, without making containers for those that are not set."""
        for name, value in zip(self.__struct_fields__, astuple(self), strict=True):
            if name != '_more':
                yield name, value
        for name in FURTHER:
            yield name, getattr(self._more, name, None)

    def _own_fields(self) -> dict[str, Any]:
        """Return the fields of the wire for a copy that shares their values, but not the containers of the Document."""
        fields = dict(zip(self.__struct_fields__, astuple(self), strict=True))
        fields['tags'] = copying.copy(self.tags)
        if self._more is not None:
            own = [name for name in (*CONTAINERS, 'location') if getattr(self._more, name) is not None]
            fields['_more'] = replace(self._more, **{name: getattr(self._more, name).copy() for name in own})
        return fields

    def _nested(self) -> Iterator[Any]:
        """Yield its chunks, then its matches."""
        if self._more is not None:
            yield from self._more.chunks or ()
            yield from self._more.matches or ()


def _is_set(name: str, value: Any) -> bool:
    if value is None or name in ('tensor', 'embedding'):
        return value is not None
    return not isinstance(value, (str, bytes, dict, list)) or bool(value)

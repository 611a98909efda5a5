"""A Document as a dict, as JSON, as text and as HTML, and whether two are equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from mproc_flow.model.brief import brief
from mproc_flow.model.content import Content
from mproc_flow.model.further import CONTAINERS
from mproc_flow.model.making import advice
from mproc_flow.model.plain import fields_from_plain, plain
from mproc_flow.model.same import same, same_tensor

if TYPE_CHECKING:
    from typing_extensions import Self


class Forms(Content):
    """The methods of a Document that turn it into something else, or something else into it."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as data that JSON can carry, see :func:`mproc_flow.model.plain.plain`."""
        return {name: _plain_field(name, value) for name, value in self._values()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a Document of what :meth:`to_dict` gave: lists become arrays, base64 text becomes bytes.

        Raises:
            TypeError: It is no dict, or a key is no field.
            ValueError: A value does not fit its field.
        """
        fields = fields_from_plain(cls, values)
        nested = {name: fields.pop(name) for name in ('chunks', 'matches') if name in fields}
        try:
            doc = cls(**fields)
        except TypeError as error:  # with a key that is no text, it is Python's own
            raise TypeError(advice(cls, fields) or str(error)) from None
        for name, docs in nested.items():
            getattr(doc, name)._restore(docs)
        return doc

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Make a Document of JSON text; otherwise as :meth:`from_dict`."""
        return cls.from_dict(json.loads(text))

    def to_bytes(self) -> bytes:
        """Return the Document as bytes that keep every value as it is; they hold data only, no code."""
        from mproc_flow.model import packed

        return packed.pack([self])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Make a Document of what :meth:`to_bytes` gave.

        Raises:
            SerializationError: It is something else.
        """
        from mproc_flow.model import packed

        return cls(packed.unpack_one(data))  # type: ignore[arg-type,call-arg]

    def to_base64(self) -> str:
        """Return :meth:`to_bytes` as text."""
        from mproc_flow.model import packed

        return packed.text_of(self.to_bytes())

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Make a Document of what :meth:`to_base64` gave."""
        from mproc_flow.model import packed

        return cls.from_bytes(packed.bytes_of(text))

    def summary(self) -> None:
        """Print the fields that are set, and those of nested Documents, as a tree."""
        from mproc_flow.model import show

        print(show.summary_of_document(self))

    def __eq__(self, other: object) -> bool:
        """Say whether all fields are equal, the id included; arrays by dtype, shape and values, NaN equal to NaN."""
        if type(self) is not type(other) or not isinstance(other, Forms):
            return NotImplemented
        pairs = zip(self._values(), other._values(), strict=True)
        return all(_same_field(name, one, another) for (name, one), (_, another) in pairs)

    def __ne__(self, other: object) -> bool:
        # Not left to Python: msgspec's own __ne__, which knows nothing of the above, would be inherited.
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the fields that are set, long values shortened."""
        shown = (f'{name}={brief(value)}' for name, value in self._values() if _is_shown(value))
        return f'{type(self).__name__}({", ".join(shown)})'

    def _repr_html_(self) -> str:
        from mproc_flow.model import show

        return show.html_of_document(self)


def _plain_field(name: str, value: Any) -> Any:
    if name not in CONTAINERS:
        return plain(value)
    if not value:
        return None
    if name in ('chunks', 'matches'):
        return [doc.to_dict() for doc in value]
    return {key: asdict(score) for key, score in value.items()}


def _same_field(name: str, one: Any, other: Any) -> bool:
    if name in ('tensor', 'embedding'):
        return same_tensor(one, other)
    if name in ('chunks', 'matches'):
        return list(one or ()) == list(other or ())
    if name in ('scores', 'evaluations'):
        return same(_plain_field(name, one), _plain_field(name, other))
    return same(one, other)


def _is_shown(value: Any) -> bool:
    return value is not None and not (isinstance(value, (dict, list)) and not value)

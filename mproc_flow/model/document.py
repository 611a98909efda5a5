"""The Document: one item of data with an id, its content and its tags."""

from __future__ import annotations

import difflib
import os
import reprlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    # What a user may set: anything numpy can make a numeric array of.
    ArrayLike = Any
else:
    # What msgspec accepts when a Document arrives: arrays only.
    ArrayLike = np.ndarray | None

_IDS_PER_READ = 256
_spare_ids: list[str] = []
# A forked child must not hand out the ids its parent has in stock.
os.register_at_fork(after_in_child=_spare_ids.clear)


def fresh_id() -> str:
    """Return 32 random hex characters, different in every process, forked ones included."""
    try:
        return _spare_ids.pop()
    except IndexError:
        text = os.urandom(16 * _IDS_PER_READ).hex()
        _spare_ids.extend(text[start : start + 32] for start in range(32, len(text), 32))
        return text[:32]


_make = msgspec.StructMeta.__call__


class _FieldsByName(msgspec.StructMeta):
    """Makes the error of a wrong constructor call say what would be right."""

    if not TYPE_CHECKING:

        def __call__(cls, *args, **fields):
            try:
                return _make(cls, *args, **fields)
            except TypeError as error:
                raise TypeError(_advice(cls, args, fields) or str(error)) from None


def _advice(cls: msgspec.StructMeta, args: tuple[Any, ...], fields: dict[str, Any]) -> str | None:
    known = cls.__struct_fields__
    unknown = next((name for name in fields if name not in known), None)
    if unknown is not None:
        close = difflib.get_close_matches(unknown.lower(), known, 1)
        fields_and_tags = f'its fields are {", ".join(known)}, and values of your own go into tags'
        hint = f'did you mean {close[0]!r}?' if close else fields_and_tags
        return f'{cls.__name__} has no field {unknown!r}; {hint}'
    if args:
        return f"{cls.__name__} takes its fields by name, for instance {cls.__name__}(text='hello')"
    return None


class Document(msgspec.Struct, metaclass=_FieldsByName, kw_only=True, array_like=True, eq=False):
    """One item of data; every field is optional and given by name.

    Values are not checked when they are set but when the Document is sent; a value that cannot travel is
    then a :class:`~mproc_flow.errors.SerializationError` that names the field. Arrays of a Document that
    was received are read-only: assign a new array to change one.

    The order of the fields is the order on the wire: new ones go to the end and have a default.

    Attributes:
        id: Name of the Document; 32 random hex characters unless given.
        text: Text content, or None.
        blob: Binary content, or None.
        tensor: Numeric content: a numpy array or what ``numpy.asarray`` makes one of (a list of numbers, a
            torch tensor on the CPU), any shape. It arrives as a numpy array. None if there is none.
        embedding: The Document as a vector, in the same forms as ``tensor``, or None.
        uri: Where the content comes from, or None.
        mime_type: Kind of the content, for instance ``image/png``, or None.
        tags: Data of the user's own, by str or int keys; a new empty dict unless given. The values are what
            :func:`mproc_flow.model.codec.encode` accepts.
    """

    id: str = msgspec.field(default_factory=fresh_id)
    text: str | None = None
    blob: bytes | None = None
    tensor: ArrayLike = None
    embedding: ArrayLike = None
    uri: str | None = None
    mime_type: str | None = None
    tags: dict[Any, Any] = {}

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

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as data that JSON can carry, see :func:`plain`."""
        return {name: plain(getattr(self, name)) for name in self.__struct_fields__}

    def __eq__(self, other: object) -> bool:
        """Say whether all fields are equal, the id included; arrays by dtype, shape and values, NaN equal to NaN."""
        if type(self) is not type(other):
            return NotImplemented
        return all(_same_field(name, getattr(self, name), getattr(other, name)) for name in self.__struct_fields__)

    def __ne__(self, other: object) -> bool:
        # Not left to Python: msgspec's own __ne__, which knows nothing of the above, would be inherited.
        return not self == other

    def __repr__(self) -> str:
        """Show the fields that are set, long values shortened."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = (f'{name}={_brief.repr(value)}' for name, value in values if _is_set(value))
        return f'{type(self).__name__}({", ".join(shown)})'


def plain(value: Any) -> Any:
    """Turn data into what JSON can carry.

    Arrays become nested lists, numpy scalars Python numbers, complex numbers ``[real, imag]``, bytes base64
    text and datetimes ISO 8601 text.

    Raises:
        TypeError: A value in it is no data.
    """
    return msgspec.to_builtins(value, enc_hook=_plain_one, str_keys=False)


def _plain_one(value: Any) -> Any:
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, np.longdouble):
        return float(value)
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, '__array__'):
        return np.asarray(value).tolist()
    raise TypeError(f'a value of type {type(value).__name__} has no form that JSON can carry')


def _is_set(value: Any) -> bool:
    return value is not None and not (isinstance(value, dict) and not value)


def _same_field(name: str, one: Any, other: Any) -> bool:
    if name in ('tensor', 'embedding') and one is not None and other is not None:
        return _same_array(np.asarray(one), np.asarray(other))
    return _same(one, other)


def _same(one: Any, other: Any) -> bool:
    """Compare data in which arrays and NaN may hide."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and _same_array(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) or (one != one and other != other)


def _same_array(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype != other.dtype:
        return False
    return np.array_equal(one, other, equal_nan=one.dtype.kind in 'fcmM')


class _Brief(reprlib.Repr):
    """A repr of bounded length: long text is cut in the middle, arrays are ``float64(3, 4)``."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlevel = 3

    def repr_ndarray(self, array: np.ndarray, level: int) -> str:
        return f'{array.dtype}{array.shape}'

    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(value) if len(value) <= 20 else f'<{len(value)} bytes>'


_brief = _Brief()

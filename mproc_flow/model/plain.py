"""Data as JSON can carry it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from mproc_flow.model.numeric import as_array, is_array_like


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
    if is_array_like(value):
        return as_array(value).tolist()
    raise TypeError(f'a value of type {type(value).__name__} has no form that JSON can carry')


def array_from_plain(name: str, value: Any) -> np.ndarray:
    """Make the array of a field of nested lists.

    Raises:
        ValueError: The lists make no array of numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f'field {name}: {error}') from None
    if array.dtype.kind in 'OUSV':
        raise ValueError(f'field {name}: lists of numbers are needed, these make an array of dtype {array.dtype}')
    return array


def bytes_from_plain(name: str, value: Any) -> bytes:
    """Make the bytes of a field of base64 text, or take them as they are.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    import base64  # not at the top: few programs read blobs from text

    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:  # what binascii raises is a ValueError
        raise ValueError(f'field {name}: bytes or base64 text are needed: {error}') from None


def fields_from_plain(kind: Any, values: Any) -> dict[str, Any]:
    """Make the fields of a Document of what its ``to_dict()`` gave; ``kind`` is the class.

    Raises:
        TypeError: It is no dict.
        ValueError: A value does not fit its field.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f'a dict of fields is needed for a Document, not {type(values).__name__}')
    fields = {name: value for name, value in values.items() if value is not None}
    for name in ('tensor', 'embedding'):
        if isinstance(fields.get(name), (list, tuple)):
            fields[name] = array_from_plain(name, fields[name])
    if 'blob' in fields:
        fields['blob'] = bytes_from_plain('blob', fields['blob'])
    for name in ('chunks', 'matches'):
        if name in fields:
            fields[name] = [item if isinstance(item, kind) else kind.from_dict(item) for item in fields[name]]
    return fields

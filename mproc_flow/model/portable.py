"""What may travel between processes: a quick check, and the careful way that converts or says what cannot.

Most messages hold nothing but plain values, which the encoder takes as they are. Only what fails the quick check
is gone through value by value, and only then is it known where a value stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from msgspec.msgpack import Ext
from msgspec.structs import astuple

from mproc_flow.errors import SerializationError
from mproc_flow.model.document import Document
from mproc_flow.model.numeric import as_numeric

# Lists and dicts inside each other; deeper ones contain themselves, or would not fit the stack of the receiver.
MAX_DEPTH = 100
# A blob from this size up gets a frame of its own.
BLOB_FRAME_FROM = 64 * 1024

# Numbers of the msgpack extensions for what msgpack has no type for.
ARRAY, BIG_INT, MOMENT = 1, 2, 3

_DATA = 'None, bool, int, float, str, bytes, list, dict, datetime and numeric numpy arrays'
_KEYS = frozenset({str, int})
_TEXT_KEYS = frozenset({str})
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, np.ndarray, np.bool_, np.float16, np.float32, np.float64})
_PLAIN |= {np.dtype(code).type for code in 'bBhHiIlLqQ'}

_Rule = Callable[[Any, str, int], Any]


def is_plain_document(doc: Any) -> bool:
    """Say quickly whether the encoder takes this Document as it is."""
    if type(doc) is not Document:
        return False
    key, text, blob, tensor, embedding, uri, mime_type, tags = astuple(doc)
    return (
        type(key) is str
        and (text is None or type(text) is str)
        and (blob is None or (type(blob) is bytes and len(blob) < BLOB_FRAME_FROM))
        and (tensor is None or type(tensor) is np.ndarray)
        and (embedding is None or type(embedding) is np.ndarray)
        and (uri is None or type(uri) is str)
        and (mime_type is None or type(mime_type) is str)
        and type(tags) is dict
        and (not tags or _is_plain_dict(tags, 1))
    )


def is_plain_parameters(parameters: Any) -> bool:
    """Say quickly whether the encoder takes these parameters as they are."""
    return type(parameters) is dict and _TEXT_KEYS.issuperset(map(type, parameters)) and _is_plain_dict(parameters, 1)


def _is_plain_dict(values: dict[Any, Any], depth: int) -> bool:
    for key, value in values.items():
        if type(key) not in _KEYS or (type(value) not in _PLAIN and not _is_plain_container(value, depth)):
            return False
    return True


def _is_plain_container(value: Any, depth: int) -> bool:
    if depth >= MAX_DEPTH:
        return False
    if type(value) is dict:
        return _is_plain_dict(value, depth + 1)
    if type(value) is not list and type(value) is not tuple:
        return False
    # In a list of many values, a set meets their types faster than a loop does.
    if _PLAIN.issuperset(map(type, value)):
        return True
    return all(type(item) in _PLAIN or _is_plain_container(item, depth + 1) for item in value)


def portable_document(doc: Any, position: int) -> Document:
    """Make a copy of a Document that the encoder takes.

    Raises:
        SerializationError: It is no Document, or a value in it cannot travel.
    """
    if type(doc) is not Document:
        more = '; values of your own go into tags' if isinstance(doc, Document) else ''
        raise SerializationError(f'Document {position}: only Documents can travel, this is a {_name(doc)}{more}')
    where = f'Document {position} ({_short(doc.id)}), field '
    return Document(**{name: rule(getattr(doc, name), where + name, 0) for name, rule in _FIELDS.items()})


def portable_parameters(parameters: Any) -> dict[str, Any]:
    """Make a copy of parameters that the encoder takes.

    Raises:
        SerializationError: They are no mapping by str, or a value in them cannot travel.
    """
    found: dict[str, Any] = _mapping(parameters, 'parameters', 0)
    for key in found:
        if not isinstance(key, str):
            raise SerializationError(f'parameters: the names of parameters are str, not {_name(key)} ({key!r})')
    return found


def portable(value: Any, where: str, depth: int) -> Any:
    """Make of a value what the encoder takes; ``where`` names its place and ``depth`` counts what it is nested in.

    Raises:
        SerializationError: It, or a value in it, cannot travel.
    """
    for kinds, rule in _RULES:
        if isinstance(value, kinds):
            return rule(value, where, depth)
    hint = ' (make it a list)' if isinstance(value, (set, frozenset)) else ''
    raise _refusal(where, f'a value of type {_name(value)} cannot travel{hint}; only data can: {_DATA}')


def _same(value: Any, where: str, depth: int) -> Any:
    return value


def _text(value: Any, where: str, depth: int) -> str:
    if not isinstance(value, str):
        raise _refusal(where, f'a str is needed, not {_name(value)}')
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _refusal(where, f'character {error.start} is half a surrogate pair, which no encoding carries') from error
    return text


def _blob(value: Any, where: str, depth: int) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise _refusal(where, f'bytes are needed, not {_name(value)}')
    return bytes(value)


def _integer(value: Any, where: str, depth: int) -> int | Ext:
    number = int(value)
    if -(1 << 63) <= number < 1 << 64:
        return number
    return Ext(BIG_INT, number.to_bytes(number.bit_length() // 8 + 1, 'big', signed=True))


def _float(value: Any, where: str, depth: int) -> float:
    return float(value)


def _scalar(value: Any, where: str, depth: int) -> Any:
    if value.dtype.kind not in 'biuf':
        raise _refusal(where, f'a number of type {_name(value)} cannot travel; put it into an array')
    return float(value) if value.dtype.kind == 'f' else value.item()


def _moment(value: Any, where: str, depth: int) -> Ext:
    return Ext(MOMENT, datetime.isoformat(value).encode())


def _array(value: Any, where: str, depth: int) -> np.ndarray:
    try:
        return as_numeric(value)
    except Exception as error:  # whatever the value's own __array__ raises
        reason = str(error) if type(error) is TypeError else f'{_name(error)}: {error}'
        raise _refusal(where, f'no numeric array can be made of this {_name(value)}: {reason}') from error


def _mapping(value: Any, where: str, depth: int) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _refusal(where, f'a dict is needed, not {_name(value)}')
    _bound(where, depth)
    return {_key(key, where): portable(item, f'{where}[{key!r}]', depth + 1) for key, item in value.items()}


def _key(key: Any, where: str) -> str | int:
    if isinstance(key, str):
        return _text(key, f'{where}, key {key!r}', 0)
    if not isinstance(key, int) or isinstance(key, bool):
        raise _refusal(where, f'keys are str or int, not {_name(key)} ({_short(key)})')
    if not -(1 << 63) <= key < 1 << 64:
        raise _refusal(where, f'the key {key} has more than 64 bits')
    return int(key)


def _items(value: Any, where: str, depth: int) -> list[Any]:
    _bound(where, depth)
    return [portable(item, f'{where}[{position}]', depth + 1) for position, item in enumerate(value)]


def _bound(where: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise _refusal(where, f'nested more than {MAX_DEPTH} deep, or it contains itself')


def _optional(rule: _Rule) -> _Rule:
    return lambda value, where, depth: None if value is None else rule(value, where, depth)


def _refusal(where: str, why: str) -> SerializationError:
    place = where if len(where) <= 200 else f'{where[:120]}…{where[-60:]}'
    return SerializationError(f'{place}: {why}')


def _name(value: Any) -> str:
    return type(value).__name__


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text) if len(text) <= 8 else repr(f'{text[:4]}…')


def moment_from(data: memoryview) -> datetime:
    """Make a datetime of the bytes of the extension MOMENT."""
    return datetime.fromisoformat(str(data, 'ascii'))


def big_int_from(data: memoryview) -> int:
    """Make an int of the bytes of the extension BIG_INT."""
    return int.from_bytes(data, 'big', signed=True)


# Some types are subclasses of others (bool of int, np.float64 of float): the first rule that fits is the one meant.
_RULES: tuple[tuple[type | tuple[type, ...], _Rule], ...] = (
    ((type(None), bool), _same),
    (str, _text),
    ((bytes, bytearray, memoryview), _blob),
    (np.generic, _scalar),
    (int, _integer),
    (float, _float),
    (datetime, _moment),
    (np.ndarray, _array),
    (Mapping, _mapping),
    ((list, tuple), _items),
)
_FIELDS: dict[str, _Rule] = {
    'id': _text,
    'text': _optional(_text),
    'blob': _optional(_blob),
    'tensor': _optional(_array),
    'embedding': _optional(_array),
    'uri': _optional(_text),
    'mime_type': _optional(_text),
    'tags': _mapping,
}

"""What may travel between processes: the careful way, which converts values or says what cannot travel and where it is.

Only what fails the check of :mod:`mproc_flow.model.quick` is gone through value by value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from msgspec.msgpack import Ext

from mproc_flow.errors import SerializationError
from mproc_flow.model.document import Document, More
from mproc_flow.model.numeric import as_numeric, is_array_like
from mproc_flow.model.quick import MAX_DEPTH, MAX_LEVELS
from mproc_flow.model.score import NamedScore

# Numbers of the msgpack extensions for what msgpack has no type for.
ARRAY, BIG_INT, MOMENT = 1, 2, 3

_DATA = 'None, bool, int, float, str, bytes, list, dict, datetime and numeric numpy arrays'

_Rule = Callable[[Any, str, int], Any]


def portable_document(doc: Any, position: int) -> Document:
    """Make a copy of a Document, and of those nested in it, that the encoder takes.

    Raises:
        SerializationError: It is no Document, or a value in it cannot travel.
    """
    return _document(doc, f'Document {position}', 0)


def _document(doc: Any, where: str, level: int) -> Document:
    if type(doc) is not Document:
        hint = '; values of your own go into tags' if isinstance(doc, Document) else ''
        raise SerializationError(f'{where}: only Documents can travel, this is a {_name(doc)}{hint}')
    if level > MAX_LEVELS:
        raise _refusal(where, f'chunks and matches are nested more than {MAX_LEVELS} deep, or contain what they are in')
    where = f'{where} ({_short(doc.id)}), '
    found = {name: rule(getattr(doc, name), f'{where}field {name}', 0) for name, rule in _FIELDS.items()}
    more: More | None = doc._more
    if more is None:
        return Document(**found)
    further = {name: rule(getattr(more, name), f'{where}field {name}', 0) for name, rule in _FURTHER.items()}
    for name in ('chunks', 'matches'):
        docs = getattr(more, name)
        if docs:
            further[name] = [_document(one, f'{where}{name}[{at}]', level + 1) for at, one in enumerate(docs)]
    return Document(**found, _more=More(**further))  # type: ignore[call-arg]


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
    if is_array_like(value):
        return _array(value, where, depth)
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


def _number(value: Any, where: str, depth: int) -> float:
    try:
        if not isinstance(value, (str, bytes)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise _refusal(where, f'a number is needed, not {_short(value)} ({_name(value)})')


def _count(value: Any, where: str, depth: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise _refusal(where, f'a whole number is needed, not {_name(value)}') from None
    if not -(1 << 63) <= number < 1 << 64:
        raise _refusal(where, f'the number {number} has more than 64 bits')
    return number


def _numbers(value: Any, where: str, depth: int) -> list[float]:
    try:
        items = list(value)
    except TypeError:
        raise _refusal(where, f'a list of numbers is needed, not {_name(value)}') from None
    return [_number(item, f'{where}[{position}]', depth) for position, item in enumerate(items)]


def _scores(value: Any, where: str, depth: int) -> dict[str, NamedScore]:
    return {
        _text(name, f'{where}, key {name!r:.60}', depth): _score(score, f'{where}[{name!r}]')
        for name, score in value.items()
    }


def _score(score: Any, where: str) -> NamedScore:
    text = _optional(_text)
    return NamedScore(
        _optional(_number)(score.value, f'{where}.value', 0),
        text(score.op_name, f'{where}.op_name', 0),
        text(score.description, f'{where}.description', 0),
        text(score.ref_id, f'{where}.ref_id', 0),
    )


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
_FURTHER: dict[str, _Rule] = {
    'scores': _optional(_scores),
    'evaluations': _optional(_scores),
    'weight': _optional(_number),
    'parent_id': _optional(_text),
    'granularity': _optional(_count),
    'adjacency': _optional(_count),
    'modality': _optional(_text),
    'location': _optional(_numbers),
    'offset': _optional(_number),
}

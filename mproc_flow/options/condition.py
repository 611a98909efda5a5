"""The condition of ``when``: which Documents are given to an Executor.

``{field: {operator: value}}``; several fields, and several operators of a field, must all hold. ``tags__color`` looks
into what a field holds. ``$and``, ``$or`` and ``$not`` join conditions. A value such as ``'{tags__other}'`` is that of
another field of the same Document.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mproc_flow.options.containers import Data, check_at
from mproc_flow.options.kinds import Kind, Refused
from mproc_flow.options.suggest import did_you_mean

Predicate = Callable[[Any], bool]

# Fields of a Document, which lives in a layer that this one does not know.
FIELDS = (
    *('id', 'text', 'blob', 'tensor', 'embedding', 'uri', 'mime_type', 'tags', 'chunks', 'matches', 'scores'),
    *('evaluations', 'weight', 'parent_id', 'granularity', 'adjacency', 'modality', 'location', 'offset'),
)

_DEEPEST = 32
_MISSING = object()
_REFERENCE = re.compile(r'\{\s*(\w+)\s*\}')
_LOGIC = ('$and', '$or', '$not')


class When(Kind, frozen=True):
    """A condition for Documents; kept as plain data."""

    accepts = "a condition such as {'tags__color': {'$eq': 'red'}}"

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.refuse(value)
        checked: dict[str, Any] = Data().check(value)
        _check_condition(checked, _DEEPEST)
        return checked


def compile_condition(condition: Mapping[str, Any]) -> Predicate:
    """Return the function that says whether a Document meets a condition; it never raises.

    What is missing or cannot be compared does not meet it; only ``$neq``, ``$nin`` and ``$exists: false`` hold for it.

    Args:
        condition: As :class:`When` keeps it.
    """
    return _all([_entry(key, value) for key, value in condition.items()])


# ---- checking ----


def _check_condition(condition: Any, depth: int) -> None:
    if not isinstance(condition, dict):
        raise Refused('a condition (a dict)', _got(condition))
    if not depth:
        raise Refused('a condition', '...', 'nested too deep')
    for key, value in condition.items():
        check_at(f'[{key!r}]', _Entry(key, depth), value)


class _Entry(Kind, frozen=True):
    key: str
    depth: int
    accepts = 'a condition'

    def check(self, value: Any) -> Any:
        if self.key in _LOGIC:
            _check_logic(self.key, value, self.depth)
        elif self.key.startswith('$'):
            hint = '' if self.key in _OPERATORS else did_you_mean(self.key, (*_LOGIC, *_OPERATORS))
            raise Refused('below a field', _got(value), f'{self.key} stands where a field should{hint}')
        else:
            _check_field(self.key, value)


def _check_logic(key: str, value: Any, depth: int) -> None:
    if isinstance(value, list | dict) and not value:
        raise Refused(f'conditions for {key}', _got(value), 'there are none')
    if isinstance(value, list):
        for number, item in enumerate(value):
            check_at(f'[{number}]', _Nested(depth - 1), item)
    else:
        _check_condition(value, depth - 1)


class _Nested(Kind, frozen=True):
    depth: int
    accepts = 'a condition'

    def check(self, value: Any) -> Any:
        _check_condition(value, self.depth)


def _check_field(path: str, value: Any) -> None:
    field = path.partition('__')[0]
    if field not in FIELDS:
        raise Refused(
            'below a field of Document', _got(value), f'there is no field {field!r}{did_you_mean(field, FIELDS)}'
        )
    if not isinstance(value, dict) or not value:
        raise Refused('an operator with its value', _got(value), f"write {{'$eq': ...}} or another of {_known()}")
    for name, operand in value.items():
        if name not in _OPERATORS:
            raise Refused(
                'an operator with its value',
                _got(value),
                f'there is no operator {name!r}{did_you_mean(name, _OPERATORS)}',
            )
        fault = _fault(name, operand)
        if fault:
            raise Refused(fault, _got(operand), at=f'[{name!r}]')


def _fault(name: str, operand: Any) -> str:
    """Say what an operand must be, if it is not."""
    reference = _reference(name, operand)
    if reference and reference[0] not in FIELDS:
        return f'a value, or {{field}} with one of {", ".join(FIELDS)}'
    if name in ('$in', '$nin') and not isinstance(operand, list):
        return 'a list of values'
    if name == '$size' and (not isinstance(operand, int) or isinstance(operand, bool) or operand < 0):
        return 'a whole number of at least 0'
    if name == '$exists' and not isinstance(operand, bool):
        return 'True or False'
    if name == '$regex':
        try:
            re.compile(operand)
        except (re.error, TypeError, OverflowError, RecursionError) as error:
            return f'a regular expression ({error})'
    return ''


def _known() -> str:
    return ', '.join(_OPERATORS)


def _got(value: object) -> str:
    return f'{value!r:.80} ({type(value).__name__})'


# ---- evaluating ----


def _entry(key: str, value: Any) -> Predicate:
    if key not in _LOGIC:
        return _all([_comparison(key.split('__'), name, operand) for name, operand in value.items()])
    items = value if isinstance(value, list) else [{name: item} for name, item in value.items()]
    parts = [compile_condition(item) for item in items]
    if key == '$or':
        return lambda doc: any(part(doc) for part in parts)
    every = _all(parts)
    return every if key == '$and' else lambda doc: not every(doc)


def _all(parts: Sequence[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda doc: all(part(doc) for part in parts)


def _comparison(path: Sequence[str], name: str, operand: Any) -> Predicate:
    compare = _OPERATORS[name]
    other = _reference(name, operand)

    def holds(doc: Any) -> bool:
        try:
            wanted = operand if other is None else _look_up(doc, other)
            return bool(compare(_look_up(doc, path), wanted))
        except Exception:  # of a value of the user's; a Document that cannot be compared does not match
            return False

    return holds


def _reference(name: str, operand: Any) -> list[str] | None:
    """Give the path to another field, if the operand is one."""
    found = _REFERENCE.fullmatch(operand) if isinstance(operand, str) and name != '$regex' else None
    return found[1].split('__') if found else None


def _look_up(doc: Any, path: Sequence[str]) -> Any:
    found = getattr(doc, path[0], _MISSING)
    for key in path[1:]:
        found = _inside(found, key)
    return found


def _inside(found: Any, key: str) -> Any:
    if isinstance(found, Mapping) and (key in found or not key.isdecimal()):
        return found.get(key, _MISSING)
    if isinstance(found, Mapping):
        return found.get(int(key), _MISSING)
    if key.isdecimal() and hasattr(found, '__getitem__') and not isinstance(found, str | bytes):
        return found[int(key)] if int(key) < len(found) else _MISSING
    return _MISSING if key.startswith('_') else getattr(found, key, _MISSING)


def _equal(value: Any, wanted: Any) -> bool:
    if value is _MISSING or wanted is _MISSING:
        return False
    try:
        if hasattr(value, '__array__') or hasattr(wanted, '__array__'):
            import numpy as np  # there already, if one of them is an array; flags and files need none

            return np.array_equal(np.asarray(value), np.asarray(wanted))
        return bool(value == wanted)
    except Exception:  # see _comparison: what cannot be compared is not equal
        return False


def _exists(value: Any, wanted: bool) -> bool:
    there = value is not _MISSING and value is not None and not (hasattr(value, '__len__') and len(value) == 0)
    return there == wanted


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    '$eq': _equal,
    '$neq': lambda value, wanted: not _equal(value, wanted),
    '$lt': operator.lt,
    '$lte': operator.le,
    '$gt': operator.gt,
    '$gte': operator.ge,
    '$in': lambda value, wanted: any(_equal(value, item) for item in wanted),
    '$nin': lambda value, wanted: not any(_equal(value, item) for item in wanted),
    '$regex': lambda value, wanted: re.search(wanted, value) is not None,
    '$size': lambda value, wanted: len(value) == wanted,
    '$exists': _exists,
}

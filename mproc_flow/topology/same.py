"""Whether two definitions say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

# Where something stands in a file says nothing about what it is.
_PLACE = 'place'
_MAIN = ('__main__:', '__mp_main__:')


def same(one: Any, other: Any) -> bool:
    """Compare options or Deployments; a class is the same as its import path, and unlike ``==`` this never raises."""
    one, other = _plain(one), _plain(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    try:
        return bool(one is other or one == other)
    except Exception:  # such as arrays, which have no one answer: re-raising would make == on a Flow unusable
        return False


def name_of(kind: type[Any]) -> str:
    """Return under which name a class can be given in a file: an import path, or for the main program's its name."""
    path = f'{kind.__module__}:{kind.__qualname__}'
    return path.partition(':')[2] if path.startswith(_MAIN) else path


def _plain(value: Any) -> Any:
    if isinstance(value, type):
        return name_of(value)
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__ if name != _PLACE}
    if isinstance(value, Mapping):
        return {key: _import_path(item) if key == 'uses' else item for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _import_path(uses: Any) -> Any:
    is_path = isinstance(uses, str) and '.' in uses and ':' not in uses and uses.replace('.', '').isidentifier()
    return ':'.join(uses.rsplit('.', 1)) if is_path else uses

"""Parts of a DocumentArray by position, id, mask and way, and fields of all its Documents at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from mproc_flow.model.items import Item
from mproc_flow.model.numeric import as_numeric
from mproc_flow.model.paths import Traversed

if TYPE_CHECKING:
    from types import EllipsisType
    from typing import SupportsIndex

    from typing_extensions import Self

_STACKED = ('tensor', 'embedding')


class Selected(Traversed[Item]):
    """A list of Documents from which parts and columns are taken.

    ``docs[0]`` and ``docs['id']`` are a Document. ``docs[1:3]``, ``docs[[0, 2]]``, ``docs[['id-1', 'id-2']]``, a mask,
    a numpy array of positions or a mask, ``docs['@c']`` (see :mod:`mproc_flow.model.paths`) and ``docs[...]`` (all
    levels) are a DocumentArray. With a field, or a list of fields, as second index the result is a list of values, or
    such a list for each field: ``docs[:, 'text']``, ``docs['@c', ['id', 'text']]``, ``docs[:, 'tags__color']``.
    """

    __slots__ = ()

    @overload  # type: ignore[override]  # an array has __index__ too, but stands for several
    def __getitem__(self, key: np.ndarray) -> Self: ...  # type: ignore[overload-overlap]
    @overload
    def __getitem__(self, key: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...
    @overload
    def __getitem__(self, key: slice | list[str] | list[int] | list[bool] | EllipsisType) -> Self: ...
    @overload
    def __getitem__(self, key: tuple[Any, ...]) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        """Return a Document, a DocumentArray, or values of a field."""
        if isinstance(key, slice):
            return self._new(super().__getitem__(key))
        if hasattr(key, '__index__') and not isinstance(key, (bool, np.ndarray)):
            return super().__getitem__(key)
        if isinstance(key, str) and not key.startswith('@'):
            return super().__getitem__(self._position(key))
        if not isinstance(key, tuple):
            return self._part(key)
        if not self._names_fields(key):
            return self._part(list(key))
        rows, names = key
        if _is_one(rows):
            doc = self[rows]
            return get(doc, names) if isinstance(names, str) else [get(doc, name) for name in names]
        part = self._part(rows)
        return part._column(names) if isinstance(names, str) else [part._column(name) for name in names]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Replace Documents, or set a field of several."""
        if isinstance(key, slice):
            super().__setitem__(key, self._checked(value))
        elif isinstance(key, tuple) and self._names_fields(key):
            self._set_fields(key[0], key[1], value)
        elif _is_one(key):
            self._admit((value,))
            super().__setitem__(self._position(key) if isinstance(key, str) else key, value)
        elif key is Ellipsis or isinstance(key, str):
            raise TypeError(f"docs[{key!r}] cannot be replaced; set a field of them: docs['@c', 'text'] = ['a', 'b']")
        else:
            self._replace(self._positions(key), self._checked(value))

    def __delitem__(self, key: Any) -> None:
        """Remove Documents, or empty a field of several."""
        if isinstance(key, tuple) and self._names_fields(key):
            names = [key[1]] if isinstance(key[1], str) else key[1]
            docs: Any = (self[key[0]],) if _is_one(key[0]) else self._part(key[0])
            for doc in docs:
                doc.pop(*names)
        elif isinstance(key, slice) or (_is_one(key) and not isinstance(key, str)):
            super().__delitem__(key)
        elif _is_one(key):
            super().__delitem__(self._position(key))
        elif key is Ellipsis:
            self.clear()
        elif isinstance(key, str):
            raise TypeError(f'docs[{key!r}] cannot be removed; change the chunks or matches of each Document')
        else:
            for position in sorted(set(self._positions(key)), reverse=True):
                super().__delitem__(position)

    def _names_fields(self, key: tuple[Any, ...]) -> bool:
        """Say whether an index of several parts is rows and fields, and not several Documents."""
        if len(key) != 2 or isinstance(key[0], tuple):
            return False
        if isinstance(key[1], (list, tuple)):
            return all(isinstance(name, str) for name in key[1])
        return isinstance(key[1], str) and not (_is_one(key[0]) and key[1] in self)  # type: ignore[comparison-overlap]

    def _part(self, key: Any) -> Self:
        if key is Ellipsis:
            return self.flatten()
        if isinstance(key, str):
            return self.traverse_flat(key[1:])
        if isinstance(key, slice):
            return self._new(list.__getitem__(self, key))
        return self._new([list.__getitem__(self, position) for position in self._positions(key)])

    def _positions(self, keys: Any) -> list[int]:
        """Return the positions that a mask, or a list of positions and ids, stands for."""
        if isinstance(keys, np.ndarray):
            if keys.size != max(keys.shape, default=1) or (keys.dtype.kind not in 'biu' and keys.size):
                raise IndexError(f'an array of positions or a mask has one axis, not {keys.dtype}{keys.shape}')
            keys = keys.reshape(-1).tolist()
        if not isinstance(keys, Sequence) or isinstance(keys, bytes):
            raise TypeError(f'Documents are found by position, id, slice, list, mask or way, not {type(keys).__name__}')
        if keys and all(isinstance(key, (bool, np.bool_)) for key in keys):
            if len(keys) != len(self):
                raise IndexError(f'a mask of {len(keys)} values does not fit {len(self)} Documents')
            return [position for position, wanted in enumerate(keys) if wanted]
        if any(isinstance(key, str) for key in keys):
            return self._with_ids(keys)
        return [_checked_position(key, len(self)) for key in keys]

    def _with_ids(self, keys: Sequence[Any]) -> list[int]:
        by_id = {doc.id: position for position, doc in reversed(list(enumerate(self)))}
        missing = next((key for key in keys if isinstance(key, str) and key not in by_id), None)
        if missing is not None:
            raise KeyError(f'no Document has the id {missing!r}')
        return [by_id[key] if isinstance(key, str) else _checked_position(key, len(self)) for key in keys]

    def _replace(self, positions: list[int], docs: list[Any]) -> None:
        if len(positions) != len(docs):
            raise ValueError(f'{len(docs)} Documents cannot replace {len(positions)}')
        for position, doc in zip(positions, docs, strict=True):
            super().__setitem__(position, doc)

    def _column(self, name: str) -> Any:
        """Return the values of one field, arrays as one if they fit."""
        values = [get(doc, name) for doc in self]
        return stacked(values) if name in _STACKED else values

    def _set_fields(self, rows: Any, names: Any, value: Any) -> None:
        if _is_one(rows):
            docs, value = self._new([self[rows]]), [value] if isinstance(names, str) else [[item] for item in value]
        else:
            docs = self._part(rows)
        if isinstance(names, str):
            names, value = [names], [value]
        if len(names) != len(value):
            raise ValueError(f'{len(value)} columns of values for {len(names)} fields')
        for name, values in zip(names, value, strict=True):
            docs._set_column(name, values)

    def _set_column(self, name: str, values: Any) -> None:
        """Set a field of all Documents: of each to its own, or of all to one value that is no list."""
        is_row = isinstance(values, (list, tuple)) or (name in _STACKED and values is not None)
        if is_row and len(values) != len(self):
            raise ValueError(f'{len(values)} values of {name} do not fit {len(self)} Documents')
        for position, doc in enumerate(self):
            one = values[position] if is_row else dict(values) if isinstance(values, dict) else values
            put(doc, name, one)


def get(doc: Any, path: str) -> Any:
    """Return the value of a field, or of what a path such as ``tags__color`` leads to; None if that is not there."""
    name, *keys = path.split('__') if not path.startswith('_') else [path]
    found = getattr(doc, name)
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else getattr(found, key, None)
    return found


def put(doc: Any, path: str, value: Any) -> None:
    """Set a field, or what a path such as ``tags__color`` leads to."""
    name, *keys = path.split('__') if not path.startswith('_') else [path]
    if not keys:
        setattr(doc, name, value)
        return
    found = getattr(doc, name)
    for key in keys[:-1]:
        found = found.setdefault(key, {})
    found[keys[-1]] = value


def stacked(values: list[Any]) -> Any:
    """Make one array of arrays of one shape; None if there is none, a list if they do not fit or some are not set."""
    if all(value is None for value in values):
        return None
    if any(value is None for value in values):
        return values
    arrays = [as_numeric(value) for value in values]
    return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else arrays


def _is_one(key: Any) -> bool:
    """Say whether an index stands for a single Document."""
    if isinstance(key, str):
        return not key.startswith('@')
    return hasattr(key, '__index__') and not isinstance(key, (bool, np.ndarray))


def _checked_position(key: Any, length: int) -> int:
    if not hasattr(key, '__index__') or isinstance(key, (bool, np.bool_)):
        raise TypeError(f'Documents are found by position or id, not by {type(key).__name__}')
    position = int(key.__index__())
    if not -length <= position < length:
        raise IndexError(f'there is no Document {position} among {length}')
    return position % length

"""Ways into nested Documents: ``'c'`` are the chunks, ``'m'`` the matches, ``'r'`` the Documents themselves.

Letters follow each other (``'cm'``: matches of chunks), each may have a part in brackets (``'c[0]'``, ``'r[1:3]c'``),
and several ways are separated by commas (``'r,c'``). Spaces do not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from mproc_flow.model.items import Item, Items

if TYPE_CHECKING:
    from typing_extensions import Self

_PART = r'(?:-?\d+)?(?::(?:-?\d+)?){1,2}|-?\d+'
_STEP = re.compile(rf'([rcm])(?:\[({_PART})\]|({_PART})|)')
_FIELDS = {'c': 'chunks', 'm': 'matches'}

_Step = tuple[str, slice]
Filter = Callable[[Any], bool] | None


class Traversed(Items[Item]):
    """A list of Documents that finds those nested in them."""

    __slots__ = ()

    def traverse(self, traversal_paths: str, filter_fn: Filter = None) -> Iterator[Self]:
        """Yield one array for each set of chunks or matches that a way leads to.

        Args:
            traversal_paths: Ways, see :mod:`mproc_flow.model.paths`.
            filter_fn: Says of a Document whether it is wanted; None for all.

        Raises:
            ValueError: It is no way.
        """
        for steps in _parse(traversal_paths):
            for found in _walk(self, steps):
                yield self._new(found if filter_fn is None else filter(filter_fn, found))

    def traverse_flat(self, traversal_paths: str, filter_fn: Filter = None) -> Self:
        """Return all Documents that the ways lead to as one array; arguments as of :meth:`traverse`."""
        return self._new(chain.from_iterable(self.traverse(traversal_paths, filter_fn)))

    def traverse_flat_per_path(self, traversal_paths: str, filter_fn: Filter = None) -> Iterator[Self]:
        """Yield one array for each way; arguments as of :meth:`traverse`."""
        for steps in _parse(traversal_paths):
            yield self._new(filter(filter_fn, chain.from_iterable(_walk(self, steps))))

    def flatten(self) -> Self:
        """Return all Documents at every level as one array, each once, those that are nested before what holds them."""
        seen: set[int] = set()
        return self._new(chain.from_iterable(_below(doc, seen) for doc in self))


def _below(doc: Any, seen: set[int]) -> Iterator[Any]:
    if id(doc) in seen:
        return
    seen.add(id(doc))
    for nested in doc._nested():
        yield from _below(nested, seen)
    yield doc


def _walk(docs: Iterable[Any], steps: list[_Step]) -> Iterator[Iterable[Any]]:
    if not steps:
        yield docs
        return
    (letter, part), *rest = steps
    if letter == 'r':
        yield from _walk(list(docs)[part], rest)
        return
    for doc in docs:
        yield from _walk(getattr(doc, _FIELDS[letter])[part], rest)


def _parse(paths: str) -> list[list[_Step]]:
    if not isinstance(paths, str):
        raise TypeError(f"a way into nested Documents is a str such as 'r,c', not {type(paths).__name__}")
    return [_parse_one(path, paths) for path in ''.join(paths.split()).split(',')]


def _parse_one(path: str, paths: str) -> list[_Step]:
    steps, start = [], 0
    for step in _STEP.finditer(path):
        if step.start() != start:
            break
        start = step.end()
        steps.append((step[1], _slice(step[2] or step[3] or ':')))
    if start != len(path) or not steps:
        raise ValueError(
            f'{paths!r:.100} is no way into nested Documents: r, c (chunks) and m (matches), each with a part such as '
            f"[0] or [1:3] if wanted, and commas between several, for instance 'r,c[:2]m'"
        )
    return steps


def _slice(text: str) -> slice:
    if ':' not in text:
        number = int(text)
        return slice(number, number + 1 or None)
    return slice(*(int(part) if part else None for part in text.split(':')))

"""Batches, samples and groups of Documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mproc_flow.model.columns import Columns
from mproc_flow.model.items import Item
from mproc_flow.model.select import get

if TYPE_CHECKING:
    from typing_extensions import Self


class Batched(Columns[Item]):
    """A list of Documents that is taken in parts."""

    __slots__ = ()

    def batch(self, batch_size: int, shuffle: bool = False) -> Iterator[Self]:
        """Return DocumentArrays of this size one after the other; the last may be smaller.

        Args:
            batch_size: Most Documents in a batch, at least 1.
            shuffle: In random order; the array itself is not changed.

        Raises:
            ValueError: The size is not at least 1.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'batch_size is a whole number of at least 1, not {batch_size!r}')
        docs = self.shuffle() if shuffle else self
        return (docs._new(list.__getitem__(docs, slice(at, at + batch_size))) for at in range(0, len(docs), batch_size))

    def batch_ids(self, batch_size: int, shuffle: bool = False) -> Iterator[list[str]]:
        """Return the ids of the Documents of each :meth:`batch`."""
        return ([doc.id for doc in docs] for docs in self.batch(batch_size, shuffle))

    def sample(self, k: int, seed: int | None = None) -> Self:
        """Return k different Documents at random; the same ones for the same seed.

        Raises:
            ValueError: There are less than k.
        """
        return self._new(_random(seed).sample(list(self), k))

    def shuffle(self, seed: int | None = None) -> Self:
        """Return all Documents in random order, the same for the same seed; the array itself is not changed."""
        return self.sample(len(self), seed)

    def split_by_tag(self, tag: str) -> dict[Any, Self]:
        """Return a DocumentArray for each value of a tag, in the order of their first Documents.

        Args:
            tag: A key of ``tags``, or a path to an inner one: ``color`` or ``size__width``. Documents without it are in
                no group.
        """
        groups: dict[Any, Self] = {}
        for doc in self:
            value = get(doc, f'tags__{tag}')
            if value is not None:
                groups.setdefault(value, self._new(())).append(doc)
        return groups


def _random(seed: int | None) -> Any:
    import random  # not at the top: few pods need it, and all of them start sooner

    # Without a seed Python's own generator, which programs may have given one.
    return random if seed is None else random.Random(seed)

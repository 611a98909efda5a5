"""The Documents whose embeddings are nearest, found by comparing all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from mproc_flow.model.batching import Batched
from mproc_flow.model.items import Item, Items
from mproc_flow.model.numeric import as_numeric
from mproc_flow.model.score import NamedScore

if TYPE_CHECKING:
    pass

Distances = Callable[[np.ndarray, np.ndarray], Any]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How :meth:`Searched.find` searches.

    Attributes:
        metric: ``cosine``, ``euclidean``, ``sqeuclidean``, or a function of the rows of queries and of Documents that
            returns the distance of each query to each Document; the smaller the nearer.
        limit: Most Documents to find for a query; None for all.
        metric_name: Name of the score in ``scores``; that of the metric unless given.
        normalization: ``(a, b)`` to map the distances of a query onto, the nearest to a and the farthest to b; or None.
        exclude_self: Leave out Documents with the id of the query.
        only_id: The Documents found have nothing but their id and score.
        batch_size: How many Documents are compared at a time, to use less memory; None for all.
    """

    metric: Any = 'cosine'
    limit: float | None = 20
    metric_name: str | None = None
    normalization: tuple[float, float] | None = None
    exclude_self: bool = False
    only_id: bool = False
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.metric) and self.metric not in _METRICS:
            raise ValueError(f'metric is one of {", ".join(_METRICS)} or a function, not {self.metric!r}')
        for name in ('limit', 'batch_size'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f'{name} is at least 1, or None, not {value!r}')

    @property
    def name(self) -> str:
        """The name of the score."""
        return self.metric_name or (self.metric.__name__ if callable(self.metric) else self.metric)

    def distances(self, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the distance of each query to each row."""
        measure = self.metric if callable(self.metric) else _METRICS[self.metric]
        size = self.batch_size or max(1, len(rows))
        parts = [np.asarray(measure(queries, rows[at : at + size])) for at in range(0, len(rows), size)]
        return np.concatenate(parts, axis=1) if parts else np.empty((len(queries), 0))


class Searched(Batched[Item]):
    """A list of Documents among which the nearest are found."""

    __slots__ = ()

    def find(self, query: Any, metric: str | Distances = 'cosine', limit: float | None = 20, **options: Any) -> Any:
        """Find the Documents of this array whose embeddings are nearest to those of the query, the nearest first.

        What is found are copies with the distance in ``scores``, without matches; arrays are shared with the originals.

        Args:
            query: A DocumentArray, a Document or an array with a row for each query: the result is a list with a
                DocumentArray for each. An array of one axis is one query: the result is its DocumentArray.
            metric: See :class:`Search`, also for the next.
            limit: Most Documents for each query.
            **options: The other attributes of :class:`Search`.

        Raises:
            ValueError: Embeddings are missing or differ in size, or an option has a value it cannot take.
            TypeError: The query is none of these, or there is no such option.
        """
        search = Search(metric=metric, limit=limit, **options)
        docs: Any = [query] if isinstance(query, self._kind) else query if isinstance(query, Items) else None
        if docs is not None:
            return _search(self, _rows(docs, 'the query'), search, [doc.id for doc in docs])
        vectors = _given(query)
        found = _search(self, np.atleast_2d(vectors), search, [])
        return found[0] if vectors.ndim == 1 else found

    def match(
        self, darray: Iterable[Any], metric: str | Distances = 'cosine', limit: float | None = 20, **options: Any
    ) -> None:
        """Set ``matches`` of each Document to the nearest of another array; see :meth:`find`."""
        others = darray if isinstance(darray, Searched) else self._new(darray)
        if self:
            for doc, found in zip(self, others.find(self, metric, limit, **options), strict=True):
                doc.matches = found  # type: ignore[attr-defined]


def _search(docs: Any, queries: np.ndarray, search: Search, ids: list[str]) -> list[Any]:
    rows = _rows(docs, 'the DocumentArray') if docs else np.empty((0, queries.shape[1]))
    if rows.shape[1] != queries.shape[1]:
        raise ValueError(f'embeddings of {rows.shape[1]} numbers cannot be compared to a query of {queries.shape[1]}')
    found = []
    for number, distances in enumerate(search.distances(queries, rows)):
        order: list[int] = np.argsort(distances, kind='stable').tolist()
        if search.exclude_self and ids:
            order = [position for position in order if docs[position].id != ids[number]]
        shown = _normalized(distances, search.normalization)
        nearest = order[: None if search.limit is None else int(search.limit)]
        found.append(docs._new([_found(docs[at], float(shown[at]), search) for at in nearest]))
    return found


def _found(doc: Any, distance: float, search: Search) -> Any:
    if search.only_id:
        copy = type(doc)(id=doc.id)
    else:
        copy = type(doc)(doc)
        copy.pop('matches')
    copy.scores[search.name] = NamedScore(distance)
    return copy


def _rows(docs: Any, whose: str) -> np.ndarray:
    missing = next((doc for doc in docs if doc.embedding is None), None)
    if missing is not None:
        raise ValueError(f'{whose}: Document {missing.id!r} has no embedding')
    rows = [as_numeric(doc.embedding).reshape(-1) for doc in docs]
    odd = next((doc for doc, row in zip(docs, rows, strict=True) if len(row) != len(rows[0])), None)
    if odd is not None:
        raise ValueError(f'{whose}: the embedding of Document {odd.id!r} has another size than that of the first')
    return _floats(np.stack(rows)) if rows else np.empty((0, 0))


def _given(query: Any) -> np.ndarray:
    if isinstance(query, (str, dict)):
        raise TypeError(
            'find() takes Documents or arrays, whose embeddings it compares; to filter by fields, write '
            "DocumentArray(doc for doc in docs if doc.tags.get('color') == 'red')"
        )
    vectors = _floats(as_numeric(query))
    return vectors.reshape(len(vectors), -1) if vectors.ndim > 1 else vectors


def _floats(array: np.ndarray) -> np.ndarray:
    # Squares of small integers, and of halves, would not fit their own type.
    return array.astype(np.result_type(array.dtype, np.float32), copy=False)


def _normalized(distances: np.ndarray, normalization: tuple[float, float] | None) -> np.ndarray:
    if normalization is None or not len(distances):
        return distances
    start, end = normalization
    least, most = distances.min(), distances.max()
    span = most - least
    normalized: np.ndarray = start + (end - start) * (distances - least) / (span if span else 1)
    return normalized


def cosine(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return one minus the cosine of the angle; a vector of zeros is at 1 from everything."""
    sizes = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
    products = queries @ rows.T
    distances: np.ndarray = 1 - np.clip(np.divide(products, sizes, out=np.zeros(sizes.shape), where=sizes != 0), -1, 1)
    return distances


def sqeuclidean(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the square of the Euclidean distance."""
    squares: np.ndarray = (queries**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2 * queries @ rows.T
    np.maximum(squares, 0, out=squares)  # rounding may make a little less of nothing
    return squares


def euclidean(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance."""
    distances: np.ndarray = np.sqrt(sqeuclidean(queries, rows))
    return distances


_METRICS: dict[str, Distances] = {'cosine': cosine, 'euclidean': euclidean, 'sqeuclidean': sqeuclidean}

"""What scores and evaluations of a Document are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class NamedScore(msgspec.Struct, array_like=True):
    """A score and where it comes from.

    Attributes:
        value: The number, or None.
        op_name: What made it, for instance the name of a metric, or None.
        description: In words of the user, or None.
        ref_id: Id of the Document it was made with, or None.
    """

    value: float | None = None
    op_name: str | None = None
    description: str | None = None
    ref_id: str | None = None


class Scores(dict[str, NamedScore]):
    """Scores by name: ``doc.scores['cosine'] = 0.3`` makes a :class:`NamedScore` of the number.

    A name that is not there gives an empty score that is kept, so that ``doc.scores['cosine'].value = 0.3`` works.
    """

    __slots__ = ()

    def __init__(self, scores: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__()
        self.update(scores)

    def __missing__(self, name: str) -> NamedScore:
        score = NamedScore()
        super().__setitem__(name, score)
        return score

    def __setitem__(self, name: str, score: Any) -> None:
        super().__setitem__(name, as_score(name, score))

    def __ior__(self, scores: Any) -> Scores:  # type: ignore[override,misc]
        self.update(scores)
        return self

    def update(self, *scores: Any, **more: Any) -> None:
        """Set several scores; numbers become :class:`NamedScore`."""
        for name, score in dict(*scores, **more).items():
            self[name] = score

    def setdefault(self, name: str, default: Any = None) -> NamedScore:
        """Return the score of a name, which is set to the default first if there is none."""
        if name not in self:
            self[name] = NamedScore() if default is None else default
        return self[name]

    def copy(self) -> Scores:
        """Return new scores that can be changed apart from these."""
        return Scores({name: msgspec.structs.replace(score) for name, score in self.items()})

    @classmethod
    def _held(cls, scores: Any, doc: object, new: bool) -> Scores:
        """Make the scores that a Document holds of what is set or arrived."""
        return cls(scores)

    def __reduce__(self) -> tuple[Any, ...]:
        return Scores, (dict(self),)


def as_score(name: str, score: Any) -> NamedScore:
    """Make a score of a number, of a dict of its fields, or of a score.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(score, NamedScore):
        return score
    if isinstance(score, Mapping):
        return NamedScore(**score)
    if hasattr(score, '__float__'):
        return NamedScore(float(score))
    raise TypeError(f'the score {name!r} is a number, a NamedScore or a dict of its fields, not {type(score).__name__}')

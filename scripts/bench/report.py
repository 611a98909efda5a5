"""The figures of all sides as a table, with ratios and targets."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scripts.bench.jobs import FLOOR, JINA, OURS, TARGETS, Target, is_rate

Samples = dict[tuple[str, str], dict[str, list[float]]]

_HEAD = ('', FLOOR, OURS, JINA, 'above the floor ×', 'better than jina ×')


class Verdict(NamedTuple):
    """A target with what was reached."""

    target: Target
    reached: float

    @property
    def is_met(self) -> bool:
        """True if it was reached."""
        if is_rate(self.target.figure):
            return self.reached >= self.target.factor
        return self.reached <= self.target.factor


def medians(samples: Samples) -> dict[tuple[str, str], dict[str, float]]:
    """Give the median of each figure for each side."""
    return {row: {side: statistics.median(values) for side, values in sides.items()} for row, sides in samples.items()}


def table(samples: Samples) -> str:
    """Lay the medians out, with our distance to the floor and to Jina."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for (label, figure), sides in medians(samples).items():
        cells = [_number(sides.get(side)) for side in (FLOOR, OURS, JINA)]
        rows.append((f'{label}: {figure}', *cells, *_ratios(figure, sides)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return '\n'.join(_line(row, widths) for row in rows)


def verdicts(samples: Samples) -> Iterator[Verdict]:
    """Hold the figures against the targets, where both sides have them."""
    found = medians(samples)
    for target in TARGETS:
        sides = found.get((target.label, target.figure), {})
        if OURS in sides and target.over in sides:
            yield Verdict(target, sides[OURS] / sides[target.over])


def sentence(verdict: Verdict) -> str:
    """Say whether a target is met."""
    target = verdict.target
    bound = 'at least' if is_rate(target.figure) else 'at most'
    word = 'met   ' if verdict.is_met else 'missed'
    reached, wanted = _times(verdict.reached), _times(target.factor)
    return f'{word} {target.label}: {target.figure} is {reached} {target.over}, to be {bound} {wanted}'


def _ratios(figure: str, sides: Mapping[str, float]) -> tuple[str, str]:
    # How far above the floor we are, and how much better than Jina: more than 1 is well for the second only.
    floor, ours, jina = (sides.get(side) for side in (FLOOR, OURS, JINA))
    if is_rate(figure):
        return _ratio(floor, ours), _ratio(ours, jina)
    return _ratio(ours, floor), _ratio(jina, ours)


def _ratio(upper: float | None, lower: float | None) -> str:
    return '' if upper is None or not lower else f'{upper / lower:.2f}'


def _times(factor: float) -> str:
    return f'{factor:.1f} ×' if factor >= 1 else f'1/{1 / factor:.1f} of'


def _number(value: float | None) -> str:
    if value is None:
        return ''
    return f'{value:,.0f}' if value >= 1000 else f'{value:.3g}' if value < 100 else f'{value:.0f}'


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    first, *rest = row
    cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return '  '.join([first.ljust(widths[0]), *cells]).rstrip()

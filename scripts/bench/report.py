"""The figures of all sides as a table, with ratios and targets."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from scripts.bench.jobs import FLOOR, JINA, OURS, Target, more_is_better

Samples = dict[tuple[str, str], dict[str, list[float]]]

_HEAD = ('', FLOOR, OURS, JINA, 'above the floor ×', 'better than jina ×')


class Verdict(NamedTuple):
    """A target with what was reached."""

    target: Target
    reached: float

    @property
    def is_met(self) -> bool:
        """True if it was reached."""
        if more_is_better(self.target.figure):
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
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return '\n'.join(_line(row, widths) for row in zip(*columns, strict=True))


def verdicts(samples: Samples, targets: Iterable[Target]) -> Iterator[Verdict]:
    """Hold the figures against the targets, where there are any."""
    found = medians(samples)
    for target in targets:
        sides = found.get((target.label, target.figure), {})
        if OURS in sides and not target.over:
            yield Verdict(target, sides[OURS])
        elif OURS in sides and target.over in sides:
            yield Verdict(target, sides[OURS] / sides[target.over])


def sentence(verdict: Verdict) -> str:
    """Say whether a target is met."""
    target = verdict.target
    bound = 'at least' if more_is_better(target.figure) else 'at most'
    word = 'met   ' if verdict.is_met else 'missed'
    if target.over:
        reached, wanted = f'{_times(verdict.reached)} {target.over}', _times(target.factor)
    else:
        reached, wanted = _number(verdict.reached), _number(target.factor)
    return f'{word} {target.label}: {target.figure} is {reached}, to be {bound} {wanted}'


def _ratios(figure: str, sides: Mapping[str, float]) -> tuple[str, str]:
    # How far above the floor we are, and how much better than Jina: more than 1 is well for the second only.
    floor, ours, jina = (sides.get(side) for side in (FLOOR, OURS, JINA))
    if more_is_better(figure):
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


def _line(row: Iterable[str], widths: list[int]) -> str:
    first, *rest = row
    cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return '  '.join([first.ljust(widths[0]), *cells]).rstrip()

"""Waiting for facts with a deadline: the only place in the tests that polls.

Bounds in the tests are those of the promises; ``MARGIN`` is what a slow, shared machine may add. What was really
measured against each bound is kept in :data:`MEASURED` and shown at the end of the test run.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

MARGIN = 1.0

_INTERVAL = 0.005

Result = TypeVar('Result')


class Measurement(NamedTuple):
    """What took how long, and how long it may take by the promise (margin not included)."""

    what: str
    bound: float
    seconds: float


MEASURED: list[Measurement] = []


def eventually(condition: Callable[[], Result], deadline: float, message: str | Callable[[], str]) -> Result:
    """Wait until ``condition()`` is true and give its value; fail with the message after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            text = message if isinstance(message, str) else message()
            raise AssertionError(f'not within {deadline:.1f} s: {text}')
        time.sleep(_INTERVAL)


def let_pass(seconds: float) -> None:
    """Let time pass, for what can only be seen over time (CPU use, or that something does not happen)."""
    time.sleep(seconds)


def wait_until(moment: float) -> None:
    """Wait until the monotonic clock shows this moment."""
    time.sleep(max(0.0, moment - time.monotonic()))


@contextlib.contextmanager
def within(bound: float, what: str) -> Iterator[None]:
    """The body must not take longer than ``bound`` seconds plus the margin; also if it raises."""
    begun = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - begun
        MEASURED.append(Measurement(what, bound, seconds))
    assert_in_time(what, bound, seconds)


def took(what: str, bound: float, seconds: float) -> None:
    """Note and check a time that was measured elsewhere."""
    MEASURED.append(Measurement(what, bound, seconds))
    assert_in_time(what, bound, seconds)


def assert_in_time(what: str, bound: float, seconds: float) -> None:
    """Fail if ``seconds`` is above the bound plus the margin."""
    assert seconds <= bound + MARGIN, f'{what} took {seconds:.2f} s; the bound is {bound} s (+ {MARGIN} s margin)'


def report() -> list[str]:
    """The worst measurement of each kind, those nearest to their bound (or beyond it) first."""
    worst: dict[tuple[str, float], float] = {}
    for what, bound, seconds in MEASURED:
        worst[what, bound] = max(seconds, worst.get((what, bound), 0.0))
    rows = sorted(worst.items(), key=lambda row: row[0][1] - row[1])
    return [
        f'{seconds:7.2f} s of {bound:5.2f} s  {what}{"  (used the margin)" if seconds > bound else ""}'
        for (what, bound), seconds in rows
    ]

"""A progress bar for a call of post(): with ``rich`` if that is there, else a line of text."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sized
from types import TracebackType
from typing import Any, Protocol

from mproc_flow.posting.letters import Delivery

_INTERVAL = 0.1


def progress(wanted: bool, inputs: Any, endpoint: str) -> Progress:
    """Draw on stderr how many Documents have been answered, at what rate and, if that can be known, the time left.

    To be used in a ``with`` statement.

    Args:
        wanted: False draws nothing, and so does a program without a stderr.
        inputs: What is sent.
        endpoint: Where.
    """
    return Progress(_bar(endpoint, _total(inputs))) if wanted and _can_be_seen() else _UNSEEN


class Progress:
    """Counts the Documents of the requests that have ended."""

    def __init__(self, bar: _Bar | None) -> None:
        self._bar = bar
        self._done = self._failed = 0
        self._next = 0.0

    def add(self, delivery: Delivery) -> None:
        """Count one request."""
        if self._bar is None:
            return
        self._done += delivery.sent
        if delivery.info is not None:
            self._failed += delivery.sent
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._bar.show(self._done, self._failed)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Show the last count."""
        if self._bar is not None:
            self._bar.show(self._done, self._failed)
            self._bar.end()


_UNSEEN = Progress(None)


class _Bar(Protocol):
    def show(self, done: int, failed: int) -> None: ...
    def end(self) -> None: ...


class _Line:
    """One line, written again and again on a terminal that can erase it, and once at the end elsewhere."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._begin = time.monotonic()
        self._text = ''
        self._is_drawn = sys.stderr.isatty() and os.environ.get('TERM') != 'dumb'

    def show(self, done: int, failed: int) -> None:
        self._text = f'{self._what}: {self._count(done)} Documents, {self._speed(done)}{_failures(failed)}'
        if self._is_drawn:
            sys.stderr.write(f'\r\x1b[K{self._text}')
            sys.stderr.flush()

    def end(self) -> None:
        sys.stderr.write('\n' if self._is_drawn else f'{self._text}\n')

    def _count(self, done: int) -> str:
        return f'{done}' if self._total is None else f'{done} of {self._total}'

    def _speed(self, done: int) -> str:
        seconds = max(time.monotonic() - self._begin, 1e-6)
        rate = done / seconds
        if self._total is None or not done or done >= self._total:
            return f'{rate:.0f} per second, {_clock(seconds)}'
        return f'{rate:.0f} per second, {_clock((self._total - done) / rate)} left'


class _Rich:
    """A bar with all that belongs to one."""

    def __init__(self, rich: Any, what: str, total: int | None) -> None:
        from rich.console import Console

        columns = (
            rich.TextColumn('{task.description}', markup=False),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn('{task.fields[speed]}{task.fields[failures]}', markup=False),
            rich.TimeElapsedColumn() if total is None else rich.TimeRemainingColumn(elapsed_when_finished=True),
        )
        self._begin = time.monotonic()
        # Without a thread that draws: a fork meanwhile would be one beside threads.
        self._bar = rich.Progress(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task = self._bar.add_task(what, total=total, speed='', failures='')
        self._bar.start()

    def show(self, done: int, failed: int) -> None:
        speed = f'{done / max(time.monotonic() - self._begin, 1e-6):.0f}/s'
        fields: Mapping[str, Any] = {'speed': speed, 'failures': _failures(failed)}
        self._bar.update(self._task, completed=done, refresh=True, **fields)

    def end(self) -> None:
        self._bar.stop()


def _bar(endpoint: str, total: int | None) -> _Bar:
    try:
        from rich import progress as rich  # the extra `cli`
    except ImportError:
        return _Line(endpoint, total)
    return _Rich(rich, endpoint, total)


def _can_be_seen() -> bool:
    return sys.stderr is not None and not sys.stderr.closed


def _total(inputs: Any) -> int | None:
    if isinstance(inputs, Sized) and not isinstance(inputs, str | bytes | bytearray | memoryview | Mapping):
        return len(inputs)
    return None


def _failures(failed: int) -> str:
    return f', {failed} failed' if failed else ''


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02}:{rest:02}' if minutes >= 60 else f'{minutes}:{rest:02}'

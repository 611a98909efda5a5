"""What the Guardian waits in: one selector for everything that can be read, and the deadlines."""

from __future__ import annotations

import contextlib
import selectors
from collections.abc import Callable
from typing import Protocol

from mproc_flow.supervisor.timers import Timers
from mproc_flow.transport.pipe import Pipe


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


Source = int | _HasFileno


class Loop:
    """Calls back when a source can be read, sends on what Pipes had to keep, and runs what is due.

    Attributes:
        timers: The deadlines.
    """

    def __init__(self) -> None:
        self.timers = Timers()
        self._selector = selectors.DefaultSelector()
        self._pipes: list[Pipe] = []

    def watch(self, source: Source, callback: Callable[[], None]) -> None:
        """Call back whenever the source can be read, or has ended."""
        self._selector.register(source, selectors.EVENT_READ, callback)
        if isinstance(source, Pipe):
            self._pipes.append(source)

    def unwatch(self, source: Source) -> None:
        """Undo :meth:`watch`; doing so twice is fine."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)
        if isinstance(source, Pipe) and source in self._pipes:
            self._pipes.remove(source)

    def filenos(self) -> list[int]:
        """The descriptors that are in use here."""
        return [self._selector.fileno() if hasattr(self._selector, 'fileno') else -1, *self._watched()]

    def wait(self) -> None:
        """Wait for the next thing to happen and deal with it."""
        self._ask_for_room()
        for key, mask in self._selector.select(self.timers.wait()):
            if key.fd not in self._watched():  # closed by what came before it in this round
                continue
            if mask & selectors.EVENT_WRITE and isinstance(key.fileobj, Pipe):
                key.fileobj.flush()
            if mask & selectors.EVENT_READ:
                key.data()
        self.timers.run_due()

    def _watched(self) -> set[int]:
        return {key.fd for key in self._selector.get_map().values()}

    def _ask_for_room(self) -> None:
        for pipe in self._pipes:
            key = self._selector.get_key(pipe)
            waits = bool(pipe.unsent and not pipe.broken)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0)
            if key.events != events:
                self._selector.modify(pipe, events, key.data)

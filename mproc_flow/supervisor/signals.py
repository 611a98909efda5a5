"""Signals: in the user's process taken over only for a while and put back; in the Guardian read from a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_DEFAULTS: tuple[Any, ...] = (signal.SIG_DFL, signal.default_int_handler)


@contextlib.contextmanager
def ending(callback: Callable[[], None]) -> Iterator[None]:
    """Call back at SIGINT, SIGTERM and SIGHUP within the block; handlers the program set itself stay as they are.

    Outside the main thread nothing is taken over: Python runs handlers in the main thread only.

    Args:
        callback: Called in the main thread between two instructions; it must not take a lock.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        callback()

    taken: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in _DEFAULTS:
                taken[number] = signal.signal(number, handle)
        yield
    finally:
        for taken_number, handler in taken.items():
            signal.signal(taken_number, handler)


def make_readable() -> int:
    """In the Guardian: give a descriptor on which SIGCHLD and SIGTERM arrive as bytes; ignore what is for the owner."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return reader

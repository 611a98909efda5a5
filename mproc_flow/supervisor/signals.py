"""Signals in the user's process: taken over only for a while, only in the main thread, and put back."""

from __future__ import annotations

import contextlib
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

    taken: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in _DEFAULTS:
                taken[number] = signal.signal(number, handle)
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)

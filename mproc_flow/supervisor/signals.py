"""Signals: in the user's process taken over only for a while and put back; in the Guardian read from a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_FOR_MAIN = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_HAND_OVER = 0.2

_DEFAULTS: tuple[Any, ...] = (signal.SIG_DFL, signal.default_int_handler)
# Where handlers come from that leave all to an event loop, which cannot run while it is held up by whoever waits here.
_OF_LOOPS = ('asyncio', 'uvloop', 'ipykernel')


@contextlib.contextmanager
def ending(callback: Callable[[], None], wake: int = -1) -> Iterator[bytearray]:
    """Call back at SIGINT, SIGTERM and SIGHUP within the block; handlers the program set itself stay as they are.

    Those that an event loop calls later, because it is told by the descriptor below, are called when it goes on.
    Outside the main thread nothing is taken over: Python runs handlers in the main thread only.

    Args:
        callback: Called in the main thread between two instructions; it must not take a lock.
        wake: A descriptor to which every signal writes a byte, its number. Python calls a handler between two
            instructions: a signal that comes just before a wait would else be heard of only after it.

    Yields:
        Where to put the bytes that were read; whoever else wants them gets them afterwards, an event loop for instance.
    """
    heard = bytearray()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def handle(number: int, frame: FrameType | None) -> None:
        callback()

    taken: dict[signal.Signals, Any] = {}
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False) if wake >= 0 else -1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if _can_be_taken(signal.getsignal(number)):
                taken[number] = signal.signal(number, handle)
        yield heard
    finally:
        if wake >= 0:
            signal.set_wakeup_fd(before)
        if before >= 0:
            with contextlib.suppress(OSError):
                os.write(before, heard)
        for taken_number, handler in reversed(taken.items()):  # that of SIGINT last: from then on, it may raise here
            signal.signal(taken_number, handler)


def _can_be_taken(handler: Any) -> bool:
    function = getattr(handler, 'func', handler)  # asyncio.run() uses a functools.partial
    return handler in _DEFAULTS or str(getattr(function, '__module__', '')).partition('.')[0] in _OF_LOOPS


@contextlib.contextmanager
def left_to_main() -> Iterator[None]:
    """In another thread than the main one: let no signal for the program be taken by this thread in the block.

    Python runs handlers in the main thread, but does not wake it from a lock if the kernel gave the signal to another
    thread. That happens to a thread that blocks signals for a moment and then unblocks them, as making a thread or a
    process does: a Ctrl-C would have no effect. Threads that are made in the block never take these signals.
    """
    if threading.current_thread() is threading.main_thread():
        yield
        return
    old = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_MAIN)
    try:
        yield
    finally:
        give_up = time.monotonic() + _HAND_OVER
        while signal.sigpending() & _FOR_MAIN - old and time.monotonic() < give_up:
            time.sleep(0.001)  # the main thread has been woken for it, and is about to take it
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let signals for the program wait until the end of the block, which is not to be left half done.

    Handlers run when it ends, and what they raise is raised there. Threads that are made in the block never take these
    signals.
    """
    old = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_MAIN)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


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

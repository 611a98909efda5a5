"""Waiting in ``block()``: for an event of the user's, a signal, or the end of the Flow, whichever is first."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from typing import Any

from mproc_flow.supervisor import signals
from mproc_flow.supervisor.launch import PACKAGE
from mproc_flow.supervisor.owner import Supervision
from mproc_flow.transport.pipe import wait_for

_POLL = 0.1
_OURS = b'\0'  # no signal has this number


class Blocking:
    """One call of ``block()``.

    The waiting thread sleeps on a pipe, which signal handlers and other threads can write to without a lock. The
    user's event is watched by a helper thread: a signal handler that sets it while this thread is inside it could
    not get its lock.

    Args:
        supervision: The run.
        stop_event: The user's event, or None.

    Raises:
        TypeError: ``stop_event`` cannot be waited for from here.
    """

    def __init__(self, supervision: Supervision, stop_event: Any) -> None:
        if type(stop_event).__module__.startswith('asyncio'):
            raise TypeError('block() cannot wait for an asyncio.Event: give it a threading.Event')
        if stop_event is not None and not callable(getattr(stop_event, 'is_set', None)):
            raise TypeError(f'block() takes a threading or multiprocessing Event, not {stop_event!r}')
        self._supervision = supervision
        self._event = stop_event
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._reason = ''
        self._writer = -1

    def wait(self) -> str:
        """Wait; give what ended it: ``event``, ``signal``, ``flow`` or ``main thread``."""
        reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        watcher = self._start_watcher()
        self._supervision.listen(self._on_flow)
        try:
            with signals.ending(self._on_signal, self._writer) as heard:
                while not self._reason:
                    wait_for(reader, select.POLLIN, None)
                    heard += os.read(reader, 4096).replace(_OURS, b'')
        except KeyboardInterrupt:
            self._end('signal')
        finally:
            self._over.set()
            self._supervision.unlisten(self._on_flow)
            if watcher is not None:
                watcher.join()
            os.close(reader)
            os.close(self._writer)
        if self._error is not None:
            raise self._error
        return self._reason

    def _on_signal(self) -> None:
        self._end('signal')

    def _on_flow(self) -> None:
        self._end('flow')

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        with contextlib.suppress(OSError):
            os.write(self._writer, _OURS)

    def _start_watcher(self) -> threading.Thread | None:
        in_main = threading.current_thread() is threading.main_thread()
        if self._event is None and in_main:
            return None
        watcher = threading.Thread(target=self._watch, name=f'{PACKAGE}-block', daemon=True)
        watcher.start()
        return watcher

    def _watch(self) -> None:
        try:
            while not self._over.is_set():
                if self._event_is_set():
                    return self._end('event')
                if not threading.main_thread().is_alive():  # the program is ending; nobody would ever end us
                    return self._end('main thread')
        except BaseException as error:  # raised in the thread that waits: a watcher must not die unnoticed
            self._error = error
            self._end('event')

    def _event_is_set(self) -> bool:
        """Look at the user's event, at most a tenth of a second long."""
        if isinstance(self._event, threading.Event):
            return self._event.wait(_POLL)
        if self._event is not None and self._event.is_set():
            return True
        self._over.wait(_POLL)
        return False

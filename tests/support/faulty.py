"""Executors that die, hang or leave children behind, in every way the tests need; see also ``executors``."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from mproc_flow import DocumentArray, requests
from tests.support.executors import Recorded, notes


def hold_gil() -> None:
    """Wait for ever in C code that keeps the GIL and that no signal ends: for a mutex that is already locked."""
    libc = ctypes.PyDLL(None)
    mutex = ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def sigsegv() -> None:
    """Read where there is no memory."""
    ctypes.string_at(0)


def import_nothing() -> None:
    """Fail as a missing dependency does."""
    import a_module_that_does_not_exist  # type: ignore[import-not-found]  # noqa: F401


def raise_value_error() -> None:
    """Fail as a wrong argument does."""
    raise ValueError('boom')


DEATHS: dict[str, Callable[[], Any]] = {
    'sigkill': lambda: os.kill(os.getpid(), signal.SIGKILL),
    'sigsegv': sigsegv,
    'abort': os.abort,
    'exit-0': lambda: os._exit(0),
    'exit-1': lambda: os._exit(1),
    'sys-exit': lambda: sys.exit(3),
    'import': import_nothing,
    'raise': raise_value_error,
    'hang': lambda: time.sleep(300),
    'gil': hold_gil,
    'spin': lambda: [None for _ in iter(int, 1)],
    'sigstop': lambda: os.kill(os.getpid(), signal.SIGSTOP),
    'none': lambda: None,
}


class Crash(Recorded):
    """Dies, or never comes back, on ``/crash``; answers everything else."""

    def __init__(self, how: str = 'sigkill', only: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how
        self.only = only

    @requests
    def answer(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Tell the pid."""
        for doc in docs:
            doc.tags.update(pid=os.getpid(), pod=self.runtime_args.name)

    @requests(on='/crash')
    def crash(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Say last words, and go."""
        sys.stderr.write('these are my last words\n')
        self.note('crash')
        DEATHS[self.how]()


class Boot(Recorded):
    """Dies, or hangs, in its constructor: every time, or only in the first ``times`` processes of the pod."""

    def __init__(self, how: str = 'raise', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sys.stderr.write('booting\n')
        self.note('boot')
        DEATHS[how]()

    @requests
    def answer(self, **kwargs: Any) -> None:
        """Do nothing."""


class CrashLoop(Recorded):
    """Gets ready and dies soon after, in every process: all its replicas, or the one with this number."""

    def __init__(self, replica: int | None = None, after: float = 0.1, boots: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        first = len(notes(self.record or '', 'init')) == 1
        if not boots and not first:
            raise ValueError('boom')
        if replica in (None, self.runtime_args.replica_id):
            threading.Timer(after, os._exit, (7,)).start()

    @requests
    def answer(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Tell who answered."""
        for doc in docs:
            doc.tags['pod'] = self.runtime_args.name


class Stuck(Recorded):
    """Resists its end: see the table for how."""

    def __init__(self, how: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how
        if how == 'sigterm':
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    @requests
    def answer(self, **kwargs: Any) -> None:
        """Do nothing."""

    @requests(on='/stick')
    def stick(self, **kwargs: Any) -> None:
        """Get stuck."""
        self.note('stuck')
        if self.how == 'sigterm':
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif self.how in DEATHS:
            DEATHS[self.how]()

    def close(self) -> None:
        """Hang, if that is how."""
        super().close()
        if self.how == 'close':
            time.sleep(300)


class Family(Recorded):
    """Has children of its own: one of ``subprocess``, and a daemon that left for its own session and parent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.note('child', subprocess.Popen(['sleep', '600']).pid)
        self._start_daemon()

    @requests
    def answer(self, **kwargs: Any) -> None:
        """Do nothing."""

    def _start_daemon(self) -> None:
        middle = os.fork()
        if middle:
            os.waitpid(middle, 0)
            return
        os.setsid()
        if os.fork() == 0:
            self.note('child')
            with contextlib.suppress(BaseException):  # a fork must never return into the frames of its parent
                time.sleep(600)
        os._exit(0)

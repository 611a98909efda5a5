"""Executors with every behaviour and every fault the tests need.

Each takes ``record``, the path of a file into which it writes what happens to it, one line per event:
``<word> <pod> <pid> <monotonic time>``. The monotonic clock is the same in all processes, so a test can compare.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mproc_flow import DocumentArray, Executor, requests


class Note(NamedTuple):
    """A line of a record file."""

    word: str
    pod: str
    pid: int
    moment: float


def write_note(record: str | None, word: str, pod: str = '-', pid: int | None = None) -> None:
    """Append a note; a single write, so that processes do not mix theirs up."""
    if record:
        line = f'{word} {pod} {os.getpid() if pid is None else pid} {time.monotonic()}\n'
        fd = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(fd, line.encode())
        os.close(fd)


def notes(record: str | Path, word: str | None = None) -> list[Note]:
    """Read the notes, all or those with this word."""
    try:
        lines = Path(record).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = [Note(words[0], words[1], int(words[2]), float(words[3])) for words in map(str.split, lines)]
    return [note for note in found if word in (None, note.word)]


class Recorded(Executor):
    """Notes its ``init`` and ``close``."""

    def __init__(self, record: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.record = record
        self.note('init')

    def note(self, word: str, pid: int | None = None) -> None:
        """Write a note in this pod's name."""
        write_note(self.record, word, getattr(self.runtime_args, 'name', '-'), pid)

    def close(self) -> None:
        """Leave the proof that it was closed."""
        self.note('close')


class Echo(Recorded):
    """Appends its mark to every text and leaves pod and pid in the tags."""

    def __init__(self, mark: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mark = mark

    @requests
    def echo(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Change the Documents in place."""
        for doc in docs:
            doc.text = f'{doc.text}{self.mark}'
            doc.tags.update(pid=os.getpid(), pod=self.runtime_args.name)


class Slow(Recorded):
    """Needs some seconds for each request."""

    def __init__(self, seconds: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Sleep, and tell who did."""
        self.note('begin')
        time.sleep(self.seconds)
        for doc in docs:
            doc.tags['pid'] = os.getpid()
        self.note('end')


class SlowAsync(Slow):
    """The same in the event loop."""

    @requests
    async def work(self, docs: DocumentArray, **kwargs: Any) -> None:  # type: ignore[override]
        """Sleep without holding anybody up."""
        self.note('begin')
        await asyncio.sleep(self.seconds)
        self.note('end')


class SlowToClose(Recorded):
    """Needs some seconds to close."""

    def __init__(self, seconds: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds

    def close(self) -> None:
        """Take the time."""
        self.note('close-begin')
        time.sleep(self.seconds)
        self.note('close')


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


class SlowBoot(Recorded):
    """Needs some seconds for its constructor."""

    def __init__(self, seconds: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.note('begin')
        time.sleep(seconds)
        self.note('end')

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
            with contextlib.suppress(BaseException):
                time.sleep(600)
        os._exit(0)


def square(number: int) -> int:
    """Work for a pool."""
    return number * number


class PoolUser(Recorded):
    """Computes with a multiprocessing Pool."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool = multiprocessing.get_context('fork').Pool(2)

    @requests
    def compute(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Let the pool work."""
        for doc in docs:
            doc.tags['squares'] = self.pool.map(square, range(5))


class Returns(Recorded):
    """Returns each kind of value a method may, and one it may not."""

    @requests(on='/none')
    def none(self, docs: DocumentArray, **kwargs: Any) -> None:
        """In place."""
        docs[0].text = 'in place'

    @requests(on='/array')
    def array(self, docs: DocumentArray, **kwargs: Any) -> DocumentArray:
        """Replaced."""
        return DocumentArray([docs[0], docs[0]])

    @requests(on='/dict')
    def dictionary(self, **kwargs: Any) -> dict[str, int]:
        """For the parameters."""
        return {'answer': 42}

    @requests(on='/wrong')
    def wrong(self, **kwargs: Any) -> Any:
        """Not allowed."""
        return ['a list']

    @requests(on='/unencodable')
    def unencodable(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Something that cannot travel."""
        docs[0].tags['lock'] = threading.Lock()

    @requests(on='/parameters')
    def parameters(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        """Make the parameters visible."""
        docs[0].tags['parameters'] = parameters

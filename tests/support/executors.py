"""Executors with every behaviour the tests need, and the notes they leave; those with faults are in ``faulty``.

Each takes ``record``, the path of a file into which it writes what happens to it, one line per event:
``<word> <pod> <pid> <monotonic time>``. The monotonic clock is the same in all processes, so a test can compare.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
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


class SlowToClose(Echo):
    """Needs some seconds to close."""

    def __init__(self, seconds: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds

    def close(self) -> None:
        """Take the time."""
        self.note('close-begin')
        time.sleep(self.seconds)
        self.note('close')


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

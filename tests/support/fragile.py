"""Executors that tell which Documents they have begun, and die of some of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from mproc_flow import DocumentArray, dynamic_batching, requests
from tests.support.executors import Recorded, notes
from tests.support.faulty import DEATHS

POISON = 'poison'
_BEGUN = 'begun:'


def begun(record: str) -> Counter[str]:
    """How often each text was begun."""
    return Counter(note.word.removeprefix(_BEGUN) for note in notes(record) if note.word.startswith(_BEGUN))


class Fragile(Recorded):
    """Notes what it begins, takes its time, and dies of a text that starts with ``poison``.

    ``/again`` is marked retryable, ``/once`` and all else is not.
    """

    def __init__(self, how: str = 'sigkill', seconds: float = 0.002, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how
        self.seconds = seconds

    def begin(self, docs: DocumentArray) -> None:
        """Leave a note for each, and die of poison."""
        for doc in docs:
            self.note(f'{_BEGUN}{doc.text}')
        if any(doc.text.startswith(POISON) for doc in docs):
            time.sleep(0.01)  # others that run beside it have begun by now
            DEATHS[self.how]()

    @requests
    def once(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Work that must not be done twice."""
        self.begin(docs)
        time.sleep(self.seconds)

    @requests(on='/again', retryable=True)
    def again(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Work that may be done twice."""
        self.once(docs)


class Forgiving(Fragile):
    """May begin everything again."""

    retryable = True


class FragileAsync(Fragile):
    """The same in the event loop."""

    @requests
    async def once(self, docs: DocumentArray, **kwargs: Any) -> None:  # type: ignore[override]
        """Work that must not be done twice."""
        self.begin(docs)
        await asyncio.sleep(self.seconds)

    @requests(on='/again', retryable=True)
    async def again(self, docs: DocumentArray, **kwargs: Any) -> None:  # type: ignore[override]
        """Work that may be done twice."""
        await self.once(docs)


class FragileBatched(Fragile):
    """The same for several requests at a time."""

    @requests
    @dynamic_batching(preferred_batch_size=4, timeout=5)
    def once(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Work that must not be done twice."""
        super().once(docs)

    @requests(on='/again', retryable=True)
    @dynamic_batching(preferred_batch_size=4, timeout=5)
    def again(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Work that may be done twice."""
        super().once(docs)


KINDS: dict[str, type[Fragile]] = {'sync': Fragile, 'async': FragileAsync, 'batched': FragileBatched}

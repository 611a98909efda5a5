"""Executors whose requests share calls, and which note these."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from mproc_flow import Document, DocumentArray, Executor, dynamic_batching, requests

# Longer than a test takes: whoever waits for it waits for a batch that fills.
LONG = 60_000
SHORT = 100


class Shared(Executor):
    """Notes its calls: the texts that each was given, and the parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self.parameters: list[dict[str, Any]] = []
        self.go_on = threading.Event()

    def note(self, docs: DocumentArray, parameters: dict[str, Any]) -> None:
        self.calls.append([str(doc.text) for doc in docs])
        self.parameters.append(parameters)
        for doc in docs:
            if doc.text == 'poison':
                raise ValueError('poisoned')
            doc.text = f'{doc.text}!'

    @requests(on='/four')
    @dynamic_batching(preferred_batch_size=4, timeout=LONG)
    def four(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        self.note(docs, parameters)

    @requests(on='/soon')
    @dynamic_batching(preferred_batch_size=4, timeout=SHORT)
    def soon(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> DocumentArray:
        self.note(docs, parameters)
        return DocumentArray([Document(text=doc.text) for doc in docs])

    @requests(on='/all')
    @dynamic_batching(preferred_batch_size=4, timeout=SHORT, flush_all=True)
    def all(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        self.note(docs, parameters)

    @requests(on='/dict')
    @dynamic_batching(preferred_batch_size=4, timeout=SHORT)
    def results(self, docs: DocumentArray, **kwargs: Any) -> dict[str, Any]:
        return {'seen': len(docs)}

    @requests(on='/fewer')
    @dynamic_batching(preferred_batch_size=4, timeout=SHORT)
    def fewer(self, docs: DocumentArray, **kwargs: Any) -> DocumentArray:
        self.calls.append([])
        return docs[1:]

    @requests(on='/each')
    @dynamic_batching(preferred_batch_size=4, timeout=SHORT)
    def each(self, doc: Document, **kwargs: Any) -> Document:
        return Document(text=f'{doc.text}?')

    @requests(on='/hold')
    def hold(self, **kwargs: Any) -> None:
        assert self.go_on.wait(10)

    @requests(on='/plain')
    def plain(self, docs: DocumentArray, **kwargs: Any) -> None:
        self.note(docs, {})


class SharedAsync(Shared):
    """The same in the event loop."""

    @requests(on='/four')
    @dynamic_batching(preferred_batch_size=4, timeout=LONG)
    async def four(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        self.note(docs, parameters)
        await asyncio.sleep(0)

    @requests(on='/soon')
    @dynamic_batching(preferred_batch_size=4, timeout=SHORT)
    async def soon(  # type: ignore[override]
        self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any
    ) -> DocumentArray:
        self.note(docs, parameters)
        await asyncio.sleep(0)
        return DocumentArray([Document(text=doc.text) for doc in docs])

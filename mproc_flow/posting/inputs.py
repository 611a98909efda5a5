"""Inputs that have to be awaited: cut into requests in an event loop, or read from a program without one."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from itertools import count
from typing import Any

from mproc_flow.errors import DeadlineExceeded
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.request import as_document, batches, called

_DONE = object()
# A signal that comes just before a wait does not end it: so long may a Ctrl-C be unheard.
_SIGNALS = 0.5


def sync_batches(inputs: Any, size: int, deadline: float = 0.0) -> Iterator[DocumentArray]:
    """Cut inputs of any kind into requests; asynchronous ones are read in an event loop of their own, in a thread.

    Args:
        inputs: See :func:`mproc_flow.model.request.batches`.
        size: See there.
        deadline: When an input is not awaited any more, in seconds of the monotonic clock; 0 for no limit.

    Raises:
        DeadlineExceeded: While one was awaited.
    """
    inputs = called(inputs)
    return batches(_drained(inputs, deadline) if isinstance(inputs, AsyncIterable) else inputs, size)


async def async_batches(inputs: AsyncIterable[Any], size: int) -> AsyncIterator[DocumentArray]:
    """Cut asynchronous inputs into requests, as :func:`mproc_flow.model.request.batches` does with others."""
    batch, number, first = DocumentArray(), count(), True
    async for item in inputs:
        batch.append(as_document(item, next(number)))
        if len(batch) == size:
            yield batch
            batch, first = DocumentArray(), False
    if batch or first:
        yield batch


def _drained(inputs: AsyncIterable[Any], deadline: float) -> Iterator[Any]:
    """Give the items one by one; the loop that reads them runs in a thread, as this one may have a loop already."""
    import asyncio  # would make every other program start later, and so would the next one
    from concurrent.futures import ThreadPoolExecutor, wait

    loop = asyncio.new_event_loop()
    items = aiter(inputs)
    task: asyncio.Task[Any] | None = None
    with ThreadPoolExecutor(1, 'mproc_flow-inputs') as thread:

        def next_item() -> Any:
            nonlocal task
            task = loop.create_task(_next(items))
            running = thread.submit(loop.run_until_complete, task)
            while not wait((running,), min(_SIGNALS, _left(deadline))).done:
                if not _left(deadline):
                    raise DeadlineExceeded('time is over; the next input was awaited')
            return running.result()

        try:
            yield from iter(next_item, _DONE)
        finally:
            if task is not None:  # a Ctrl-C may have ended the wait for it
                loop.call_soon_threadsafe(task.cancel)
            thread.submit(loop.run_until_complete, _end(items)).result()
            loop.close()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic()) if deadline else math.inf


async def _next(items: AsyncIterator[Any]) -> Any:
    return await anext(items, _DONE)


async def _end(items: AsyncIterator[Any]) -> None:
    if isinstance(items, AsyncGenerator):
        await items.aclose()

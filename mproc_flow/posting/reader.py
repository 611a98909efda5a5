"""Inputs that have to be awaited, read in an event loop while their call goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any, TypeAlias

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.request import batches, called
from mproc_flow.posting.inputs import async_batches

Coming: TypeAlias = 'asyncio.Future[DocumentArray | None]'


@contextlib.asynccontextmanager
async def reading(inputs: Any, size: int) -> AsyncIterator[Iterator[Any]]:
    """Cut inputs of any kind into requests, for the block; see :class:`Reader` for those that are asynchronous."""
    inputs = called(inputs)
    if not isinstance(inputs, AsyncIterable):
        yield batches(inputs, size)
        return
    reader = Reader(async_batches(inputs, size))
    try:
        yield reader
    finally:
        await reader.close()


class Reader(Iterator[Any]):
    """Gives the batches that are there and, while the next one is awaited, something to wait for.

    One task reads them from the first to the last, and not before they are wanted: what makes them may have a timeout
    or a task group around several of them. It goes on while requests that were lost are sent again.
    """

    def __init__(self, batches: AsyncIterator[DocumentArray]) -> None:
        self._batches = batches
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._coming: Coming | None = None

    def __next__(self) -> DocumentArray | Coming:
        if self._coming is None:
            self._coming = asyncio.get_running_loop().create_future()
            self._wanted.set()
        if self._task is None:
            self._task = asyncio.ensure_future(self._read())
        if not self._coming.done():
            return self._coming
        docs = self._coming.result()
        if docs is None:  # and so it stays
            raise StopIteration
        self._coming = None
        return docs

    async def close(self) -> None:
        """Read no more; what makes the batches has ended when this returns."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._coming is not None and self._coming.done() and not self._coming.cancelled():
            self._coming.exception()  # nobody is left to raise it to

    async def _read(self) -> None:
        try:
            await self._want()
            async for docs in self._batches:
                self._settle(docs)
                await self._want()
            self._settle(None)
        except asyncio.CancelledError:  # by close(), or by what makes the batches
            if self._coming is not None:
                self._coming.cancel()
            raise
        except Exception as error:  # raised where the batch is waited for
            if self._coming is not None:
                self._coming.set_exception(error)

    async def _want(self) -> None:
        await self._wanted.wait()
        self._wanted.clear()

    def _settle(self, docs: DocumentArray | None) -> None:
        if self._coming is not None:
            self._coming.set_result(docs)

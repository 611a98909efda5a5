"""Executors that yield, and taking what comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

from mproc_flow import Document, DocumentArray, requests
from tests.support.executors import Recorded, write_note
from tests.support.waiting import eventually


class Teller(Recorded):
    """Yields, in all the ways there are."""

    @requests(on='/count')
    def count(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> Iterator[DocumentArray]:
        """So many parts."""
        for number in range(parameters.get('count', 3)):
            yield DocumentArray([Document(text=f'{docs[0].text}{number}')])

    @requests(on='/count_async')
    async def count_async(
        self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any
    ) -> AsyncIterator[DocumentArray]:
        """The same in the pod's event loop."""
        for number in range(parameters.get('count', 3)):
            await asyncio.sleep(0)
            yield DocumentArray([Document(text=f'{docs[0].text}{number}')])

    @requests(on='/wait')
    def wait(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> Iterator[DocumentArray]:
        """One part, and the other when a file is there."""
        yield DocumentArray([Document(text='first')])
        eventually(Path(parameters['file']).exists, 10.0, 'the file')
        yield DocumentArray([Document(text='second')])

    @requests(on='/endless')
    def endless(self, parameters: dict[str, Any], **kwargs: Any) -> Iterator[DocumentArray]:
        """Parts without end, each noted."""
        try:
            while True:
                write_note(parameters['record'], 'made')
                yield DocumentArray([Document(text='x')])
        finally:
            write_note(parameters['record'], 'ended')

    @requests(on='/fails')
    def fails(self, docs: DocumentArray, **kwargs: Any) -> Iterator[DocumentArray]:
        """Two parts and an error."""
        yield DocumentArray([Document(text='0')])
        yield DocumentArray([Document(text='1')])
        raise ValueError('no more')

    @requests(on='/whole')
    def whole(self, docs: DocumentArray, **kwargs: Any) -> None:
        """No parts."""
        for doc in docs:
            doc.text = f'{doc.text}!'


def driven(answers: Any) -> Generator[Any, None, None]:
    """Iterate over what has to be awaited; the event loop runs for each item."""
    loop = asyncio.new_event_loop()
    iteration = aiter(answers)

    async def following() -> Any:
        return await anext(iteration, None)

    try:
        yield from iter(lambda: loop.run_until_complete(following()), None)
    finally:
        loop.run_until_complete(iteration.aclose())
        loop.close()


def texts(items: Any) -> list[str]:
    """The texts of all Documents of these."""
    return [doc.text or '' for docs in items for doc in docs]

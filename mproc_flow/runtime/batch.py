"""Requests that share a call, and whose results are whose."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol

from mproc_flow.model.codec import encode
from mproc_flow.model.document import Document
from mproc_flow.model.reduce import RESULTS
from mproc_flow.runtime.dispatch import Attempt, Dispatcher
from mproc_flow.transport.frames import Frame, Part, Work

# How a request ends: with its frames, or with an error.
Finish = Callable[['Request', 'list[Frame] | Exception'], None]


class Request:
    """A piece of work that shares calls with others.

    Attributes:
        work: The piece of work.
        key: Requests with the same one may share a call: the endpoint, and the parameters in bytes.
        size: How many Documents it has.
        arrived: When it came.
        due: When it waits no longer.
        taken: How many of its Documents are in a batch by now.
        cost: Seconds of the pod's time, its share.
        over: It was answered, or nobody waits for it any more.
    """

    __slots__ = (
        '_dispatcher', '_docs', '_done', '_parameters', '_parts', '_results',
        'arrived', 'cost', 'due', 'key', 'over', 'size', 'taken', 'work',
    )  # fmt: skip

    def __init__(self, dispatcher: Dispatcher, work: Work, parts: Sequence[Part], now: float) -> None:
        self.work = work
        self.arrived = now
        self.due = now
        self.taken = 0
        self.cost = 0.0
        self.over = False
        self._dispatcher = dispatcher
        self._parts = parts
        self._docs, self._parameters = dispatcher.documents(work, parts)
        self.size = len(self._docs)
        self._done: dict[int, Sequence[Document]] = {}
        self._results: dict[str, Any] = {}
        self.key = (dispatcher.bound_to(work.endpoint), _canonical(self._parameters))

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters as the method gets them: what other Executors returned is each request's own."""
        return {name: value for name, value in self._parameters.items() if name != RESULTS}

    def documents(self, start: int, stop: int, fresh: bool) -> list[Any]:
        """Give some of its Documents as the method takes them; ``fresh`` as they came, whatever was done to them."""
        if fresh:
            self._docs, _ = self._dispatcher.documents(self.work, self._parts)
        return list(self._docs[start:stop])

    def put(self, start: int, docs: Sequence[Document], results: Any) -> None:
        """Take results of some of its Documents."""
        self._done[start] = docs
        if isinstance(results, dict):
            self._results.update(results)

    @property
    def is_complete(self) -> bool:
        """Results of all its Documents are there."""
        return sum(map(len, self._done.values())) == self.size

    def frames(self) -> list[Frame]:
        """Give the frames of its answer."""
        docs = [doc for start in sorted(self._done) for doc in self._done[start]]
        return encode(docs, self._dispatcher.with_results(self._parameters, self._results or None))


class Slice:
    """Some Documents of one request: what of it is in one batch."""

    __slots__ = ('request', 'start', 'stop')

    def __init__(self, request: Request, start: int, stop: int) -> None:
        self.request, self.start, self.stop = request, start, stop

    def __len__(self) -> int:
        return self.stop - self.start


class Counter(Protocol):
    """Where requests waited; makes their calls, and counts."""

    def attempt(self, slices: Sequence[Slice], fresh: bool) -> Attempt:
        """Prepare a call; ``fresh`` with Documents as they came."""

    def took(self, endpoint: str, seconds: float) -> None:
        """A call took so long."""

    def drop(self, request: Request) -> None:
        """A request is over."""


class Batch:
    """Documents for one call.

    Args:
        slices: Of which requests.
        gatherer: Where they waited.
        finish: Is told how each request ends.
    """

    def __init__(self, slices: list[Slice], gatherer: Counter, finish: Finish) -> None:
        self.slices = slices
        self._gatherer = gatherer
        self._finish = finish

    @property
    def requests(self) -> list[Request]:
        """Those that are not over."""
        return [each.request for each in self.slices if not each.request.over]

    def run(self) -> Generator[Attempt, Any, None]:
        """Give one call after the other to be made; each is sent what the method returned, or thrown what it raised.

        If a call raises, its requests are tried again apart, one half after the other, so that one that cannot be done
        fails alone.
        """
        waiting = [self.slices]
        fresh = False
        while waiting:
            slices = [each for each in waiting.pop() if not each.request.over]
            if not slices:
                continue
            attempt = self._gatherer.attempt(slices, fresh)
            begin = time.monotonic()
            try:
                returned = yield attempt
            except Exception as error:  # it is the answer of a request, or its requests are tried again
                self._account(slices, time.monotonic() - begin)
                if len(slices) == 1:
                    self._end(slices[0].request, error)
                else:
                    half, fresh = len(slices) // 2, True
                    waiting += [slices[half:], slices[:half]]
                continue
            self._account(slices, time.monotonic() - begin)
            self._share(slices, attempt, returned)

    def _share(self, slices: Sequence[Slice], attempt: Attempt, returned: Any) -> None:
        try:
            docs = attempt.answer(returned)
        except Exception as error:  # the answer of all: what was returned is nobody's
            for each in slices:
                self._end(each.request, error)
            return
        start = 0
        for each in slices:
            each.request.put(each.start, docs[start : start + len(each)], returned)
            start += len(each)
            if each.request.is_complete:
                self._complete(each.request)

    def _complete(self, request: Request) -> None:
        try:
            frames = request.frames()
        except Exception as error:  # the answer: results that cannot travel
            self._end(request, error)
        else:
            self._end(request, frames)

    def _end(self, request: Request, outcome: list[Frame] | Exception) -> None:
        if not request.over:
            self._gatherer.drop(request)
            self._finish(request, outcome)

    def _account(self, slices: Sequence[Slice], seconds: float) -> None:
        whole = sum(map(len, slices)) or len(slices)
        for each in slices:
            each.request.cost += seconds * (len(each) or 1) / whole
        self._gatherer.took(slices[0].request.key[0], seconds)


def _canonical(parameters: Mapping[str, Any]) -> bytes:
    """Give bytes that are the same for the same parameters, in whatever order they came."""
    own = {name: value for name, value in parameters.items() if name != RESULTS}
    return b''.join(map(bytes, _frames(own))) if own else b''


def _frames(parameters: dict[str, Any]) -> Iterable[Any]:
    return encode([], _in_order(parameters))


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value, key=lambda key: (type(key).__name__, key))}
    return [_in_order(item) for item in value] if isinstance(value, list) else value

"""Which requests of a call are under way, are to be sent again, or may be delivered; without any socket."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from mproc_flow.errors import DeadlineExceeded, ErrorInfo, Overloaded, PodDied
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.reduce import reduce
from mproc_flow.model.request import Header, Response, Status
from mproc_flow.posting.options import PostOptions
from mproc_flow.posting.return_type import DOCUMENTS, ReturnType, return_type_of
from mproc_flow.transport.exchange import Call, Reply
from mproc_flow.transport.frames import Frame

# How a request can end that may go well another time.
_WORTH_ANOTHER = (PodDied.code, Overloaded.code)


class Delivery(NamedTuple):
    """How a request ended: its Response, its error if it failed, and how many Documents it had."""

    response: Response
    info: ErrorInfo | None
    sent: int


class Letter(msgspec.Struct, eq=False):
    """One request: its place among the inputs, its Documents, and how often it was sent."""

    number: int
    docs: DocumentArray
    attempts: int = 0


class Letters:
    """The requests of one call of post().

    They are sent in rounds, each an exchange on a connection: a round ends when there is nothing more to send, or when
    something has to be sent again.

    Args:
        call: Where they go.
        parameters: What goes with each.
        options: Of the call.
        prefetch: How many may be under way.
    """

    def __init__(self, call: Call, parameters: dict[str, Any], options: PostOptions, prefetch: int) -> None:
        self.call = call
        self._parameters = parameters
        self._options = options
        self._return_type = return_type_of(options.return_type)
        self._prefetch = prefetch
        self._count = 0
        self._sent = 0
        self._open: dict[int, Letter] = {}
        self._due: deque[Letter] = deque()  # to be sent again in this round
        self._again: list[Letter] = []  # in the next one
        self._early: dict[int, Delivery] = {}
        self._turn = 0
        self._over = False
        self._end: float | None = None

    # ---- rounds ----

    def begin(self) -> None:
        """The call begins: from now on its time runs."""
        if self._options.timeout is not None:
            self._end = time.monotonic() + self._options.timeout

    def round(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Give the requests of a round, each encoded when it is asked for.

        Args:
            batches: The Documents of each. What is no DocumentArray is passed on: it has to be waited for before the
                next one is there.
        """
        yield from self._repeated()
        while not self._again:
            docs = next(batches, None)
            if docs is None:
                self._over = True
                return
            yield self._fresh(docs) if isinstance(docs, DocumentArray) else docs

    @property
    def unfinished(self) -> bool:
        """There is more to do in another round."""
        return not self._over or bool(self._failed)

    @property
    def pause(self) -> float:
        """Seconds to wait before the next round."""
        attempts = max((letter.attempts for letter in self._failed), default=0)
        if not attempts:
            return 0.0
        options = self._options
        try:
            pause = min(options.initial_backoff * options.backoff_multiplier ** (attempts - 1), options.max_backoff)
        except OverflowError:  # after some hundred attempts
            pause = options.max_backoff if options.initial_backoff else 0.0
        return pause if self._end is None else max(0.0, min(pause, self._end - time.monotonic()))

    @property
    def left(self) -> float | None:
        """Seconds that the call may still take, None for no limit.

        Raises:
            DeadlineExceeded: None are left for what has to be sent again.
        """
        left = None if self._end is None else self._end - time.monotonic()
        if left is not None and left <= 0 and self._failed:
            raise DeadlineExceeded(f'time is over; requests that failed and were not sent again: {len(self._failed)}')
        return left

    def window(self) -> int:
        """Say how many requests may be under way: fewer while answers wait for their turn."""
        return max(1, self._prefetch - len(self._early))

    # ---- replies ----

    def take(self, reply: Reply) -> Iterator[Delivery]:
        """Take a reply, and give what can be delivered now."""
        letter = self._open.pop(reply.position)
        info = reply.outcome if isinstance(reply.outcome, ErrorInfo) else None
        if info is not None and info.code in _WORTH_ANOTHER and letter.attempts < self._options.max_attempts:
            self._again.append(letter)
            return
        delivery = Delivery(response(self.call, letter, reply, self._return_type), info, len(letter.docs))
        if not self._options.results_in_order:
            yield delivery
            return
        self._early[letter.number] = delivery
        while self._turn in self._early:
            self._turn += 1
            yield self._early.pop(self._turn - 1)

    def lost(self) -> bool:
        """The connection is lost: say whether what was under way may be sent again on another one."""
        letters = list(self._open.values())
        self._open.clear()
        self._again += letters
        return all(letter.attempts < self._options.max_attempts for letter in letters)

    # ---- inside ----

    @property
    def _failed(self) -> list[Letter]:
        """Those that are not under way and have to be sent again; a round that was cut short leaves some due."""
        return [*self._again, *self._due]

    def _repeated(self) -> Iterator[list[Frame]]:
        self._open, self._sent = {}, 0
        self._due, self._again = deque(self._failed), []
        while self._due:
            yield self._frames(self._due.popleft())

    def _fresh(self, docs: DocumentArray) -> list[Frame]:
        letter = Letter(self._count, docs)
        self._count += 1
        return self._frames(letter)

    def _frames(self, letter: Letter) -> list[Frame]:
        frames = encode(letter.docs, self._parameters)
        letter.attempts += 1
        self._open[self._sent] = letter
        self._sent += 1
        return frames


def response(call: Call, letter: Letter, reply: Reply, return_type: ReturnType = DOCUMENTS) -> Response:
    """Make the Response of a reply; of a request that failed it has the Documents that were sent."""
    info = reply.outcome if isinstance(reply.outcome, ErrorInfo) else None
    header = Header(
        request_id=str(reply.request),
        status=Status.of(info),
        exec_endpoint=call.endpoint,
        target_executor=call.target,
    )
    if isinstance(reply.outcome, ErrorInfo):
        return Response(header=header, docs=letter.docs)
    docs, parameters = reduce([decode(part) for part in reply.outcome])
    if reply.sort:
        places = {doc.id: place for place, doc in enumerate(letter.docs)}
        docs = DocumentArray(sorted(docs, key=lambda doc: places.get(doc.id, len(places))))
    return Response(header=header, docs=return_type.array(docs), parameters=parameters)

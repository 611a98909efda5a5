"""Which requests of a call are under way, are to be sent again, or may be delivered; without any socket."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from mproc_flow.crossing import from_info
from mproc_flow.errors import DeadlineExceeded, ErrorInfo, Overloaded, PodDied, PoisonedRequest
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.reduce import reduce
from mproc_flow.model.request import Header, Response, Status
from mproc_flow.posting.options import PostOptions
from mproc_flow.posting.return_type import DOCUMENTS, ReturnType, return_type_of
from mproc_flow.transport.exchange import AHEAD, Call, Reply
from mproc_flow.transport.frames import Frame

# How a request can end that may go well another time.
_WORTH_ANOTHER = (PodDied.code, Overloaded.code)
# A request of which so many processes died is not sent to another one.
_DEADLY = 2


class Delivery(NamedTuple):
    """How a request ended, or a part of its answer.

    Attributes:
        response: For the caller.
        info: Its error, if it failed.
        sent: How many Documents it had; 0 if it has not ended yet.
        is_empty: All parts were delivered before: it has ended, and there is nothing more for the caller.
    """

    response: Response
    info: ErrorInfo | None
    sent: int
    is_empty: bool = False


class Letter(msgspec.Struct, eq=False):
    """One request.

    Attributes:
        number: Its place among the inputs.
        docs: Its Documents.
        attempts: How often it was sent.
        deaths: How often the process that held it died of it, or beside it.
        wait: Seconds for which the Flow does not want to see it again.
        begun: A part of its answer came: it is not sent again.
    """

    number: int
    docs: DocumentArray
    attempts: int = 0
    deaths: int = 0
    wait: float = 0.0
    begun: bool = False


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
        self.call = call._replace(window=AHEAD) if options.stream else call
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
        self._early_parts: dict[int, list[Delivery]] = {}
        self._turn = 0
        self._over = False

    # ---- rounds ----

    def begin(self) -> None:
        """The call begins: from now on its time runs."""
        timeout = self._options.timeout
        if timeout is not None and timeout != math.inf:
            self.call = self.call._replace(deadline=time.monotonic() + timeout)

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
        """Seconds to wait before the next round; no longer than the call may take."""
        failed = self._failed
        if not failed:
            return 0.0
        options = self._options
        attempts = max(letter.attempts for letter in failed)
        try:
            pause = min(options.initial_backoff * options.backoff_multiplier ** (attempts - 1), options.max_backoff)
        except OverflowError:  # after some hundred attempts
            pause = options.max_backoff if options.initial_backoff else 0.0
        pause = max(pause, *(letter.wait for letter in failed))
        return min(pause, self._left) if self.call.deadline else pause

    def check_time(self) -> None:
        """See before a round whether there is time for it.

        Raises:
            DeadlineExceeded: None is left for what has to be sent again.
        """
        failed = self._failed
        if failed and self.call.deadline and not self._left:
            raise DeadlineExceeded(f'time is over; requests that failed and were not sent again: {len(failed)}')

    def window(self) -> int:
        """Say how many requests may be under way: fewer while answers wait for their turn."""
        return max(1, self._prefetch - len(self._early))

    # ---- replies ----

    def take(self, reply: Reply) -> Iterator[Delivery]:
        """Take a reply, and give what can be delivered now.

        Raises:
            DeadlineExceeded: The gateway says that the time of the call is over, and what it knows about that.
        """
        if reply.more is not None:
            yield from self._part(reply, reply.more)
            return
        letter = self._open.pop(reply.position)
        info = reply.outcome if isinstance(reply.outcome, ErrorInfo) else None
        if info is not None:
            info = self._final(letter, info)
            if info is None:
                self._again.append(letter)
                return
            reply = reply._replace(outcome=info)
        delivery = Delivery(self._response(letter, reply), info, len(letter.docs), not reply.outcome)
        if not self._options.results_in_order:
            yield delivery
            return
        self._early[letter.number] = delivery
        while self._turn in self._early:
            yield from self._early_parts.pop(self._turn, ())
            self._turn += 1
            yield self._early.pop(self._turn - 1)
        yield from self._early_parts.pop(self._turn, ())

    def lost(self) -> bool:
        """The connection is lost: say whether what was under way may be sent again on another one."""
        letters = list(self._open.values())
        self._open.clear()
        self._again += letters
        return all(letter.attempts < self._options.max_attempts and not letter.begun for letter in letters)

    # ---- inside ----

    @property
    def _failed(self) -> list[Letter]:
        """Those that are not under way and have to be sent again; a round that was cut short leaves some due."""
        return [*self._again, *self._due]

    @property
    def _left(self) -> float:
        """Seconds until the call's deadline, which there is."""
        return max(0.0, self.call.deadline - time.monotonic())

    def _part(self, reply: Reply, more: Callable[[], None]) -> Iterator[Delivery]:
        letter = self._open[reply.position]
        letter.begun = True
        delivery = Delivery(self._response(letter, reply), None, 0)
        if self._options.results_in_order and letter.number != self._turn:
            self._early_parts.setdefault(letter.number, []).append(delivery)
            if self._again:  # and so whose turn it is, for all we know: it is sent when this round has ended
                more()
            return
        yield delivery
        more()

    def _response(self, letter: Letter, reply: Reply) -> Response:
        return response(self.call, letter, reply, self._return_type)

    def _final(self, letter: Letter, info: ErrorInfo) -> ErrorInfo | None:
        """Give the error with which a request ends, None if it is to be sent again."""
        if info.code == DeadlineExceeded.code and self.call.deadline and not self._left:
            raise from_info(info)
        letter.wait = info.retry_after
        letter.deaths += info.code == PodDied.code
        if info.code not in _WORTH_ANOTHER or letter.begun or letter.attempts >= self._options.max_attempts:
            return info
        if letter.deaths < _DEADLY:
            return None
        text = f'{info.message}; {_DEADLY} processes died with this request, so it is not sent again'
        return msgspec.structs.replace(info, code=PoisonedRequest.code, message=text)

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
    if not reply.outcome:
        return Response(header=header)
    docs, parameters = reduce([decode(part) for part in reply.outcome])
    if reply.sort:
        places = {doc.id: place for place, doc in enumerate(letter.docs)}
        docs = DocumentArray(sorted(docs, key=lambda doc: places.get(doc.id, len(places))))
    return Response(header=header, docs=return_type.array(docs), parameters=parameters)

"""One call of post(): its options, what it sends, and what it makes of the replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from mproc_flow.errors import BadClientCallback, BadOption, ErrorInfo, from_info
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.reduce import reduce
from mproc_flow.model.request import Header, Response, Status
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.transport.exchange import Call, Reply
from mproc_flow.transport.frames import Frame

Callback = Callable[[Response], Any]


class Posting:
    """What has a ``post()`` and, made of it, calls for the endpoints that everybody uses."""

    def post(self, on: str, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """Send inputs to an endpoint."""
        raise NotImplementedError

    def index(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/index``."""
        return self.post('/index', inputs, **options)

    def search(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/search``."""
        return self.post('/search', inputs, **options)

    def update(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/update``."""
        return self.post('/update', inputs, **options)

    def delete(self, inputs: Any = None, **options: Any) -> Any:
        """:meth:`post` to ``/delete``."""
        return self.post('/delete', inputs, **options)


class PostOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How :meth:`Client.post` goes about it.

    Attributes:
        request_size: Documents in one request; 0 or less puts all in one.
        continue_on_error: Go on after a request failed or a callback raised.
        return_responses: Give the Responses instead of their Documents.
        timeout: Seconds for the whole call, None for no limit.
        target_executor: Regular expression: only Executors whose names it matches from the start are meant.
    """

    request_size: int = 100
    continue_on_error: bool = False
    return_responses: bool = False
    timeout: float | None = None
    target_executor: str | None = None

    @classmethod
    def of(cls, options: dict[str, Any]) -> PostOptions:
        """Check the options of a call.

        Raises:
            BadOption: One does not exist or has a value it cannot take.
        """
        for name in options:
            if name not in cls.__struct_fields__:
                hint = did_you_mean(name, cls.__struct_fields__)
                raise BadOption(f'post({name}=...) is not an option of post(){hint}')
        try:
            return msgspec.convert(options, cls)
        except msgspec.ValidationError as error:
            raise BadOption(f'post(): {error}') from None


class Callbacks:
    """Calls what the user gave, and collects the Responses if nobody else takes them."""

    def __init__(
        self, on_done: Callback | None, on_error: Callback | None, on_always: Callback | None, go_on: bool
    ) -> None:
        self._on_done = on_done
        self._on_error = on_error
        self._on_always = on_always
        self._go_on = go_on
        self._keeps = on_done is None and on_always is None

    def call(self, response: Response, info: ErrorInfo | None) -> Response | None:
        """Call what fits the response; raise its error if nobody else takes it."""
        self._run(self._on_error if info is not None else self._on_done, response)
        self._run(self._on_always, response)
        if info is not None and self._on_error is None and not self._go_on:
            raise from_info(info)
        return response if self._keeps else None

    def result(self, responses: Sequence[Response | None], whole: bool) -> Any:
        """Give what the call returns."""
        if not self._keeps:
            return None
        kept = [response for response in responses if response is not None]
        return kept if whole else DocumentArray([doc for response in kept for doc in response.docs])

    def _run(self, callback: Callback | None, response: Response) -> None:
        if callback is None:
            return
        try:
            callback(response)
        except Exception as error:
            if not self._go_on:
                raise BadClientCallback(f'{callback!r} raised {type(error).__name__}: {error}') from error


class Sent:
    """Encodes Documents as they are asked for, and keeps the ids of those that have no reply yet."""

    def __init__(self, documents: Iterator[DocumentArray], parameters: dict[str, Any]) -> None:
        self._documents = documents
        self._parameters = parameters
        self._count = 0
        self.ids: dict[int, list[str]] = {}

    def __iter__(self) -> Iterator[list[Frame]]:
        for docs in self._documents:
            self.ids[self._count] = [doc.id for doc in docs]
            self._count += 1
            yield encode(docs, self._parameters)


def response(call: Call, reply: Reply, ids: Sequence[str]) -> tuple[Response, ErrorInfo | None]:
    """Make the Response of a reply, and give the error if it is one.

    Args:
        call: What was asked.
        reply: What came back.
        ids: Ids of the Documents that were sent.
    """
    info = reply.outcome if isinstance(reply.outcome, ErrorInfo) else None
    header = Header(
        request_id=str(reply.request),
        status=Status.of(info),
        exec_endpoint=call.endpoint,
        target_executor=call.target,
    )
    if isinstance(reply.outcome, ErrorInfo):
        return Response(header=header), info
    docs, parameters = reduce([decode(part) for part in reply.outcome])
    if reply.sort:
        places = {name: place for place, name in enumerate(ids)}
        docs = DocumentArray(sorted(docs, key=lambda doc: places.get(doc.id, len(ids))))
    return Response(header=header, docs=docs, parameters=parameters), None

"""How a call of post() can be made."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Annotated, Any

import msgspec

from mproc_flow.errors import BadClientInput, BadOption
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.posting.return_type import return_type_of

_AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Posting:
    """What has a ``post()`` and, made of it, calls for the endpoints that everybody uses."""

    def post(self, on: str, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """Send inputs to an endpoint."""
        raise NotImplementedError

    def index(self, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """:meth:`post` to ``/index``."""
        return self.post('/index', inputs, *args, **options)

    def search(self, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """:meth:`post` to ``/search``."""
        return self.post('/search', inputs, *args, **options)

    def update(self, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """:meth:`post` to ``/update``."""
        return self.post('/update', inputs, *args, **options)

    def delete(self, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """:meth:`post` to ``/delete``."""
        return self.post('/delete', inputs, *args, **options)

    def train(self, inputs: Any = None, *args: Any, **options: Any) -> Any:
        """:meth:`post` to ``/train``."""
        return self.post('/train', inputs, *args, **options)

    def stream_doc(self, on: str, inputs: Any = None, parameters: Any = None, **options: Any) -> Any:
        """:meth:`post` with ``stream=True``: a generator of the Documents of the answers, one by one as they come."""
        answers = self.post(on, inputs, parameters=parameters, stream=True, return_responses=False, **options)
        return _each_document(answers)


class PostOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a ``post()`` goes about it.

    Attributes:
        request_size: Documents in one request; 0 or less puts all in one.
        continue_on_error: Go on after a request failed or a callback raised.
        return_responses: Give the Responses instead of their Documents.
        stream: Give an iterator over the answers as they come, instead of all; of methods that yield, over each result.
        results_in_order: Deliver answers in the order of the inputs, instead of as they come.
        show_progress: Draw a progress bar on stderr; a finer one with ``rich`` (``pip install mproc-flow[cli]``).
        prefetch: Requests in flight at most, instead of what the client was given; 0 is no limit.
        timeout: Seconds for the whole call, pauses between attempts included; None for no limit. Processes know it too:
            they do not begin what nobody waits for any more.
        target_executor: Regular expression: only Executors whose names it matches from the start are meant.
        max_attempts: How often a request is sent at most if the process that holds it dies, the gateway is lost or the
            Flow is overloaded. An Executor may have worked on it before: more than 1 is for what may be done twice.
            What has been answered in part is never sent again, nor is that with which two processes died.
        initial_backoff: Seconds before the second attempt; longer if the Flow says how long it is overloaded.
        backoff_multiplier: By how much the pause grows with each attempt.
        max_backoff: The longest pause, in seconds.
        return_type: ``DocList[X]`` gives the Documents of answers as typed documents of docarray, and so does X, which
            gives a single one as it is.
    """

    request_size: int = 100
    continue_on_error: bool = False
    return_responses: bool = False
    stream: bool = False
    results_in_order: bool = False
    show_progress: bool = False
    prefetch: Annotated[int, msgspec.Meta(ge=0)] | None = None
    timeout: _Seconds | None = None
    target_executor: str | None = None
    max_attempts: _AtLeastOne = 1
    initial_backoff: _Seconds = 0.5
    backoff_multiplier: Annotated[float, msgspec.Meta(ge=1)] = 1.5
    max_backoff: _Seconds = 2.0
    return_type: Any = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PostOptions:
        """Check the options of a call.

        Raises:
            BadOption: One does not exist or has a value it cannot take.
        """
        for name in options:
            if name not in cls.__struct_fields__:
                hint = did_you_mean(name, cls.__struct_fields__)
                raise BadOption(f'post({name}=...) is not an option of post(){hint}')
        return_type_of(options.get('return_type'))  # says what is wrong with it
        try:
            return msgspec.convert(options, cls)
        except msgspec.ValidationError as error:
            what, _, place = str(error).rpartition(' - at `$.')
            name = place.rstrip('`')
            raise BadOption(f'post({name}={options[name]!r}): {what}') from None


def checked_endpoint(on: Any) -> str:
    """Return the endpoint of a call; None and an empty text stand for ``/``.

    Raises:
        BadOption: It is no text.
    """
    if on is not None and not isinstance(on, str):
        raise BadOption(f"post(on={on!r}): an endpoint is a str such as '/index', not {type(on).__name__}")
    return on or '/'


def checked_parameters(parameters: Any) -> dict[str, Any]:
    """Return the parameters of a call as a dict of its own.

    Raises:
        BadClientInput: They are no mapping.
    """
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise BadClientInput(f'parameters are a dict, not a value of type {type(parameters).__name__}')
    return dict(parameters)


def _each_document(answers: Generator[Any, None, None]) -> Generator[Any, None, None]:
    with contextlib.closing(answers):
        for docs in answers:
            yield from docs

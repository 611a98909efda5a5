"""What goes into a request and what comes back: inputs cut into batches, and the Response."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Any

import msgspec
import numpy as np

from mproc_flow.crossing import class_name
from mproc_flow.errors import BadClientInput, ErrorInfo
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from mproc_flow.model.numeric import as_array, is_array_like, unmasked
from mproc_flow.model.plain import plain
from mproc_flow.model.typed_classes import is_document

_ACCEPTED = 'a Document (or one of docarray), a str, bytes, a dict of fields or an array'

SUCCESS, ERROR = 0, 1
# So much of an error's text fits into a line.
_SHORT = 100


class ExceptionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The exception behind a failed request.

    Attributes:
        name: Its class name, for instance ``ValueError``.
        args: Its arguments, each as text.
        stacks: The lines of its traceback, each with its line break.
        executor: Class name of the Executor that raised it, or empty.
    """

    name: str
    args: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    executor: str = ''


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended.

    Attributes:
        code: 0 for success, 1 for an error.
        description: The error in one sentence; empty on success.
        exception: The exception behind it; None on success.
    """

    code: int = SUCCESS
    description: str = ''
    exception: ExceptionDetail | None = None

    @classmethod
    def of(cls, info: ErrorInfo | None) -> Status:
        """Make the status of a request that failed with this error, or of one that succeeded (None)."""
        if info is None:
            return cls()
        stacks = tuple(info.traceback.splitlines(keepends=True))
        detail = ExceptionDetail(name=class_name(info), args=info.args, stacks=stacks, executor=info.executor)
        return cls(code=ERROR, description=info.message, exception=detail)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a request beside its data.

    Attributes:
        request_id: Its id.
        status: How it ended.
        exec_endpoint: The endpoint it went to, for instance ``/search``.
        target_executor: Pattern of the Executors it was meant for; empty if for all.
    """

    request_id: str
    status: Status = Status()
    exec_endpoint: str = ''
    target_executor: str = ''


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request: what callbacks get, and ``post(return_responses=True)`` returns.

    Attributes:
        header: Its id, status and destination.
        docs: The Documents, or typed documents if ``return_type`` asks for them; of a failed request those that were
            sent.
        parameters: The parameters, with what Executors added under ``__results__``.
        routes: The Executors it went through, if that was recorded.
    """

    header: Header
    docs: DocumentArray = msgspec.field(default_factory=DocumentArray)
    parameters: dict[str, Any] = {}
    routes: list[dict[str, Any]] = []

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can carry; Documents under ``data``, see :meth:`Document.to_dict`."""
        return {
            'header': plain(self.header),
            'parameters': plain(self.parameters),
            'routes': plain(self.routes),
            'data': [as_document(doc).to_dict() for doc in self.docs],
        }

    def __repr__(self) -> str:
        status = self.header.status
        facts = [f'{len(self.docs)} Document{"s" if len(self.docs) != 1 else ""}']
        facts += [f'results of {", ".join(results)}'] if (results := self.parameters.get('__results__')) else []
        facts += ['ok'] if status.code == SUCCESS else [f'failed: {" ".join(status.description.split())[:_SHORT]}']
        return f'<Response of {self.header.exec_endpoint or "/"}: {", ".join(facts)}>'


def batches(inputs: Any, request_size: int) -> Iterator[DocumentArray]:
    """Cut the inputs of a post into DocumentArrays, lazily: no item is read before its batch is asked for.

    A str, bytes, a dict, a Document or a typed document is one Document. An array gives one Document for each row.
    Any other iterable gives one Document for each item, see :func:`as_document`. A function without arguments is
    called for its inputs. None, and inputs without items, give one empty batch.

    Args:
        inputs: What to send. What it raises while it is read goes to the caller as it is.
        request_size: Most Documents in a batch; 0 or less for all in one.

    Raises:
        BadClientInput: The inputs, or an item of them, cannot become a Document.
    """
    if isinstance(inputs, DocumentArray) and request_size > 0:  # nothing has to be made of them
        yield inputs[:request_size]
        for start in range(request_size, len(inputs), request_size):
            yield inputs[start : start + request_size]
        return
    docs = map(as_document, _items(inputs), count())
    if request_size <= 0:
        yield DocumentArray(docs)
        return
    batch = DocumentArray(islice(docs, request_size))
    yield batch
    while len(batch) == request_size:
        batch = DocumentArray(islice(docs, request_size))
        if batch:
            yield batch


def called(inputs: Any) -> Any:
    """Call inputs that are a function, and give anything else as it is.

    Raises:
        BadClientInput: The function wants arguments.
    """
    if not callable(inputs) or isinstance(inputs, Iterable):
        return inputs
    try:
        inspect.signature(inputs).bind()
    except TypeError as error:
        name = getattr(inputs, '__name__', type(inputs).__name__)
        raise BadClientInput(f'inputs: {name} must be callable without arguments: {error}') from error
    except ValueError:  # a function of C that does not tell its arguments
        pass
    return inputs()


def as_document(item: Any, position: int = 0) -> Document:
    """Make a Document of one item of the inputs.

    Args:
        item: A Document (taken as it is), a typed document of docarray, a str (``text``), bytes (``blob``), a dict
            (fields by name), or an array of whatever library (``tensor``). A dict may be what ``Document.to_dict()``
            gave.
        position: Its place in the inputs, for the error.

    Raises:
        BadClientInput: It is none of these, or a dict with a key that is no field.
    """
    if isinstance(item, Document):
        return item
    if isinstance(item, str):
        return Document(text=item)
    if isinstance(item, (bytes, bytearray, memoryview)):
        return Document(blob=bytes(item))
    if isinstance(item, Mapping):
        return _from_fields(item, position)
    if is_document(item):
        from mproc_flow.model import typed

        return typed.to_document(item)
    if is_array_like(item) and not isinstance(item, np.generic):
        return Document(tensor=item)
    raise BadClientInput(
        f'inputs[{position}]: a value of type {type(item).__name__} cannot become a Document; accepted are {_ACCEPTED}'
    )


def _from_fields(fields: Mapping[Any, Any], position: int) -> Document:
    try:
        return Document.from_dict(fields)
    except (TypeError, ValueError) as error:
        raise BadClientInput(f'inputs[{position}]: {error}') from error


def _items(inputs: Any) -> Iterable[Any]:
    inputs = called(inputs)
    if inputs is None:
        return ()
    if isinstance(inputs, (Document, str, bytes, bytearray, memoryview, Mapping)) or is_document(inputs):
        return (inputs,)
    if is_array_like(inputs) and not isinstance(inputs, np.generic):
        return _rows(_array(inputs))
    if isinstance(inputs, Iterable):
        return inputs
    raise BadClientInput(
        f'inputs: {_kind(inputs)} cannot be turned into Documents; accepted are {_ACCEPTED}, an iterable of these, '
        'a function that returns one, and None'
    )


def _kind(inputs: Any) -> str:
    if inspect.iscoroutine(inputs):
        inputs.close()  # else Python complains that nobody awaited it
        return 'a coroutine (await it first)'
    return 'an asynchronous iterable' if hasattr(inputs, '__aiter__') else f'a value of type {type(inputs).__name__}'


def _array(inputs: Any) -> np.ndarray:
    try:
        values = unmasked(inputs)
    except TypeError as error:
        raise BadClientInput(f'inputs: {error}') from None
    return as_array(values)


def _rows(array: np.ndarray) -> Iterable[Any]:
    if array.dtype.kind in 'OUST':
        items: list[Any] = np.atleast_1d(array).tolist()
        return items
    if array.ndim == 0:
        return (array,)
    # Not plain iteration, which gives numbers instead of arrays for the items of a vector.
    return (array[row, ...] for row in range(len(array)))

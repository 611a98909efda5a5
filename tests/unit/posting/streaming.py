"""Clients of both kinds that stream from a gateway in a thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from mproc_flow.async_client import AsyncClient
from mproc_flow.client import BaseClient, Client
from mproc_flow.errors import BadServer, ErrorInfo, PodDied
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import encode
from mproc_flow.model.document import Document
from mproc_flow.options.groups import CLIENT
from mproc_flow.transport.frames import Frame, Part, Submit
from tests.support.streams import driven
from tests.unit.transport.fake_gateway import BOUND, FakeGateway, Producer, Wire

KINDS = {'sync': Client, 'async': AsyncClient}
FAILED = ErrorInfo(BadServer.code, 'no good')
DIED = ErrorInfo(PodDied.code, 'gone')

# Items of post(stream=True).
Stream = Callable[..., Generator[Any, None, None]]
_Client = TypeVar('_Client', bound=BaseClient)


def client_of(wire: Wire, kind: type[_Client]) -> _Client:
    """A client of whatever listens there."""
    return kind.at(wire.address, CLIENT.with_defaults({}), lambda: None, lambda seconds: seconds > BOUND)


@contextmanager
def streaming(wire: Wire, name: str) -> Iterator[Stream]:
    """A client of this kind; the loop of the asynchronous one runs for each item."""
    with client_of(wire, KINDS[name]) as client:

        def items(*args: Any, **options: Any) -> Generator[Any, None, None]:
            answers = client.post('/x', *args, stream=True, **options)
            return answers if name == 'sync' else driven(answers)

        yield items


def part(request: int, number: int) -> Part:
    """One Document that says what it is."""
    return encode(DocumentArray([Document(text=f'{request}.{number}')]), {})


def names(request: int, count: int) -> list[str]:
    """The texts of the parts of a request."""
    return [f'{request}.{number}' for number in range(count)]


def produce(wire: Wire, count: int) -> tuple[Producer, FakeGateway]:
    """Start a gateway that gives so many parts for each request."""
    producer = Producer(count, part)
    return producer, wire.gateway(producer.begin, producer.go_on)


def echo(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    """Answer at once with the payload."""
    gateway.answer(submit, payload)

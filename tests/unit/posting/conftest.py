"""A gateway in a thread, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mproc_flow.client import Client
from tests.unit.posting.streaming import KINDS, Stream, client_of, streaming
from tests.unit.transport.fake_gateway import Wire, open_wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    with open_wire() as opened:
        yield opened


@pytest.fixture
def client(wire: Wire) -> Iterator[Client]:
    with client_of(wire, Client) as made:
        yield made


@pytest.fixture(params=KINDS)
def stream(request: pytest.FixtureRequest, wire: Wire) -> Iterator[Stream]:
    """Of a client of each kind."""
    with streaming(wire, request.param) as items:
        yield items

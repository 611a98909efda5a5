"""Fixtures of the tests of shared memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mproc_flow.transport.sharing import Sharing
from tests.unit.transport import memory
from tests.unit.transport.memory import KB


@pytest.fixture
def directory() -> Iterator[str]:
    with memory.open_directory() as made:
        yield made


@pytest.fixture
def sender(directory: str) -> Iterator[Sharing]:
    made = Sharing(directory, 64 * KB)
    yield made
    made.close()


@pytest.fixture
def receiver(directory: str) -> Iterator[Sharing]:
    made = Sharing(directory, 64 * KB)
    yield made
    made.close()

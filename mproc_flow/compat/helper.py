"""Small functions that programs took from ``jina.helper``."""

from __future__ import annotations

import os
import random
import socket
import uuid
from collections.abc import Iterator
from functools import cached_property
from typing import Any

__all__ = [
    'batch_iterator', 'cached_property', 'random_identity', 'random_port', 'random_ports', 'random_uuid', 'typename'
]  # fmt: skip

_FIRST_PORT, _LAST_PORT = 49153, 65535
_given_out: set[int] = set()


def random_port() -> int:
    """Return a TCP port that is free, a different one each time.

    It is one of ``JINA_RANDOM_PORT_MIN`` to ``JINA_RANDOM_PORT_MAX``, 49153 to 65535 unless set.

    Raises:
        RuntimeError: None of these is free.
    """
    first = int(os.environ.get('JINA_RANDOM_PORT_MIN', _FIRST_PORT))
    last = int(os.environ.get('JINA_RANDOM_PORT_MAX', _LAST_PORT))
    left = [port for port in range(first, last + 1) if port not in _given_out]
    for port in random.sample(left, len(left)):
        if _is_free(port):
            _given_out.add(port)
            return port
    raise RuntimeError(f'no port from {first} to {last} is free: change JINA_RANDOM_PORT_MIN or JINA_RANDOM_PORT_MAX')


def random_ports(count: int) -> list[int]:
    """Return that many ports, as :func:`random_port` does."""
    return [random_port() for _ in range(count)]


def random_uuid(use_uuid1: bool = False) -> uuid.UUID:
    """Return a random UUID, or one made of host and time."""
    return uuid.uuid1() if use_uuid1 else uuid.uuid4()


def random_identity(use_uuid1: bool = False) -> str:
    """Return the hex digits of such a UUID."""
    return random_uuid(use_uuid1).hex


def typename(value: Any) -> str:
    """Return module and name of a class, or of the class of a value."""
    kind = value if isinstance(value, type) else type(value)
    return f'{kind.__module__}.{kind.__name__}'


def batch_iterator(data: Any, batch_size: int) -> Iterator[Any]:
    """Yield data in parts of at most this size: slices of what can be sliced, else lists.

    Args:
        data: A sequence, an array, or anything else that can be iterated over.
        batch_size: Most items in a part; 0 or less gives all in one.
    """
    if batch_size <= 0:
        yield data
    elif hasattr(data, '__getitem__') and hasattr(data, '__len__'):
        yield from (data[start : start + batch_size] for start in range(0, len(data), batch_size))
    else:
        batch: list[Any] = []
        for item in data:
            batch.append(item)
            if len(batch) == batch_size:
                yield batch
                batch = []
        if batch:
            yield batch


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(('127.0.0.1', port))
        except OSError:
            return False
        return True

"""A directory for blocks, as a run directory has one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mproc_flow.transport.frames import Frame, Part, Ref
from mproc_flow.transport.leases import Lease
from mproc_flow.transport.sharing import Sharing

KB = 1024
BODY = b'body'


@contextmanager
def open_directory() -> Iterator[str]:
    """Make a directory in memory."""
    directory = tempfile.mkdtemp(prefix='mfb-', dir='/dev/shm')
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def files(directory: str) -> list[str]:
    """Names of the blocks that there are."""
    return sorted(path.name for path in Path(directory).iterdir() if '-' in path.name)


def owners(directory: str) -> list[str]:
    """Names of the owners that there are."""
    return sorted(path.name for path in Path(directory).iterdir() if '-' not in path.name)


def values(size: int, seed: int = 0) -> memoryview:
    """So many bytes by chance."""
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8).data


def sent(sharing: Sharing, *frames: Frame) -> list[Frame]:
    """A part with these frames as it is sent."""
    part = list(sharing.put([BODY, *frames], b'me'))
    assert part[0] == BODY
    return part


def names(part: list[Frame]) -> list[str]:
    """Which blocks its frames lie in."""
    return [frame.block for frame in part if isinstance(frame, Ref)]


def opened(sharing: Sharing, part: list[Frame]) -> list[Lease]:
    """Open a part, in its place."""
    parts: list[Part] = [part]
    leases = sharing.open(parts)
    part[:] = parts[0]
    return leases

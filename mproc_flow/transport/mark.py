"""A mark that forks of a process carry for life, and that others can see in ``/proc``: a mapped file."""

from __future__ import annotations

import mmap
import os
from pathlib import Path


def hold(path: str) -> mmap.mmap:
    """Map a new file of one page; every fork of this process keeps the mapping, whatever descriptors it closes.

    Args:
        path: Where the file is made; it must not exist.

    Returns:
        The mapping; it lasts as long as this object does.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.ftruncate(fd, mmap.PAGESIZE)
        return mmap.mmap(fd, mmap.PAGESIZE)
    finally:
        os.close(fd)


def is_held(pid: int, directory: str) -> bool:
    """True if a process maps a file below this directory, be it removed by now or not.

    Raises:
        OSError: The process is gone, or belongs to somebody else.
    """
    return f'{directory}/' in Path(f'/proc/{pid}/maps').read_text(errors='replace')

"""Which pieces of work a pod has begun, for whoever wants to know after its death.

A page of memory that a pod shares with the gateway through a file in the run directory. It outlives the pod, however
that ended: what was written before is there.
"""

from __future__ import annotations

import errno
import mmap
import os
from array import array

SLOTS = 1024
_BYTES = SLOTS * 8


class Started:
    """The pod's side. It makes the file: before its Hello, so before it can be given any work.

    Args:
        run_directory: The Flow's private directory.
        pod: Name of the pod.
        generation: Which of its processes.

    Raises:
        FileExistsError: This process of the pod has made it already.
        OSError: There is no room for it. That is found out here: a store to a page that the file system cannot give
            would kill the pod.
    """

    def __init__(self, run_directory: str, pod: str, generation: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(_path(run_directory, pod, generation), flags, 0o600)
        try:
            if os.write(fd, bytes(_BYTES)) < _BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), run_directory)
            self._map = mmap.mmap(fd, _BYTES)
        finally:
            os.close(fd)
        self._slots = memoryview(self._map).cast('Q')

    def mark(self, slot: int, key: int) -> None:
        """Write down that this piece of work begins now.

        One aligned store of eight bytes: whenever the pod is killed, the slot has the old key or the new one.

        Args:
            slot: The slot of the work, below 1024.
            key: Its key.
        """
        self._slots[slot] = key + 1

    def clear(self, slot: int) -> None:
        """Write down that nothing has begun in this slot after all: its work only was prepared, and waits."""
        self._slots[slot] = 0

    def close(self) -> None:
        """Free the memory; the file stays for the reader."""
        self._slots.release()
        self._map.close()


def read(run_directory: str, pod: str, generation: int) -> frozenset[int]:
    """Give the keys of what a pod that is gone began last in each slot, and remove the file.

    A key that the reader knows to be the pod's, and does not find here, was not begun. This holds too where the file is
    missing or too short: then the pod died before its Hello, and had no work. As the file is removed, ask once only.

    Args:
        run_directory: The Flow's private directory.
        pod: Name of the pod.
        generation: Which of its processes.
    """
    path = _path(run_directory, pod, generation)
    try:
        with open(path, 'rb') as file:
            data = file.read(_BYTES)
        os.unlink(path)
    except FileNotFoundError:
        return frozenset()
    if len(data) < _BYTES:
        return frozenset()
    return frozenset(mark - 1 for mark in array('Q', data) if mark)


def _path(run_directory: str, pod: str, generation: int) -> str:
    return os.path.join(run_directory, f'started-{pod.replace("/", "_")}-{generation}')

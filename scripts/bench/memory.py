"""How much memory processes take, read from /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

SHARED_MEMORY = '/dev/shm'
_PAGE = os.sysconf('SC_PAGE_SIZE')
_EVERY = 0.003


def family(pid: int) -> list[int]:
    """Give a process and all below it."""
    found = [pid]
    for children in Path(f'/proc/{pid}/task').glob('*/children'):
        for child in children.read_text().split():
            found += family(int(child))
    return found


def proportional(pid: int) -> dict[str, int]:
    """Give the bytes of a process, what it shares divided among those who share it: ``Pss``, ``Pss_Shmem``, ..."""
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    pairs = [line.split() for line in lines if line.startswith('Pss')]
    return {words[0].rstrip(':'): int(words[1]) * 1024 for words in pairs}


def resident(pid: int) -> int:
    """Give the bytes of a process that are in memory, with all it shares (RSS)."""
    return int(Path(f'/proc/{pid}/statm').read_text().split()[1]) * _PAGE


class Peak:
    """Looks in a thread how much memory is taken while its block runs.

    Args:
        used: Says how much is.

    Attributes:
        growth: The most that was, above what was at the beginning.
    """

    def __init__(self, used: Callable[[], int]) -> None:
        self._used = used
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._before = used()
        self.growth = 0

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self.growth = max(self.growth, self._used() - self._before)


def of_all() -> Callable[[], int]:
    """Give what says how many bytes this process has, and all that are below it by now.

    What they share counts once, and also if it lies in a file of shared memory that nobody has mapped just then.
    """
    pids = family(os.getpid())
    files = _shared_files()

    def used() -> int:
        found = [proportional(pid) for pid in pids]
        mapped = sum(sizes['Pss_Shmem'] for sizes in found)
        return sum(sizes['Pss'] for sizes in found) - mapped + max(mapped, _shared_files() - files)

    return used


def _shared_files() -> int:
    file_system = os.statvfs(SHARED_MEMORY)
    return (file_system.f_blocks - file_system.f_bfree) * file_system.f_frsize

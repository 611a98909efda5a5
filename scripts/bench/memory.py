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


def extra(work: Callable[[], None]) -> int:
    """Do some work and give the most bytes that this process and all below it had meanwhile, above those before.

    What they share counts once, and also if it lies in a file of shared memory that nobody has mapped just then.
    """
    pids = family(os.getpid())
    files = _shared_files()

    def used() -> int:
        found = [proportional(pid) for pid in pids]
        mapped = sum(sizes['Pss_Shmem'] for sizes in found)
        return sum(sizes['Pss'] for sizes in found) - mapped + max(mapped, _shared_files() - files)

    before = peak = used()
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(_EVERY):
            peak = max(peak, used())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        over.set()
        watcher.join()
    return peak - before


def _shared_files() -> int:
    file_system = os.statvfs(SHARED_MEMORY)
    return (file_system.f_blocks - file_system.f_bfree) * file_system.f_frsize

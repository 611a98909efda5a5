"""The blocks of shared memory that a process sends its own large frames in: a pool, because a fresh page costs ten
times as much as one that is written again.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Iterable

import numpy as np

from mproc_flow.transport import blocks

MOST_BLOCKS = 64
# So long a block that nobody needs is kept for the next message.
KEEP = 10.0
# A block may be so much larger than what is put in it.
_ROOMY = 2
_PAGE = mmap.PAGESIZE
# Sizes are rounded up to so many steps between powers of two, so that messages of similar size can share blocks.
_STEPS = 8


class Block:
    """One block of ours.

    Attributes:
        name: Its name.
        memory: What is in it.
        holder: Who sent something in it; None while it waits to be used again.
        since: When that began.
    """

    def __init__(self, name: str, memory: np.ndarray) -> None:
        self.name = name
        self.memory = memory
        self.holder: bytes | None = None
        self.since = 0.0


class Arena:
    """The blocks of one process in one directory. Threads may share it.

    Args:
        directory: Where the blocks are.

    Attributes:
        owner: What the names of its blocks begin with.

    Raises:
        OSError: It cannot be written to.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._owner = blocks.Owner(directory)
        self._lock = threading.Lock()
        self._blocks: dict[str, Block] = {}
        self.owner = self._owner.name
        self._trimmed = time.monotonic()

    @property
    def awaits_news(self) -> bool:
        """Some blocks are not free yet."""
        return any(block.holder is not None for block in tuple(self._blocks.values()))

    def allocate(self, size: int, holder: bytes) -> Block | None:
        """Give a block with room for so many bytes; None if there are too many already.

        Args:
            size: How many bytes.
            holder: On whose behalf, see :meth:`abandon`.

        Raises:
            OSError: There is no memory left for a new one.
        """
        with self._lock:
            self._trim(time.monotonic())
            block = self._find(size)
            if block is not None:
                block.holder = holder
                return block
            if len(self._blocks) >= MOST_BLOCKS and not self._drop_oldest():
                return None
        block = self._make(_rounded(size))  # takes long; others need not wait for it
        block.holder = holder
        with self._lock:
            self._blocks[block.name] = block
        return block

    def free(self, names: Iterable[str]) -> None:
        """Nothing on the way refers to these any more; who still reads one has it locked."""
        with self._lock:
            now = time.monotonic()
            for name in names:
                block = self._blocks.get(name)
                if block is not None:
                    block.holder, block.since = None, now

    def abandon(self, holder: bytes) -> None:
        """Nobody will tell when the blocks of this holder are free: they are not used again."""
        with self._lock:
            for block in [block for block in self._blocks.values() if block.holder == holder]:
                self._drop(block)

    def forget(self, holder: bytes) -> None:
        """Leave the blocks of this holder, which goes away, to the gateway."""
        with self._lock:
            for name in [name for name, block in self._blocks.items() if block.holder == holder]:
                del self._blocks[name]

    def close(self) -> None:
        """Remove all blocks but those on the way, which are left to the gateway."""
        with self._lock:
            for block in [block for block in self._blocks.values() if block.holder is None]:
                self._drop(block)
            self._blocks.clear()
            self._owner.close()

    def _find(self, size: int) -> Block | None:
        """Take the smallest block that is free and fits."""
        fitting = [
            block
            for block in self._blocks.values()
            if block.holder is None and size <= len(block.memory) <= _ROOMY * _rounded(size)
        ]
        for block in sorted(fitting, key=lambda block: len(block.memory)):
            if blocks.is_unused(self._directory, block.name):
                return block
        return None

    def _make(self, size: int) -> Block:
        free = os.statvfs(self._directory)
        if size > free.f_bavail * free.f_frsize // 2:
            raise OSError(
                f'{self._directory} has no room for {size} bytes more: half of what is free is left to others'
            )
        name, fd = self._owner.create(size)
        try:
            # Not with MAP_POPULATE, which would hold Python's lock for a third of a second for each GB.
            mapped = mmap.mmap(fd, size)
        except BaseException:
            blocks.discard(self._directory, name)
            raise
        finally:
            os.close(fd)
        return Block(name, np.frombuffer(mapped, np.uint8))

    def _drop_oldest(self) -> bool:
        resting = [block for block in self._blocks.values() if block.holder is None]
        if resting:
            self._drop(min(resting, key=lambda block: block.since))
        return bool(resting)

    def _trim(self, now: float) -> None:
        """Remove what nobody has needed for a while; one at a time, for that takes a third of a second for each GB."""
        if now - self._trimmed < KEEP / 10:
            return
        self._trimmed = now
        for block in self._blocks.values():
            if block.holder is None and now - block.since > KEEP:
                self._drop(block)
                return

    def _drop(self, block: Block) -> None:
        del self._blocks[block.name]
        blocks.discard(self._directory, block.name)


def _rounded(size: int) -> int:
    step = max(_PAGE, (1 << size.bit_length()) // (2 * _STEPS))
    return -(-size // step) * step

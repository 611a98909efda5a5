"""Reading what others have put into blocks of shared memory."""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from collections.abc import Sequence

import numpy as np

from mproc_flow.transport import blocks
from mproc_flow.transport.frames import Frame, Ref

# Whoever keeps more of what was sent to him gets copies: each lease needs a descriptor, and a block of its owner.
MOST_LEASES = 64
_MOST_MAPPINGS = 32


class Lease(np.ndarray):
    """What is in a block, read-only. While it exists, or an array or memoryview made from it, nobody changes it.

    Attributes:
        block: Name of the block.
        address: Where it begins in this process.
        descriptor: Holds the lock on the block.
        out: What tells apart all leases that there are; of most it is their descriptor.
    """

    block: str
    address: int
    descriptor: int
    out: set[int]

    @classmethod
    def of(cls, block: str, mapped: mmap.mmap, descriptor: int, out: set[int]) -> Lease:
        """Begin a lease that ends, and closes the descriptor, with the last array made from it."""
        lease = np.frombuffer(mapped, np.uint8).view(cls)
        lease.block, lease.descriptor, lease.out = block, descriptor, out
        lease.address = address_of(mapped)
        out.add(descriptor)
        # In any thread, at any time: nothing here may take a lock. A fork of the program closes its own descriptor.
        weakref.finalize(lease, _end, descriptor, out).atexit = False
        return lease

    def frame(self, ref: Ref) -> memoryview:
        """Give one frame.

        Raises:
            ValueError: The block is not that long.
        """
        if not 0 <= ref.offset <= ref.offset + ref.length <= self.nbytes:
            raise ValueError(f'block {ref.block} has {self.nbytes} bytes, not {ref.length} at {ref.offset}')
        return self.data[ref.offset : ref.offset + ref.length]

    def ref(self, address: int, length: int) -> Ref | None:
        """Give the reference to a frame whose memory lies in the block; None if it does not."""
        offset = address - self.address
        return Ref(self.block, offset, length) if 0 <= offset <= offset + length <= self.nbytes else None


class Leases:
    """The blocks of others that a process reads. Threads may share it.

    Args:
        directory: Where the blocks are.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._mapped: dict[str, mmap.mmap] = {}
        self._out: set[int] = set()

    def open(self, part: list[Frame]) -> list[Lease]:
        """Put memoryviews in the place of the references in a part, and give the leases that they are of.

        Raises:
            OSError: A block is gone, or cannot be mapped.
            ValueError: A reference leads nowhere.
        """
        leases: dict[str, Lease] = {}
        for number, frame in enumerate(part):
            if type(frame) is Ref:
                lease = leases.get(frame.block)
                if lease is None:
                    lease = leases[frame.block] = self._lease(frame.block)
                part[number] = lease.frame(frame)
        if len(self._out) <= MOST_LEASES:
            return list(leases.values())
        for number, frame in enumerate(part):
            if type(frame) is memoryview and isinstance(frame.obj, Lease):
                part[number] = np.array(frame).data.toreadonly()
        return []

    def close(self) -> None:
        """Let go of all mappings that nobody reads."""
        with self._lock:
            self._mapped.clear()

    def _lease(self, name: str) -> Lease:
        descriptor = blocks.open_shared(self._directory, name)
        try:
            # Only now: until it had the lock, its owner could give it up.
            return Lease.of(name, self._mapping(name, os.fstat(descriptor).st_size), descriptor, self._out)
        except BaseException:
            os.close(descriptor)
            raise

    def _mapping(self, name: str, size: int) -> mmap.mmap:
        with self._lock:
            mapped = self._mapped.pop(name, None)
            if mapped is None or len(mapped) != size:
                self._drop_gone()
                mapped = _map(os.path.join(self._directory, name), size)
            self._mapped[name] = mapped  # as the one that was used last
            return mapped

    def _drop_gone(self) -> None:
        """Let go of mappings of what was removed, and of the oldest if there are many."""
        for name in list(self._mapped):
            if len(self._mapped) >= _MOST_MAPPINGS or not os.path.exists(os.path.join(self._directory, name)):
                del self._mapped[name]


def private(part: Sequence[Frame]) -> list[Frame]:
    """Give a part that the receiver may write to: of what lies in blocks, pages are copied when they are written.

    Where there are too many leases already, frames stay as they are, read-only.

    Raises:
        OSError: A block cannot be mapped once more.
    """
    frames = list(part)
    copies: dict[str, memoryview] = {}
    for number, frame in enumerate(frames):
        lease = frame.obj if type(frame) is memoryview else None
        if isinstance(lease, Lease):
            if lease.block not in copies and len(lease.out) <= MOST_LEASES:
                copies[lease.block] = _private(lease)
            if lease.block in copies:
                start = address_of(frame) - lease.address
                frames[number] = copies[lease.block][start : start + len(frame)]
    return frames


def _private(lease: Lease) -> memoryview:
    # The copy that mmap makes of the descriptor holds the lock as long as the mapping exists.
    memory = np.frombuffer(mmap.mmap(lease.descriptor, lease.nbytes, access=mmap.ACCESS_COPY), np.uint8)
    number = -address_of(memory)  # no descriptor's
    lease.out.add(number)
    weakref.finalize(memory, lease.out.discard, number).atexit = False
    return memory.data


def address_of(frame: Frame) -> int:
    """Say where a frame is in memory."""
    address: int = np.frombuffer(frame, np.uint8).__array_interface__['data'][0]
    return address


def _map(path: str, size: int) -> mmap.mmap:
    # A mapping keeps a copy of its descriptor: with that of the lease it would keep the lock, too.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)


def _end(descriptor: int, out: set[int]) -> None:
    out.discard(descriptor)  # before somebody else can have the number
    os.close(descriptor)

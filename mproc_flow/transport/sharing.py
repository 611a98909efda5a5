"""Large frames of messages in shared memory: put there by who sends them, and read there by who receives them.

Everybody who can open files in the run directory does so; all others get frames as they are.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence

import numpy as np

from mproc_flow.transport import blocks
from mproc_flow.transport.arena import Arena
from mproc_flow.transport.frames import Frame, Part, Ref
from mproc_flow.transport.leases import Lease, Leases, address_of

# Arrays begin at such addresses, as numpy likes it and processors, too.
_ALIGNED = 64
# A routing id of ZeroMQ's own making begins with a zero.
_READER = b'm'


class Sharing:
    """What one process shares with others in a run directory. Threads may share it.

    Args:
        directory: Where the blocks are; empty if the others are not on this host.
        at_least: A message's large frames are put into shared memory if they have together so many bytes; 0 for never.
    """

    def __init__(self, directory: str = '', at_least: int = 0) -> None:
        self._directory = directory
        self._at_least = at_least
        self._leases = Leases(directory)
        self._arena: Arena | None = None
        self._warned = False
        self._count = 0
        self._obstacle = ''
        if directory and at_least:
            self._open()

    @property
    def awaits_news(self) -> bool:
        """The gateway has yet to say of some blocks that they are free."""
        return self._arena is not None and self._arena.awaits_news

    def identity(self) -> bytes:
        """Give a routing id that tells the gateway that this process reads blocks; empty if it does not."""
        if self._arena is None:
            return b''
        self._count += 1
        return _READER + f'{self._arena.owner}-{self._count:x}'.encode()

    def put(self, part: Sequence[Frame], holder: bytes, leases: Iterable[Lease] = ()) -> Sequence[Frame]:
        """Put the large frames of a part into shared memory.

        Args:
            part: The part.
            holder: On whose behalf, see :meth:`Arena.abandon`.
            leases: Frames that lie in these blocks already are passed on without a copy.

        Returns:
            The part with references in their place, or as it was.
        """
        placed = list(part)
        for lease in leases:
            for number in range(1, len(placed)):
                if type(placed[number]) is not Ref:
                    placed[number] = lease.ref(address_of(placed[number]), len(placed[number])) or placed[number]
        own = [number for number in range(1, len(placed)) if type(placed[number]) is not Ref]
        if self._at_least and sum(len(placed[number]) for number in own) >= self._at_least:
            self._copy(placed, own, holder)
        return placed

    def open(self, parts: list[Part]) -> list[Lease]:
        """Put parts with what they refer to in the place of those with references; give the leases of that.

        Raises:
            OSError, ValueError: See :meth:`Leases.open`.
        """
        leases: list[Lease] = []
        for number, part in enumerate(parts):
            if has_refs(part):
                parts[number] = opened = list(part)
                leases += self._leases.open(opened)
        return leases

    def free(self, names: Iterable[str]) -> None:
        """The gateway says that nothing on the way refers to these blocks any more."""
        if self._arena is not None:
            self._arena.free(names)

    def abandon(self, holder: bytes) -> None:
        """There is no gateway any more that could say so."""
        if self._arena is not None:
            self._arena.abandon(holder)

    def forget(self, holder: bytes) -> None:
        """This holder goes away, and the gateway, which stays, removes the blocks that it has on the way."""
        if self._arena is not None:
            self._arena.forget(holder)

    def close(self) -> None:
        """Remove all blocks of this process that are not on the way; what it has received stays readable."""
        self._leases.close()
        arena, self._arena = self._arena, None
        if arena is not None:
            arena.close()

    # ---- inside ----

    def _open(self) -> None:
        self._obstacle = blocks.obstacle(self._directory)
        if not self._obstacle:
            try:
                self._arena = Arena(self._directory)
            except OSError as error:
                self._obstacle = str(error)

    def _copy(self, placed: list[Frame], own: list[int], holder: bytes) -> None:
        arena = self._arena
        if arena is None:
            self._warn(self._obstacle)
            return
        try:
            block = arena.allocate(sum(_aligned(len(placed[number])) for number in own), holder)
        except OSError as error:
            self._warn(str(error))
            return
        if block is None:
            return
        try:
            start = 0
            for number in own:
                length = len(placed[number])
                np.copyto(block.memory[start : start + length], np.frombuffer(placed[number], np.uint8))
                placed[number] = Ref(block.name, start, length)
                start += _aligned(length)
        except BaseException:  # a signal's handler raised: nothing will be sent
            arena.free((block.name,))
            raise

    def _warn(self, why: str) -> None:
        if self._directory and why and not self._warned:
            self._warned = True
            logging.getLogger('mproc_flow').warning(
                'large arrays of process %d travel without shared memory, which is slower: %s', os.getpid(), why
            )


def _aligned(length: int) -> int:
    return -(-length // _ALIGNED) * _ALIGNED


def has_refs(part: Sequence[Frame]) -> bool:
    """Say whether frames of a part lie in blocks."""
    return len(part) > 1 and any(type(frame) is Ref for frame in part)


def without_refs(part: Part) -> Part:
    """Give a part from somebody who shares no memory with us: who reads it finds if frames are missing, and says so."""
    return part[:1] if has_refs(part) else part


def reads_blocks(identity: bytes) -> bool:
    """Say whether this is the routing id of a client that :meth:`Sharing.identity` gave one."""
    return identity.startswith(_READER)

"""Which blocks of shared memory the gateway may still hand out; it tells their owners when it will not any more.

The gateway never looks into a block. It holds references (:class:`~mproc_flow.transport.frames.Ref`) as parts of the
messages that it keeps; a block is free when the last of these objects is gone.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from mproc_flow.transport import blocks, sharing
from mproc_flow.transport.frames import Frame, Free, Part, Ref
from mproc_flow.transport.leases import Leases


class Owner(NamedTuple):
    """Whose a block is: a pod or a client, and its routing id."""

    is_pod: bool
    peer: bytes


class _Block(msgspec.Struct, eq=False):
    """A block that something here refers to, and what tells the ends of these references."""

    name: str
    owner: Owner
    watches: set[_Watch] = msgspec.field(default_factory=set)


class _Watch(weakref.ref[Ref]):
    """Tells the end of a reference."""

    __slots__ = ('block',)
    block: _Block

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Ledger:
    """The blocks that are on the way through this gateway.

    Args:
        directory: Where blocks are.

    Attributes:
        is_stale: Blocks came or somebody died, so that something may be left behind: call :meth:`sweep`.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._leases = Leases(directory)
        self._blocks: dict[str, _Block] = {}
        self._ended: deque[_Block] = deque()
        # What clients were sent and have not told to have by now: by client, then by request.
        self._sent: dict[bytes, dict[int, deque[Sequence[Part]]]] = {}
        self._dead: set[str] = set()
        self.is_stale = True  # pods may have died together with a gateway before this one

    # ---- what comes in ----

    def note(self, owner: Owner, parts: Iterable[Part]) -> None:
        """Parts came: their references count from now on.

        Raises:
            ValueError: One is none to a block, or comes from somebody who has none.
        """
        for part in parts:
            if sharing.has_refs(part):
                self._note(owner, part)

    def taken(self, client: bytes, request: int) -> None:
        """A client has, or does not want, the first of the messages for a request that it has not told of yet."""
        messages = self._sent.get(client, {}).get(request)
        if messages:
            messages.popleft()
            if not messages:
                self.cancelled(client, (request,))

    def cancelled(self, client: bytes, requests: Iterable[int]) -> None:
        """A client will not look at what it was sent for these."""
        sent = self._sent.get(client)
        if sent is not None:
            for request in requests:
                sent.pop(request, None)
            if not sent:
                del self._sent[client]

    @property
    def clients(self) -> Iterable[bytes]:
        """Clients that have not taken all that they were sent."""
        return self._sent.keys()

    def gone(self, client: bytes) -> None:
        """A client is gone."""
        self._sent.pop(client, None)
        self.is_stale = True

    # ---- what goes out ----

    def sent(self, client: bytes, request: int, parts: Sequence[Part]) -> None:
        """A client was sent these parts with references: they stay as they are until it has taken them."""
        self._sent.setdefault(client, {}).setdefault(request, deque()).append(parts)

    def plain(self, parts: Sequence[Part]) -> list[Part]:
        """Give parts for somebody who cannot read blocks: with what they refer to."""
        return [self._plain(part) if sharing.has_refs(part) else part for part in parts]

    # ---- what is free ----

    @property
    def has_news(self) -> bool:
        """Some blocks may be free."""
        return bool(self._ended)

    def settle(self) -> Iterator[tuple[Owner, Free]]:
        """Give what is to be said to owners of blocks that are free by now."""
        free: dict[Owner, list[str]] = {}
        while self._ended:
            block = self._ended.popleft()
            if not block.watches and self._blocks.pop(block.name, None) is not None:
                free.setdefault(block.owner, []).append(block.name)
        return ((owner, Free(tuple(names))) for owner, names in free.items())

    def discard(self, names: Iterable[str]) -> None:
        """Remove blocks that are free and whose owner is gone."""
        for name in names:
            blocks.discard(self._directory, name)

    def sweep(self) -> None:
        """Remove what dead owners left, but not what something here refers to; to be called again while it is stale.

        An owner counts as dead when it is seen dead for the second time: what it sent last may still come.
        """
        dead = blocks.dead_owners(self._directory)
        if dead & self._dead:
            blocks.remove(self._directory, dead & self._dead, self._blocks)
        self._dead = dead
        self.is_stale = bool(dead or self._blocks)

    # ---- inside ----

    def _note(self, owner: Owner, part: Part) -> None:
        refs = [frame for frame in part if type(frame) is Ref]
        if not all(blocks.is_name(ref.block) for ref in refs):
            raise ValueError('a frame is in a block whose name is none')
        if not owner.is_pod and not sharing.reads_blocks(owner.peer):
            raise ValueError('a client that shares no memory with us sent some')
        for ref in refs:
            block = self._blocks.get(ref.block)
            if block is None:
                block = self._blocks[ref.block] = _Block(ref.block, owner)
            watch = _Watch(ref, self._end)
            watch.block = block
            block.watches.add(watch)
        self.is_stale = True

    def _end(self, watch: Any) -> None:
        watch.block.watches.discard(watch)
        self._ended.append(watch.block)

    def _plain(self, part: Part) -> list[Frame]:
        frames = list(part)
        try:
            self._leases.open(frames)
        except (OSError, ValueError):  # who gets this finds that frames are missing, and says so
            return frames[:1]
        return frames

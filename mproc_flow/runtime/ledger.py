"""Which blocks of shared memory the gateway may still hand out; it tells their owners when it will not any more.

The gateway never looks into a block. It holds references (:class:`~mproc_flow.transport.frames.Ref`) as parts of the
messages that it keeps; a block is free when the last of these objects is gone.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mproc_flow.transport import blocks, sharing
from mproc_flow.transport.frames import Frame, Free, Part, Ref
from mproc_flow.transport.leases import Leases

# Who a block belongs to: the socket that he is behind, and his routing id there.
Owner = tuple[object, bytes]


class _Block(msgspec.Struct, eq=False):
    """A block that something here refers to, and how many objects do."""

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
        has_news: :meth:`settle` has something to do.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._leases = Leases(directory)
        self._blocks: dict[str, _Block] = {}
        self._ended: deque[_Block] = deque()
        # What clients were sent and have not told to have by now: by client, then by request.
        self._sent: dict[bytes, dict[int, deque[Sequence[Part]]]] = {}
        blocks.sweep(directory, ())  # of pods that died together with a gateway before this one

    # ---- what comes in ----

    def note(self, socket: object, peer: bytes, parts: Iterable[Part]) -> None:
        """Parts came: their references count from now on.

        Raises:
            ValueError: One is none to a block.
        """
        for part in parts:
            if sharing.has_refs(part):
                self._note(part, (socket, peer))

    def taken(self, client: bytes, request: int) -> None:
        """A client has, or does not want, the first of the messages for a request that it has not told of yet."""
        requests = self._sent.get(client, {})
        messages = requests.get(request)
        if messages:
            messages.popleft()
            if not messages:
                self._forget(client, request)

    def cancelled(self, client: bytes, requests: Iterable[int]) -> None:
        """A client will not look at what it was sent for these."""
        if client in self._sent:
            for request in requests:
                self._forget(client, request)

    # ---- what goes out ----

    def plain(self, parts: Sequence[Part]) -> Sequence[Part]:
        """Give parts for somebody who cannot read blocks: what is in these instead of references.

        Raises:
            OSError, ValueError: A block is gone.
        """
        return [self._plain(part) if sharing.has_refs(part) else part for part in parts]

    def sent(self, client: bytes, request: int, parts: Sequence[Part]) -> None:
        """A client that reads blocks was sent these parts: they stay as they are until it has taken them."""
        if any(map(sharing.has_refs, parts)):
            self._sent.setdefault(client, {}).setdefault(request, deque()).append(parts)

    # ---- what is free ----

    @property
    def has_news(self) -> bool:
        return bool(self._ended)

    @property
    def is_empty(self) -> bool:
        """Nothing here refers to any block."""
        return not self._blocks and not self._sent

    def settle(self) -> dict[Owner, Free]:
        """Give what is to be said to owners of blocks that are free by now."""
        free: dict[Owner, list[str]] = {}
        while self._ended:
            block = self._ended.popleft()
            if not block.watches and self._blocks.pop(block.name, None) is not None:
                free.setdefault(block.owner, []).append(block.name)
        return {owner: Free(tuple(names)) for owner, names in free.items()}

    def discard(self, names: Iterable[str]) -> None:
        """Remove blocks that are free and whose owner is gone."""
        for name in names:
            blocks.discard(self._directory, name)

    def sweep(self) -> bool:
        """Forget what dead clients were sent, and remove all blocks of dead owners; True if nothing is left to do.

        Those that something here refers to go when that is gone.
        """
        for client in list(self._sent):
            if blocks.is_dead(self._directory, sharing.owner_of(client)):
                del self._sent[client]
        return blocks.sweep(self._directory, self._blocks) and self.is_empty

    # ---- inside ----

    def _note(self, part: Part, owner: Owner) -> None:
        refs = [frame for frame in part if type(frame) is Ref]
        for ref in refs:
            if not blocks.is_name(ref.block):
                raise ValueError(f'{ref.block!r} is no name of a block')
        for ref in refs:
            block = self._blocks.get(ref.block)
            if block is None:
                block = self._blocks[ref.block] = _Block(ref.block, owner)
            watch = _Watch(ref, self._end)
            watch.block = block
            block.watches.add(watch)

    def _end(self, watch: Any) -> None:
        watch.block.watches.discard(watch)
        self._ended.append(watch.block)

    def _forget(self, client: bytes, request: int) -> None:
        requests = self._sent[client]
        requests.pop(request, None)
        if not requests:
            del self._sent[client]

    def _plain(self, part: Part) -> list[Frame]:
        frames = list(part)
        self._leases.open(frames)
        return frames

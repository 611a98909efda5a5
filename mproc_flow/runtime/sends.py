"""What the Router wants sent."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mproc_flow.errors import ErrorInfo
from mproc_flow.transport.frames import Answer, Farewell, More, Part, Partial, Pong, Refusal, Withdrawn, Work

Client = bytes
Peer = bytes


class ToClient(msgspec.Struct, frozen=True):
    """Send this to a client."""

    client: Client
    header: Answer | Partial | Refusal | Pong
    parts: Sequence[Part] = ()

    @classmethod
    def refusing(cls, client: Client, number: int, info: ErrorInfo) -> ToClient:
        """End a client's request with an error."""
        return cls(client, Refusal(number, info))


class ToPod(msgspec.Struct, frozen=True):
    """Send this to a pod, or to an external Executor: then ``peer`` is the name of its node."""

    peer: Peer
    header: Work | Withdrawn | More | Farewell
    parts: Sequence[Part] = ()


Send = ToClient | ToPod


class Outbox:
    """What is to be sent because of one event.

    Attributes:
        sends: Everything but the notes about withdrawn work, which are one for each pod.
    """

    __slots__ = ('_withdrawn', 'sends')

    def __init__(self) -> None:
        self.sends: list[Send] = []
        self._withdrawn: dict[Peer, list[int]] = {}

    def withdraw(self, peer: Peer, key: int) -> None:
        """Tell a pod that nobody waits any more for a piece of work that it has."""
        self._withdrawn.setdefault(peer, []).append(key)

    def take(self) -> list[Send]:
        """Empty it."""
        sends, self.sends = self.sends, []
        if self._withdrawn:
            sends += [ToPod(peer, Withdrawn(tuple(keys))) for peer, keys in self._withdrawn.items()]
            self._withdrawn.clear()
        return sends

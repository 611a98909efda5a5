"""What the Router keeps about pods, requests and pieces of work, and what it wants sent."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mproc_flow.errors import ErrorInfo
from mproc_flow.transport.frames import Answer, Farewell, Part, Refusal, Work

Client = bytes
Peer = bytes


class ToClient(msgspec.Struct, frozen=True):
    """Send this to a client."""

    client: Client
    header: Answer | Refusal
    parts: Sequence[Part] = ()


class ToPod(msgspec.Struct, frozen=True):
    """Send this to a pod."""

    peer: Peer
    header: Work | Farewell
    parts: Sequence[Part] = ()


Send = ToClient | ToPod


class Pod(msgspec.Struct, eq=False):
    """A pod as the Router knows it: ``held`` are the keys of its work, ``gone`` is its last generation that died."""

    name: str
    deployment: str
    peer: Peer = b''
    generation: int = -1
    gone: int = -1
    credit: int = 0
    endpoints: frozenset[str] = frozenset()
    present: bool = False
    lost: ErrorInfo | None = None
    held: set[int] = msgspec.field(default_factory=set)


class Request(msgspec.Struct, eq=False):
    """A request under way; ``answers`` holds the parts of each node that has answered."""

    client: Client
    number: int
    endpoint: str
    answers: dict[str, Sequence[Part]]
    started: set[str] = msgspec.field(default_factory=set)
    over: bool = False


class Job(msgspec.Struct, eq=False):
    """A piece of work: one node of one request, waiting or given to a pod."""

    request: Request
    deployment: str
    pod: Pod | None = None

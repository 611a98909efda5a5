"""The headers that go before a payload on ZeroMQ, and how a message is cut into frames.

A message is ``[header, frames of part 0, frames of part 1, ...]``. The header is a small msgpack array; the
gateway reads it and nothing else. A part is one set of Documents with its parameters, as encoded by
:mod:`mproc_flow.model.codec`; a message has several where branches of the graph meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mproc_flow.errors import ErrorInfo

# Whatever bytes or buffer pyzmq takes and gives; the gateway never looks into it.
Frame = Any
Part = Sequence[Frame]


class Submit(msgspec.Struct, frozen=True, array_like=True, tag='s'):
    """Client to gateway: a request.

    Attributes:
        request: The client's own number for it.
        endpoint: Where it goes.
        sizes: How many frames each of its parts has.
        target: Regular expression for the names of the Executors that are meant; empty for all.
    """

    request: int
    endpoint: str
    sizes: tuple[int, ...]
    target: str = ''


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag='c'):
    """Client to gateway: nobody waits for these any more."""

    requests: tuple[int, ...]


class Ping(msgspec.Struct, frozen=True, array_like=True, tag='p'):
    """Client to gateway: could you answer requests? ``request`` is the client's own number for it."""

    request: int


class Pong(msgspec.Struct, frozen=True, array_like=True, tag='q'):
    """Gateway to client: whether every node that an answer waits for has a pod that takes work, or which have none.

    Attributes:
        request: The client's number for it.
        missing: Names of the nodes without such a pod.
    """

    request: int
    missing: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True, tag='a'):
    """Gateway to client: the result of a request, one part for each leaf of the graph.

    Attributes:
        request: The client's number for it.
        sizes: How many frames each part has.
        sort: Some Documents may have gone another way than others: bring them into the order of the request.
    """

    request: int
    sizes: tuple[int, ...]
    sort: bool = False


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag='r'):
    """Gateway to client: the request ended with this error."""

    request: int
    info: ErrorInfo


class Hello(msgspec.Struct, frozen=True, array_like=True, tag='h'):
    """Pod to gateway: I take work.

    Attributes:
        pod: Its name.
        generation: Which of its processes.
        endpoints: What its Executor answers; see :data:`mproc_flow.executor.DEFAULT_ENDPOINT`.
        credit: How many requests it may be given before it has answered one.
    """

    pod: str
    generation: int
    endpoints: tuple[str, ...]
    credit: int


class Leaving(msgspec.Struct, frozen=True, array_like=True, tag='l'):
    """Pod to gateway: give me no more work. Answered with :class:`Farewell` after the last piece of it."""


class Farewell(msgspec.Struct, frozen=True, array_like=True, tag='f'):
    """Gateway to pod: no more work comes."""


class Work(msgspec.Struct, frozen=True, array_like=True, tag='w'):
    """Gateway to pod: do this.

    Attributes:
        key: The gateway's number for this piece of work.
        endpoint: Which method is meant.
        sizes: How many frames each part has.
        groups: How many parts come from each node or shard, if these are not to be merged; else empty.
        shards: From which shards, if it is those.
    """

    key: int
    endpoint: str
    sizes: tuple[int, ...]
    groups: tuple[int, ...] = ()
    shards: tuple[int, ...] = ()


class Done(msgspec.Struct, frozen=True, array_like=True, tag='d'):
    """Pod to gateway: the result of a piece of work, one part; ``credit`` as in :class:`Hello`, from now on."""

    key: int
    credit: int


class Failed(msgspec.Struct, frozen=True, array_like=True, tag='e'):
    """Pod to gateway: a piece of work raised this error."""

    key: int
    info: ErrorInfo


FromClient = Submit | Cancel | Ping
FromPod = Hello | Leaving | Done | Failed
ToPod = Work | Farewell
ToClient = Answer | Refusal | Pong

encode = msgspec.msgpack.Encoder().encode
decode_from_client = msgspec.msgpack.Decoder(FromClient).decode
decode_from_pod = msgspec.msgpack.Decoder(FromPod).decode
decode_to_pod = msgspec.msgpack.Decoder(ToPod).decode
decode_to_client = msgspec.msgpack.Decoder(ToClient).decode


def split(frames: Sequence[Frame], sizes: Sequence[int]) -> list[Part]:
    """Cut the frames after a header into parts of these sizes.

    Raises:
        ValueError: The sizes do not add up to the number of frames.
    """
    if sum(sizes) != len(frames) or any(size < 1 for size in sizes):
        raise ValueError(f'a header speaks of {list(sizes)} frames, {len(frames)} came')
    parts = []
    start = 0
    for size in sizes:
        parts.append(frames[start : start + size])
        start += size
    return parts


def join(parts: Sequence[Part]) -> tuple[tuple[int, ...], list[Frame]]:
    """Give the sizes of parts, and all their frames in one list: the inverse of :func:`split`."""
    return tuple(len(part) for part in parts), [frame for part in parts for frame in part]

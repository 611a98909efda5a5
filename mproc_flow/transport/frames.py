"""The headers that go before a payload on ZeroMQ, and how a message is laid out in frames.

A message is a header, one of the Structs below, and parts. A part is one set of Documents with its parameters, as
encoded by :mod:`mproc_flow.model.codec`; a message has several where branches of the graph meet. The gateway reads
headers and nothing else.

On the wire the first frame holds the header's length, the header with the layout of the rest, and, if that is small,
the first frame of the first part: most messages are this one frame. The other frames follow as they are, without those
that lie in blocks of shared memory (:class:`Ref`): of these the layout tells where they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mproc_flow.errors import ErrorInfo

# Whatever bytes or buffer pyzmq takes and gives, or a Ref; the gateway never looks into it.
Frame = Any
Part = Sequence[Frame]

_LENGTH = struct.Struct('<I')
# Copying so much is cheaper than one more frame in each of the processes on the way.
_INLINE_UP_TO = 16 * 1024


class Ref(msgspec.Struct, frozen=True, array_like=True, weakref=True):
    """A frame that lies in shared memory.

    Attributes:
        block: Name of the block.
        offset: Where in it the frame begins, in bytes.
        length: Its length in bytes.
    """

    block: str
    offset: int
    length: int


class Submit(msgspec.Struct, frozen=True, array_like=True, tag='s'):
    """Client to gateway: a request.

    Attributes:
        request: The client's own number for it.
        endpoint: Where it goes.
        target: Regular expression for the names of the Executors that are meant; empty for all.
        deadline: When nobody waits for the answer any more, in seconds of the monotonic clock, which all processes of a
            host share; 0 if somebody always does.
        window: How many partial answers the client takes before it says :class:`More`; 0 if it wants one answer.
    """

    request: int
    endpoint: str
    target: str = ''
    deadline: float = 0.0
    window: int = 0


class More(msgspec.Struct, frozen=True, array_like=True, tag='m'):
    """Client to gateway, and gateway to pod: take so many more partial answers.

    Attributes:
        number: The client's number for the request; to a pod, the key of the piece of work.
        count: How many more.
    """

    number: int
    count: int


class Taken(msgspec.Struct, frozen=True, array_like=True, tag='t'):
    """Client to gateway: of the messages for this request with frames in blocks of shared memory, the first that I have
    not told of yet is mine by now, or I do not want it.
    """

    request: int


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
        sort: Some Documents may have gone another way than others: bring them into the order of the request.
    """

    request: int
    sort: bool = False


class Partial(msgspec.Struct, frozen=True, array_like=True, tag='i'):
    """Gateway to client: one part of the result of a request; others follow, and an :class:`Answer` at the end."""

    request: int


class Free(msgspec.Struct, frozen=True, array_like=True, tag='b'):
    """Gateway to client or pod: nothing on the way refers any more to these blocks of yours."""

    blocks: tuple[str, ...]


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
        retryable: The endpoints at which work may be begun again if a process died of the first try.
    """

    pod: str
    generation: int
    endpoints: tuple[str, ...]
    credit: int
    retryable: tuple[str, ...] = ()


class Leaving(msgspec.Struct, frozen=True, array_like=True, tag='l'):
    """Pod to gateway: give me no more work. Answered with :class:`Farewell` after the last piece of it."""


class Farewell(msgspec.Struct, frozen=True, array_like=True, tag='f'):
    """Gateway to pod: no more work comes."""


class Work(msgspec.Struct, frozen=True, array_like=True, tag='w'):
    """Gateway to pod: do this.

    Attributes:
        key: The gateway's number for this piece of work.
        endpoint: Which method is meant.
        groups: How many parts come from each node or shard, if these are not to be merged; else empty.
        shards: From which shards, if it is those.
        slot: Where the pod marks that it has begun; no other piece of work that it holds has the same.
        deadline: As in :class:`Submit`: it is not begun after that.
        window: As in :class:`Submit`.
    """

    key: int
    endpoint: str
    groups: tuple[int, ...] = ()
    shards: tuple[int, ...] = ()
    slot: int = 0
    deadline: float = 0.0
    window: int = 0


class Withdrawn(msgspec.Struct, frozen=True, array_like=True, tag='x'):
    """Gateway to pod: nobody waits for these pieces of work any more; each still ends with Done or Failed."""

    keys: tuple[int, ...]


class Piece(msgspec.Struct, frozen=True, array_like=True, tag='i'):
    """Pod to gateway: one part of the result of a piece of work, of which others follow."""

    key: int


class Done(msgspec.Struct, frozen=True, array_like=True, tag='d'):
    """Pod to gateway: the result of a piece of work, one part, or none after pieces.

    Attributes:
        key: The gateway's number for the piece of work.
        credit: As in :class:`Hello`, from now on.
        cost: Seconds of the pod's time that it took; of work done together with other work, its share.
    """

    key: int
    credit: int
    cost: float = 0.0


class Failed(msgspec.Struct, frozen=True, array_like=True, tag='e'):
    """Pod to gateway: a piece of work raised this error."""

    key: int
    info: ErrorInfo


FromClient = Submit | Cancel | More | Taken | Ping
FromPod = Hello | Leaving | Piece | Done | Failed
ToPod = Work | Withdrawn | More | Free | Farewell
ToClient = Answer | Partial | Refusal | Free | Pong

Decode = Callable[[bytes], Any]

_Sizes = tuple[int, ...]
# The number of a frame among all of the message, and where it is.
_Refs = tuple[tuple[int, Ref], ...]

_encode_into = msgspec.msgpack.Encoder().encode_into
decode_from_client: Decode = msgspec.msgpack.Decoder(tuple[FromClient, _Sizes, _Refs]).decode
decode_from_pod: Decode = msgspec.msgpack.Decoder(tuple[FromPod, _Sizes, _Refs]).decode
decode_to_pod: Decode = msgspec.msgpack.Decoder(tuple[ToPod, _Sizes, _Refs]).decode
decode_to_client: Decode = msgspec.msgpack.Decoder(tuple[ToClient, _Sizes, _Refs]).decode


def message(header: msgspec.Struct, parts: Sequence[Part] = ()) -> list[Frame]:
    """Lay out a message."""
    frames = list(parts[0]) if len(parts) == 1 else [frame for part in parts for frame in part]
    refs: _Refs = ()
    if len(frames) > 1:  # the first frame of a part is never a Ref
        refs = tuple((number, frame) for number, frame in enumerate(frames) if type(frame) is Ref)
    first = bytearray(_LENGTH.size)
    _encode_into((header, tuple(map(len, parts)), refs), first, _LENGTH.size)
    _LENGTH.pack_into(first, 0, len(first) - _LENGTH.size)
    if refs:
        frames = [frame for frame in frames if type(frame) is not Ref]
    if frames and 0 < len(frames[0]) <= _INLINE_UP_TO:
        first += frames[0]
        del frames[0]
    return [first, *frames]


def read(decode: Decode, message: Sequence[Frame]) -> tuple[Any, list[Part]]:
    """Take a message apart: the inverse of :func:`message`.

    Args:
        decode: Reads headers, of what the sender may send.
        message: Its frames.

    Raises:
        msgspec.DecodeError, ValueError: It is no such message.
    """
    first = message[0]
    if len(first) < _LENGTH.size:
        raise ValueError(f'a message begins with {_LENGTH.size} bytes, {len(first)} came')
    end = _LENGTH.size + _LENGTH.unpack_from(first)[0]
    if end > len(first):
        raise ValueError(f'a message speaks of {end} bytes, {len(first)} came')
    header, sizes, refs = decode(first[_LENGTH.size : end])
    frames = [first[end:], *message[1:]] if end < len(first) else list(message[1:])
    for number, ref in refs:
        if not 0 < number <= len(frames):
            raise ValueError(f'there cannot be a frame {number} in a block')
        frames.insert(number, ref)
    return header, [frames] if sizes == (len(frames),) != (0,) else split(frames, sizes)


def split(frames: Sequence[Frame], sizes: Sequence[int]) -> list[Part]:
    """Cut frames into parts of these sizes.

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

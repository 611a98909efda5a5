"""Documents and parameters as frames of bytes, and back.

A message is ``[body, *raw frames]``. The body is msgpack: the version of the format, the Documents as arrays of
their fields, and the parameters. The values of large arrays and blobs are raw frames, to which the body refers
by number. Data only: nothing that arrives is ever unpickled or evaluated.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import numpy as np

from mproc_flow.errors import SerializationError
from mproc_flow.model import portable, quick
from mproc_flow.model.array import DocumentArray, trusted
from mproc_flow.model.document import Document
from mproc_flow.model.numeric import FrameNumber, pack, unpack

if TYPE_CHECKING:
    from typing_extensions import Buffer

VERSION: Final = 1

_Position = Annotated[int, msgspec.Meta(ge=0)]


class _Body(msgspec.Struct, array_like=True):
    """The first frame.

    Attributes:
        version: Which format the rest has; a receiver takes its own only.
        docs: The Documents.
        parameters: The parameters.
        blobs: Which Document's blob is which frame. Documents are counted as they are met: each before its chunks, and
            these before its matches.
    """

    version: Literal[1]
    docs: list[Document]
    parameters: dict[str, Any]
    blobs: list[tuple[_Position, FrameNumber]] = []


class _Current(threading.local):
    """The frames of the message at which this thread works, for the hooks of the encoder and the decoder."""

    frames: Any = ()
    writable = False


_current = _Current()


def encode(docs: Sequence[Document], parameters: Mapping[str, Any]) -> list[bytes | memoryview]:
    """Turn Documents and parameters into frames.

    Of tags and parameters, None, bool, int, float, str, bytes, datetime, numeric arrays, and lists and dicts (by
    str or int) of these travel exactly, up to 100 deep. Tuples arrive as lists, numpy's numbers as Python's, and
    subclasses of all these as what they derive from. Time zones arrive as offsets from UTC. Chunks and matches
    travel up to 32 deep.

    Frames of large arrays and blobs are views: do not change the arrays before the frames are sent.

    Raises:
        SerializationError: Something else is among them; the message names its place.
    """
    try:
        return _encode(docs, parameters, careful=False)
    except SerializationError:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    try:
        return _encode(docs, parameters, careful=True)
    except RecursionError as error:
        raise SerializationError('Documents or parameters are nested too deep') from error


def decode(frames: Sequence[Buffer], writable: bool = False) -> tuple[DocumentArray, dict[str, Any]]:
    """Turn frames back into Documents and parameters.

    Args:
        frames: The message. Large arrays are views on its frames and keep them alive.
        writable: Arrays can be written to; those of frames that cannot are copies. Else all are read-only.

    Raises:
        SerializationError: The frames are not what :func:`encode` of this version makes.
    """
    if not frames:
        raise SerializationError('a message has at least one frame, none came')
    outer, _current.frames, _current.writable = _current.frames, frames, writable
    try:
        body = _decoder.decode(frames[0])
        _attach_blobs(body, frames)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, LookupError, RecursionError) as error:
        raise SerializationError(f'a message cannot be read: {_complaint(frames[0], error)}') from error
    finally:
        _current.frames = outer
    return trusted(body.docs), body.parameters


def _encode(docs: Sequence[Document], parameters: Mapping[str, Any], *, careful: bool) -> list[Any]:
    frames: list[Any] = [b'']
    body = _Body(VERSION, list(docs), {})
    if careful or not all(map(quick.is_plain_document, docs)):
        body.docs = [_travelling(doc, position, careful) for position, doc in enumerate(docs)]
        _detach_blobs(body, frames)
    plain = not careful and quick.is_plain_parameters(parameters)
    body.parameters = dict(parameters) if plain else portable.portable_parameters(parameters)
    outer, _current.frames = _current.frames, frames
    try:
        frames[0] = _encoder.encode(body)
    finally:
        _current.frames = outer
    return frames


def _travelling(doc: Document, position: int, careful: bool) -> Document:
    return portable.portable_document(doc, position) if careful or not quick.is_plain_document(doc) else doc


def _detach_blobs(body: _Body, frames: list[Any]) -> None:
    # Only copies have blobs of this size: a Document that has one is not plain.
    for position, doc in enumerate(_walk(body.docs)):
        if doc.blob is not None and len(doc.blob) >= quick.BLOB_FRAME_FROM:
            body.blobs.append((position, len(frames)))
            frames.append(doc.blob)
            doc.blob = None


def _attach_blobs(body: _Body, frames: Sequence[Buffer]) -> None:
    if not body.blobs:
        return
    docs, last = list(_walk(body.docs)), 0
    for position, number in body.blobs:
        # Many Documents that refer to one frame would each get a copy of it.
        if number <= last:
            raise ValueError('blobs are not in the order of their frames')
        docs[position].blob = bytes(frames[number])
        last = number


def _walk(docs: Iterable[Document]) -> Iterator[Document]:
    for doc in docs:
        yield doc
        yield from _walk(doc._nested())


def _to_wire(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return msgspec.msgpack.Ext(portable.ARRAY, pack(value, _current.frames))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f'a value of type {type(value).__name__} cannot travel')


def _from_wire(code: int, data: memoryview) -> Any:
    if code == portable.ARRAY:
        return unpack(data, _current.frames, _current.writable)
    if code == portable.BIG_INT:
        return portable.big_int_from(data)
    if code == portable.MOMENT:
        return portable.moment_from(data)
    raise ValueError(f'there is no extension {code}')


def _complaint(body: Buffer, error: Exception) -> str:
    start = bytes(memoryview(body)[:2])
    if len(start) == 2 and start[0] & 0xF0 == 0x90 and start[1] != VERSION:
        return f'it has format version {start[1]}, this is version {VERSION}'
    return f'{type(error).__name__}: {error}'


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_wire)
_decoder = msgspec.msgpack.Decoder(_Body, ext_hook=_from_wire)

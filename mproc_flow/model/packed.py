"""Documents as one piece of bytes, for files: the frames of the codec behind each other."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

from mproc_flow.errors import SerializationError
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document, DocumentArray

_MAGIC: Final = b'mproc-docs-1\n'


def pack(docs: Sequence[Any]) -> bytes:
    """Return Documents as bytes: a word that says what they are, then each frame with its length before it."""
    parts = [_MAGIC]
    for frame in encode(docs, {}):
        view = memoryview(frame)
        parts += [view.nbytes.to_bytes(8, 'little'), bytes(view)]
    return b''.join(parts)


def unpack(data: bytes) -> DocumentArray:
    """Return the Documents of what :func:`pack` gave.

    Raises:
        SerializationError: It is something else.
    """
    view = memoryview(data)
    if bytes(view[: len(_MAGIC)]) != _MAGIC:
        raise SerializationError('these bytes hold no Documents: to_bytes() or save() made none of them')
    frames, at = [], len(_MAGIC)
    while at < len(view):
        start = at + 8
        at = start + int.from_bytes(view[at:start], 'little')
        frames.append(view[start:at])
    if at != len(view):
        raise SerializationError('these bytes are cut off in the middle of Documents')
    return decode(frames)[0]


def unpack_one(data: bytes) -> Document:
    """Return the Document of what :func:`pack` gave of one.

    Raises:
        SerializationError: It is something else.
    """
    docs = unpack(data)
    if len(docs) != 1:
        raise SerializationError(f'these bytes hold {len(docs)} Documents, not one: read them as a DocumentArray')
    return docs[0]


def text_of(data: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(data).decode()


def bytes_of(text: str) -> bytes:
    """Return the bytes of base64 text."""
    return base64.b64decode(text)

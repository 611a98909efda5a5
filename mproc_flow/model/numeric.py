"""Numeric arrays as bytes and back, without a copy where the array is large."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Measured over ipc: every frame of its own costs 6-10 us, as much as copying 16 KiB four times.
OWN_FRAME_FROM = 16 * 1024

# What numpy calls bool, int, uint, float, complex, timedelta64 and datetime64, either byte order.
_NUMERIC = re.compile(r'\|b1|[|<>][iu][1248]|[<>](f(2|4|8|12|16)|c(8|16|24|32)|[mM]8(\[\d{0,9}[a-zA-Z]{1,2}\])?)')

FrameNumber = Annotated[int, msgspec.Meta(ge=1)]
_Length = Annotated[int, msgspec.Meta(ge=0)]


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """An array on the wire.

    Attributes:
        dtype: numpy's short name of the type, with byte order: ``<f8``.
        shape: Length of each axis.
        data: The values in C order, or the number of the frame that holds them.
    """

    dtype: str
    shape: Annotated[tuple[_Length, ...], msgspec.Meta(max_length=64)]
    data: bytes | FrameNumber


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def as_array(value: Any) -> np.ndarray:
    """Make an array of a value: an array, a number, nested lists of numbers, or an array of another library.

    A tensor of torch is taken without its gradient, and from its device to the CPU.

    Raises:
        Exception: What numpy or the value's own ``__array__`` or ``__dlpack__`` raises.
    """
    torch: Any = sys.modules.get('torch')  # where it is not, there are no tensors of it
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
    if hasattr(value, '__dlpack__') and not hasattr(value, '__array__'):
        value = np.from_dlpack(value)
    return np.asarray(value)


def as_numeric(value: Any) -> np.ndarray:
    """Make a numeric array of a value; otherwise as :func:`as_array`.

    Raises:
        TypeError: It has no numeric dtype, or it is a masked array.
    """
    array = as_array(unmasked(value))
    if wire_name(array.dtype) is None:
        raise TypeError(_not_numeric(array))
    return array


def unmasked(value: Any) -> Any:
    """Return a value as it is.

    Raises:
        TypeError: It is a masked array.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError('a masked array cannot travel, its mask would be lost: use filled()')
    return value


def is_array_like(value: Any) -> bool:
    """Say whether a value is an array of another library, which tells its content to numpy."""
    return not isinstance(value, type) and (hasattr(value, '__array__') or hasattr(value, '__dlpack__'))


def pack(array: np.ndarray, frames: list[Any]) -> bytes:
    """Give an array's bytes; a large array gives only a reference and appends its values to ``frames``.

    The appended frame is a view on the array's own memory if that is C-contiguous.

    Raises:
        TypeError: The array is not numeric.
    """
    name = wire_name(array.dtype)
    if name is None:
        raise TypeError(_not_numeric(array))
    if array.nbytes < OWN_FRAME_FROM:
        return _encode(_Packed(name, array.shape, array.tobytes()))
    frames.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return _encode(_Packed(name, array.shape, len(frames) - 1))


def unpack(data: Buffer, frames: Sequence[Buffer], writable: bool = False) -> np.ndarray:
    """Make the array that :func:`pack` was given; a large one is a view on its frame.

    Args:
        data: What :func:`pack` gave.
        frames: Where large values are.
        writable: Make an array that can be written to, a copy where its frame cannot; else it is read-only.

    Raises:
        ValueError: The bytes make no array, or its shape does not fit the bytes there are.
    """
    packed = _decode(data)
    dtype = _dtype(packed.dtype)
    buffer = memoryview(packed.data if isinstance(packed.data, bytes) else _frame(packed.data, frames))
    # Python's integers do not overflow, so no shape can pretend to be smaller than it is.
    if math.prod(packed.shape) * dtype.itemsize != buffer.nbytes:
        raise ValueError(f'{buffer.nbytes} bytes make no {packed.dtype} array of shape {packed.shape}')
    if writable:
        array = np.frombuffer(buffer, dtype).reshape(packed.shape)
        return array.copy() if buffer.readonly else array
    # Unlike ndarray(buffer=...), this keeps the read-only view as base, so nobody can make the array writable.
    return np.frombuffer(buffer.toreadonly(), dtype).reshape(packed.shape)


@lru_cache(maxsize=256)
def wire_name(dtype: np.dtype[Any]) -> str | None:
    """Return the name of a dtype on the wire, None if it is not numeric."""
    name = dtype.str
    return name if _NUMERIC.fullmatch(name) else None


@lru_cache(maxsize=256)
def _dtype(name: str) -> np.dtype[Any]:
    if not _NUMERIC.fullmatch(name):
        raise ValueError(f'{name!r} is no numeric dtype')
    return np.dtype(name)


def _not_numeric(array: np.ndarray) -> str:
    return f'an array of dtype {array.dtype} cannot travel, only numeric ones can'


def _frame(number: int, frames: Sequence[Buffer]) -> Buffer:
    if number >= len(frames):
        raise ValueError(f'an array is in frame {number}, but only {len(frames)} came')
    return frames[number]

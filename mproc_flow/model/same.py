"""Whether data is the same, though arrays and NaN hide in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mproc_flow.model.numeric import as_array


def same(one: Any, other: Any) -> bool:
    """Compare data; arrays by dtype, shape and values, NaN equal to NaN."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and _same_array(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)


def same_tensor(one: Any, other: Any) -> bool:
    """Compare the values of a field for arrays, in any form such a field takes."""
    if one is None or other is None:
        return one is other
    return _same_array(as_array(one), as_array(other))


def _same_array(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype != other.dtype:
        return False
    with np.errstate(invalid='ignore'):  # some processors report NaN of certain bits
        return np.array_equal(one, other, equal_nan=one.dtype.kind in 'fcmM')

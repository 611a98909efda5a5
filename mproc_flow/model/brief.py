"""Short forms of values, to be read by people."""

from __future__ import annotations

import reprlib

import numpy as np


class _Brief(reprlib.Repr):
    """A repr of bounded length: long text is cut in the middle, arrays are ``float64(3, 4)``."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlevel = 3

    def repr_ndarray(self, array: np.ndarray, level: int) -> str:
        return f'{array.dtype}{array.shape}'

    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(value) if len(value) <= 20 else f'<{len(value)} bytes>'

    def repr_Scores(self, scores: dict[str, object], level: int) -> str:  # the name that reprlib asks for
        return self.repr_dict(scores, level)

    def repr_NamedScore(self, score: object, level: int) -> str:
        return str(getattr(score, 'value', None))


brief = _Brief().repr

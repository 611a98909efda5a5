"""Arrays for tests: Executors that work with them, ways to tell them apart, and the shared memory that they take."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mproc_flow import Document, DocumentArray, Executor, requests

KB = 1024
MB = 1024 * KB


class PassOn(Executor):
    """Does not touch them."""

    @requests
    def look(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Do nothing."""


class Renew(Executor):
    """Gives new ones of the same content."""

    @requests
    def renew(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Copy each."""
        for doc in docs:
            if doc.tensor is not None:
                doc.tensor = doc.tensor.copy()


class Add(Executor):
    """Changes them in place."""

    writable_arrays = True

    def __init__(self, number: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    @requests
    def add(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Add a number to the first and the last values."""
        for doc in docs:
            assert doc.tensor is not None
            doc.tensor[:10] += self.number
            doc.tensor[-10:] += self.number


class Write(Executor):
    """Changes them in place, and may not."""

    @requests(on='/write')
    def write(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Write to the first value."""
        for doc in docs:
            assert doc.tensor is not None
            doc.tensor[0] = 1


class Keep(Executor):
    """Keeps what it got first, and tells what is in it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kept: list[np.ndarray] = []

    @requests
    def keep(self, docs: DocumentArray, **kwargs: Any) -> dict[str, Any]:
        """Add up to 100, and give the hashes of all."""
        self.kept += [doc.tensor for doc in docs if doc.tensor is not None][: 100 - len(self.kept)]
        return {'hashes': [content(array) for array in self.kept]}


class Together(Executor):
    """Gives what came from each branch apart."""

    @requests
    def gather(self, docs_matrix: Sequence[DocumentArray], **kwargs: Any) -> DocumentArray:
        """Give the arrays of all branches, one after the other."""
        return DocumentArray([Document(tensor=doc.tensor) for docs in docs_matrix for doc in docs])


def content(array: Any) -> str:
    """A hash of type, shape and values."""
    text = f'{array.dtype.str}{array.shape}'.encode()
    return hashlib.blake2b(text + np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()


def some(size: int, seed: int = 0) -> np.ndarray:
    """So many bytes by chance."""
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


def numbered(seed: int, size: int) -> Document:
    """A Document with an array by chance, whose number tells what is in it."""
    return Document(tags={'seed': seed}, tensor=some(size, seed))


def is_right(doc: Document) -> bool:
    """True if a numbered Document has the array that it was made with."""
    return doc.tensor is not None and content(doc.tensor) == content(some(doc.tensor.size, int(doc.tags['seed'])))


def blocks() -> list[str]:
    """Names of all blocks of shared memory in the run directories of this test run."""
    return [path.name for path in _files() if '-' in path.name]


def _files() -> list[Path]:
    return sorted(Path(os.environ['MPROC_FLOW_RUN_DIR']).glob('*/blocks/*'))

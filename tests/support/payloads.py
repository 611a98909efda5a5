"""Payloads that can be checked, Executors that do, and the blocks of shared memory they travel in."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from mproc_flow import Document, DocumentArray, Flow, requests
from tests.support.executors import Recorded

_SIZES = (100, 5_000, 70_000, 300_000, 1_000_000)


def digest(data: Any) -> str:
    """Tell one content from another."""
    return hashlib.blake2b(np.ascontiguousarray(data).tobytes(), digest_size=16).hexdigest()


def made(number: int) -> Document:
    """A Document with an array and bytes of a size that depends on the number, and what they hash to."""
    size = _SIZES[number % len(_SIZES)] + number % 97
    tensor = np.random.default_rng(number).integers(0, 256, size, dtype='uint8')
    blob = tensor[: size // 2].tobytes()
    return Document(text=str(number), tensor=tensor, blob=blob, tags={'hash': digest(tensor), 'blob': digest_of(blob)})


def digest_of(blob: bytes) -> str:
    """The same of bytes."""
    return digest(np.frombuffer(blob, dtype='uint8'))


def check(doc: Document) -> None:
    """Fail if a Document is not what its hashes say."""
    if digest(doc.tensor) != doc.tags['hash'] or digest_of(doc.blob) != doc.tags['blob']:
        raise AssertionError(f'{doc.text} was changed on the way')


def check_answer(doc: Document, number: int, steps: int = 1) -> None:
    """Fail if it is not the answer to the Document of this number, after so many :class:`Inverting`."""
    check(doc)
    assert doc.text == str(number)
    wanted = made(number)
    expected = np.asarray(wanted.tensor) if steps % 2 == 0 else 255 - np.asarray(wanted.tensor)
    assert digest(doc.tensor) == digest(expected), f'{number} has another array'
    assert digest_of(doc.blob) == wanted.tags['blob']


class Inverting(Recorded):
    """Checks what arrives, and answers with the inverse of the array."""

    retryable = True

    @requests
    def invert(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Make a new array."""
        for doc in docs:
            check(doc)
            doc.tensor = 255 - np.asarray(doc.tensor)
            doc.tags['hash'] = digest(doc.tensor)


class Keeping(Inverting):
    """Keeps the first arrays that it gets."""

    def __init__(self, most: int = 20, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.kept: list[tuple[Any, str]] = []

    @requests
    def invert(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Keep them and go on."""
        self.kept += [(doc.tensor, doc.tags['hash']) for doc in docs][: self.most - len(self.kept)]
        super().invert(docs)

    @requests(on='/kept')
    def tell(self, docs: DocumentArray, **kwargs: Any) -> None:
        """How many are kept, and how many of them have changed."""
        changed = sum(digest(tensor) != hashed for tensor, hashed in self.kept)
        docs[0].tags.update(kept=len(self.kept), changed=changed)


def run_directory(f: Flow) -> Path:
    """Where a Flow without a port has its sockets and blocks."""
    return Path(f.address.removeprefix('ipc://')).parent


def blocks(f: Flow) -> dict[str, int]:
    """The blocks there are, with their sizes in bytes."""
    found = {}
    for path in (run_directory(f) / 'blocks').glob('*-*'):
        with contextlib.suppress(FileNotFoundError):  # it is being removed
            found[path.name] = path.stat().st_size
    return found


def owners(f: Flow) -> set[str]:
    """The processes to whom these blocks belong."""
    return {name.partition('-')[0] for name in blocks(f)}

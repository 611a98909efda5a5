"""Change good messages at random and decode them: only SerializationError may come of it.

``scripts/fuzz_codec [MUTATIONS] [SEED]``; a million unless told otherwise. What goes wrong can be repeated: the message
that did it is printed. Memory is limited, so that making much of little goes wrong too.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from mproc_flow.errors import SerializationError
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document

Frames = list[bytes]

_MORE_MEMORY = 256 * 1024 * 1024


def samples() -> Iterator[Frames]:
    """Yield messages with everything that may travel."""
    tags = {'a': [1, -5, 2**70, 1.5, None, True], 'when': datetime(2024, 1, 2), 'b': b'bytes', 7: {'x': 'y'}}
    docs = [
        Document(text='hello', tags=tags),
        Document(tensor=np.arange(12.0).reshape(3, 4), embedding=np.zeros(3, 'f2')),
        Document(tensor=np.zeros((70, 70)), blob=b'z' * 70_000, uri='u', mime_type='m'),
    ]
    found = Document(text='f', scores={'s': 0.5}, location=[1, 2.5], chunks=[Document(embedding=np.zeros(5000))])
    nested = Document(chunks=[Document(text='c', weight=2), Document(blob=b'b' * 70_000)], matches=[found])
    parameters = {'p': 1, 'array': np.arange(5), 'day': np.array(['2024'], 'M8[D]')}
    yield _bytes(docs, parameters)
    yield _bytes(docs[:1], {})
    yield _bytes(docs[2:], {'a': np.zeros(5000)})
    yield _bytes([docs[0], nested], {})


def mutate(frames: Frames, rng: random.Random) -> list[bytes | bytearray]:
    """Change a message at random: bytes of the body, its length, or which frames there are."""
    changed = bytearray(frames[0])
    for _ in range(rng.choice((1, 1, 2, 8))):
        _change(changed, rng)
        changed = changed or bytearray(1)
    mutated: list[bytes | bytearray] = [changed, *frames[1:]]
    if len(frames) > 1 and rng.random() < 0.2:
        place = rng.randrange(1, len(frames))
        mutated[place] = mutated[place][: rng.randrange(200)]
    if rng.random() < 0.1:
        mutated.pop(rng.randrange(len(mutated)))
    return mutated


def survives(frames: Sequence[bytes | bytearray]) -> bool:
    """Decode a message, and say whether it was good; what comes of it can be sent again, or says why not."""
    try:
        docs, parameters = decode(frames)
    except SerializationError:
        return False
    if type(docs) is not DocumentArray or type(parameters) is not dict or not {Document} >= set(map(type, docs)):
        raise TypeError(f'what was decoded is no data: {docs!r}, {parameters!r:.100}')
    try:
        encode(docs, parameters)
    except SerializationError:
        pass
    return True


def fuzz(mutations: int, seed: int) -> int:
    """Try so many changed messages, and return how many of them were still good."""
    rng = random.Random(seed)
    originals = list(samples())
    good = 0
    for number in range(mutations):
        frames = mutate(rng.choice(originals), rng)
        try:
            good += survives(frames)
        except BaseException:
            print(f'mutation {number} of seed {seed}: {[bytes(frame) for frame in frames]!r:.5000}', file=sys.stderr)
            raise
    return good


def main(arguments: Sequence[str]) -> int:
    """Fuzz as often as the first argument says."""
    mutations = int(arguments[0]) if arguments else 1_000_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    limit = _memory_in_use() + _MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    start = time.monotonic()
    good = fuzz(mutations, seed)
    print(
        f'{mutations} mutations of seed {seed}: {good} still good, {mutations - good} refused, '
        f'nothing else, in {time.monotonic() - start:.0f} s'
    )
    return 0


def _bytes(docs: Sequence[Document], parameters: dict[str, object]) -> Frames:
    return [bytes(frame) for frame in encode(docs, parameters)]


def _change(changed: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(changed))
    action = rng.randrange(6)
    if action < 3:
        changed[place] = rng.randrange(256) if action else changed[place] ^ (1 << rng.randrange(8))
    elif action == 3:
        changed[place:place] = rng.randbytes(rng.randrange(1, 6))
    elif action == 4:
        del changed[place : place + rng.randrange(1, 6)]
    else:
        changed[place : place + 5] = rng.choice((b'\xdd', b'\xdf', b'\xc6', b'\xdb', b'\xc9')) + b'\xff' * 4


def _memory_in_use() -> int:
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[0]) * resource.getpagesize()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""Measure the example beside calling the model directly: as many threads, batches of the same size, in one run.

::

    JINA_MP_START_METHOD=spawn python measure.py
    JINA_MP_START_METHOD=spawn python measure.py --texts 2000 --rounds 5

Direct calls get batches of 32 texts and as many threads as the Flow has replicas. The Flow gets every text in a request
of its own, as many callers would send them, and finds its batches itself. The two take turns; medians are compared.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from docs.examples.embedding.embed import Encode, Vectors, embedder, minilm
from mproc_flow import Document, DocumentArray, Flow

BATCH = 32
WARM_UP = 2 * BATCH
# The first lines of their documentation are real sentences.
MODULES = 'argparse ast collections functools itertools json logging math os pathlib random re socket statistics string'
# Texts of a batch are padded to the longest, and other batches make other roundings.
ROUNDING = 1e-5


def sentences(count: int) -> list[str]:
    """Give so many texts."""
    things = (thing for name in MODULES.split() for thing in vars(__import__(name)).values())
    lines = [text.partition('\n')[0] for thing in things if (text := inspect.getdoc(thing))]
    return list(itertools.islice(itertools.cycle(dict.fromkeys(filter(None, lines))), count))


def direct(encode: Encode, texts: Sequence[str]) -> Vectors:
    """Call the model with one batch after the other."""
    return np.concatenate([encode(list(texts[start : start + BATCH])) for start in range(0, len(texts), BATCH)])


def through(flow: Flow, texts: Iterable[str]) -> Vectors:
    """Send every text in a request of its own."""
    docs = [Document(text=text) for text in texts]
    found: DocumentArray = flow.post('/embed', docs, request_size=1, results_in_order=True)
    return np.stack([doc.embedding for doc in found])


def timed(work: Callable[[], Vectors], times: list[float]) -> Vectors:
    """Do the work, and note the seconds."""
    begin = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - begin)
    return result


def main(words: Sequence[str], load: Callable[[int], Encode] = minilm) -> None:
    """Measure and print; stop if the embeddings differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--texts', type=int, default=1000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--replicas', type=int, default=2)
    parser.add_argument('--threads', type=int, help='of direct calls; as many as replicas unless given')
    options = parser.parse_args(words)
    threads = options.threads or options.replicas
    texts, encode = sentences(options.texts), load(threads)
    alone: list[float] = []
    served: list[float] = []
    with embedder(load, options.replicas) as flow:
        direct(encode, texts[:WARM_UP])
        through(flow, texts[:WARM_UP])
        for _ in range(options.rounds):
            wanted = timed(lambda: direct(encode, texts), alone)
            found = timed(lambda: through(flow, texts), served)
            if not np.allclose(wanted, found, atol=ROUNDING):
                sys.exit('the embeddings are not those of the model')
    rates = [len(texts) / statistics.median(seconds) for seconds in (alone, served)]
    print(f'{len(texts)} texts, medians of {options.rounds} round(s) on {os.cpu_count()} cores')
    print(f'direct, {threads} thread(s):     {rates[0]:10,.0f} texts/s')
    print(f'Flow, {options.replicas} replica(s) of 1:  {rates[1]:10,.0f} texts/s')
    print(f'The Flow does {rates[1] / rates[0]:.2f} times as much; the embeddings are equal.')


if __name__ == '__main__':
    main(sys.argv[1:])

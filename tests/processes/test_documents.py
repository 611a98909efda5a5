"""Documents with all that may be in them go through real processes, under every start method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mproc_flow import Document, DocumentArray, Executor, Flow, errors, requests
from mproc_flow.types.document.generators import from_ndarray


class Splitter(Executor):
    """Makes a chunk of each word, with an embedding too large to travel in the body."""

    @requests
    def split(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Add the chunks."""
        for doc in docs:
            doc.chunks.extend(Document(text=word, blob=word.encode() * 20_000) for word in (doc.text or '').split())
            doc.chunks.embeddings = np.ones((len(doc.chunks), 9999), 'f4') * np.arange(len(doc.chunks))[:, None]


class Finder(Executor):
    """Finds those it was made with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = DocumentArray.empty(3)
        self.known.embeddings = np.eye(3)

    @requests
    def find(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Set matches and a score."""
        docs.match(self.known, metric='euclidean', limit=2)
        docs[:, 'weight'] = len(self.known)


class Weigher(Executor):
    """Changes chunks that have come from elsewhere."""

    @requests
    def weigh(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Set a score of each chunk, and say whether its array is read-only."""
        for number, chunk in enumerate(docs['@c']):
            chunk.scores['number'] = number
            chunk.tags['writable'] = bool(chunk.embedding.flags.writeable)


def test_nested_documents_go_from_process_to_process(start_method: str) -> None:
    """Chunks are made in one process, changed in the next, and both come back."""
    with Flow(start_method=start_method).add(uses=Splitter).add(uses=Weigher) as f:
        docs = f.post('/', [Document(id='a', text='one two'), Document(id='b')])
    chunks = docs['@c']
    assert chunks.texts == ['one', 'two']
    assert chunks[:, ['parent_id', 'granularity', 'tags__writable']] == [['a', 'a'], [1, 1], [False, False]]
    assert [chunk.scores['number'].value for chunk in chunks] == [0, 1]
    assert [len(blob or b'') for blob in chunks.blobs] == [60_000, 60_000]
    assert chunks.embeddings.sum(axis=1).tolist() == [0, 9999]


def test_branches_that_add_matches_and_chunks_are_merged(start_method: str) -> None:
    """What each branch sets is there, and nothing is there twice."""
    f = Flow(start_method=start_method).add(name='found', uses=Finder, needs='gateway')
    f = f.add(name='split', uses=Splitter, needs='gateway').needs(['found', 'split'])
    inputs = DocumentArray(from_ndarray(np.eye(3), size=2))
    inputs.embeddings, inputs.texts = inputs.tensors, ['a b', 'c']
    with f:
        docs = f.post('/', inputs)
    assert [len(doc.matches) for doc in docs] == [2, 2]
    assert [doc.matches[0].scores['euclidean'].value for doc in docs] == [0, 0]
    assert docs['@c'].texts == ['a', 'b', 'c']
    assert docs[:, 'weight'] == [3, 3]


def test_a_nested_value_that_cannot_travel_is_named_before_anything_is_sent() -> None:
    """The caller learns which Document and field it is."""
    bad = Document(id='a', chunks=[Document(id='c', tags={'x': object()})])
    with Flow().add(uses=Weigher) as f:
        with pytest.raises(errors.SerializationError, match=r"0 \('a'\), chunks\[0\] \('c'\), field tags\['x'\]"):
            f.post('/', bad)

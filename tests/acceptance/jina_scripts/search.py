"""A toy search in the style of Jina's documentation: words become vectors of letters, and the nearest are found."""

import numpy as np
from jina import Document, DocumentArray, Executor, Flow, requests

WORDS = ['listen', 'silent', 'apple', 'papel', 'stone', 'notes', 'onset', 'flow']


class LetterEncoder(Executor):
    @requests
    def encode(self, docs, **kwargs):
        for doc in docs:
            doc.embedding = np.array([doc.text.count(letter) for letter in 'abcdefghijklmnopqrstuvwxyz'], dtype=float)


class MemoryIndexer(Executor):
    def __init__(self, top=2, **kwargs):
        super().__init__(**kwargs)
        self.top = top
        self.stored = DocumentArray()

    @requests(on='/index')
    def index(self, docs, **kwargs):
        self.stored.extend(docs)

    @requests(on='/search')
    def search(self, docs, parameters, **kwargs):
        top = int(parameters.get('top', self.top))
        vectors = np.stack([doc.embedding for doc in self.stored])
        for doc in docs:
            distances = np.linalg.norm(vectors - doc.embedding, axis=1)
            nearest = np.argsort(distances, kind='stable')[:top]
            doc.tags['found'] = [self.stored[int(number)].text for number in nearest]


if __name__ == '__main__':
    flow = Flow().add(name='encoder', uses=LetterEncoder).add(name='indexer', uses=MemoryIndexer, uses_with={'top': 3})
    with flow:
        indexed = flow.post('/index', [Document(text=word) for word in WORDS], request_size=3)
        print('indexed', sorted(doc.text for doc in indexed), indexed[0].embedding.shape)
        for doc in flow.search(DocumentArray([Document(text='tones'), Document(text='wolf')])):
            print(doc.text, list(doc.tags['found']))
        (doc,) = flow.post('/search', Document(text='enlist'), parameters={'top': 2})
        print(doc.text, list(doc.tags['found']))

"""Search the documentation inside Python's own standard library, with a Flow of three Executors.

::

    module ──> Cutter ──> Embedder (2 replicas) ──> Index
               passages   counts as vectors         keeps them, weights them, answers questions

Questions of your own are its arguments: ``python passages.py "draw a random sample"``.

Where the weights come from: a word that is in every passage says little about any one of them, so TF-IDF counts it
less. How many passages a word is in is known only where all of them meet, and that is the Index. The Embedder's
replicas therefore only count; the Index weights, for all passages it has by then. So the replicas share nothing,
and passages can be added at any time.
"""

from __future__ import annotations

import argparse
import ast
import re
import sysconfig
import textwrap
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mproc_flow import Document, DocumentArray, Executor, Flow, requests

QUESTIONS = [
    'split a path into head and tail',
    'compress data with gzip',
    'parse command line arguments',
    'run another program and capture its output',
    'copy a whole directory tree',
]
LEAST_WORDS = 7
Vectors = NDArray[np.float32]


# ---- cutting: from source code to passages ----


class Passage(NamedTuple):
    """A paragraph of a docstring, or a block of comment lines."""

    line: int
    name: str  # what it is about, e.g. gzip.GzipFile.read
    text: str


def cut(source: str, module: str) -> list[Passage]:
    """Cut a module's source into passages, in the order of their lines."""
    found: list[Passage] = []
    lines = source.split('\n')
    for name, first, last in docstrings(ast.parse(source), module):
        text = '\n'.join(lines[first - 1 : last]).strip()
        found += paragraphs(re.sub(r'^\w?("""|"|\'\'\'|\')|["\']+$', '', text).split('\n'), first, name)
        lines[first - 1 : last] = [''] * (last - first + 1)  # a docstring may quote comments; those are not comments
    comments = [line.strip().lstrip('#') if line.lstrip().startswith('#') else '' for line in lines]
    found += paragraphs(comments, 1, module)
    return sorted(found)


def docstrings(tree: ast.AST, name: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, first line and last line of every docstring in a syntax tree."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(tree, documented) and ast.get_docstring(tree, clean=False):
        node = tree.body[0]
        yield name, node.lineno, node.end_lineno or node.lineno
    for child in ast.iter_child_nodes(tree):
        inner = f'{name}.{child.name}' if isinstance(child, documented[1:]) else name
        yield from docstrings(child, inner)


def paragraphs(lines: Iterable[str], first: int, name: str) -> Iterator[Passage]:
    """Yield what stands between empty lines, if it is long enough to say something and no example session."""
    together: list[str] = []
    begin = first
    for number, line in enumerate([*lines, ''], first):
        words = [word for word in line.split() if word.strip('#') and not re.fullmatch(r'[-=~*_#]{3,}', word)]
        if words:
            begin = begin if together else number
            together += words
            continue
        if sum(word.isalpha() for word in together) >= LEAST_WORDS and together[0] != '>>>':
            yield Passage(begin, name, ' '.join(together))
        together = []


# ---- embedding: from text to counts ----


class Vectoriser:
    """Turns texts into vectors: counts of words and of the pieces of words, each hashed to one of ``size`` places.

    Pieces let ``compress`` meet ``compression``. Counts are damped, as the tenth repetition of a word says little.
    """

    PIECE, WEIGHT_OF_PIECES = 4, 0.3

    def __init__(self, size: int = 2048) -> None:
        self.size = size
        self._features: dict[str, list[tuple[int, float]]] = {}

    def __call__(self, texts: Iterable[str]) -> Vectors:
        """Return one row for each text."""
        rows = [self._row(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.size), np.float32)

    def _row(self, text: str) -> Vectors:
        row = np.zeros(self.size, np.float32)
        for word, count in Counter(words_of(text)).items():
            for place, weight in self._features_of(word):
                row[place] += weight * (1 + np.log(count))
        return row

    def _features_of(self, word: str) -> list[tuple[int, float]]:
        if word not in self._features:
            padded = f'<{word}>'
            pieces = {padded[i : i + self.PIECE] for i in range(len(padded) - self.PIECE + 1)} - {padded}
            weighted = [(padded, 1.0), *((piece, self.WEIGHT_OF_PIECES) for piece in sorted(pieces))]
            # crc32 and not hash(): every process must agree on the places.
            self._features[word] = [(zlib.crc32(name.encode()) % self.size, weight) for name, weight in weighted]
        return self._features[word]


# Words that only make a question a question.
EMPTY_WORDS = frozenset('a an and are by can do for from how i in into is it of on or the to what with'.split())


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, ``CamelCase`` and ``snake_case`` taken apart."""
    apart = re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', text).lower()
    return [word for word in re.findall(r'[a-z][a-z0-9]*', apart) if word not in EMPTY_WORDS]


# ---- ranking: from counts to the best passages ----


class Matrix:
    """Labelled rows of counts, growing in number, and the search among them."""

    def __init__(self) -> None:
        self._labels: list[Any] = []
        self._counts: list[Vectors] = []
        self._idf = self._weighted = np.zeros((0, 0), np.float32)

    def add(self, labels: Iterable[Any], counts: Vectors) -> None:
        """Append rows; labels that sort make the order of equal rows certain."""
        self._labels += labels
        self._counts.append(counts)

    def search(self, counts: Vectors, limit: int) -> list[tuple[Any, float]]:
        """Return label and score (cosine, 0 to 1) of the rows most similar to one vector of counts, best first."""
        if not self._labels or limit < 1:
            return []
        if len(self._weighted) < len(self._labels):
            self._weigh()
        scores = (self._weighted @ unit_rows(counts[None] * self._idf)[0]).round(5)
        least = max(np.partition(scores, -limit)[-limit] if limit < len(scores) else 0, 1e-5)
        best = [(self._labels[number], float(scores[number])) for number in np.flatnonzero(scores >= least)]
        return sorted(best, key=lambda hit: (-hit[1], hit[0]))[:limit]

    def _weigh(self) -> None:
        counts = np.concatenate(self._counts)
        present_in = np.count_nonzero(counts, axis=0)
        self._idf = np.log((1 + len(counts)) / (1 + present_in)).astype(np.float32) + 1
        self._weighted, self._counts = unit_rows(counts * self._idf), [counts]


def unit_rows(rows: Vectors) -> Vectors:
    """Scale each row to length 1; rows of zeros stay zero."""
    lengths: Vectors = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows / lengths


# ---- the Executors and their Flow ----


class Cutter(Executor):
    """Takes modules, passes on their passages."""

    @requests(on='/index')
    def cut(self, docs: DocumentArray, **kwargs: Any) -> DocumentArray:
        """Replace each module by its passages, which say in their tags where they are from."""
        return DocumentArray(
            Document(text=text, tags={'file': doc.uri, 'line': line, 'name': name})
            for doc in docs
            for line, name, text in cut(doc.text or '', doc.tags['module'])
        )


class Embedder(Executor):
    """Gives passages and questions their vectors of counts."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vectorise = Vectoriser(size)

    @requests(on=['/index', '/search'])
    def embed(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Set each Document's embedding, in place."""
        rows = self.vectorise(f'{doc.tags.get("name", "")} {doc.text}' for doc in docs)
        for doc, row in zip(docs, rows, strict=True):
            doc.embedding = row


class Index(Executor):
    """Keeps all passages and finds those most similar to a question."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.matrix = Matrix()

    @requests(on='/index')
    def add(self, docs: DocumentArray, **kwargs: Any) -> DocumentArray:
        """Keep the passages; the answer only says how many, so that no vector travels back."""
        if docs:
            labels = [(doc.tags['file'], doc.tags['line'], doc.tags['name'], doc.text) for doc in docs]
            self.matrix.add(labels, np.stack([doc.embedding for doc in docs]))
        return DocumentArray(Document(tags={'passages': len(docs)}))

    @requests(on='/search')
    def search(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> DocumentArray:
        """Replace each question by the best passages, best first."""
        hits = DocumentArray()
        for doc in docs:
            for (file, line, name, text), score in self.matrix.search(doc.embedding, parameters.get('limit', 3)):
                tags = {'question': doc.text, 'score': score, 'file': file, 'line': line, 'name': name}
                hits.append(Document(text=text, tags=tags))
        return hits


def make_flow() -> Flow:
    """Build the Flow; each Executor may be started in the way that suits it."""
    return (
        Flow()
        .add(uses=Cutter, name='cut', start_method='fork')
        .add(uses=Embedder, name='embed', uses_with={'size': 2048}, replicas=2, start_method='spawn')
        .add(uses=Index, name='index')
    )


def read_modules() -> DocumentArray:
    """Read every public module and package of the standard library, in order of their names."""
    library = Path(sysconfig.get_path('stdlib'))
    docs = DocumentArray()
    for path in sorted([*library.glob('[a-z]*.py'), *library.glob('[a-z]*/__init__.py')]):
        place = path.relative_to(library)
        text = path.read_text(encoding='utf-8', errors='replace')
        docs.append(Document(text=text, uri=str(place), tags={'module': place.parts[0].removesuffix('.py')}))
    return docs


def show(hits: DocumentArray) -> None:
    """Print passages under their questions."""
    question = None
    for hit in hits:
        if hit.tags['question'] != question:
            question = hit.tags['question']
            print(f'\n{question}')
        print(f'  {hit.tags["score"]:.2f}  {hit.tags["name"]}  ({hit.tags["file"]}:{hit.tags["line"]})')
        text = textwrap.shorten(hit.text or '', 240, placeholder=' ...')
        print(textwrap.fill(text, 100, initial_indent=' ' * 8, subsequent_indent=' ' * 8))


def main() -> None:
    """Index the standard library, then answer the questions given or some of our own."""
    parser = argparse.ArgumentParser(description="Search the documentation inside Python's standard library.")
    parser.add_argument('questions', nargs='*', default=QUESTIONS, help='what to search for')
    parser.add_argument('--limit', type=int, default=3, help='passages for each question (default: 3)')
    options = parser.parse_args()

    modules = read_modules()
    begin = time.perf_counter()
    with make_flow() as flow:
        ready = time.perf_counter()
        receipts = flow.post('/index', inputs=modules, request_size=8)
        indexed = time.perf_counter()
        passages = sum(receipt.tags['passages'] for receipt in receipts)
        questions = DocumentArray(Document(text=question) for question in options.questions)
        hits = flow.post('/search', inputs=questions, parameters={'limit': options.limit})
        found = time.perf_counter()

    seconds = indexed - ready
    rates = f'{len(modules) / seconds:,.0f} modules/s, {passages / seconds:,.0f} passages/s'
    print(f'Started the Flow in {ready - begin:.2f} s.')
    print(f'Indexed {len(modules)} modules, {passages:,} passages in {seconds:.2f} s: {rates}.')
    print(f'Questions: {len(questions)}, answered in {found - indexed:.2f} s.')
    show(hits)


if __name__ == '__main__':
    main()

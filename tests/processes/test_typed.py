"""Typed documents through processes: Executors with and without types, clients of both kinds, and what does not fit."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docarray import BaseDoc, DocList
from docarray.documents import TextDoc
from docarray.typing import NdArray

from mproc_flow import AsyncFlow, Document, DocumentArray, Executor, Flow, requests
from mproc_flow.errors import BadClient, BadOption, BadServer, FlowTopologyError, RuntimeFailToStart
from tests.support.programs import Programs


class Embedded(BaseDoc):
    text: str
    vector: NdArray
    norm: float = 0.0


class Ranked(BaseDoc):
    text: str
    score: float


class Encoder(Executor):
    """Texts become vectors."""

    @requests(on='/encode')
    def encode(self, docs: DocList[TextDoc], **kwargs: Any) -> DocList[Embedded]:
        """One vector for each text."""
        return DocList[Embedded](
            [Embedded(id=doc.id, text=doc.text or '', vector=np.full(3, len(doc.text or ''))) for doc in docs]
        )


class Normer(Executor):
    """Works on one document at a time."""

    @requests(on='/encode')
    async def measure(self, doc: Embedded, **kwargs: Any) -> None:
        """Change it in place."""
        doc.norm = float(doc.vector.sum())


class Plain(Executor):
    """Knows nothing of docarray."""

    @requests(on='/encode')
    def mark(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Look at text and tags."""
        for doc in docs:
            doc.text = f'{doc.text}:{doc.tags["norm"]:g}'

    @requests(on='/loaded')
    def loaded(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Tell what this process has loaded."""
        docs[0].tags['loaded'] = sorted({'docarray', 'pydantic'} & set(sys.modules))


class Ranker(Executor):
    """Wants what no encoder gives."""

    @requests(on='/encode')
    def rank(self, docs: DocList[Ranked], **kwargs: Any) -> DocList[Ranked]:
        """Never called."""
        return docs


MODULE = """
from docarray import BaseDoc, DocList
from docarray.documents import TextDoc
from mproc_flow import Executor, requests


class Ranked(BaseDoc):
    text: str
    score: float


class Encoder(Executor):
    @requests(on='/encode')
    def encode(self, docs: DocList[TextDoc], **kwargs) -> DocList[TextDoc]:
        return docs


class Ranker(Executor):
    @requests(on='/encode')
    def rank(self, docs: DocList[Ranked], **kwargs) -> DocList[Ranked]:
        return docs


class Scorer(Executor):
    @requests(on='/encode')
    def score(self, docs: DocList[TextDoc], **kwargs) -> DocList[Ranked]:
        return DocList[Ranked]([Ranked(text=doc.text, score=len(doc.text)) for doc in docs])
"""

UNTYPED_SCRIPT = """
import sys
from mproc_flow import Document, Executor, Flow, requests


class Plain(Executor):
    @requests
    def work(self, docs: 'DocumentArray', **kwargs) -> 'DocumentArray':
        docs[0].tags['loaded'] = sorted({'docarray', 'pydantic'} & set(sys.modules))


with Flow(start_method=sys.argv[1], quiet=True).add(uses=Plain) as f:
    print(f.post('/', Document())[0].tags['loaded'], sorted({'docarray', 'pydantic'} & set(sys.modules)))
"""

IN_MAIN = """
import sys
from docarray import BaseDoc, DocList
from docarray.typing import NdArray
from pydantic import BaseModel
from mproc_flow import Executor, Flow, requests


class Word(BaseDoc):
    text: str


class Found(BaseDoc):
    words: DocList[Word]
    vector: NdArray | None = None
    first: Word | None = None


class Size(BaseModel):
    size: int = 2


class Splitter(Executor):
    @requests(on='/split')
    def split(self, docs: 'DocList[Word]', parameters: 'Size', **kwargs) -> 'DocList[Found]':
        return DocList[Found]([
            Found(id=doc.id, words=DocList[Word]([Word(text=text) for text in doc.text.split()][:parameters.size]))
            for doc in docs
        ])


class First(Executor):
    @requests(on='/split')
    def first(self, doc: 'Found', **kwargs) -> 'Found':
        doc.first = doc.words[0]
        return doc


with Flow(start_method=sys.argv[1], quiet=True).add(uses=Splitter).add(uses=First) as f:
    found = f.post('/split', Word(text='a b c'), parameters={'size': int(sys.argv[2])}, return_type=Found)
    print(type(found) is Found, found.words.text, found.first.text)
"""


@pytest.fixture
def module(tmp_path: Path) -> str:
    """A file with typed Executors, which this process does not load."""
    path = tmp_path / 'typed_of_the_test.py'
    path.write_text(MODULE)
    return str(path)


def chain(start_method: str, kind: Any = Flow) -> Any:
    """Typed, typed, untyped."""
    return kind(start_method=start_method).add(uses=Encoder).add(uses=Normer).add(uses=Plain, replicas=2)


def test_typed_and_untyped_executors_and_clients(start_method: str) -> None:
    """Each gets what it understands, in whatever order they stand."""
    with chain(start_method) as f:
        texts = DocList[TextDoc]([TextDoc(text='ab'), TextDoc(text='c')])
        found = f.post('/encode', inputs=texts, return_type=DocList[Embedded], request_size=1, results_in_order=True)
        assert type(found) is type(DocList[Embedded]())
        assert [(doc.text, doc.norm, doc.vector.tolist()) for doc in found] == [
            ('ab:6', 6.0, [2.0] * 3),
            ('c:3', 3.0, [1.0] * 3),
        ]
        assert found.id == texts.id
        one = f.post('/encode', inputs=texts[0], return_type=Embedded)
        assert type(one) is Embedded
        (doc,) = f.post('/encode', inputs='abc')
        assert (doc.text, doc.tags['norm'], doc.tags['vector'].tolist()) == ('abc:9', 9.0, [3.0] * 3)
        assert type(doc) is Document


def test_responses_and_callbacks_get_them_too() -> None:
    """Wherever Documents are given, typed documents are."""
    with chain('fork') as f:
        seen: list[Any] = []
        f.post('/encode', TextDoc(text='ab'), on_done=lambda response: seen.append(response.docs), return_type=Embedded)
        (response,) = f.post('/encode', TextDoc(text='ab'), return_responses=True, return_type=Embedded)
        assert [type(docs[0]) for docs in (*seen, response.docs)] == [Embedded, Embedded]
        assert response.to_dict()['data'][0]['text'] == 'ab:6'


def test_an_asynchronous_client(start_method: str) -> None:
    """Awaited and as they come."""

    async def main() -> None:
        async with chain(start_method, AsyncFlow) as f:
            found = await f.post('/encode', DocList[TextDoc]([TextDoc(text='ab')]), return_type=DocList[Embedded])
            assert found.norm == [6.0]
            async for docs in f.post('/encode', TextDoc(text='c'), return_type=DocList[Embedded]):
                assert [type(doc) for doc in docs] == [Embedded]

    asyncio.run(main())


def test_what_does_not_fit_fails_that_request_only(start_method: str) -> None:
    """With Document and field in the message; the next request works."""
    with chain(start_method) as f:
        with pytest.raises(BadServer, match=r'Document 0 \(wrong\) cannot become TextDoc: field url: .*\(it is 5\)'):
            f.post('/encode', Document(id='wrong', text='a', tags={'url': 5}))
        with pytest.raises(BadClient, match=r'Document 0 \(.*\) cannot become Ranked: field score: Field required'):
            f.post('/encode', 'a', return_type=Ranked)
        assert f.post('/encode', 'a')[0].text == 'a:3'


def test_a_mismatch_is_refused_before_any_process_starts(start_method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both Executors, the endpoint and the field are named."""
    monkeypatch.setattr('mproc_flow.run.Supervision', None)  # there would be no way to start any
    f = Flow(start_method=start_method).add(uses=Encoder, name='encoder').add(uses=Ranker, name='ranker')
    with pytest.raises(FlowTopologyError) as caught:
        f.start()
    assert str(caught.value) == (
        "Flow: at endpoint '/encode', what 'encoder' gives does not fit what 'ranker' takes: "
        "Embedded has no field 'score', which Ranked requires"
    )


@pytest.mark.parametrize('uses', ['Encoder', Encoder], ids=['both by name', 'one by name'])
def test_a_mismatch_of_classes_that_only_pods_load(start_method: str, module: str, uses: Any) -> None:
    """Found out when all are ready; then everything is down again, which the audit sees."""
    f = Flow(start_method=start_method).add(uses=uses, name='encoder', py_modules=[module] if uses == 'Encoder' else ())
    f = f.add(uses='Ranker', name='ranker', replicas=2, py_modules=[module])
    with pytest.raises(RuntimeFailToStart) as caught:
        f.start()
    (failure,) = caught.value.failures
    assert failure.pod == 'ranker/rep-0'
    gives = 'TextDoc' if uses == 'Encoder' else 'Embedded'
    assert failure.cause == (
        "at endpoint '/encode', what 'encoder' gives does not fit what 'ranker' takes: "
        f"{gives} has no field 'score', which Ranked requires"
    )


def test_classes_that_only_pods_load_and_that_fit(module: str) -> None:
    """They start and work."""
    f = Flow().add(uses='Scorer', py_modules=[module]).add(uses='Ranker', py_modules=[module], shards=2, polling='all')
    with f:
        found = f.post('/encode', ['ab', 'c'], return_type=DocList[Ranked])
        assert sorted(found.score) == [1.0, 2.0]


def test_annotations_that_cannot_be_looked_up() -> None:
    """Refused at the start, with the method's name."""

    class Local(BaseDoc):
        text: str

    class Lost(Executor):
        @requests
        def work(self, docs: DocList[Local], **kwargs: Any) -> None:
            """Cannot be found: the names of a function are not among the globals."""

    with pytest.raises(BadOption, match=r"Lost\.work: annotation DocList\[Local\] of 'docs': it cannot be looked up"):
        Flow().add(uses=Lost).start()


def test_classes_of_main(programs: Programs, start_method: str) -> None:
    """Documents, parameters and Executors of a script, with annotations that are text, and no main guard."""
    program = programs.script(IN_MAIN, start_method, '2')
    assert program.wait(20) == 0, program.text
    assert program.texts('out') == ["True ['a', 'b'] a"], program.text


def test_who_does_not_use_docarray_does_not_load_it(programs: Programs, start_method: str) -> None:
    """Neither the program nor its pods, though it is installed."""
    program = programs.script(UNTYPED_SCRIPT, start_method)
    assert program.wait(15) == 0, program.text
    assert program.texts('out') == ['[] []'], program.text

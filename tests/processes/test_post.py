"""Every form of inputs with every option of post() that applies, against plain-Python expectations.

``expected()`` is the model: what a Flow of one Executor that marks texts, and fails for those that begin with ``bad``,
answers. The synchronous and the asynchronous client are held against the same table.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from mproc_flow import AsyncFlow, Document, DocumentArray, Executor, Flow, requests
from mproc_flow.errors import BadClientCallback, BadClientInput, BadServer, SerializationError
from mproc_flow.model.request import Response

WORDS = ['a', 'b', 'bad 1', 'c', 'd', 'bad 2', 'e']


class Marker(Executor):
    """Marks what it gets; a text that begins with ``bad`` fails its request."""

    @requests
    def mark(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        """Show content, endpoint's parameters and the size of the request in the text."""
        for doc in docs:
            if (doc.text or '').startswith('bad'):
                raise ValueError(f'cannot do {doc.text}')
            doc.text = f'{content(doc)}{parameters.get("mark", "!")}'
            doc.tags['size'] = len(docs)


def content(doc: Document) -> str:
    """What a Document holds, as text."""
    if doc.text is None and doc.tensor is not None:
        return str(np.asarray(doc.tensor).tolist())
    return doc.text or (doc.blob or b'').decode()


async def awaited(items: list[Any]) -> AsyncIterator[Any]:
    """The items, each after a turn of the loop."""
    for item in items:
        await asyncio.sleep(0)
        yield item


def documents() -> list[Document]:
    return [Document(text=word) for word in WORDS]


# A form of inputs: what makes them anew, and the contents they stand for.
FORMS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    'None': (lambda: None, []),
    'empty list': (list, []),
    'Document': (lambda: Document(text='a'), ['a']),
    'list of Documents': (documents, WORDS),
    'tuple': (lambda: tuple(documents()), WORDS),
    'DocumentArray': (lambda: DocumentArray(documents()), WORDS),
    'str': (lambda: 'abc', ['abc']),
    'list of str': (lambda: list(WORDS), WORDS),
    'bytes': (lambda: b'abc', ['abc']),
    'list of bytes': (lambda: [b'a', b'bc'], ['a', 'bc']),
    'dict': (lambda: {'text': 'a'}, ['a']),
    'list of dicts': (lambda: [{'text': word} for word in WORDS], WORDS),
    'ndarray': (lambda: np.arange(6).reshape(3, 2), ['[0, 1]', '[2, 3]', '[4, 5]']),
    'list of arrays': (lambda: [np.arange(2), np.arange(1)], ['[0, 1]', '[0]']),
    'vector': (lambda: np.arange(3), ['0', '1', '2']),
    'generator': (lambda: (doc for doc in documents()), WORDS),
    'mixed': (lambda: iter(['a', Document(text='b'), b'c', {'text': 'd'}, np.arange(2)]), [*'abcd', '[0, 1]']),
    'function': (lambda: documents, WORDS),
    'generator function': (lambda: lambda: iter(WORDS), WORDS),
    'async generator': (lambda: awaited(WORDS), WORDS),
    'async generator function': (lambda: lambda: awaited(documents()), WORDS),
}


class Answered(NamedTuple):
    """How one request ended: texts, and whether it failed."""

    texts: list[str]
    failed: bool


def expected(words: list[str], size: int, mark: str = '!') -> list[Answered]:
    """The answers to a call, one for each request."""
    words_of = iter(words)
    parts = list(iter(lambda: list(itertools.islice(words_of, size or len(words) + 1)), [])) or [[]]
    bad = [any(word.startswith('bad') for word in part) for part in parts]
    return [
        Answered(part if failed else [word + mark for word in part], failed)
        for part, failed in zip(parts, bad, strict=True)
    ]


def answered(response: Response) -> Answered:
    """The same of a Response."""
    return Answered([content(doc) for doc in response.docs], response.header.status.code != 0)


@pytest.fixture(scope='module', autouse=True)
def flows(marked: None) -> Iterator[tuple[Flow, AsyncFlow]]:
    """Both kinds of Flow, for all tests here; each has a connection already, which the audit would take for a leak."""
    f, g = Flow(quiet=True), AsyncFlow(quiet=True)
    with f.add(uses=Marker, replicas=2) as f, g.add(uses=Marker, replicas=2) as g:
        f.post('/')
        asyncio.run(g.post('/'))
        yield f, g


Post = Callable[..., Any]


def joined(found: Iterable[Any], options: dict[str, Any]) -> Any:
    """Put together what was given one by one."""
    return list(found) if options.get('return_responses') else DocumentArray(itertools.chain(*found))


@pytest.fixture(params=['sync', 'stream', 'async', 'async-for', 'async-stream'])
def post(request: pytest.FixtureRequest, flows: tuple[Flow, AsyncFlow]) -> Post:
    """post() of a running Flow: synchronous, awaited, and iterated over."""
    kind = request.param
    f, g = flows
    if kind == 'sync':
        return f.post
    if kind == 'stream':
        return lambda *args, **options: joined(f.post(*args, stream=True, **options), options)

    async def run(*args: Any, **options: Any) -> Any:
        if kind == 'async':
            return await g.post(*args, **options)
        answers = g.post(*args, stream=kind == 'async-stream', **options)
        return joined([answer async for answer in answers], options)

    return lambda *args, **options: asyncio.run(run(*args, **options))


@pytest.mark.parametrize('size', [1, 2, 100, 0])
@pytest.mark.parametrize('form', FORMS)
def test_every_form_of_inputs(post: Post, form: str, size: int) -> None:
    """In requests of every size; errors are collected with their Documents, and what is good is returned in order."""
    make, words = FORMS[form]
    failed: list[Response] = []
    docs = post('/', make(), request_size=size, results_in_order=True, on_error=failed.append)
    answers = expected(words, size)
    assert [doc.text for doc in docs] == [text for answer in answers if not answer.failed for text in answer.texts]
    assert [answered(response) for response in failed] == [answer for answer in answers if answer.failed]
    assert all(response.header.status.exception.name == 'ValueError' for response in failed)  # type: ignore[union-attr]


@pytest.mark.parametrize('in_order', [True, False])
@pytest.mark.parametrize('prefetch', [None, 1, 3, 0])
@pytest.mark.parametrize('form', ['list of str', 'generator', 'async generator function', 'ndarray', 'None'])
def test_options_do_not_change_what_is_answered(post: Post, form: str, prefetch: int | None, in_order: bool) -> None:
    """Whatever is under way at once; in the order of the inputs if asked for, and each once anyway."""
    make, words = FORMS[form]
    responses = post(
        '/',
        make(),
        parameters={'mark': '?'},
        request_size=2,
        prefetch=prefetch,
        results_in_order=in_order,
        return_responses=True,
        on_error=lambda response: None,
        target_executor='executor0',
        timeout=30,
        max_attempts=2,
    )
    found, wanted = [answered(response) for response in responses], expected(words, 2, '?')
    assert found == wanted if in_order else sorted(found) == sorted(wanted)
    assert all(response.header.target_executor == 'executor0' for response in responses)


@pytest.mark.parametrize('form', ['list of str', 'generator', 'async generator'])
def test_callbacks_get_every_answer(post: Post, form: str) -> None:
    """Each by its kind, and on_always all."""
    make, words = FORMS[form]
    done: list[Answered] = []
    failed: list[Answered] = []
    always: list[Answered] = []
    post(
        '/',
        make(),
        lambda response: done.append(answered(response)),
        lambda response: failed.append(answered(response)),
        lambda response: always.append(answered(response)),
        request_size=2,
        results_in_order=True,
    )
    answers = expected(words, 2)
    assert always == answers
    assert done == [answer for answer in answers if not answer.failed]
    assert failed == [answer for answer in answers if answer.failed]


def test_an_error_nobody_takes_is_raised(post: Post) -> None:
    """With the remote traceback; what comes after it is not answered, and the Flow goes on."""
    with pytest.raises(BadServer, match='cannot do bad 1') as caught:
        post('/', WORDS, request_size=1, results_in_order=True)
    assert 'raise ValueError' in str(caught.value.__cause__)
    assert [doc.text for doc in post('/', 'a')] == ['a!']


def test_going_on_after_errors_is_logged(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each request that failed."""
    docs = post('/', WORDS, request_size=1, continue_on_error=True, results_in_order=True)
    assert [doc.text for doc in docs] == ['a!', 'b!', 'c!', 'd!', 'e!']
    assert [record.message.count('cannot do bad') for record in caplog.records if 'posting' in record.name] == [1, 1]


def raising(error: Exception) -> Iterator[str]:
    yield 'a'
    yield 'b'
    raise error


async def raising_async(error: Exception) -> AsyncIterator[str]:
    for item in raising(error):
        yield item


@pytest.mark.parametrize('make', [raising, raising_async])
def test_what_inputs_raise_goes_to_the_caller(post: Post, make: Callable[[Exception], Any]) -> None:
    """As it is, whatever has been sent before; also with continue_on_error and callbacks for errors."""
    problem = KeyError('mine')
    for options in ({}, {'continue_on_error': True}, {'on_error': print}):
        with pytest.raises(KeyError) as caught:
            post('/', make(problem), request_size=1, **options)
        assert caught.value is problem
    assert [doc.text for doc in post('/', 'a')] == ['a!']


UNSENDABLE: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    'an item': (['a', 5], {}, BadClientInput, r'inputs\[1\]: a value of type int cannot become a Document'),
    'inputs': (5, {}, BadClientInput, 'inputs: a value of type int cannot be turned into Documents'),
    'a field': ([Document(id='x', text=5)], {}, SerializationError, r"Document 0 \('x'\), field text: a str is needed"),
    'a tag': (Document(id='x', tags={'k': {1, 2}}), {}, SerializationError, r"field tags\['k'\]: a value of type set"),
    'a parameter': ('a', {'k': object()}, SerializationError, r"parameters\['k'\]: a value of type object"),
    'a key': ('a', {5: 1}, SerializationError, 'the names of parameters are str, not int'),
    'no dict': ('a', ['k'], BadClientInput, 'parameters are a dict, not a value of type list'),  # type: ignore[dict-item]
}


@pytest.mark.parametrize('what', UNSENDABLE)
def test_what_cannot_travel_is_refused_by_name(post: Post, what: str) -> None:
    """Nothing half-sent goes unnoticed."""
    inputs, parameters, kind, message = UNSENDABLE[what]
    with pytest.raises(kind, match=message):
        post('/', inputs, parameters=parameters, continue_on_error=True)


def test_a_callback_that_raises_is_raised_or_logged(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """It is told apart from what a request raised."""

    def bad(response: Response) -> None:
        raise KeyError('mine')

    with pytest.raises(BadClientCallback, match="KeyError: 'mine'"):
        post('/', 'a', on_done=bad)
    post('/', 'a', on_done=bad, continue_on_error=True)
    assert "KeyError: 'mine'; going on" in caplog.text


def test_progress_is_drawn_on_stderr(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    """Also while requests fail."""
    post('/', WORDS, request_size=1, show_progress=True, on_error=lambda response: None)
    printed = capsys.readouterr().err
    assert '7/7' in printed
    assert '2 failed' in printed


def test_ints_stay_ints(post: Post) -> None:
    """In parameters, tags and results."""
    docs = post('/', Document(text='a', tags={'n': 1, 'x': 1.0, 'big': 1 << 70}))
    tags = docs[0].tags
    assert [(tags[key], type(tags[key])) for key in ('n', 'x', 'big')] == [(1, int), (1.0, float), (1 << 70, int)]

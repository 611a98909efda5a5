"""From the frames of a piece of work to a method and back: arguments, return values, and endpoints nobody answers."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from mproc_flow.errors import SerializationError
from mproc_flow.executor import Executor, requests
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.runtime.messages import Command
from mproc_flow.runtime.stopping import Stopping
from mproc_flow.topology.plan import Route
from mproc_flow.transport.frames import Part, Work
from mproc_flow.transport.pipe import Pipe, pair
from tests.support.pod import called, called_async

RESULTS = '__results__'

ROUTE = Route('enc', ('gateway',), (('enc/rep-0',),), target='enc')


class Working(Executor):
    """One method for each way to return."""

    seen: Any = None

    @requests(on='/in-place')
    def in_place(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs[0].text = 'changed'
        docs.append(Document(id='new'))

    @requests(on='/replace')
    def replace(self, docs: DocumentArray, **kwargs: Any) -> DocumentArray:
        return DocumentArray([Document(id='other')])

    @requests(on='/dict')
    def as_dict(self, docs: DocumentArray, **kwargs: Any) -> dict[str, Any]:
        docs[0].text = 'changed too'
        return {'count': len(docs)}

    @requests(on='/return')
    def give_back(self, parameters: dict[str, Any]) -> Any:
        return {'list': [1], 'text': 'x', 'doc': Document(), 'number': 0, 'false': False, 'docs': [Document()]}[
            parameters['what']
        ]

    @requests(on='/raise')
    def fail(self, **kwargs: Any) -> None:
        raise ValueError('mine')

    @requests(on='/parameters')
    def look(self, parameters: dict[str, Any]) -> None:
        self.seen = dict(parameters)
        parameters['added'] = 1

    @requests(on='/nothing')
    def takes_nothing(self) -> None:
        self.seen = 'called'

    @requests(on='/everything')
    def takes_everything(self, **kwargs: Any) -> None:
        self.seen = kwargs

    @requests(on='/unsendable')
    def unsendable(self, docs: DocumentArray) -> None:
        docs[0].tags['bad'] = object()


class Falling(Executor):
    """Has a default method."""

    @requests
    def fall(self, **kwargs: Any) -> dict[str, str]:
        return {'by': 'default'}

    @requests(on='/own')
    def own(self, **kwargs: Any) -> dict[str, str]:
        return {'by': 'own'}


class Async(Executor):
    """Methods of both kinds."""

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.in_call: list[bool] = []

    @requests(on='/async')
    async def wait(self, docs: DocumentArray) -> dict[str, int]:
        self.in_call.append(self.stopping.in_call)
        await asyncio.sleep(0)
        self.in_call.append(self.stopping.in_call)
        return {'async': 1}

    @requests(on='/plain')
    def plain(self, docs: DocumentArray) -> dict[str, int]:
        self.in_call.append(self.stopping.in_call)
        return {'plain': 1}

    @requests(on='/raise')
    def fail(self, **kwargs: Any) -> None:
        raise ValueError('mine')


def part(*ids: str, **parameters: Any) -> Part:
    """A part with these Documents and parameters."""
    return encode([Document(id=name) for name in ids], parameters)


def call(executor: Executor, endpoint: str, *parts: Part) -> tuple[DocumentArray, dict[str, Any]]:
    """Do a piece of work for Deployment enc."""
    return decode(called(Dispatcher(executor, 'enc/rep-0', ROUTE), Work(0, endpoint), parts))


def seen(endpoint: str = '/parameters', **parameters: Any) -> Any:
    """The parameters as Executor enc sees them."""
    executor = Working()
    call(executor, endpoint, part('a', **parameters))
    return executor.seen


def test_none_lets_the_documents_go_on_as_they_are_now() -> None:
    docs, parameters = call(Working(), '/in-place', part('a', 'b', x=1))
    assert [(doc.id, doc.text) for doc in docs] == [('a', 'changed'), ('b', None), ('new', None)]
    assert parameters == {'x': 1}


def test_an_array_replaces_them() -> None:
    docs, parameters = call(Working(), '/replace', part('a', 'b', x=1))
    assert [doc.id for doc in docs] == ['other']
    assert parameters == {'x': 1}


def test_a_dict_is_filed_under_the_name_of_the_pod() -> None:
    docs, parameters = call(Working(), '/dict', part('a', x=1))
    assert docs[0].text == 'changed too'
    assert parameters == {'x': 1, RESULTS: {'enc/rep-0': {'count': 1}}}


def test_a_dict_joins_the_results_of_other_pods() -> None:
    _, parameters = call(Working(), '/dict', part('a', **{RESULTS: {'old/rep-0': {'y': 2}, 'enc/rep-0': {'z': 3}}}))
    assert parameters == {RESULTS: {'old/rep-0': {'y': 2}, 'enc/rep-0': {'count': 1}}}


@pytest.mark.parametrize(
    ('what', 'type_name'),
    [('list', 'list'), ('text', 'str'), ('doc', 'Document'), ('number', 'int'), ('false', 'bool'), ('docs', 'list')],
)
def test_anything_else_is_an_error_that_names_the_method(what: str, type_name: str) -> None:
    with pytest.raises(TypeError, match=rf'Working\.give_back returned {type_name}; an Executor method returns'):
        call(Working(), '/return', part(what=what))


def test_an_error_of_the_method_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match='mine'):
        call(Working(), '/raise', part())


def test_an_answer_that_cannot_travel_is_an_error() -> None:
    with pytest.raises(SerializationError, match='bad'):
        call(Working(), '/unsendable', part('a'))


def test_an_endpoint_that_no_method_answers_changes_nothing() -> None:
    docs, parameters = call(Working(), '/unknown', part('a', 'b', x=1))
    assert [doc.id for doc in docs] == ['a', 'b']
    assert parameters == {'x': 1}


def test_the_default_method_answers_what_no_other_does() -> None:
    for endpoint, by in (('/own', 'own'), ('/x', 'default'), ('/default', 'default'), ('', 'default')):
        assert call(Falling(), endpoint, part('a'))[1] == {RESULTS: {'enc/rep-0': {'by': by}}}


def test_several_parts_are_merged_in_their_order() -> None:
    docs, parameters = call(Working(), '/in-place', part('a', x=1), part('b', 'a', y=2))
    assert [doc.id for doc in docs] == ['a', 'b', 'new']
    assert parameters == {'x': 1}


def test_a_method_gets_what_it_takes() -> None:
    assert seen('/nothing') == 'called'
    everything = seen('/everything', x=1)
    assert sorted(everything) == ['docs', 'docs_map', 'docs_matrix', 'parameters']
    assert type(everything['docs']) is DocumentArray
    assert everything['parameters'] == {'x': 1}


def test_parameters_for_everybody() -> None:
    assert seen(x=1, deep={'a': [1]}) == {'x': 1, 'deep': {'a': [1]}}


def test_parameters_addressed_to_an_executor_are_for_it_alone() -> None:
    assert seen(enc__x=5, other__x=6, y=1) == {'x': 5, 'y': 1}
    assert seen(enc__x__y=5) == {'x__y': 5}
    assert seen(enc2__x=5, en__x=6) == {}


def test_an_address_by_a_dict() -> None:
    assert seen(enc={'z': 9}) == {'enc': {'z': 9}, 'z': 9}
    assert seen(enc={'z': 9}, z=1)['z'] == 9
    assert seen(enc=5) == {'enc': 5}
    assert seen(other={'z': 9}) == {'other': {'z': 9}}


def test_names_that_only_look_like_addresses() -> None:
    assert seen(_x=1, x_=2, a_b=3) == {'_x': 1, 'x_': 2, 'a_b': 3}
    assert seen(__x=1) == {'__x': 1}
    results = {'old/rep-0': {'y': 2}}
    assert seen(**{RESULTS: results}) == {RESULTS: results}


def test_an_executor_whose_name_has_two_underscores_can_be_addressed() -> None:
    executor = Working()
    called(
        Dispatcher(executor, 'my__enc/rep-0', Route('my__enc', ('gateway',), target='my__enc')),
        Work(0, '/parameters'),
        [part(my__enc__x=5, my__x=6)],
    )
    assert executor.seen == {'x': 5}


def test_what_a_method_does_to_its_parameters_is_its_own_affair() -> None:
    assert call(Working(), '/parameters', part('a', x=1))[1] == {'x': 1}


def test_the_parameters_go_on_with_their_addresses() -> None:
    given = {'enc__x': 5, 'other__x': 6, 'enc': {'z': 9}}
    assert call(Working(), '/in-place', part('a', **given))[1] == given


def test_what_an_executor_answers() -> None:
    dispatcher = Dispatcher(Falling(), 'enc/rep-0', ROUTE)
    assert sorted(dispatcher.endpoints) == ['/default', '/own']
    assert not dispatcher.is_async


@pytest.fixture
def stopping() -> Any:
    """What an asynchronous worker tells of its calls."""
    ours, theirs = pair()
    made = Stopping(Pipe(ours, Command))
    yield made
    ours.close()
    theirs.close()
    os.close(made._reader)
    os.close(made._writer)


@pytest.mark.parametrize(
    ('endpoint', 'kind', 'in_call'), [('/async', 'async', [False, False]), ('/plain', 'plain', [True])]
)
def test_methods_of_both_kinds(stopping: Stopping, endpoint: str, kind: str, in_call: list[bool]) -> None:
    executor = Async(stopping)
    dispatcher = Dispatcher(executor, 'enc/rep-0', ROUTE)
    assert dispatcher.is_async
    answer = asyncio.run(called_async(dispatcher, Work(0, endpoint), [part('a')], stopping))
    assert decode(answer)[1] == {RESULTS: {'enc/rep-0': {kind: 1}}}
    assert executor.in_call == in_call
    assert not stopping.in_call


def test_a_plain_call_that_raises_is_no_call_any_more(stopping: Stopping) -> None:
    dispatcher = Dispatcher(Async(stopping), 'enc/rep-0', ROUTE)
    with pytest.raises(ValueError, match='mine'):
        asyncio.run(called_async(dispatcher, Work(0, '/raise'), [part('a')], stopping))
    assert not stopping.in_call

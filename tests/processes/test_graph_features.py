"""What a graph can do beside chains and joins: shards, inspectors, floating Executors, targets, apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mproc_flow import Document, DocumentArray, Executor, Flow, requests
from mproc_flow.errors import BadClient, BadServer
from tests.support.executors import Echo, Recorded, Slow, notes
from tests.support.waiting import eventually, within


class Shard(Executor):
    """Tells in which shard it is."""

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Change the Documents in place."""
        for doc in docs:
            doc.text = f'{doc.text}{self.runtime_args.shard_id}'
            doc.tags[f'shard{self.runtime_args.shard_id}'] = self.runtime_args.shards


class Tell(Executor):
    """Tells what it was given apart."""

    @requests
    def work(self, docs: DocumentArray, docs_matrix: Any, docs_map: dict[str, DocumentArray]) -> dict[str, Any]:
        """Return the texts."""
        return {
            'docs': [doc.text for doc in docs],
            'matrix': None if docs_matrix is None else [[doc.text for doc in part] for part in docs_matrix],
            'map': {name: [doc.text for doc in part] for name, part in docs_map.items()},
        }


def texts(docs: DocumentArray) -> list[str]:
    """The texts of Documents."""
    return [doc.text for doc in docs]


def told(f: Flow, pod: str, inputs: Any) -> Any:
    """What a Tell in this pod returned."""
    (response,) = f.post('/', inputs, return_responses=True)
    return response.parameters['__results__'][pod]


def test_one_shard_after_the_other_gets_a_request_and_all_are_searched(start_method: str) -> None:
    """By default requests go to one shard in turn, but /search goes to all and brings their results together."""
    with Flow(start_method=start_method).add(name='s', uses=Shard, shards=3, replicas=2) as f:
        assert [status.name for status in f.pods] == [
            *(f's/shard-{shard}/rep-{replica}' for shard in range(3) for replica in range(2)),
            'gateway',
        ]
        docs = f.post('/index', [Document(text='') for _ in range(9)], request_size=1)
        assert Counter(texts(docs)) == {'0': 3, '1': 3, '2': 3}
        (doc,) = f.post('/search', Document(text=''))
        assert doc.text == '0'


@pytest.mark.parametrize(
    ('polling', 'asked'),
    [
        ('ALL', {'/': 3, '/index': 1, '/search': 3, '/x': 3}),
        ({'/index': 'ALL', '*': 'ANY'}, {'/': 1, '/index': 3, '/search': 3}),
        ({'/search': 'any', '/x': 'all'}, {'/': 1, '/search': 1, '/x': 3}),
    ],
)
def test_polling_says_which_shards_are_asked(polling: Any, asked: dict[str, int]) -> None:
    """For all endpoints or for each."""
    with Flow().add(uses=Shard, shards=3, polling=polling, uses_after=Tell, name='s') as f:
        for endpoint, count in asked.items():
            (response,) = f.post(endpoint, Document(), return_responses=True)
            assert len(response.parameters['__results__']['s/uses_after-0']['docs']) == count


def test_before_and_after_the_shards(start_method: str) -> None:
    """uses_before works on what goes to the shards, uses_after gets each shard's answer apart."""
    f = Flow(start_method=start_method, uses_with={})
    f = f.add(name='s', uses=Shard, shards=2, polling='ALL', uses_before=Mark, uses_after=Tell)
    with f:
        assert [status.name for status in f.pods] == [
            's/uses_before-0',
            's/shard-0/rep-0',
            's/shard-1/rep-0',
            's/uses_after-0',
            'gateway',
        ]
        assert told(f, 's/uses_after-0', [Document(text='a'), Document(text='b')]) == {
            'docs': ['a!0', 'b!0', 'a!1', 'b!1'],
            'matrix': [['a!0', 'b!0'], ['a!1', 'b!1']],
            'map': {'s/shard-0': ['a!0', 'b!0'], 's/shard-1': ['a!1', 'b!1']},
        }


class Mark(Executor):
    """Marks every text."""

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Change the Documents in place."""
        for doc in docs:
            doc.text += '!'


def test_branches_meet_united_or_apart(start_method: str) -> None:
    """A join unites by id in the order of needs; with disable_reduce the Executor gets each branch."""
    f = Flow(start_method=start_method)
    f = f.add(name='a', uses=Echo, uses_with={'mark': 'A'})
    f = f.add(name='b', uses=Echo, uses_with={'mark': 'B'}, needs='gateway')
    with f.needs(['b', 'a'], name='j', uses=Tell) as united:
        assert told(united, 'j/rep-0', Document(text='x')) == {'docs': ['xB'], 'matrix': [['xB']], 'map': {}}
    with f.needs(['b', 'a', 'gateway'], name='j', uses=Tell, disable_reduce=True) as apart:
        assert told(apart, 'j/rep-0', Document(text='x')) == {
            'docs': ['xB', 'xA', 'x'],
            'matrix': [['xB'], ['xA'], ['x']],
            'map': {'b': ['xB'], 'a': ['xA'], 'gateway': ['x']},
        }
        assert told(apart, 'j/rep-0', None)['matrix'] is None


def test_a_join_that_only_unites_has_no_process(start_method: str) -> None:
    """needs() and needs_all() without options are steps of the gateway."""
    f = Flow(start_method=start_method).add(name='a', uses=Echo, uses_with={'mark': 'A'})
    f = f.add(name='b', uses=Echo, uses_with={'mark': 'B'}, needs='gateway').needs_all()
    with f.add(uses=Mark) as f:
        assert len(f.pods) == 4
        assert texts(f.post('/', Document(text='x'))) == ['xA!']


def test_nobody_waits_for_a_floating_executor(start_method: str, record: str) -> None:
    """The answer comes before it is done, its result and its errors are nobody's; close() lets it finish."""
    f = Flow(start_method=start_method).add(name='a', uses=Echo, uses_with={'mark': 'A'})
    f = f.add(name='f', uses=Slow, floating=True, uses_with={'seconds': 1.0, 'record': record})
    f = f.add(name='g', uses=Failing, floating=True).add(name='b', uses=Echo, uses_with={'mark': 'B'})
    with f:
        with within(0.3, 'an answer beside a floating Executor that needs 1 s'):
            assert texts(f.post('/', Document(text='x'))) == ['xAB']
        eventually(lambda: notes(record, 'begin'), 5, 'the floating Executor works')
        assert not notes(record, 'end')
    assert notes(record, 'end')


class Failing(Recorded):
    """Raises."""

    @requests
    def work(self, **kwargs: Any) -> None:
        """Raise."""
        raise ValueError('on purpose')


def test_an_executor_that_needs_a_floating_one_is_waited_for() -> None:
    """Then its error counts too."""
    f = Flow().add(name='f', uses=Failing, floating=True).add(name='b', needs='f')
    with f, pytest.raises(BadServer, match='on purpose'):
        f.post('/', Document())


@pytest.mark.parametrize(('inspect', 'fails', 'pods'), [('COLLECT', True, 4), ('HANG', False, 4), ('REMOVE', False, 3)])
def test_what_becomes_of_inspectors(inspect: str, fails: bool, pods: int) -> None:
    """COLLECT waits for them, HANG lets them run, REMOVE leaves them out; what comes later never sees their work."""
    f = Flow(inspect=inspect).add(name='a', uses=Echo, uses_with={'mark': 'A'})
    f = f.inspect(name='i', uses=Failing).add(name='b', uses=Echo, uses_with={'mark': 'B'})
    with f:
        assert len(f.pods) == pods
        if fails:
            with pytest.raises(BadServer, match='on purpose'):
                f.post('/', Document(text='x'))
        else:
            assert texts(f.post('/', Document(text='x'))) == ['xAB']


def test_what_inspectors_found_is_part_of_the_answer() -> None:
    """Their results stand beside those of the others."""
    f = Flow().add(name='a', uses=Mark).inspect(name='i', uses=Tell).add(name='b', uses=Mark)
    with f:
        (response,) = f.post('/', Document(text='x'), return_responses=True)
    assert texts(response.docs) == ['x!!']
    assert response.parameters['__results__']['i/rep-0']['docs'] == ['x!']
    f = f.gather_inspect(name='all').add(name='c', uses=Mark)
    with f:
        (response,) = f.post('/', Document(text='x'), return_responses=True)
    assert texts(response.docs) == ['x!!!']
    assert 'i/rep-0' in response.parameters['__results__']


def test_a_target_says_which_executors_are_meant(start_method: str) -> None:
    """Others pass the Documents on as they are."""
    f = Flow(start_method=start_method)
    for name in ('enc1', 'enc2', 'rank'):
        f = f.add(name=name, uses=Echo, uses_with={'mark': name[-1]})
    with f:
        for target, text in [('enc', '12'), ('enc1$', '1'), ('.*k', 'k'), ('nobody', ''), (None, '12k')]:
            assert texts(f.post('/', Document(text=''), target_executor=target)) == [text]
        with pytest.raises(BadClient, match='no regular expression'):
            f.post('/', Document(), target_executor='(')


def test_options_of_the_flow_are_inherited() -> None:
    """Unless an Executor has its own; dicts are merged."""
    f = Flow(replicas=2, uses_with={'mark': 'F'}).add(name='a', uses=Echo)
    f = f.add(name='b', uses=Echo, replicas=1, uses_with={'mark': 'b'})
    with f:
        assert [status.name for status in f.pods] == ['a/rep-0', 'a/rep-1', 'b/rep-0', 'gateway']
        assert texts(f.post('/', Document(text='x'))) == ['xFb']


def test_responses_instead_of_documents_for_the_whole_flow() -> None:
    """return_responses of the Flow is what post() does unless told otherwise."""
    with Flow(return_responses=True).add(uses=Mark) as f:
        (response,) = f.post('/', Document(text='x'))
        assert texts(response.docs) == ['x!']
        assert texts(f.post('/', Document(text='x'), return_responses=False)) == ['x!']

"""Graphs of Executors, under every start method: who gets what, in which order, and who shares the work."""

from __future__ import annotations

from typing import Any

from mproc_flow import Document, DocumentArray, Executor, Flow, requests
from tests.support.contexts import Context, Task
from tests.support.executors import Echo, Slow, notes
from tests.support.flows import pod
from tests.support.waiting import within


def test_an_empty_flow_gives_back_what_it_gets(start_method: str) -> None:
    """A gateway alone: the Documents come back as they were."""
    with Flow(start_method=start_method) as f:
        assert [status.name for status in f.pods] == ['gateway']
        docs = f.post('/', [Document(text='a'), Document(text='b')])
        assert isinstance(docs, DocumentArray)
        assert [doc.text for doc in docs] == ['a', 'b']


def test_a_chain_works_in_every_context(start_method: str, context: Context) -> None:
    """One after the other, in the order of addition; started, used and closed from anywhere."""

    def body() -> str:
        f = Flow(start_method=start_method)
        for mark in 'abc':
            f = f.add(uses=Echo, uses_with={'mark': mark})
        with f:
            return str(f.post('/', Document(text='>'))[0].text)

    assert context.run(body) == '>abc'


def test_fork_and_join(start_method: str) -> None:
    """Two branches get the same input; where they meet, a third sees one Document with the work of both."""
    f = Flow(start_method=start_method).add(uses=Echo, name='first', uses_with={'mark': 'f'})
    f = f.add(uses=Setter, name='left', needs='first', uses_with={'field': 'uri'})
    f = f.add(uses=Setter, name='right', needs='first', uses_with={'field': 'mime_type'})
    f = f.add(uses=Echo, name='join', needs=['left', 'right'], uses_with={'mark': 'j'})
    with f:
        docs = f.post('/', [Document(text='1'), Document(text='2')])
    assert [(doc.text, doc.uri, doc.mime_type) for doc in docs] == [
        ('1fj', 'left/rep-0', 'right/rep-0'),
        ('2fj', 'left/rep-0', 'right/rep-0'),
    ]


class Setter(Executor):
    """Puts its pod's name into one field."""

    def __init__(self, field: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field = field

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Change the Documents in place."""
        for doc in docs:
            setattr(doc, self.field, self.runtime_args.name)


def test_replicas_share_the_work(start_method: str, record: str) -> None:
    """Eight calls of 0.2 s in four replicas: each has some of them, and they run side by side."""
    options = {'seconds': 0.2, 'record': record}
    with Flow(start_method=start_method).add(uses=Slow, replicas=4, uses_with=options) as f:
        with within(3 * 0.2, 'eight calls of 0.2 s in four replicas'):
            docs = f.post('/', [Document() for _ in range(8)], request_size=1)
    assert len(docs) == 8
    by_pid = {pid: sum(note.pid == pid for note in notes(record, 'end')) for pid in {doc.tags['pid'] for doc in docs}}
    assert len(by_pid) == 4
    assert sum(by_pid.values()) == 8


def test_callers_in_many_threads_get_their_own_answers(start_method: str) -> None:
    """Sixteen threads post at once; each gets what it sent, ten times in a row."""
    with Flow(start_method=start_method).add(uses=Echo, replicas=2, uses_with={'mark': '!'}) as f:

        def call(number: int) -> list[str]:
            return [f.post('/', Document(text=f'{number}-{turn}'))[0].text for turn in range(10)]

        tasks = [Task(lambda number=number: call(number)) for number in range(16)]  # type: ignore[misc]
        for number, task in enumerate(tasks):
            assert task.join(30) == [f'{number}-{turn}!' for turn in range(10)]


def test_two_flows_at_once(start_method: str) -> None:
    """Two Flows in one program have their own processes, directories and answers; closing one leaves the other."""
    first = Flow(start_method=start_method).add(uses=Echo, uses_with={'mark': '1'})
    second = Flow(start_method=start_method).add(uses=Echo, uses_with={'mark': '2'})
    with first:
        with second:
            assert first.run_directory != second.run_directory
            assert not {status.pid for status in first.pods} & {status.pid for status in second.pods}
            assert second.post('/', Document(text='x'))[0].text == 'x2'
        assert first.post('/', Document(text='x'))[0].text == 'x1'


def test_a_closed_flow_starts_again(start_method: str, record: str) -> None:
    """Three runs of one Flow: each has new processes, and the Executors are closed in between."""
    f = Flow(start_method=start_method).add(uses=Echo, name='it', uses_with={'record': record})
    pids = set()
    for _ in range(3):
        with f:
            pids.add(pod(f, 'it/rep-0').pid)
            assert len(f.post('/', Document())) == 1
    assert len(pids) == 3
    assert [note.word for note in notes(record)] == ['init', 'close'] * 3


def test_start_methods_mix(record: str) -> None:
    """``add(start_method=)`` wins over the Flow's: one Executor of each kind in one chain."""
    f = Flow(start_method='fork')
    for mark, method in (('f', 'fork'), ('s', 'spawn'), ('v', 'forkserver')):
        f = f.add(uses=Echo, start_method=method, uses_with={'mark': mark, 'record': record})
    with f:
        assert f.post('/', Document(text=''))[0].text == 'fsv'
    assert len(notes(record, 'close')) == 3


def test_add_leaves_the_flow_as_it_was() -> None:
    """add() gives a new Flow; the old one can still be used."""
    short = Flow().add(uses=Echo, uses_with={'mark': 'a'})
    long = short.add(uses=Echo, uses_with={'mark': 'b'})
    with short, long:
        assert short.post('/', Document(text=''))[0].text == 'a'
        assert long.post('/', Document(text=''))[0].text == 'ab'

"""What an Executor can rely on in its process, under every start method."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mproc_flow import Document, DocumentArray, Executor, Flow, errors, requests
from tests.support import proc
from tests.support.contexts import Task
from tests.support.executors import Echo, PoolUser, Returns, Slow, SlowAsync, notes, square
from tests.support.flows import pod
from tests.support.waiting import took


class Show(Executor):
    """Tells what it was given and what it knows of itself."""

    def __init__(self, value: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = value

    @requests(on='/value')
    def show_value(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Describe the value, and prove that it works."""
        works = self.value(3) if callable(self.value) else repr(self.value)
        docs[0].tags.update(kind=type(self.value).__name__, works=works)

    @requests(on='/self')
    def show_self(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Tell name, metas and workspace."""
        args = self.runtime_args
        docs[0].tags.update(
            name=args.name,
            replica=args.replica_id,
            replicas=args.replicas,
            meta=self.metas.name,
            pid=os.getpid(),
            workspace=self.workspace,
        )

    def undecorated(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Only reached through ``uses_requests``."""
        docs[0].text = 'undecorated'


def test_what_a_method_returns(start_method: str) -> None:
    """None: changed in place; a DocumentArray: replaced; a dict: into the parameters of those that come after."""
    with Flow(start_method=start_method).add(uses=Returns, name='first').add(uses=Returns, name='second') as f:
        assert f.post('/none', Document())[0].text == 'in place'
        assert len(f.post('/array', Document())) == 2
        with pytest.raises(errors.BadServer, match='list'):
            f.post('/wrong', Document())
    f = Flow(start_method=start_method).add(uses=Returns, name='first')
    with f.add(uses=Returns, name='second', uses_requests={'/dict': 'parameters'}) as f:
        parameters = f.post('/dict', Document(), parameters={'mine': 1})[0].tags['parameters']
    assert parameters == {'mine': 1, '__results__': {'first/rep-0': {'answer': 42}}}


@pytest.mark.parametrize(
    ('value', 'works'),
    [
        ({'a': [1, (2, 3)], 'b': None}, "{'a': [1, (2, 3)], 'b': None}"),
        (np.arange(3), 'array([0, 1, 2])'),
        (Path('a/b'), "PosixPath('a/b')"),
        (square, 9),
        (lambda number: number + 1, 4),
    ],
    ids=['data', 'array', 'object', 'function', 'lambda'],
)
def test_uses_with_takes_any_value_that_can_travel(start_method: str, value: Any, works: Any) -> None:
    """Not only data: objects, functions and lambdas arrive and work."""
    with Flow(start_method=start_method).add(uses=Show, uses_with={'value': value}) as f:
        tags = f.post('/value', Document())[0].tags
    assert tags == {'kind': type(value).__name__, 'works': works}


def test_uses_requests_binds_anew(start_method: str) -> None:
    """A method gets another endpoint and loses its own; one without a decorator gets one."""
    bindings = {'/renamed': 'show_self', '/plain': 'undecorated'}
    with Flow(start_method=start_method).add(uses=Show, name='it', uses_requests=bindings) as f:
        assert f.post('/renamed', Document())[0].tags['name'] == 'it/rep-0'
        assert f.post('/plain', Document())[0].text == 'undecorated'
        assert f.post('/self', Document())[0].tags == {}


def test_runtime_args_metas_and_workspace(start_method: str, tmp_path: Path) -> None:
    """Each replica knows who it is; they share a workspace, which exists."""
    f = Flow(start_method=start_method, workspace=str(tmp_path))
    with f.add(uses=Show, name='it', replicas=2, uses_metas={'name': 'shop'}) as f:
        pids = {status.name: status.pid for status in f.pods}
        found: dict[str, dict[str, Any]] = {}
        for _ in range(200):
            tags = f.post('/self', Document(), request_size=1)[0].tags
            found[tags['name']] = tags
    for name, tags in found.items():
        assert tags['pid'] == pids[name]
        assert (tags['replica'], tags['replicas'], tags['meta']) == (int(name[-1]), 2, 'shop')
        assert Path(tags['workspace']).is_dir()
        assert Path(tags['workspace']).is_relative_to(tmp_path / 'shop')


def test_async_methods_overlap_and_plain_ones_do_not(start_method: str, record: str) -> None:
    """Four calls of 0.3 s in one process: together if ``async def``, one after the other if plain."""
    for kind, bound in ((SlowAsync, 0.6), (Slow, 1.5)):
        path = f'{record}-{kind.__name__}'
        with Flow(start_method=start_method).add(uses=kind, uses_with={'seconds': 0.3, 'record': path}) as f:
            begun = time.monotonic()
            for call in [Task(lambda f=f: f.post('/', Document())) for _ in range(4)]:  # type: ignore[misc]
                call.join(10)
            took(f'four calls of 0.3 s in one {kind.__name__}', bound, time.monotonic() - begun)
        overlaps = max_overlap(path)
        assert overlaps == (4 if kind is SlowAsync else 1)


def max_overlap(record: str) -> int:
    """How many calls ran at once, at most."""
    running = most = 0
    for note in sorted(notes(record), key=lambda note: note.moment):
        running += {'begin': 1, 'end': -1}.get(note.word, 0)
        most = max(most, running)
    return most


class Fails(Executor):
    """Raises from a function of its own."""

    @requests(on='/plain')
    def plain(self, **kwargs: Any) -> None:
        """Raise."""
        self.divide()

    @requests(on='/async')
    async def asynchronous(self, **kwargs: Any) -> None:
        """Raise later."""
        await asyncio.sleep(0)
        self.divide()

    def divide(self) -> None:
        """Where it happens."""
        raise ZeroDivisionError('by nothing')


@pytest.mark.parametrize('on', ['/plain', '/async'])
def test_an_error_comes_with_its_remote_traceback(start_method: str, on: str) -> None:
    """The caller sees class, message, pod and traceback; the process lives on and serves."""
    with Flow(start_method=start_method).add(uses=Fails, name='bad') as f:
        pid = pod(f, 'bad/rep-0').pid
        with pytest.raises(errors.BadServer, match='ZeroDivisionError: by nothing') as caught:
            f.post(on, Document())
        assert 'bad/rep-0' in str(caught.value)
        assert isinstance(caught.value.__cause__, errors.RemoteTraceback)
        assert 'in divide' in str(caught.value.__cause__)
        assert f.post('/other', Document(text='fine'))[0].text == 'fine'
        assert pod(f, 'bad/rep-0').pid == pid


def test_a_pool_in_an_executor_works_and_ends_with_it(start_method: str, record: str) -> None:
    """A multiprocessing Pool inside a pod computes; no worker of it is left, though nobody closed it."""
    with Flow(start_method=start_method).add(uses=PoolUser, uses_with={'record': record}) as f:
        assert f.post('/', Document())[0].tags['squares'] == [0, 1, 4, 9, 16]
        workers = proc.below(notes(record, 'init')[0].pid, '', 'none')
        assert len(workers) >= 2
    assert not any(proc.alive(worker.pid) for worker in workers)


class Talker(Executor):
    """Says something in every way there is."""

    @requests
    def talk(self, **kwargs: Any) -> None:
        """Say it."""
        print('printed')
        logging.getLogger('my.library').error('logged')
        os.write(2, b'written\n')


def test_what_pods_say_goes_through_the_applications_logging(
    start_method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Prints, raw writes and records arrive in the owner's logging, with pod and pid."""
    with caplog.at_level(logging.INFO), Flow(start_method=start_method).add(uses=Talker, name='it') as f:
        pid = pod(f, 'it/rep-0').pid
        f.post('/', Document())
    lines = [record.getMessage() for record in caplog.records]
    for word in ('printed', 'logged', 'written'):
        assert any(line.startswith(f'it/rep-0[{pid}]') and word in line for line in lines), lines


def test_the_executor_is_closed_once(start_method: str, record: str) -> None:
    """``close()`` runs once in each process, after the last request."""
    with Flow(start_method=start_method).add(uses=Echo, replicas=2, uses_with={'record': record}) as f:
        f.post('/', Document())
        assert not notes(record, 'close')
    assert len({note.pid for note in notes(record, 'close')}) == len(notes(record, 'close')) == 2

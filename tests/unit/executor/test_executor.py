"""What an Executor knows and does by itself, made by hand or as a pod makes it."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mproc_flow.executor import BaseExecutor, Executor, prepare, requests
from mproc_flow.runtime import loader
from mproc_flow.topology.plan import ExecutorSpec, PodSpec

BASE = 'JINA_DEFAULT_WORKSPACE_BASE'


class Plain(Executor):
    """Takes nothing in its constructor."""

    @requests(on='/name')
    def name(self, docs: Any = None, parameters: Any = None) -> Any:
        return self.metas.name, docs, parameters

    @requests
    def anything(self, **kwargs: Any) -> Any:
        return sorted(kwargs)


class NoSuper(Executor):
    """Does not call super().__init__(), and takes no ``**kwargs``."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.seen_name = self.metas.name
        self.seen_endpoints = sorted(self.requests)

    @requests(on='/size')
    def get(self, **kwargs: Any) -> int:
        return self.size


class Passing(Executor):
    """As Jina wants it."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.seen = sorted(kwargs)


@dataclass
class Data(Executor):
    """A dataclass."""

    size: int
    names: list[str] = field(default_factory=list)

    @requests
    def get(self, **kwargs: Any) -> Any:
        return self.size, self.names


@dataclass(frozen=True)
class Frozen(Executor):
    """A dataclass that does not change."""

    size: int = 3


def made(kind: type[Executor], uses_with: dict[str, Any] | None = None, **spec: Any) -> Executor:
    """Make an Executor as a pod does."""
    pod = PodSpec('enc/rep-1', 'enc', 'fork', 2, 3, 1, 4, executor=ExecutorSpec(**spec))
    return loader.make(kind, uses_with or {}, pod)


def test_by_hand_it_has_its_class_name_and_no_pod() -> None:
    executor = Plain()
    assert vars(executor.metas) == {'name': 'Plain', 'description': ''}
    assert vars(executor.runtime_args) == {}
    assert executor.logger is logging.getLogger('Plain')


def test_in_a_pod_it_knows_its_place() -> None:
    executor = made(Plain, metas={'name': 'mine', 'description': 'd', 'own': [1]}, workspace='/w')
    assert vars(executor.metas) == {'name': 'mine', 'description': 'd', 'own': [1]}
    assert vars(executor.runtime_args) == {
        'name': 'enc/rep-1',
        'shard_id': 2,
        'shards': 3,
        'replica_id': 1,
        'replicas': 4,
        'workspace': '/w',
    }
    assert executor.logger is logging.getLogger('enc/rep-1')


def test_what_it_knows_is_there_before_its_constructor_runs() -> None:
    executor = made(NoSuper, {'size': 7}, metas={'name': 'mine'}, requests={'/new': 'get'})
    assert isinstance(executor, NoSuper)
    assert (executor.size, executor.seen_name, executor.seen_endpoints) == (7, 'mine', ['/new'])
    assert NoSuper().seen_name == 'NoSuper'
    assert NoSuper()('/size') == 1


def test_a_constructor_that_passes_everything_on() -> None:
    executor = made(Passing, {'size': 2})
    assert isinstance(executor, Passing)
    assert executor.size == 2
    assert executor.seen == ['metas', 'requests', 'runtime_args']
    assert Passing(3).size == 3


@pytest.mark.parametrize('kind', [Plain, Passing])
def test_arguments_that_nobody_takes_are_refused_by_name(kind: type[Executor]) -> None:
    with pytest.raises(TypeError, match=f'{kind.__name__} does not take colour, typo: name them in its __init__'):
        made(kind, {'size': 1, 'typo': 1, 'colour': 2} if kind is Passing else {'typo': 1, 'colour': 2})


def test_a_constructor_that_knows_its_arguments_refuses_others_itself() -> None:
    with pytest.raises(TypeError, match='typo'):
        made(NoSuper, {'typo': 1})


def test_what_the_user_gives_comes_before_what_the_pod_offers() -> None:
    class Takes(Executor):
        def __init__(self, metas: Any, runtime_args: Any, requests: Any = None) -> None:
            self.got = metas, runtime_args['name'], requests

    executor = made(Takes, {'metas': 'mine'}, requests={})
    assert isinstance(executor, Takes)
    assert executor.got == ('mine', 'enc/rep-1', {})
    passing = made(Passing, {'size': 1, 'metas': 'mine'})
    assert isinstance(passing, Passing)
    assert passing.seen == ['metas', 'requests', 'runtime_args']


def test_dataclasses() -> None:
    executor = made(Data, {'size': 3, 'names': ['a']})
    assert executor() == (3, ['a'])
    assert executor.metas.name == 'Data'
    assert Data(4)() == (4, [])
    assert Data(4) == Data(4)


def test_frozen_dataclasses() -> None:
    executor = made(Frozen, {'size': 4})
    assert isinstance(executor, Frozen)
    assert executor.size == 4
    assert executor.metas.name == 'Frozen'


def test_instances_share_nothing() -> None:
    one, other = Plain(), Plain()
    prepare(one, {'name': 'one'}, {'/x': 'anything'}, {'name': 'pod'})
    assert other.metas.name == 'Plain'
    assert not vars(other.runtime_args)
    assert '/x' not in other.requests


def test_no_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BASE, raising=False)
    assert Plain().workspace is None
    assert made(Plain).workspace is None


def test_a_workspace_is_made_for_each_name_and_shard(tmp_path: Path) -> None:
    executor = made(Plain, metas={'name': 'mine'}, workspace=str(tmp_path))
    assert not list(tmp_path.iterdir())
    assert executor.workspace == str(tmp_path / 'mine' / '2')
    assert os.path.isdir(executor.workspace)
    assert executor.workspace == made(Plain, metas={'name': 'mine'}, workspace=str(tmp_path)).workspace


def test_where_a_workspace_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BASE, str(tmp_path / 'environment'))
    by_metas = {'workspace': str(tmp_path / 'metas')}
    assert made(Plain).workspace == str(tmp_path / 'environment' / 'Plain' / '2')
    assert made(Plain, metas=by_metas).workspace == str(tmp_path / 'metas' / 'Plain' / '2')
    both = made(Plain, metas=by_metas, workspace=str(tmp_path / 'flow'))
    assert both.workspace == str(tmp_path / 'flow' / 'Plain' / '2')
    assert Plain().workspace == str(tmp_path / 'environment' / 'Plain')


def test_a_relative_workspace_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert made(Plain, workspace='below').workspace == str(tmp_path / 'below' / 'Plain' / '2')


def test_calling_by_hand() -> None:
    executor = Plain()
    assert executor('/name', docs='d', parameters='p') == ('Plain', 'd', 'p')
    assert executor('/name', docs='d') == ('Plain', 'd', None)
    assert executor('/unknown', docs='d') == ['docs']
    assert executor(docs='d', parameters={}) == ['docs', 'parameters']
    assert executor.name(docs='d') == ('Plain', 'd', None)


def test_calling_what_no_method_is_bound_to() -> None:
    with pytest.raises(KeyError, match=r"NoSuper has no method for '/x'; it has \['/size'\]"):
        NoSuper()('/x')


def test_calling_an_async_method_by_hand_gives_what_can_be_awaited() -> None:
    class Slow(Executor):
        @requests
        async def work(self, docs: Any) -> Any:
            return docs

    assert asyncio.run(Slow()(docs='d')) == 'd'


def test_with_closes() -> None:
    class Closing(Executor):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    with Closing() as executor:
        assert isinstance(executor, Closing)
        assert executor.closed == 0
    assert executor.closed == 1
    with pytest.raises(ValueError, match='mine'), executor:
        raise ValueError('mine')
    assert executor.closed == 2


def test_the_base_executor_changes_nothing() -> None:
    executor = BaseExecutor()
    assert executor('/anything', docs=[1]) is None
    executor.close()

"""What an Executor takes from its Flow, and where the start method is taken from."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow.errors import BadOption
from mproc_flow.options.groups import EXECUTOR, FLOW, inherited, start_method

INHERITED: dict[str, Any] = {
    'env': {'A': '1'},
    'workspace': '/srv',
    'start_method': 'spawn',
    'timeout_ready': 5,
    'timeout_ctrl': 6,
    'timeout_send': 7,
    'retries': 3,
    'restart': False,
    'replicas': 2,
    'shards': 3,
    'polling': 'all',
    'uses_with': {'a': 1},
    'uses_metas': {'name': 'x'},
    'uses_requests': {'/a': 'b'},
    'py_modules': ('/a.py',),
}


def test_what_an_executor_inherits() -> None:
    assert (
        inherited({**INHERITED, 'name': 'f', 'host': '::1', 'port': 5, 'prefetch': 1, 'quiet': True}, {}) == INHERITED
    )


def test_the_options_that_say_they_are_inherited_are_those_of_both_and_mean_the_same() -> None:
    for group in (FLOW, EXECUTOR):
        assert {option.name for option in group.options if option.inherit} == set(INHERITED)
    for name in INHERITED:
        assert FLOW[name] is EXECUTOR[name]


def test_an_executors_own_options_win() -> None:
    own = {'timeout_ready': 0, 'restart': True, 'replicas': 1, 'polling': 'any', 'workspace': '/own', 'name': 'a'}
    assert inherited(INHERITED, own) == {**INHERITED, **own}
    assert own['replicas'] == 1
    assert inherited({'py_modules': ('/a.py',)}, {'py_modules': ('/b.py',)}) == {'py_modules': ('/b.py',)}


@pytest.mark.parametrize('name', ['env', 'uses_with', 'uses_metas', 'uses_requests', 'polling'])
def test_dicts_are_merged_and_the_executors_keys_win(name: str) -> None:
    flow, own = {name: {'a': '1', 'b': '1'}}, {name: {'b': '2', 'c': '2'}}
    assert inherited(flow, own) == {name: {'a': '1', 'b': '2', 'c': '2'}}
    assert flow == {name: {'a': '1', 'b': '1'}}
    assert own == {name: {'b': '2', 'c': '2'}}


def test_an_executors_polling_by_endpoint_replaces_one_word_of_the_flow() -> None:
    assert inherited({'polling': 'all'}, {'polling': {'/a': 'any'}}) == {'polling': {'/a': 'any'}}
    assert inherited({'polling': {'/a': 'any'}}, {'polling': 'all'}) == {'polling': 'all'}


def test_options_without_a_value_are_not_inherited() -> None:
    assert inherited({'workspace': None, 'env': None}, {'env': {'A': '1'}}) == {'env': {'A': '1'}}


@pytest.mark.parametrize(
    ('given', 'variable', 'platform', 'method'),
    [
        ('spawn', 'fork', 'linux', 'spawn'),
        ('spawn', 'nonsense', 'linux', 'spawn'),
        (None, 'ForkServer', 'linux', 'forkserver'),
        (None, None, 'linux', 'fork'),
        (None, '', 'linux', 'fork'),
        (None, None, 'darwin', 'spawn'),
    ],
)
def test_start_method_is_taken_from_the_nearest(
    given: str | None, variable: str | None, platform: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('sys.platform', platform)
    environ = {} if variable is None else {'JINA_MP_START_METHOD': variable}
    assert start_method(given, environ) == method


def test_a_bad_start_method_in_the_environment_names_the_variable() -> None:
    with pytest.raises(BadOption) as caught:
        start_method(None, {'JINA_MP_START_METHOD': 'threads'})
    assert str(caught.value) == (
        "environment variable JINA_MP_START_METHOD must be one of fork, spawn, forkserver, got 'threads' (str)"
    )

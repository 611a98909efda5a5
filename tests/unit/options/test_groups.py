"""The options that act, of a Flow, of an Executor and of what is made of these."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mproc_flow.errors import BadOption
from mproc_flow.options import declare
from mproc_flow.options.declare import OptionGroup
from mproc_flow.options.groups import ALONE, CLIENT, DEPLOYMENT, EXECUTOR, FLOW, GATEWAY

GROUPS = (FLOW, EXECUTOR, DEPLOYMENT, CLIENT, GATEWAY)


class MyExecutor: ...


SHARED: dict[str, Any] = {
    'env': {'A': 1},
    'workspace': 'work',
    'start_method': 'Spawn',
    'timeout_ready': -1,
    'timeout_ctrl': 2.5,
    'timeout_send': 1500,
    'retries': 2,
    'restart': False,
    'replicas': 2,
    'shards': 3,
    'polling': {'/a': 'ALL'},
    'uses_with': {'path': Path('x')},
    'uses_metas': {'name': 'x'},
    'uses_requests': {'/index': 'encode'},
    'py_modules': 'encoder.py',
}
SHARED_KEPT: dict[str, Any] = {
    **SHARED,
    'env': {'A': '1'},
    'workspace': os.path.abspath('work'),
    'start_method': 'spawn',
    'polling': {'/a': 'all'},
    'py_modules': (os.path.abspath('encoder.py'),),
}
FULL_FLOW: dict[str, Any] = {
    **SHARED,
    'name': 'my flow',
    'host': '::1',
    'port': 51000,
    'protocol': 'ZMQ',
    'prefetch': 0,
    'max_in_flight': 500,
    'return_responses': True,
    'inspect': 'Hang',
    'asyncio': True,
    'quiet': True,
    'preload': ['numpy', 'my.module'],
    'shared_memory_from': 0,
    'uses': 'BaseExecutor',
}
FULL_EXECUTOR: dict[str, Any] = {
    **SHARED,
    'uses': MyExecutor,
    'name': 'encoder',
    'needs': ['gateway', 'other'],
    'uses_before': 'before.yml',
    'uses_after': 'package.module:Class',
    'disable_reduce': True,
    'uses_dynamic_batching': {'/index': {'preferred_batch_size': 8}},
    'when': {'tags__a': {'$eq': 1}},
    'floating': True,
    'extra_search_paths': '/srv/',
}
FULL_EXTERNAL: dict[str, Any] = {'external': True, 'host': '::1', 'port': 51000}


def owner(value: Any) -> Any:
    return value.owner if isinstance(value, OptionGroup) else None


def acting(group: OptionGroup) -> set[str]:
    return {option.name for option in group.options if option.acts}


def test_every_option_of_a_flow() -> None:
    assert set(FULL_FLOW) == acting(FLOW)
    kept = FLOW.check(FULL_FLOW, 'Flow()')
    assert kept == {
        **SHARED_KEPT,
        'name': 'my flow',
        'host': '::1',
        'port': 51000,
        'protocol': 'zmq',
        'prefetch': 0,
        'max_in_flight': 500,
        'return_responses': True,
        'inspect': 'hang',
        'asyncio': True,
        'quiet': True,
        'preload': ('numpy', 'my.module'),
        'shared_memory_from': 0,
    }
    assert [name for name, value in kept.items() if value == FLOW[name].default] == []


def test_every_option_of_an_executor() -> None:
    assert set(FULL_EXECUTOR) | set(FULL_EXTERNAL) == acting(EXECUTOR)
    kept = EXECUTOR.check(FULL_EXECUTOR, 'Flow.add()')
    assert kept == {
        **SHARED_KEPT,
        'uses': MyExecutor,
        'name': 'encoder',
        'needs': ('gateway', 'other'),
        'uses_before': 'before.yml',
        'uses_after': 'package.module:Class',
        'disable_reduce': True,
        'uses_dynamic_batching': {'/index': {'preferred_batch_size': 8}},
        'when': {'tags__a': {'$eq': 1}},
        'floating': True,
        'extra_search_paths': ('/srv',),
    }
    assert EXECUTOR.check(FULL_EXTERNAL, 'Flow.add()') == FULL_EXTERNAL
    assert [name for name, value in {**kept, **FULL_EXTERNAL}.items() if value == EXECUTOR[name].default] == []


@pytest.mark.parametrize(
    ('group', 'full'), [(FLOW, FULL_FLOW), (EXECUTOR, FULL_EXECUTOR), (EXECUTOR, FULL_EXTERNAL)], ids=owner
)
def test_checking_twice_changes_nothing(group: OptionGroup, full: dict[str, Any]) -> None:
    once = group.check(full, 'here()')
    assert group.check(once, 'here()') == once


@pytest.mark.parametrize('group', GROUPS, ids=owner)
def test_defaults_pass_their_own_check_and_are_in_normal_form(group: OptionGroup) -> None:
    for option in group.options:
        if option.default is not None:
            kept = option.check(option.default, 'here()')
            assert (kept, type(kept)) == (option.default, type(option.default)), option.name


SHARED_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(('env', 'workspace', 'start_method', 'uses_with', 'uses_metas', 'uses_requests', 'timeout_send')),
    'retries': -1,
    'timeout_ready': 600_000,
    'timeout_ctrl': 60,
    'restart': True,
    'replicas': 1,
    'shards': 1,
    'polling': 'any',
    'py_modules': (),
}


def test_the_defaults_that_users_of_a_flow_know() -> None:
    assert FLOW.with_defaults({}) == {
        **SHARED_DEFAULTS,
        **dict.fromkeys(('port', 'protocol', 'uses')),
        'name': 'Flow',
        'host': '127.0.0.1',
        'prefetch': 1000,
        'max_in_flight': 10_000,
        'return_responses': False,
        'inspect': 'collect',
        'asyncio': False,
        'quiet': False,
        'preload': (),
        'shared_memory_from': 1 << 18,
    }


def test_the_defaults_that_users_of_an_executor_know() -> None:
    assert EXECUTOR.with_defaults({}) == {
        **SHARED_DEFAULTS,
        **dict.fromkeys('uses name needs uses_before uses_after when port uses_dynamic_batching'.split()),
        'disable_reduce': False,
        'floating': False,
        'external': False,
        'host': '127.0.0.1',
        'extra_search_paths': (),
    }


def test_a_deployment_has_what_an_executor_has_and_is_reached_as_a_flow_is() -> None:
    assert acting(DEPLOYMENT) == acting(EXECUTOR) - {'needs', 'floating', 'external'} | set(ALONE)
    for name in ALONE:
        assert DEPLOYMENT[name] is FLOW[name]
    given = {'uses': MyExecutor, 'replicas': 2, 'port': 5}
    assert DEPLOYMENT.check(given, 'Deployment()') == given


def test_a_client_and_the_gateway_have_options_of_a_flow() -> None:
    assert acting(CLIENT) == {'host', 'port', 'protocol', 'prefetch', 'return_responses', 'asyncio'}
    assert acting(GATEWAY) == {'host', 'port', 'protocol', 'prefetch', 'max_in_flight'}
    for group in (CLIENT, GATEWAY):
        for option in group.options:
            assert msgspec.structs.replace(option, help='') == msgspec.structs.replace(FLOW[option.name], help='')


@pytest.mark.parametrize('group', GROUPS, ids=owner)
def test_every_option_is_declared_once_and_explained(group: OptionGroup) -> None:
    names = [name for option in group.options for name in (option.name, *option.aliases, *option.former)]
    assert sorted(set(names)) == sorted(names)
    for option in group.options:
        assert option.help.endswith('.'), option.name
        assert option.name.isidentifier()


@pytest.mark.parametrize(
    'options',
    [{'timeout_ctrl': 0.001}, {'timeout_ctrl': 2147483}, {'timeout_ready': 2**31 - 1}, {'port': 0}, {'port': 65535}],
    ids=str,
)
def test_the_ends_of_what_is_accepted(options: dict[str, Any]) -> None:
    assert FLOW.check(options, 'here()') == options


def test_other_names_are_kept_under_the_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, '_warned', set())
    assert EXECUTOR.check({'no_reduce': True}, 'here()') == {'disable_reduce': True}
    with pytest.warns(UserWarning, match=r'^here\(\): parallel is now called replicas$'):
        assert EXECUTOR.check({'parallel': 2}, 'here()') == {'replicas': 2}
    assert EXECUTOR.check({'parallel': 3}, 'here()') == {'replicas': 3}
    with pytest.raises(BadOption, match=r'^here\(\): parallel is the same as replicas, which is given too: keep one$'):
        EXECUTOR.check({'replicas': 2, 'parallel': 2}, 'here()')


def test_what_a_client_says_is_not_about_listening() -> None:
    """It connects; that of a Flow listens."""
    assert not any('listen on' in option.help or 'lets the system choose' in option.help for option in CLIENT.options)

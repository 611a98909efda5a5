"""The options of a Flow and of an Executor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mproc_flow.errors import BadOption
from mproc_flow.options.declare import OptionGroup
from mproc_flow.options.groups import EXECUTOR, FLOW, inherited, start_method


class MyExecutor: ...


FULL_FLOW: dict[str, Any] = {
    'name': 'my flow',
    'start_method': 'Spawn',
    'host': 'localhost',
    'port': 51000,
    'workspace': 'work',
    'env': {'A': 1},
    'timeout_ready': -1,
    'timeout_ctrl': 2.5,
    'preload': ['numpy', 'my.module'],
    'prefetch': 0,
    'quiet': True,
}
FULL_EXECUTOR: dict[str, Any] = {
    'uses': MyExecutor,
    'name': 'encoder',
    'needs': ['gateway', 'other'],
    'replicas': 2,
    'uses_with': {'path': Path('x')},
    'uses_metas': {'name': 'x'},
    'uses_requests': {'/index': 'encode'},
    'py_modules': 'encoder.py',
    'env': {'A': 1},
    'timeout_ready': 0,
    'timeout_ctrl': 5,
    'start_method': 'FORK',
    'workspace': '/srv',
    'restart': False,
}


def test_every_option_of_a_flow() -> None:
    assert set(FULL_FLOW) == set(FLOW.names)
    assert FLOW.check(FULL_FLOW, 'Flow()') == {
        'name': 'my flow',
        'start_method': 'spawn',
        'host': '127.0.0.1',
        'port': 51000,
        'workspace': os.path.abspath('work'),
        'env': {'A': '1'},
        'timeout_ready': -1,
        'timeout_ctrl': 2.5,
        'preload': ('numpy', 'my.module'),
        'prefetch': 0,
        'quiet': True,
    }


def test_every_option_of_an_executor() -> None:
    assert set(FULL_EXECUTOR) == set(EXECUTOR.names)
    assert EXECUTOR.check(FULL_EXECUTOR, 'Flow.add()') == {
        'uses': MyExecutor,
        'name': 'encoder',
        'needs': ('gateway', 'other'),
        'replicas': 2,
        'uses_with': {'path': Path('x')},
        'uses_metas': {'name': 'x'},
        'uses_requests': {'/index': 'encode'},
        'py_modules': ('encoder.py',),
        'env': {'A': '1'},
        'timeout_ready': 0,
        'timeout_ctrl': 5,
        'start_method': 'fork',
        'workspace': '/srv',
        'restart': False,
    }


@pytest.mark.parametrize(('group', 'full'), [(FLOW, FULL_FLOW), (EXECUTOR, FULL_EXECUTOR)])
def test_checking_twice_changes_nothing(group: OptionGroup, full: dict[str, Any]) -> None:
    once = group.check(full, 'here()')
    assert group.check(once, 'here()') == once


@pytest.mark.parametrize('group', [FLOW, EXECUTOR])
def test_defaults_pass_their_own_check_and_are_in_normal_form(group: OptionGroup) -> None:
    defaults = group.with_defaults({})
    given = {name: value for name, value in defaults.items() if value is not None}
    assert group.check(defaults, 'here()') == given


def test_the_defaults_that_users_know() -> None:
    assert FLOW.with_defaults({}) == {
        'name': 'Flow',
        'start_method': None,
        'host': '127.0.0.1',
        'port': None,
        'workspace': None,
        'env': None,
        'timeout_ready': 600_000,
        'timeout_ctrl': 60,
        'preload': (),
        'prefetch': 1000,
        'quiet': False,
    }
    defaults = EXECUTOR.with_defaults({})
    assert (defaults['replicas'], defaults['restart'], defaults['uses']) == (1, True, None)


@pytest.mark.parametrize('group', [FLOW, EXECUTOR])
def test_every_option_is_declared_once_and_explained(group: OptionGroup) -> None:
    assert len(set(group.names)) == len(group.names)
    for option in group.options:
        assert option.help.endswith('.'), option.name
        assert option.name.isidentifier()


@pytest.mark.parametrize(
    ('group', 'options', 'message'),
    [
        (FLOW, {'port': 0}, 'from 1 to 65535, got 0'),
        (FLOW, {'port': 65536}, 'got 65536'),
        (FLOW, {'host': '0.0.0.0'}, 'needs keys'),
        (FLOW, {'name': ''}, 'non-empty text'),
        (FLOW, {'prefetch': -1}, 'at least 0'),
        (FLOW, {'preload': ['a b']}, 'preload[0] must be a module name'),
        (FLOW, {'timeout_ready': 2**31}, '(ms), got'),
        (FLOW, {'timeout_ready': 1.5}, 'whole number up to 2147483647 (ms), got 1.5'),
        (FLOW, {'timeout_ctrl': 0}, '(s), got 0'),
        (FLOW, {'timeout_ctrl': 2147484}, 'up to 2147483 (s), got 2147484'),
        (FLOW, {'env': {'PASSWORD': b'secret'}}, "env['PASSWORD'] must be text, number, bool or path, got a value of"),
        (FLOW, {'quiet': 'yes'}, 'True or False'),
        (FLOW, {'replicas': 2}, 'not an option of a Flow'),
        (EXECUTOR, {'replicas': '5'}, "at least 1, got '5' (str)"),
        (EXECUTOR, {'replicas': 0}, 'at least 1, got 0'),
        (EXECUTOR, {'replica': 5}, "did you mean 'replicas'?"),
        (EXECUTOR, {'port': 5}, 'not an option of an Executor'),
        (EXECUTOR, {'name': 'a-b'}, 'Python identifier'),
        (EXECUTOR, {'needs': []}, 'the list is empty'),
        (EXECUTOR, {'needs': {'a'}}, 'got'),
        (EXECUTOR, {'uses': 'MyExecutor'}, 'needs py_modules, or write package.module:MyExecutor'),
        (EXECUTOR, {'uses': 'MyExecutor', 'py_modules': []}, 'needs py_modules'),
        (EXECUTOR, {'uses_with': {1: 2}}, 'uses_with key must be'),
        (EXECUTOR, {'uses_metas': {'a': MyExecutor}}, "uses_metas['a'] must be plain data"),
        (EXECUTOR, {'uses_requests': {'/a': 5}}, "uses_requests['/a'] must be"),
        (EXECUTOR, {'py_modules': [5]}, 'py_modules[0] must be a path'),
        (EXECUTOR, {'start_method': 'frok'}, 'one of fork, spawn, forkserver'),
        (EXECUTOR, {'restart': 1}, 'True or False'),
    ],
    ids=str,
)
def test_bad_options(group: OptionGroup, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption) as caught:
        group.check(options, 'here()')
    assert message in str(caught.value)
    assert str(caught.value).startswith(f'here(): {next(iter(options))}')


@pytest.mark.parametrize('options', [{'timeout_ctrl': 0.001}, {'timeout_ctrl': 2147483}, {'timeout_ready': 2**31 - 1}])
def test_the_ends_of_what_is_accepted(options: dict[str, Any]) -> None:
    assert FLOW.check(options, 'here()') == options


def test_a_bare_class_name_is_fine_with_py_modules() -> None:
    given = {'uses': 'MyExecutor', 'py_modules': 'my.py'}
    assert EXECUTOR.check(given, 'here()') == {'uses': 'MyExecutor', 'py_modules': ('my.py',)}


def test_what_an_executor_inherits() -> None:
    flow = FLOW.check(FULL_FLOW, 'Flow()')
    assert inherited(flow, {}) == {
        key: flow[key] for key in ('start_method', 'timeout_ready', 'timeout_ctrl', 'env', 'workspace')
    }


def test_an_executors_own_options_win_and_environments_are_merged() -> None:
    flow = {'env': {'A': '1', 'B': '1'}, 'timeout_ready': 5, 'workspace': '/flow'}
    own = {'env': {'B': '2', 'C': '2'}, 'timeout_ready': 0, 'name': 'a', 'workspace': '/own'}
    assert inherited(flow, own) == {**own, 'env': {'A': '1', 'B': '2', 'C': '2'}}
    assert flow['env'] == {'A': '1', 'B': '1'}


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

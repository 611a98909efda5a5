"""What the options of a Flow and of an Executor do not accept."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow.errors import BadOption
from mproc_flow.options.declare import OptionGroup
from mproc_flow.options.groups import EXECUTOR, FLOW

FULL_EXTERNAL: dict[str, Any] = {'external': True, 'host': '::1', 'port': 51000}


class MyExecutor: ...


BAD = [
    (FLOW, {'port': -1}, 'from 0 to 65535, got -1'),
    (FLOW, {'port': 65536}, 'got 65536'),
    (FLOW, {'host': '0.0.0.0'}, 'needs keys'),
    (FLOW, {'name': ''}, 'non-empty text'),
    (FLOW, {'protocol': 'http'}, 'the other fronts come with a later version'),
    (FLOW, {'prefetch': -1}, 'at least 0'),
    (FLOW, {'max_in_flight': 0}, 'at least 1'),
    (FLOW, {'shared_memory_from': -1}, 'at least 0'),
    (FLOW, {'shared_memory_from': 1.5}, 'whole number'),
    (EXECUTOR, {'retries': -2}, 'at least -1'),
    (FLOW, {'return_responses': 1}, 'True or False'),
    (FLOW, {'inspect': 'keep'}, 'one of collect, hang, remove'),
    (FLOW, {'preload': ['a b']}, 'preload[0] must be a module name'),
    (FLOW, {'uses': MyExecutor}, 'a Flow is loaded by Flow.load_config(...)'),
    (FLOW, {'timeout_ready': 2**31}, '(ms), got'),
    (FLOW, {'timeout_ready': 1.5}, 'whole number up to 2147483647 (ms), got 1.5'),
    (FLOW, {'timeout_ctrl': 0}, '(s), got 0'),
    (FLOW, {'timeout_ctrl': 2147484}, 'up to 2147483 (s), got 2147484'),
    (FLOW, {'env': {'PASSWORD': b'secret'}}, "env['PASSWORD'] must be text, number, bool or path, got a value of"),
    (FLOW, {'quiet': 'yes'}, 'True or False'),
    (FLOW, {'needs': 'a'}, 'not an option of a Flow'),
    (EXECUTOR, {'replicas': '5'}, "at least 1, got '5' (str)"),
    (EXECUTOR, {'replicas': 0}, 'at least 1, got 0'),
    (EXECUTOR, {'replica': 5}, "did you mean 'replicas'?"),
    (EXECUTOR, {'shards': 0}, 'at least 1, got 0'),
    (EXECUTOR, {'polling': 'some'}, "must be 'ANY', 'ALL', or a dict"),
    (EXECUTOR, {'prefetch': 5}, 'not an option of an Executor'),
    (EXECUTOR, {'name': 'a-b'}, 'Python identifier'),
    (EXECUTOR, {'needs': []}, 'the list is empty'),
    (EXECUTOR, {'needs': {'a'}}, 'got'),
    (EXECUTOR, {'uses': 'docker://x'}, 'images are for containers'),
    (EXECUTOR, {'uses_before': 5}, 'give the class, not an instance'),
    (EXECUTOR, {'uses_after': 5}, 'give the class, not an instance'),
    (EXECUTOR, {'uses_with': {1: 2}}, 'uses_with key must be'),
    (EXECUTOR, {'uses_metas': {'a': MyExecutor}}, "uses_metas['a'] must be plain data"),
    (EXECUTOR, {'uses_requests': {'/a': 5}}, "uses_requests['/a'] must be"),
    (EXECUTOR, {'py_modules': [5]}, 'py_modules[0] must be a path'),
    (EXECUTOR, {'start_method': 'frok'}, 'one of fork, spawn, forkserver'),
    (EXECUTOR, {'restart': 1}, 'True or False'),
    (EXECUTOR, {'disable_reduce': 1}, 'True or False'),
    (EXECUTOR, {'when': {'txt': {'$eq': 1}}}, "when['txt'] must be below a field of Document"),
    (EXECUTOR, {'floating': 1}, 'True or False'),
    (EXECUTOR, {'extra_search_paths': 5}, 'must be a path'),
]


@pytest.mark.parametrize(('group', 'options', 'message'), BAD, ids=[str(options) for _, options, _ in BAD])
def test_bad_options(group: OptionGroup, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption) as caught:
        group.check(options, 'here()')
    assert message in str(caught.value)
    assert str(caught.value).startswith(f'here(): {next(iter(options))}')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'port': 5}, 'port is where an external Executor listens: give external=True, or leave it out'),
        ({'host': '::1', 'external': False}, 'host is where an external Executor listens'),
        ({'external': True}, 'port is missing: where does the external Executor listen?'),
        ({'external': True, 'port': 0}, 'port is missing'),
        ({**FULL_EXTERNAL, 'port': 65536}, 'port must be a whole number from 0 to 65535'),
        ({**FULL_EXTERNAL, 'external': 1}, 'external must be True or False'),
        ({**FULL_EXTERNAL, 'uses': MyExecutor}, 'uses cannot be given for an external Executor, which runs already'),
        ({**FULL_EXTERNAL, 'uses_before': MyExecutor}, 'uses_before cannot be given for an external Executor'),
        ({**FULL_EXTERNAL, 'uses_after': MyExecutor}, 'uses_after cannot be given for an external Executor'),
        ({**FULL_EXTERNAL, 'replicas': 2}, 'replicas cannot be given for an external Executor'),
        ({**FULL_EXTERNAL, 'shards': 2}, 'shards cannot be given for an external Executor'),
        ({**FULL_EXTERNAL, 'when': {'text': {'$eq': 'a'}}}, 'when cannot be given for an external Executor'),
        ({**FULL_EXTERNAL, 'disable_reduce': True}, 'disable_reduce cannot be given for an external Executor'),
        ({**FULL_EXTERNAL, 'retries': 1}, 'retries cannot be given for an external Executor'),
    ],
    ids=str,
)
def test_what_does_not_go_together_with_an_external_executor(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption) as caught:
        EXECUTOR.check(options, 'here()')
    assert str(caught.value).startswith(f'here(): {message}')

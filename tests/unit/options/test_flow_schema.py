"""The JSON schema of Flow files says the same as what reads them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from mproc_flow.errors import BadConfigSource, BadOption, BadYAMLVersion
from mproc_flow.options import render
from mproc_flow.options.groups import EXECUTOR, FLOW, GATEWAY
from mproc_flow.topology import flowfile

try:
    import jsonschema
except ModuleNotFoundError:
    jsonschema = None

SCHEMA = render.flow_schema(FLOW, GATEWAY, EXECUTOR, flowfile.KINDS, flowfile.STEPS)
GOOD: dict[str, Any] = {
    'jtype': 'Flow',
    'version': '1',
    'with': {'port': 0, 'protocol': 'ZMQ', 'env': {'A': 1}, 'workspace': None, 'timeout_ctrl': 0.5},
    'gateway': {'prefetch': 5},
    'executors': [
        {'name': 'a', 'uses': 'package.module:Class', 'replicas': 2, 'polling': {'/a': 'ALL'}, 'py_modules': ['a.py']},
        {'uses': {'jtype': 'Class'}, 'needs': 'a', 'when': {'tags__a': {'$eq': 1}}, 'no_reduce': True},
        {'external': True, 'port': 51000, 'uses_with': {'a': [1, None]}, 'needs': ['a', 'executor1']},
        {'method': 'gather_inspect', 'include_last_deployment': False},
    ],
}
# Where in the good file, and what is put there; REMOVED takes the key away.
REMOVED = 'REMOVED'
BAD: list[tuple[tuple[Any, ...], Any]] = [
    (('jtype',), REMOVED),
    (('jtype',), 'Executor'),
    (('version',), []),
    (('executor',), []),
    (('executors',), {'name': 'a'}),
    (('executors', 0), 'a'),
    (('with', 'prot'), 5),
    (('with', 'port'), 65536),
    (('with', 'port'), '5'),
    (('with', 'quiet'), 'yes'),
    (('with', 'protocol'), 'tcp'),
    (('with', 'timeout_ctrl'), 0),
    (('with', 'env'), ['A=1']),
    (('with', 'env', 'A'), None),
    (('with', 'needs'), 'a'),
    (('gateway', 'replicas'), 2),
    (('executors', 0, 'name'), 'a-b'),
    (('executors', 0, 'replicas'), 0),
    (('executors', 0, 'uses'), {'name': 'a'}),
    (('executors', 0, 'polling'), 5),
    (('executors', 0, 'py_modules'), [5]),
    (('executors', 0, 'method'), 'addd'),
    (('executors', 1, 'when'), 'tags'),
    (('executors', 3, 'include_last_deployment'), 1),
]
needs_jsonschema = pytest.mark.skipif(jsonschema is None, reason='the package jsonschema is not installed')


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    found = copy.deepcopy(GOOD)
    target: Any = found
    for key in path[:-1]:
        target = target[key]
    if value is REMOVED:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return found


def test_the_schema_names_every_place_of_a_flow_file() -> None:
    assert (SCHEMA['type'], SCHEMA['required'], SCHEMA['additionalProperties']) == ('object', ['jtype'], False)
    properties = SCHEMA['properties']
    assert list(properties) == ['jtype', 'version', 'with', 'gateway', 'executors', 'deployments']
    assert properties['jtype'] == {'enum': ['Flow', 'AsyncFlow']}
    assert properties['with'] == render.group_schema(FLOW)
    assert properties['gateway'] == render.group_schema(GATEWAY)
    assert properties['deployments'] == properties['executors']


def test_an_item_has_the_options_of_an_executor_and_how_it_comes_into_the_flow() -> None:
    items = SCHEMA['properties']['executors']
    assert items['type'] == 'array'
    own = dict(items['items']['properties'])
    assert own.pop('method')['enum'] == list(flowfile.STEPS)
    assert own.pop('include_last_deployment') == {'type': 'boolean'}
    assert {**items['items'], 'properties': own} == render.group_schema(EXECUTOR)


def test_the_schema_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(SCHEMA, allow_nan=False)) == SCHEMA


def load(content: dict[str, Any]) -> flowfile.FlowFile:
    return flowfile.load(content, flowfile.Values(folder='/', environ={}))


def test_the_good_file_is_read() -> None:
    assert [step.method for step in load(GOOD).steps] == ['add', 'add', 'add', 'gather_inspect']


@pytest.mark.parametrize(('path', 'value'), BAD, ids=str)
def test_the_bad_files_are_not_read(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises((BadConfigSource, BadOption, BadYAMLVersion)):
        load(changed(path, value))


@needs_jsonschema
def test_the_schema_is_one_and_accepts_a_good_file() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(GOOD)


@needs_jsonschema
@pytest.mark.parametrize(('path', 'value'), BAD, ids=str)
def test_the_schema_refuses_a_bad_file_where_it_is_bad(path: tuple[Any, ...], value: Any) -> None:
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(changed(path, value)))
    assert len(errors) == 1
    assert path[: len(errors[0].absolute_path)] == tuple(errors[0].absolute_path)

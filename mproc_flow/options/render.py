"""The declarations of options in other forms: type annotations, a JSON schema, tables for the documentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mproc_flow.options.address import Loopback
from mproc_flow.options.batching import Batching
from mproc_flow.options.condition import When
from mproc_flow.options.containers import Anything, Data, DictOf, ListOf, VariableName, VariableValue
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.kinds import Choice, Flag, Integer, Kind, Name, Number, Path, Text, Union
from mproc_flow.options.polling import ALL, ANY, Polling
from mproc_flow.options.protocol import NATIVE, Protocol
from mproc_flow.options.uses import PASS_THROUGH, PassThrough, Uses

_ANNOTATIONS: dict[type[Kind], str] = {
    Anything: 'Any',
    Batching: 'Mapping[str, int | bool]',
    Choice: 'str',
    Data: 'Any',
    Flag: 'bool',
    Integer: 'int',
    Loopback: 'str',
    Name: 'str',
    Number: 'float',
    PassThrough: 'str',
    Path: 'str | PathLike[str]',
    Polling: 'str | Mapping[str, str]',
    Protocol: 'str',
    Text: 'str',
    Uses: 'type[Any] | str | PathLike[str] | Mapping[str, Any]',
    VariableName: 'str',
    VariableValue: 'str | int | float | bool | PathLike[str]',
    When: 'Mapping[str, Any]',
}
_TEXT = {'type': 'string', 'minLength': 1}
_SCHEMAS: dict[type[Kind], dict[str, Any]] = {
    Anything: {},
    Batching: {
        'type': 'object',
        'additionalProperties': False,
        'required': ['preferred_batch_size'],
        'properties': {
            'preferred_batch_size': {'type': 'integer', 'minimum': 1},
            'timeout': {'type': 'integer', 'minimum': 0},
            'flush_all': {'type': 'boolean'},
        },
    },
    Data: {},
    Flag: {'type': 'boolean'},
    Loopback: _TEXT,
    Name: {'type': 'string', 'pattern': r'^[^\W\d]\w*$'},
    PassThrough: {'const': PASS_THROUGH},
    Path: _TEXT,
    Polling: {
        'anyOf': [{'type': 'string'}, {'type': 'object', 'additionalProperties': {'type': 'string'}}],
        'description': f'{ANY} or {ALL}',
    },
    Protocol: {'type': 'string', 'enum': [NATIVE, NATIVE.upper()]},
    Text: _TEXT,
    Uses: {'anyOf': [_TEXT, {'type': 'object', 'required': ['jtype']}]},
    VariableName: {'type': 'string', 'pattern': '^[^=]+$'},
    VariableValue: {'type': ['string', 'number', 'boolean']},
    When: {'type': 'object'},
}


def annotation(kind: Kind) -> str:
    """Return the type of what a kind accepts, as Python source."""
    if isinstance(kind, ListOf):
        item = annotation(kind.item)
        return f'{item} | Sequence[{item}]'
    if isinstance(kind, DictOf):
        return f'Mapping[{annotation(kind.key)}, {annotation(kind.value)}]'
    if isinstance(kind, Union):
        return ' | '.join(annotation(inner) for inner in kind.kinds)
    return _ANNOTATIONS[type(kind)]


def schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON schema of what a kind accepts in a file."""
    if isinstance(kind, ListOf):
        item = schema(kind.item)
        return {'anyOf': [item, {'type': 'array', 'items': item}]}
    if isinstance(kind, DictOf):
        return {'type': 'object', 'additionalProperties': schema(kind.value)}
    if isinstance(kind, Union):
        return {'anyOf': [schema(inner) for inner in kind.kinds]}
    if isinstance(kind, Choice):
        return {'type': 'string', 'enum': [*kind.choices, *map(str.upper, kind.choices)]}
    if isinstance(kind, Integer):
        return {'type': 'integer', **_bounds(minimum=kind.low, maximum=kind.high)}
    if isinstance(kind, Number):
        return {'type': 'number', **_bounds(exclusiveMinimum=kind.above, maximum=kind.high)}
    if isinstance(kind, Name) and kind.dotted:
        return _TEXT
    return _SCHEMAS[type(kind)]


def flow_schema(
    flow: OptionGroup, gateway: OptionGroup, executor: OptionGroup, jtypes: Sequence[str], steps: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON schema of a Flow file.

    Args:
        flow, gateway, executor: The groups of options.
        jtypes: What ``jtype`` may be.
        steps: What ``method`` of an item may be.
    """
    item = group_schema(executor)
    item['properties']['method'] = {'enum': list(steps), 'description': 'How it comes into the Flow.'}
    item['properties']['include_last_deployment'] = {'type': 'boolean'}
    items = {'type': 'array', 'items': item}
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': 'Flow of mproc_flow',
        'type': 'object',
        'required': ['jtype'],
        'additionalProperties': False,
        'properties': {
            'jtype': {'enum': list(jtypes)},
            'version': {'type': ['string', 'number', 'null'], 'description': "'1'"},
            'with': group_schema(flow),
            'gateway': group_schema(gateway),
            'executors': items,
            'deployments': items,
        },
    }


def group_schema(group: OptionGroup) -> dict[str, Any]:
    """Return the JSON schema of a mapping of options."""
    properties: dict[str, Any] = {}
    for option in group.options:
        for name in (option.name, *option.aliases, *option.former):
            properties[name] = _described(option)
    return {'type': ['object', 'null'], 'additionalProperties': False, 'properties': properties}


def typed_dict(name: str, types: Mapping[str, str], doc: str, base: str = 'TypedDict') -> str:
    """Return the source of a TypedDict of which no key is required.

    Args:
        name: Its name.
        types: Its keys with their types, see :func:`types_of`.
        doc: Its docstring.
        base: What it derives from.
    """
    lines = [f'class {name}({base}, total=False):', f'    """{doc}"""', '']
    lines += [f'    {key}: {text} | None' for key, text in types.items()]
    return '\n'.join(lines) + '\n'


def types_of(group: OptionGroup) -> dict[str, str]:
    """Return the names of a group's options, former ones left out, with the types of what they accept."""
    return {name: annotation(option.kind) for option in group.options for name in (option.name, *option.aliases)}


def table(options: Sequence[Option]) -> str:
    """Return options as a table in Markdown."""
    rows = ['| option | default | what it does |', '| --- | --- | --- |']
    for option in options:
        default = '' if option.default in (None, ()) else f'`{option.default}`{option.unit and " " + option.unit}'
        rows.append(f'| `{option.name}` | {default} | {option.help} |')
    return '\n'.join(rows) + '\n'


def _described(option: Option) -> dict[str, Any]:
    found = dict(schema(option.kind))
    unit = f' ({option.unit})' if option.unit else ''
    default = {} if option.default is None else {'default': _as_json(option.default)}
    nullable = {'anyOf': [found, {'type': 'null'}]} if found else {}
    return {**nullable, 'description': f'{option.help}{unit}', **default}


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _bounds(**limits: float) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if not math.isinf(limit)}

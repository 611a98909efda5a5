"""The declarations as type annotations, as a JSON schema and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict, get_type_hints

import pytest

from mproc_flow.options import render
from mproc_flow.options.address import Loopback
from mproc_flow.options.batching import Batching
from mproc_flow.options.condition import When
from mproc_flow.options.containers import Anything, Data, DictOf, ListOf, VariableName, VariableValue
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.groups import CLIENT, DEPLOYMENT, EXECUTOR, FLOW, GATEWAY
from mproc_flow.options.kinds import Choice, Flag, Integer, Kind, Name, Number, Path, Scalar, Text, Union
from mproc_flow.options.polling import Polling
from mproc_flow.options.protocol import Protocol
from mproc_flow.options.uses import PassThrough, Uses

GROUPS = (FLOW, EXECUTOR, DEPLOYMENT, CLIENT, GATEWAY)
NAMES = {'Any': Any, 'Mapping': Mapping, 'PathLike': PathLike, 'Sequence': Sequence, 'TypedDict': TypedDict}
TEXT = {'type': 'string', 'minLength': 1}
IDENTIFIER = {'type': 'string', 'pattern': r'^[^\W\d]\w*$'}

KINDS: list[tuple[Kind, str, dict[str, Any]]] = [
    (Anything(), 'Any', {}),
    (Choice(('red', 'green')), 'str', {'type': 'string', 'enum': ['red', 'green', 'RED', 'GREEN']}),
    (Data(), 'Any', {}),
    (
        Batching(),
        'Mapping[str, int | bool]',
        {
            'type': 'object',
            'additionalProperties': False,
            'required': ['preferred_batch_size'],
            'properties': {
                'preferred_batch_size': {'type': 'integer', 'minimum': 1},
                'timeout': {'type': 'integer', 'minimum': 0},
                'flush_all': {'type': 'boolean'},
            },
        },
    ),
    (Flag(), 'bool', {'type': 'boolean'}),
    (Integer(), 'int', {'type': 'integer'}),
    (Integer(1), 'int', {'type': 'integer', 'minimum': 1}),
    (Integer(high=3), 'int', {'type': 'integer', 'maximum': 3}),
    (Integer(0, 3), 'int', {'type': 'integer', 'minimum': 0, 'maximum': 3}),
    (Loopback(), 'str', TEXT),
    (Name(), 'str', IDENTIFIER),
    (Name(dotted=True), 'str', TEXT),
    (Number(0, 10), 'float', {'type': 'number', 'exclusiveMinimum': 0, 'maximum': 10}),
    (PassThrough(), 'str', {'const': 'BaseExecutor'}),
    (Path(), 'str | PathLike[str]', TEXT),
    (
        Polling(),
        'str | Mapping[str, str]',
        {
            'anyOf': [{'type': 'string'}, {'type': 'object', 'additionalProperties': {'type': 'string'}}],
            'description': 'any or all',
        },
    ),
    (Protocol(), 'str', {'type': 'string', 'enum': ['zmq', 'ZMQ']}),
    (Text(), 'str', TEXT),
    (
        Uses(),
        'type[Any] | str | PathLike[str] | Mapping[str, Any]',
        {'anyOf': [TEXT, {'type': 'object', 'required': ['jtype']}]},
    ),
    (VariableName(), 'str', {'type': 'string', 'pattern': '^[^=]+$'}),
    (VariableValue(), 'str | int | float | bool | PathLike[str]', {'type': ['string', 'number', 'boolean']}),
    (When(), 'Mapping[str, Any]', {'type': 'object'}),
    (ListOf(Name()), 'str | Sequence[str]', {'anyOf': [IDENTIFIER, {'type': 'array', 'items': IDENTIFIER}]}),
    (DictOf(Text(), Flag()), 'Mapping[str, bool]', {'type': 'object', 'additionalProperties': {'type': 'boolean'}}),
    (Union((Flag(), Text())), 'bool | str', {'anyOf': [{'type': 'boolean'}, TEXT]}),
    (
        DictOf(VariableName(), ListOf(Path())),
        'Mapping[str, str | PathLike[str] | Sequence[str | PathLike[str]]]',
        {'type': 'object', 'additionalProperties': {'anyOf': [TEXT, {'type': 'array', 'items': TEXT}]}},
    ),
]


def below(kind: type[Kind]) -> Iterator[type[Kind]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from below(inner)


def test_every_kind_is_in_the_table_of_these_tests() -> None:
    public = {
        kind for kind in below(Kind) if kind.__module__.startswith('mproc_flow.') and not kind.__name__.startswith('_')
    }
    assert {type(kind) for kind, _, _ in KINDS} == public - {Scalar}


@pytest.mark.parametrize(('kind', 'text', 'schema'), KINDS, ids=[str(kind) for kind, _, _ in KINDS])
def test_each_kind_as_an_annotation_and_as_a_schema(kind: Kind, text: str, schema: dict[str, Any]) -> None:
    assert render.annotation(kind) == text
    assert render.schema(kind) == schema


@pytest.mark.parametrize('group', GROUPS, ids=lambda group: group.owner)
def test_every_option_of_every_group_has_an_annotation_and_a_schema(group: OptionGroup) -> None:
    properties = render.group_schema(group)['properties']
    types = render.types_of(group)
    for option in group.options:
        assert eval(types[option.name], dict(NAMES)) is not None
        assert option.help in properties[option.name]['description']
        for name in (*option.aliases, *option.former):
            assert properties[name] == properties[option.name]
        for name in option.aliases:
            assert types[name] == types[option.name]
        assert not set(option.former) & set(types)


BOX = OptionGroup(
    'a box',
    (
        Option('size', Integer(1), 'How large.', default=3, unit='cm', aliases=('width',), former=('length',)),
        Option('label', Text(), 'What is in it.'),
        Option('parts', ListOf(Name()), 'What it has.', default=()),
        Option('data', Anything(), 'What it holds.'),
        Option('open', Flag(), 'No lid.', default=False),
    ),
)


def test_a_group_as_a_schema_allows_every_name_and_nothing_else() -> None:
    size = {'anyOf': [{'type': 'integer', 'minimum': 1}, {'type': 'null'}], 'description': 'How large. (cm)'}
    parts = {'anyOf': [IDENTIFIER, {'type': 'array', 'items': IDENTIFIER}]}
    assert render.group_schema(BOX) == {
        'type': ['object', 'null'],
        'additionalProperties': False,
        'properties': {
            **{name: {**size, 'default': 3} for name in ('size', 'width', 'length')},
            'label': {'anyOf': [TEXT, {'type': 'null'}], 'description': 'What is in it.'},
            'parts': {'anyOf': [parts, {'type': 'null'}], 'description': 'What it has.', 'default': []},
            'data': {'description': 'What it holds.'},
            'open': {'anyOf': [{'type': 'boolean'}, {'type': 'null'}], 'description': 'No lid.', 'default': False},
        },
    }


def test_types_of_a_group_leave_former_names_out() -> None:
    types = {'size': 'int', 'width': 'int', 'label': 'str', 'parts': 'str | Sequence[str]', 'data': 'Any'}
    assert render.types_of(BOX) == {**types, 'open': 'bool'}


def test_a_typed_dict_is_source_in_which_no_key_is_required() -> None:
    source = render.typed_dict('Box', {'size': 'int', 'label': 'str'}, 'A box.')
    assert source == (
        'class Box(TypedDict, total=False):\n    """A box."""\n\n    size: int | None\n    label: str | None\n'
    )
    source += '\n\n' + render.typed_dict('Crate', {'parts': 'str | Sequence[str]'}, 'More.', base='Box')
    space: dict[str, Any] = dict(NAMES)
    exec(compile(source, 'made', 'exec', dont_inherit=True), space)
    hints = {'size': int | None, 'label': str | None, 'parts': str | Sequence[str] | None}
    assert get_type_hints(space['Crate']) == hints
    assert space['Crate'].__required_keys__ == frozenset()


def test_a_table_shows_names_defaults_with_units_and_help() -> None:
    assert render.table(BOX.options) == (
        '| option | default | what it does |\n'
        '| --- | --- | --- |\n'
        '| `size` | `3` cm | How large. |\n'
        '| `label` |  | What is in it. |\n'
        '| `parts` |  | What it has. |\n'
        '| `data` |  | What it holds. |\n'
        '| `open` | `False` | No lid. |\n'
    )

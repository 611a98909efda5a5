"""What typed documents look like, as JSON schemas, and whether those that one Executor gives fit the next one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

# The methods bound to it answer every endpoint that no other method is bound to.
DEFAULT_ENDPOINT = '/default'

Schema = dict[str, Any]
_Method = TypeVar('_Method')


def at_endpoint(methods: Mapping[str, _Method], endpoint: str) -> _Method | None:
    """Give what belongs to the method that answers an endpoint, or None if none does."""
    return methods.get(endpoint, methods.get(DEFAULT_ENDPOINT))


class EndpointSchema(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one method takes and gives.

    Attributes:
        takes: JSON schema of the typed documents it wants, or None if any Document will do.
        gives: JSON schema of those it gives, or None if that is not known.
    """

    takes: Schema | None = None
    gives: Schema | None = None


def schema_of(kind: type[Any] | None) -> Schema | None:
    """Give the JSON schema of a class of typed documents; a field that has none may be anything."""
    if kind is None:
        return None
    pydantic: Any = sys.modules['pydantic']
    strict, lenient = _generators(pydantic.json_schema.GenerateJsonSchema)
    schema: Schema
    try:
        schema = kind.model_json_schema(by_alias=False, schema_generator=strict)
    except pydantic.errors.PydanticInvalidForJsonSchema:
        schema = kind.model_json_schema(by_alias=False, schema_generator=lenient)
    return schema


@cache
def _generators(base: Any) -> tuple[Any, Any]:
    """Make two generators without warnings of defaults that JSON cannot carry: nobody reads these."""
    strict = type('_Strict', (base,), {'ignored_warning_kinds': {'non-serializable-default', 'skipped-choice'}})
    return strict, type('_Lenient', (strict,), {'handle_invalid_for_json_schema': lambda *_: {}})


def misfits(gives: Schema, takes: Schema) -> Iterator[str]:
    """Say why documents of one schema do not fit another one, if so: one sentence for each field.

    A field fits if at least one type it may have is one that is taken. So a field that may be None fits one that
    must not be: whether it is, only the documents tell.

    Args:
        gives: JSON schema of what is given.
        takes: JSON schema of what is wanted.
    """
    yield from _Comparison(gives, takes).objects(gives, takes, '')


class _Comparison:
    """Two schemas with their definitions."""

    def __init__(self, gives: Schema, takes: Schema) -> None:
        self._gives = gives.get('$defs', {})
        self._takes = takes.get('$defs', {})
        self._seen: set[tuple[str, str]] = set()

    def objects(self, gives: Schema, takes: Schema, where: str) -> Iterator[str]:
        """Compare two objects field by field."""
        given = gives.get('properties', {})
        required = takes.get('required', ())
        for name, wanted in takes.get('properties', {}).items():
            path = f'{where}{name}'
            if name in given:
                yield from self._values(given[name], wanted, path)
            elif name in required and not gives.get('additionalProperties'):
                yield f'{_title(gives)} has no field {path!r}, which {_title(takes)} requires'

    def _values(self, gives: Schema, takes: Schema, path: str) -> Iterator[str]:
        pair = (str(gives.get('$ref', '')), str(takes.get('$ref', '')))
        if all(pair) and pair in self._seen:
            return  # a class that contains itself
        self._seen.add(pair)
        given, taken = _variants(gives, self._gives), _variants(takes, self._takes)
        if not given or not taken or None in given or None in taken:
            return
        if not any(_fits(one, other) for one in given for other in taken):
            yield f'field {path!r} is {" or ".join(sorted(given))}, but {" or ".join(sorted(taken))} is wanted'
            return
        for kind in given.keys() & taken.keys():
            yield from self._inside(kind, given[kind], taken[kind], path)

    def _inside(self, kind: str, gives: list[Schema], takes: list[Schema], path: str) -> Iterator[str]:
        if len(gives) > 1 or len(takes) > 1:
            return  # which of them it will be, only the documents tell
        if kind == 'object':
            yield from self.objects(gives[0], takes[0], f'{path}.')
        elif kind == 'array' and isinstance(gives[0].get('items'), dict) and isinstance(takes[0].get('items'), dict):
            yield from self._values(gives[0]['items'], takes[0]['items'], f'{path}[]')


def _variants(schema: Schema, definitions: dict[str, Schema]) -> dict[Any, list[Schema]]:
    """Give the types that a value may have beside null, each with its schemas; None among them is any type."""
    found: dict[Any, list[Schema]] = {}
    for one in _alternatives(schema, definitions):
        kinds = one.get('type')
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if kind == 'string' and one.get('format') == 'date-time':
                kind = 'date-time'  # it travels as a datetime, not as text
            if kind != 'null':
                found.setdefault(kind, []).append(one)
    return found


def _alternatives(schema: Schema, definitions: dict[str, Schema]) -> Iterator[Schema]:
    if '$ref' in schema:
        yield from _alternatives(definitions.get(schema['$ref'].rpartition('/')[2], {}), definitions)
    elif 'anyOf' in schema or 'oneOf' in schema:
        for one in schema.get('anyOf') or schema['oneOf']:
            yield from _alternatives(one, definitions)
    elif len(schema.get('allOf', ())) == 1:
        yield from _alternatives(schema['allOf'][0], definitions)
    else:
        yield schema


def _fits(given: str, taken: str) -> bool:
    return given == taken or (given, taken) in (('integer', 'number'), ('string', 'date-time'))


def _title(schema: Schema) -> str:
    return str(schema.get('title', 'the document'))

"""Kinds of values that hold other values: lists, dicts, plain data, environments."""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Mapping
from typing import Any

from mproc_flow.options.kinds import Integer, Kind, Refused, Scalar, Text, exactly_str, fault_in_text, json_or_text

_DEEPEST_DATA = 32
_ENTRY = re.compile(r'([^=:]*)(?:=|:\s*)(.*)', re.DOTALL)


class ListOf(Kind, frozen=True):
    """One item or a list of items; kept as a tuple.

    Args:
        item: What each item must be.
        empty: Accept a list without items.
    """

    item: Kind
    empty: bool = True

    @property
    def accepts(self) -> str:
        return f'{self.item.accepts}, or a list of these'

    def check(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if not value and not self.empty:
                raise self.refuse(value, 'the list is empty, leave the option out instead')
            return tuple(check_at(f'[{number}]', self.item, item) for number, item in enumerate(value))
        try:
            return (self.item.check(value),)
        except Refused as refused:
            raise self.refuse(value, refused.hint) from None

    def parse(self, text: str) -> Any:
        return (self.item.parse(text),)


class DictOf(Kind, frozen=True):
    """A dict; kept as a new dict.

    Args:
        key: What its keys must be.
        value: What its values must be.
        secret: Never show values in messages, they may be passwords.
        example: What one looks like.
    """

    key: Kind
    value: Kind
    secret: bool = False
    example: str = ''

    @property
    def accepts(self) -> str:
        return f'a dict such as {self.example}' if self.example else 'a dict'

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.refuse(value)
        if isinstance(self.value, Anything):  # what its author does to lists and dicts in it later changes nothing
            value = _copied(value, {})
        return {check_at(' key', self.key, key): self._value(key, item) for key, item in value.items()}

    def parse(self, text: str) -> Any:
        """Return the dict that the text of a flag stands for: ``KEY=VALUE``, ``KEY: VALUE``, or one in JSON."""
        whole = json_or_text(text)
        if isinstance(whole, Mapping):
            return self.check(whole)
        parts = _ENTRY.fullmatch(text)
        if parts is None:
            raise self.refuse(text, 'write KEY=VALUE')
        key, value = parts.groups()
        try:
            parsed = self.value.parse(value)
        except Refused as refused:
            raise refused.within(f'[{key!r}]') from None
        return self.check({key: parsed})

    def refuse(self, value: object, hint: str = '') -> Refused:
        return Refused(self.accepts, _type_only(value), hint) if self.secret else super().refuse(value, hint)

    def _value(self, key: object, item: object) -> Any:
        try:
            return check_at(f'[{key!r}]', self.value, item)
        except Refused as refused:
            if not self.secret:
                raise
            raise Refused(refused.accepts, _type_only(item), refused.hint, refused.at) from None


class Anything(Kind, frozen=True):
    """Any object; kept as it is."""

    accepts = 'any object'

    def check(self, value: Any) -> Any:
        return value


class Data(Kind, frozen=True):
    """Plain data, as it can be written in a YAML file; kept as a copy with lists for tuples.

    Args:
        depth: How deep lists and dicts may be nested.
    """

    depth: int = _DEEPEST_DATA
    accepts = 'plain data (None, bool, number, text, list, dict with text as keys)'

    def check(self, value: Any) -> Any:
        if isinstance(value, str):
            return Text().check(value) if value else ''
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, numbers.Integral):
            return Integer(-(2**63), 2**64 - 1).check(value)
        if isinstance(value, numbers.Real):
            return float(value)
        return self._container(value)

    def _container(self, value: Any) -> Any:
        if not isinstance(value, list | tuple | Mapping):
            raise self.refuse(value)
        if not self.depth:
            raise self.refuse(value, 'nested too deep')
        inner = Data(self.depth - 1)
        if isinstance(value, Mapping):
            return DictOf(Text(), inner).check(value)
        return [check_at(f'[{number}]', inner, item) for number, item in enumerate(value)]


class VariableName(Scalar, frozen=True):
    """Name of an environment variable."""

    accepts = "non-empty text without '='"

    def check(self, value: Any) -> Any:
        name = Text().check(value)
        if '=' in name:
            raise self.refuse(value)
        return name


class VariableValue(Scalar, frozen=True):
    """Value of an environment variable; kept as text."""

    accepts = 'text, number, bool or path'

    def check(self, value: Any) -> Any:
        if not isinstance(value, str | numbers.Number | os.PathLike):
            raise self.refuse(value)
        text = exactly_str(value) if isinstance(value, str) else str(value)
        if fault := fault_in_text(text):
            raise self.refuse(value, fault)
        return text


def check_at(at: str, kind: Kind, value: object) -> Any:
    """Check a part of a value; a :class:`Refused` then says which part."""
    try:
        return kind.check(value)
    except Refused as refused:
        raise refused.within(at) from None


def _copied(value: Any, made: dict[int, Any]) -> Any:
    """Copy a list or dict and those in it; one that stands in several places stays one."""
    kind = type(value)
    if kind not in (list, dict) or id(value) in made:
        return made.get(id(value), value)
    copied: Any = kind()
    made[id(value)] = copied
    if kind is list:
        copied.extend(_copied(item, made) for item in value)
    else:
        copied.update((key, _copied(item, made)) for key, item in value.items())
    return copied


def _type_only(value: object) -> str:
    return f'a value of type {type(value).__name__}'

"""How an option is declared, and the one check that every way of giving it goes through."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sized
from typing import Any

import msgspec

from mproc_flow.errors import BadOption
from mproc_flow.options.kinds import Kind, Refused, show
from mproc_flow.options.suggest import did_you_mean

Rule = Callable[[Mapping[str, Any], str], None]

_warned: set[str] = set()


class Option(msgspec.Struct, frozen=True):
    """One thing that can be set, declared once; keyword checks, YAML checks, flags and docs are derived from it.

    Args:
        name: Its name, as a keyword and in YAML; as a flag with dashes for underscores.
        kind: What values it accepts, with bounds and choices.
        help: What it does, in one sentence.
        default: Its value if it is not given, in the form ``kind`` keeps. None means there is none.
        unit: Unit of a number, e.g. ``ms``.
        inherit: Given to the Flow, it is also meant for every Executor that does not set it; dicts are merged.
        aliases: Other names under which it is accepted.
        former: Names it had once; accepted, and warned of once.
        no_effect: Why it does nothing here; it is accepted for programs written for Jina, and warned of once.
        later: What it would need that this version does not have; only the default is accepted.
    """

    name: str
    kind: Kind
    help: str
    default: Any = None
    unit: str = ''
    inherit: bool = False
    aliases: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    no_effect: str = ''
    later: str = ''

    def check(self, value: Any, where: str) -> Any:
        """Return a value in its normal form.

        Args:
            value: What was given.
            where: Where it was given, for the message: a call or a place in a document.

        Raises:
            BadOption: The value is not accepted; the message says where, what was given and what is accepted.
        """
        if self.no_effect and _is_nothing(value):
            return self.default
        try:
            checked = self.kind.check(value)
        except Refused as refused:
            raise BadOption(f'{place(where, self.name)}{self.complain(refused)}') from None
        if self.later and checked != self.default:
            raise BadOption(f'{place(where, self.name)} = {show(value)} is not supported yet: it needs {self.later}')
        if self.no_effect and checked != self.default:
            _warn_once(self.name, f'{place(where, self.name)} has no effect: {self.no_effect}')
        return checked

    @property
    def acts(self) -> bool:
        """True if setting it does something in this version."""
        return not self.no_effect and not self.later

    def complain(self, refused: Refused) -> str:
        """Return what is wrong with a value, to be read directly after the option's name."""
        unit = f' ({self.unit})' if self.unit else ''
        hint = f': {refused.hint}' if refused.hint else ''
        return f'{refused.at} must be {refused.accepts}{unit}, got {refused.got}{hint}'


class OptionGroup(msgspec.Struct, frozen=True):
    """The options of one thing, a Flow or an Executor.

    Args:
        owner: What they are options of, for messages.
        options: The options, in the order in which they are shown.
        rules: Checks over several options; each raises BadOption.
    """

    owner: str
    options: tuple[Option, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the options."""
        return tuple(option.name for option in self.options)

    def __getitem__(self, name: str) -> Option:
        for option in self.options:
            if name == option.name or name in option.aliases or name in option.former:
                return option
        raise KeyError(name)

    def check(self, given: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the options that were really given, each in its normal form.

        None stands for "the default" and is left out. Checking the result again changes nothing.

        Args:
            given: Options by name.
            where: Where they were given, for messages, e.g. ``Flow.add(name='encoder')`` or
                ``flow.yml: executors[1]``.

        Raises:
            BadOption: A name does not exist, or a value is not accepted, or an option is given under two names.
        """
        values: dict[str, Any] = {}
        called: dict[str, str] = {}
        for name, value in given.items():
            option = self._find(name, where)
            if option.name in values:
                other = called[option.name]
                raise BadOption(f'{place(where, name)} is the same as {other}, which is given too: keep one')
            if name in option.former:
                _warn_once(name, f'{place(where, name)} is now called {option.name}')
            if value is not None:
                called[option.name] = name
                values[option.name] = option.check(value, where)
        values = {name: value for name, value in values.items() if value is not None and not self[name].later}
        for rule in self.rules:
            rule(values, where)
        return values

    def _find(self, name: str, where: str) -> Option:
        try:
            return self[name]
        except KeyError:
            words = [word for option in self.options for word in (option.name, *option.aliases)]
            similar = did_you_mean(name, words)
            known = similar if 'did you mean' in similar else f'; known: {", ".join(self._acting)}'
            raise BadOption(f'{place(where, name)} is not an option of {self.owner}{known}') from None

    @property
    def _acting(self) -> list[str]:
        return [option.name for option in self.options if option.acts]

    def with_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every option that can act: the one given, or else the default."""
        return {option.name: values.get(option.name, option.default) for option in self.options if option.acts}


def place(where: str, name: object) -> str:
    """Return where an option stands: ``Flow.add(): port`` for a call, ``flow.yml: with.port`` for a document."""
    is_in_document = ': ' in where and not where.endswith(')')
    return f'{where}.{name}' if is_in_document else f'{where}: {name}'


def _is_nothing(value: object) -> bool:
    """Say whether a value asks for nothing, as many defaults of Jina do."""
    return value in ('', '{}', '[]') if isinstance(value, str) else isinstance(value, Sized) and not len(value)


def _warn_once(name: str, text: str) -> None:
    if name not in _warned:
        _warned.add(name)
        warnings.warn(text, stacklevel=_distance_to_user())


def _distance_to_user() -> int:
    """Return how many calls above the one of ``warnings.warn`` the first is that is not our own."""
    package = __name__.partition('.')[0]
    distance, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get('__name__', '').partition('.')[0] == package:
        distance, frame = distance + 1, frame.f_back
    return distance

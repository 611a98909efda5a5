"""Command-line flags made from the declarations of options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from typing import Any

from mproc_flow.options.containers import Anything, DictOf, ListOf
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.kinds import Choice, Flag, Kind, Refused, Text
from mproc_flow.options.suggest import did_you_mean


def add_flags(parser: argparse.ArgumentParser, group: OptionGroup, without: Collection[str] = ()) -> None:
    """Add a flag for every option. One that is not used leaves None.

    Args:
        parser: What to add them to.
        group: The options.
        without: Names of options that get none.
    """
    for option in group.options:
        if option.name not in without:
            _add(parser, option)


def add_dict(parser: argparse.ArgumentParser, flag: str, help_: str) -> None:
    """Add a flag for a dict of anything: ``KEY=VALUE ...`` or JSON."""
    kind = DictOf(Text(), Anything())
    read = _reader(kind, lambda refused: f'must be KEY=VALUE or a dict in JSON, got {refused.got}')
    parser.add_argument(flag, nargs='+', action=_Gather, type=read, default=None, metavar='KEY=VALUE', help=help_)


def given(arguments: argparse.Namespace, group: OptionGroup, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the options of a group for which a flag was used; arguments as :func:`add_flags`."""
    values = vars(arguments)
    return {name: values[name] for name in group.names if name not in without and values.get(name) is not None}


def unknown(word: str, parser: argparse.ArgumentParser) -> str:
    """Return what to say about an argument that a parser does not take."""
    flags = [flag for action in parser._actions if action.help != argparse.SUPPRESS for flag in action.option_strings]
    return f'there is no argument {word}{did_you_mean(word, [flag for flag in flags if flag[:2] == "--"])}'


class _Gather(argparse.Action):
    """Puts the parts of a list or dict together, however often the flag is used."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        whole = getattr(namespace, self.dest)
        for value in values:
            whole = value if whole is None else {**whole, **value} if isinstance(value, dict) else whole + value
        setattr(namespace, self.dest, whole)


class _Later(argparse.Action):
    """Refuses what this version does not have."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        raise argparse.ArgumentError(self, f'not supported yet: it needs {self.const}')


class _NoEffect(argparse.Action):
    """Says that it does nothing."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        print(f'{parser.prog}: {option_string} has no effect: {self.const}', file=sys.stderr)


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    flags = [_flag(name) for name in (option.name, *option.aliases)]
    if not option.acts:
        action = _Later if option.later else _NoEffect
        why = option.later or option.no_effect
        parser.add_argument(*flags, action=action, nargs='?', const=why, dest=option.name, help=argparse.SUPPRESS)
        return
    form = _form(option)
    parser.add_argument(*flags, help=_help(option), default=None, dest=option.name, **form)
    for name in option.former:
        parser.add_argument(_flag(name), help=argparse.SUPPRESS, default=None, dest=option.name, **form)


def _form(option: Option) -> dict[str, Any]:
    if isinstance(option.kind, Flag):
        return {'action': argparse.BooleanOptionalAction}
    form = {'type': _reader(option.kind, option.complain), 'metavar': _metavar(option)}
    return {**form, 'nargs': '+', 'action': _Gather} if isinstance(option.kind, ListOf | DictOf) else form


def _reader(kind: Kind, complain: Callable[[Refused], str]) -> Callable[[str], Any]:
    """Return the function that argparse calls with the text of a flag.

    Args:
        kind: What the text must be.
        complain: Makes the message if it is not.
    """

    def read(text: str) -> Any:
        try:
            return kind.parse(text)
        except Refused as refused:
            raise argparse.ArgumentTypeError(complain(refused).strip()) from None

    return read


def _flag(name: str) -> str:
    return f'--{name.replace("_", "-")}'


def _metavar(option: Option) -> str:
    if isinstance(option.kind, Choice):
        return f'{{{",".join(option.kind.choices)}}}'
    if isinstance(option.kind, DictOf):
        return 'KEY=VALUE'
    return (option.unit or option.name).upper()


def _help(option: Option) -> str:
    default = '' if option.default in (None, ()) else f' (default: {option.default}{option.unit and " " + option.unit})'
    return f'{option.help}{default}'.replace('%', '%%')

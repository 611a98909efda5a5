"""Command-line flags made from the declarations of options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.kinds import Choice, Flag, Refused, Scalar
from mproc_flow.options.suggest import did_you_mean


def add_flags(parser: argparse.ArgumentParser, group: OptionGroup) -> None:
    """Add a flag for every option that is one value; lists and dicts have none.

    Args:
        parser: What to add them to. A flag that is not used leaves None.
        group: The options.
    """
    for option in group.options:
        flag = _flag(option.name)
        if isinstance(option.kind, Flag):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=_help(option))
        elif isinstance(option.kind, Scalar):
            parser.add_argument(flag, type=_reader(option, option.kind), metavar=_metavar(option), help=_help(option))


def given(arguments: argparse.Namespace, group: OptionGroup) -> dict[str, Any]:
    """Return the options of a group for which a flag was used."""
    values = vars(arguments)
    return {name: values[name] for name in group.names if values.get(name) is not None}


def unknown(extra: Sequence[str], arguments: argparse.Namespace) -> str:
    """Return what to say about arguments that no flag takes."""
    flags = ['--help', '--version', *(_flag(name) for name in vars(arguments) if name != 'run')]
    return f'there is no argument {extra[0]}{did_you_mean(extra[0], flags)}'


def _flag(name: str) -> str:
    return f'--{name.replace("_", "-")}'


def _reader(option: Option, kind: Scalar) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return kind.parse(text)
        except Refused as refused:
            raise argparse.ArgumentTypeError(option.complain(refused).strip()) from None

    return read


def _metavar(option: Option) -> str:
    if isinstance(option.kind, Choice):
        return f'{{{",".join(option.kind.choices)}}}'
    return (option.unit or option.name).upper()


def _help(option: Option) -> str:
    default = '' if option.default is None else f' (default: {option.default}{option.unit and " " + option.unit})'
    return f'{option.help}{default}'.replace('%', '%%')

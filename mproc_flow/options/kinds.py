"""Kinds of values an option can take: what is accepted, and in which one form it is kept.

Checking what a check returned changes nothing, so a value may be checked again wherever it arrives.
"""

from __future__ import annotations

import math
import numbers
import os
import reprlib
from typing import Any

import msgspec

NO_LIMIT = math.inf


class Refused(Exception):
    """A value was not accepted; the option adds its name and the place to the message.

    Args:
        accepts: What is accepted, to be read after "must be".
        got: The value as shown to a person.
        hint: What is wrong with it or what to do instead, if more can be said than what is accepted.
        at: Where in the option's value it stands: ``[1]``, ``['key']``, or nothing for the value itself.
    """

    def __init__(self, accepts: str, got: str, hint: str = '', at: str = '') -> None:
        super().__init__(accepts, got, hint, at)
        self.accepts = accepts
        self.got = got
        self.hint = hint
        self.at = at

    def within(self, at: str) -> Refused:
        """Return the same, seen from one level further out."""
        return Refused(self.accepts, self.got, self.hint, at + self.at)


class Kind(msgspec.Struct, frozen=True):
    """What values an option accepts."""

    @property
    def accepts(self) -> str:
        """What is accepted, to be read after "must be"."""
        raise NotImplementedError

    def check(self, value: Any) -> Any:
        """Return the value in its normal form, or raise :class:`Refused`."""
        raise NotImplementedError

    def parse(self, text: str) -> Any:
        """Return the value that the text of a command-line flag stands for, or raise :class:`Refused`.

        The text is JSON, or else the value itself.
        """
        return self.check(json_or_text(text))

    def refuse(self, value: object, hint: str = '') -> Refused:
        """Make the error for a value that is not accepted."""
        return Refused(self.accepts, show(value), hint)


class Scalar(Kind, frozen=True):
    """One value that is written in a command-line flag as it is."""

    def parse(self, text: str) -> Any:
        return self.check(text)


class Text(Scalar, frozen=True):
    """Text with at least one character."""

    accepts = 'non-empty text'

    def check(self, value: Any) -> Any:
        if not isinstance(value, str) or not value:
            raise self.refuse(value)
        if fault := fault_in_text(value):
            raise self.refuse(value, fault)
        return exactly_str(value)


class Name(Scalar, frozen=True):
    """A Python identifier, or several joined by dots.

    Args:
        dotted: Accept dots.
    """

    dotted: bool = False

    @property
    def accepts(self) -> str:
        return 'a module name such as package.module' if self.dotted else 'a name that is a Python identifier'

    def check(self, value: Any) -> Any:
        parts = value.split('.') if isinstance(value, str) and self.dotted else [value]
        if not all(isinstance(part, str) and part.isidentifier() for part in parts):
            raise self.refuse(value)
        return exactly_str(value)


class Choice(Scalar, frozen=True):
    """One of a few words, in any case; kept in lower case."""

    choices: tuple[str, ...]

    @property
    def accepts(self) -> str:
        return f'one of {", ".join(self.choices)}'

    def check(self, value: Any) -> Any:
        if not isinstance(value, str) or value.strip().lower() not in self.choices:
            raise self.refuse(value)
        return value.strip().lower()


class Flag(Kind, frozen=True):
    """True or False and nothing else."""

    accepts = 'True or False'

    def check(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise self.refuse(value)
        return value


class Integer(Scalar, frozen=True):
    """A whole number; True and False are not numbers.

    Args:
        low: Smallest value.
        high: Largest value.
    """

    low: float = -NO_LIMIT
    high: float = NO_LIMIT

    @property
    def accepts(self) -> str:
        return f'a whole number{_between(self.low, self.high)}'

    def check(self, value: Any) -> Any:
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise self.refuse(value)
        number = int(value)
        if not self.low <= number <= self.high:
            raise self.refuse(value)
        return number

    def parse(self, text: str) -> Any:
        try:
            value = int(text)
        except ValueError:
            raise self.refuse(text) from None
        return self.check(value)


class Number(Scalar, frozen=True):
    """A number above a limit, whole or not; True, False and NaN are not numbers.

    Args:
        above: The value must be larger.
        high: Largest value.
    """

    above: float
    high: float

    @property
    def accepts(self) -> str:
        return f'a number above {self.above} and up to {self.high}'

    def check(self, value: Any) -> Any:
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise self.refuse(value)
        number = int(value) if isinstance(value, numbers.Integral) else float(value)
        if not self.above < number <= self.high:
            raise self.refuse(value)
        return number

    def parse(self, text: str) -> Any:
        try:
            value = float(text)
        except ValueError:
            raise self.refuse(text) from None
        return self.check(value)


class Path(Scalar, frozen=True):
    """A path of the file system.

    Args:
        absolute: Keep the absolute path. Otherwise the path is kept as given, to be resolved later.
    """

    absolute: bool = True
    accepts = 'a path'

    def check(self, value: Any) -> Any:
        path = os.fspath(value) if isinstance(value, str | os.PathLike) else value
        if not isinstance(path, str) or not path:
            raise self.refuse(value)
        if fault := fault_in_text(path):
            raise self.refuse(value, fault)
        return resolve(path, os.getcwd()) if self.absolute else exactly_str(path)


class Union(Kind, frozen=True):
    """What one of several kinds accepts."""

    kinds: tuple[Kind, ...]

    @property
    def accepts(self) -> str:
        return ' or '.join(kind.accepts for kind in self.kinds)

    def check(self, value: Any) -> Any:
        for kind in self.kinds:
            try:
                return kind.check(value)
            except Refused:
                continue
        raise self.refuse(value)


def json_or_text(text: str) -> Any:
    """Return what a text says in JSON, or the text if that is no JSON."""
    import json  # only the command line needs it

    try:
        return json.loads(text)
    except ValueError:
        return text


def show(value: object) -> str:
    """Return a value for a person: shortened, with its type."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 80
    return f'{short.repr(value)} ({type(value).__name__})'


def exactly_str(text: str) -> str:
    """Return a text without the subclass it may have: what travels between processes is plain."""
    return str.__str__(text)


def resolve(path: str, folder: str) -> str:
    """Return the absolute form of a path that is relative to ``folder`` or to a home directory (``~``)."""
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))


def fault_in_text(text: str) -> str:
    """Return why a text cannot be handed to another program, or nothing if it can."""
    if '\0' in text:
        return 'it contains a NUL character'
    try:
        text.encode()
    except UnicodeEncodeError:
        return 'it cannot be written as UTF-8'
    return ''


def _between(low: float, high: float) -> str:
    if high == NO_LIMIT:
        return '' if low == -NO_LIMIT else f' of at least {low}'
    return f' up to {high}' if low == -NO_LIMIT else f' from {low} to {high}'

"""What each kind of value accepts, in which form it is kept, and what it refuses."""

from __future__ import annotations

import enum
import math
import os
import pathlib
import re

import msgspec
import numpy as np
import pytest

from mproc_flow.options.address import Loopback
from mproc_flow.options.containers import Anything, Data, DictOf, ListOf, VariableName, VariableValue
from mproc_flow.options.kinds import Choice, Flag, Integer, Kind, Name, Number, Path, Refused, Scalar, Text, Union


class MyExecutor: ...


class Word(str, enum.Enum):
    FORK = 'fork'


COLOURS = Choice(('red', 'green'))
ENV = DictOf(VariableName(), VariableValue(), secret=True)

ACCEPTED = [
    (Text(), 'a b', 'a b'),
    (Text(), Word.FORK, 'fork'),
    (Name(), 'encoder_1', 'encoder_1'),
    (Name(dotted=True), 'a.b', 'a.b'),
    (COLOURS, ' Red ', 'red'),
    (Flag(), False, False),
    (Integer(), -5, -5),
    (Integer(1, 3), 1, 1),
    (Integer(1, 3), 3, 3),
    (Integer(), np.int64(7), 7),
    (Number(0, 10), 10, 10),
    (Number(0, 10), 0.5, 0.5),
    (Number(0, 10), np.float32(0.5), 0.5),
    (Path(), '/a/../b', '/b'),
    (Path(), pathlib.Path('/a'), '/a'),
    (Path(absolute=False), 'a/b.py', 'a/b.py'),
    (Union((Integer(), Text())), 5, 5),
    (Union((Integer(), Text())), '5', '5'),
    (ListOf(Name()), 'a', ('a',)),
    (ListOf(Name()), ['a', 'b'], ('a', 'b')),
    (ListOf(Name()), ('a',), ('a',)),
    (ListOf(Name()), [], ()),
    (DictOf(Text(), Anything()), {'a': MyExecutor}, {'a': MyExecutor}),
    (Data(), {'a': (1, 'x', None, True, 1.5, '')}, {'a': [1, 'x', None, True, 1.5, '']}),
    (Data(), [np.int64(1), np.float64(2)], [1, 2.0]),
    (Data(), [-(2**63), 2**64 - 1], [-(2**63), 2**64 - 1]),
    (Data(depth=2), [[1]], [[1]]),
    (ENV, {'A': 1, 'B': True, 'C': '', 'D': pathlib.Path('/x')}, {'A': '1', 'B': 'True', 'C': '', 'D': '/x'}),
    (ENV, {'A': Word.FORK}, {'A': 'fork'}),
    (Loopback(), '127.0.0.1', '127.0.0.1'),
    (Loopback(), '127.1.2.3', '127.1.2.3'),
    (Loopback(), '::1', '::1'),
    (Loopback(), 'LocalHost', '127.0.0.1'),
]

NESTED: dict[str, object] = {}
NESTED['self'] = NESTED

REFUSED = [
    (Text(), '', 'must be non-empty text'),
    (Text(), 5, 'got 5 (int)'),
    (Text(), 'a\0', 'NUL'),
    (Text(), 'a\ud800', 'UTF-8'),
    (Name(), 'a-b', 'must be a name that is a Python identifier'),
    (Name(), 'a.b', "got 'a.b' (str)"),
    (Name(), 5, 'got 5 (int)'),
    (Name(dotted=True), 'a.', 'module name'),
    (COLOURS, 'blue', 'must be one of red, green'),
    (COLOURS, 1, 'got 1 (int)'),
    (Flag(), 1, 'must be True or False, got 1 (int)'),
    (Flag(), 'true', "got 'true' (str)"),
    (Integer(), '5', "must be a whole number, got '5' (str)"),
    (Integer(), True, 'got True (bool)'),
    (Integer(), 5.0, 'got 5.0 (float)'),
    (Integer(1, 3), 0, 'must be a whole number from 1 to 3, got 0 (int)'),
    (Integer(1, 3), 4, 'from 1 to 3'),
    (Integer(low=1), 0, 'of at least 1'),
    (Integer(high=3), 4, 'up to 3'),
    (Number(0, 10), 0, 'must be a number above 0 and up to 10, got 0 (int)'),
    (Number(0, 10), 11, 'got 11'),
    (Number(0, 10), math.nan, 'got nan'),
    (Number(0, 10), math.inf, 'got inf'),
    (Number(0, 10), True, 'got True (bool)'),
    (Number(0, 10), '5', "got '5' (str)"),
    (Path(), '', 'must be a path'),
    (Path(), b'/a', "got b'/a' (bytes)"),
    (Path(), 'a\0b', 'NUL'),
    (Path(), 5, 'got 5 (int)'),
    (Union((Integer(), Text())), '', "must be a whole number or non-empty text, got '' (str)"),
    (ListOf(Name()), {'a'}, 'or a list of these, got'),
    (ListOf(Name()), 5, 'got 5 (int)'),
    (ListOf(Name()), ['a', 5], '[1] must be a name that is a Python identifier, got 5 (int)'),
    (ListOf(Name(), empty=False), [], 'the list is empty'),
    (DictOf(Text(), Name()), [1], 'must be a dict, got [1] (list)'),
    (DictOf(Text(), Name()), {1: 'a'}, ' key must be non-empty text, got 1 (int)'),
    (DictOf(Text(), Name()), {'/a': 'b c'}, "['/a'] must be a name that is a Python identifier, got 'b c' (str)"),
    (Data(), MyExecutor(), 'must be plain data'),
    (Data(), {'a': [0, b'x']}, "['a'][1] must be plain data"),
    (Data(), {1: 2}, ' key must be non-empty text'),
    (Data(), 2**64, 'must be a whole number from'),
    (Data(), -(2**63) - 1, 'must be a whole number from'),
    (Data(depth=2), [[[1]]], '[0][0] must be plain data'),
    (Data(), NESTED, 'nested too deep'),
    (ENV, 'A=1', 'must be a dict, got a value of type str'),
    (ENV, {'': '1'}, ' key must be non-empty text'),
    (ENV, {'A=': '1'}, " key must be non-empty text without '=', got 'A=' (str)"),
    (ENV, {'A\0': '1'}, 'NUL'),
    (ENV, {1: '1'}, ' key must be'),
    (ENV, {'A': None}, "['A'] must be text, number, bool or path, got a value of type NoneType"),
    (ENV, {'A': ['x']}, 'got a value of type list'),
    (ENV, {'A': 'x\0'}, 'NUL'),
    (Loopback(), '0.0.0.0', 'needs keys'),
    (Loopback(), '192.168.0.1', 'needs keys'),
    (Loopback(), '::', 'needs keys'),
    (Loopback(), 'example.org', 'needs keys'),
    (Loopback(), '', 'needs keys'),
    (Loopback(), 2130706433, "must be a loopback address such as '127.0.0.1'"),
]


def named(value: object) -> str:
    return f'{type(value).__name__}-{re.sub(r"0x[0-9a-f]+", "", ascii(value))[:30]}'


@pytest.mark.parametrize(('kind', 'given', 'kept'), ACCEPTED, ids=named)
def test_accepted_values_are_kept_in_one_form(kind: Kind, given: object, kept: object) -> None:
    checked = kind.check(given)
    assert checked == kept
    assert type(checked) is type(kept)


@pytest.mark.parametrize(('kind', 'given', 'kept'), ACCEPTED, ids=named)
def test_checking_what_was_checked_changes_nothing(kind: Kind, given: object, kept: object) -> None:
    assert kind.check(kept) == kept


@pytest.mark.parametrize(('kind', 'given', 'message'), REFUSED, ids=named)
def test_refused_values_are_explained(kind: Kind, given: object, message: str) -> None:
    with pytest.raises(Refused) as caught:
        kind.check(given)
    refused = caught.value
    assert message in f'{refused.at} must be {refused.accepts}, got {refused.got}: {refused.hint}'


def test_data_and_environments_can_be_encoded_whatever_subclass_was_given() -> None:
    class Name(str):
        __slots__ = ()

    given = {Name('a'): [Name('b'), np.int64(1), np.float64(1)]}
    msgspec.msgpack.encode(Data().check(given))
    msgspec.msgpack.encode(ENV.check({Name('A'): Name('b')}))


def test_a_secret_is_never_shown() -> None:
    for given in ({'A': 'ok', 'B': b'hunter2'}, {'B': 'hunter2\0'}, 'B=hunter2', ['B=hunter2']):
        with pytest.raises(Refused) as caught:
            ENV.check(given)
        assert 'hunter2' not in str(caught.value.args) + caught.value.got


def test_containers_are_copied() -> None:
    given = {'a': {'b': [1]}}
    kept = Data().check(given)
    given['a']['b'].append(2)
    assert kept == {'a': {'b': [1]}}
    outer = {'a': 1}
    kept = DictOf(Text(), Anything()).check(outer)
    outer['b'] = 2
    assert kept == {'a': 1}


def test_paths_are_made_absolute_from_the_working_directory_and_home(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', '/home/me')
    assert Path().check('work') == os.path.join(os.getcwd(), 'work')
    assert Path().check('~/files') == '/home/me/files'


@pytest.mark.parametrize(
    ('kind', 'text', 'value'),
    [
        (Integer(1, 9), '5', 5),
        (Number(0, 9), '5', 5.0),
        (Number(0, 9), '.5', 0.5),
        (Text(), '5', '5'),
        (COLOURS, 'RED', 'red'),
        (Path(absolute=False), 'x', 'x'),
    ],
)
def test_text_of_a_flag_is_read(kind: Scalar, text: str, value: object) -> None:
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ('kind', 'text'), [(Integer(1, 9), 'five'), (Integer(1, 9), '10'), (Number(0, 9), 'x'), (Number(0, 9), 'nan')]
)
def test_text_of_a_flag_that_cannot_be_read_is_refused(kind: Scalar, text: str) -> None:
    with pytest.raises(Refused):
        kind.parse(text)


def test_long_values_are_shortened() -> None:
    with pytest.raises(Refused) as caught:
        Integer().check('x' * 10_000)
    assert len(caught.value.got) < 120

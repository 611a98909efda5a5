"""Which shards get a request."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow.options.kinds import Refused
from mproc_flow.options.polling import Polling, polls_all


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        ('ANY', 'any'),
        (' All ', 'all'),
        ({'/a': 'ALL', '*': ' Any'}, {'/a': 'all', '*': 'any'}),
        ({}, {}),
    ],
    ids=str,
)
def test_words_are_kept_in_lower_case(given: Any, kept: Any) -> None:
    assert Polling().check(given) == kept
    assert Polling().check(kept) == kept


def test_a_dict_is_copied() -> None:
    given = {'/a': 'any'}
    kept = Polling().check(given)
    given['/b'] = 'all'
    assert kept == {'/a': 'any'}


def test_the_text_of_a_flag_is_one_word() -> None:
    assert Polling().parse('ALL') == 'all'


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ('some', "must be 'ANY', 'ALL', or a dict of these by endpoint"),
        ('', "got '' (str)"),
        (True, 'got True (bool)'),
        (['any'], "got ['any'] (list)"),
        ({'/a': 'some'}, "['/a'] must be one of any, all, got 'some' (str)"),
        ({'/a': True}, "['/a'] must be one of any, all, got True (bool)"),
        ({1: 'any'}, ' key must be non-empty text, got 1 (int)'),
        ({'': 'any'}, " key must be non-empty text, got '' (str)"),
    ],
    ids=ascii,
)
def test_other_values_are_refused(given: Any, message: str) -> None:
    with pytest.raises(Refused) as caught:
        Polling().check(given)
    assert message in f'{caught.value.at} must be {caught.value.accepts}, got {caught.value.got}'


@pytest.mark.parametrize(
    ('polling', 'endpoint', 'everywhere'),
    [
        ('any', '/a', False),
        ('all', '/a', True),
        ('any', '/search', True),
        ('all', '/search', True),
        ('any', '/index', False),
        ('all', '/index', False),
        ({}, '/a', False),
        ({}, '/search', True),
        ({'*': 'all'}, '/a', True),
        ({'*': 'all'}, '/index', False),
        ({'*': 'any'}, '/search', True),
        ({'/index': 'all'}, '/index', True),
        ({'/index': 'all'}, '/a', False),
        ({'/search': 'any'}, '/search', False),
        ({'/a': 'any', '*': 'all'}, '/a', False),
        ({'/a': 'all', '*': 'any'}, '/a', True),
        ({'/a': 'all', '*': 'any'}, '/b', False),
    ],
    ids=str,
)
def test_the_endpoint_decides_then_what_it_is_for_and_then_the_general_word(
    polling: Any, endpoint: str, everywhere: bool
) -> None:
    assert polls_all(polling, endpoint) is everywhere

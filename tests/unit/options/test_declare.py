"""One check for every way of giving options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mproc_flow.errors import BadOption
from mproc_flow.options.declare import Option, OptionGroup, place
from mproc_flow.options.kinds import Flag, Integer, Text
from mproc_flow.options.suggest import did_you_mean

SIZE = Option('size', Integer(1, 9), 'How large.', default=3, unit='cm')
GROUP = OptionGroup('a box', (SIZE, Option('label', Text(), 'What is in it.'), Option('open', Flag(), 'No lid.')))


def test_only_what_was_given_is_returned_and_none_is_not_given() -> None:
    assert GROUP.check({'size': 5, 'label': None, 'open': False}, 'box()') == {'size': 5, 'open': False}


def test_a_bad_value_names_place_option_value_and_what_is_accepted() -> None:
    with pytest.raises(BadOption) as caught:
        GROUP.check({'size': '5'}, "Box.add(name='a')")
    assert str(caught.value) == "Box.add(name='a'): size must be a whole number from 1 to 9 (cm), got '5' (str)"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_in_a_document_the_place_is_a_path() -> None:
    assert place('box.yml: boxes[1]', 'size') == 'box.yml: boxes[1].size'
    with pytest.raises(BadOption, match=r'^box\.yml: boxes\[1\]\.size must be'):
        GROUP.check({'size': 10}, 'box.yml: boxes[1]')


def test_bad_option_can_be_caught_as_value_or_type_error() -> None:
    with pytest.raises(ValueError, match='size'):
        GROUP.check({'size': 0}, 'box()')
    with pytest.raises(TypeError, match='size'):
        GROUP.check({'size': 'x'}, 'box()')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('sizes', "box(): sizes is not an option of a box; did you mean 'size'?"),
        ('Size', "box(): Size is not an option of a box; did you mean 'size'?"),
        ('weight', 'box(): weight is not an option of a box; known: size, label, open'),
        (5, 'box(): 5 is not an option of a box; known: size, label, open'),
    ],
)
def test_an_unknown_name_is_an_error_even_if_it_is_none(name: Any, message: str) -> None:
    for value in (1, None):
        with pytest.raises(BadOption) as caught:
            GROUP.check({name: value}, 'box()')
        assert str(caught.value) == message


def test_rules_see_all_checked_values() -> None:
    def open_boxes_need_a_label(values: Mapping[str, Any], where: str) -> None:
        if values.get('open') and 'label' not in values:
            raise BadOption(f'{where}: label it')

    group = OptionGroup('a box', GROUP.options, rules=(open_boxes_need_a_label,))
    assert group.check({'open': True, 'label': 'x'}, 'box()')
    with pytest.raises(BadOption, match=r'^box\(\): label it$'):
        group.check({'open': True}, 'box()')


def test_defaults_fill_what_is_missing() -> None:
    assert GROUP.with_defaults({'label': 'x'}) == {'size': 3, 'label': 'x', 'open': None}


def test_options_are_found_by_name() -> None:
    assert GROUP['size'] is SIZE
    assert GROUP.names == ('size', 'label', 'open')
    with pytest.raises(KeyError):
        GROUP['weight']


def test_declarations_cannot_be_changed() -> None:
    for declared in (SIZE, GROUP, SIZE.kind):
        with pytest.raises(AttributeError):
            setattr(declared, declared.__struct_fields__[0], 'x')


def test_suggestions() -> None:
    assert did_you_mean('replica', ['replicas', 'needs']) == "; did you mean 'replicas'?"
    assert did_you_mean('xyz', iter(['b', 'a'])) == '; known: b, a'
    assert did_you_mean('xyz', []) == ''

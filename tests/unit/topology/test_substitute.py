"""Values that a document takes from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from mproc_flow.errors import BadConfigSource
from mproc_flow.topology.document import Plain, parse
from mproc_flow.topology.substitute import substitute

ENVIRON = {'NUMBER': '5', 'WORD': 'shop', 'FLAG': 'true', 'EMPTY': '', 'DOLLARS': '$WORD ${{ this.a }}', 'LIST': '[1]'}
CONTEXT = {'number': 7, 'table': {'key': [1, 'two']}, 'flag': True, 'nothing': None, 'text': '8'}


def put_in(text: str, **options: Any) -> Any:
    """What a YAML text says with all values put in."""
    return substitute(parse(text, 'x.yml'), 'x.yml', ENVIRON, CONTEXT, **options)


def problem(text: str) -> str:
    """What is said about a YAML text."""
    with pytest.raises(BadConfigSource) as caught:
        put_in(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ('written', 'value'),
    [
        # the environment, in each form
        ('$WORD', 'shop'),
        ('${WORD}', 'shop'),
        ('${{ ENV.WORD }}', 'shop'),
        ('${{ENV.WORD}}', 'shop'),
        ('${{ env.WORD }}', 'shop'),
        ('pre-${{ ENV.WORD }}-post', 'pre-shop-post'),
        ('a/$WORD/${WORD}s', 'a/shop/shops'),
        # is typed where it stands without quotes
        ('$NUMBER', 5),
        ('5$NUMBER', 55),
        ('$NUMBER.0', 5.0),
        ('$FLAG', True),
        ('$EMPTY', None),
        ('$LIST', '[1]'),
        ('"$NUMBER"', '5'),
        ("'${{ ENV.FLAG }}'", 'true'),
        ('"$EMPTY"', ''),
        # and is never looked into
        ('$DOLLARS', '$WORD ${{ this.a }}'),
        # the context keeps types
        ('${{ number }}', 7),
        ('${{ CONTEXT.number }}', 7),
        ('"${{ context.number }}"', 7),
        ('${{ text }}', '8'),
        ('"${{ table }}"', {'key': [1, 'two']}),
        ('${{ table.key[1] }}', 'two'),
        ('${{ CONTEXT.table.key[0] }}', 1),
        ('${{ nothing }}', None),
        ('"is ${{ flag }}: ${{ number }}${{ nothing }}"', 'is true: 7'),
        # dollars
        ('$$', '$'),
        ('$$WORD', '$WORD'),
        ('$$$WORD', '$shop'),
        ('$${{ x }}', '${{ x }}'),
        ('5$', '5$'),
        ('$5', '$5'),
        ('a $ b', 'a $ b'),
    ],
)  # fmt: skip
def test_what_is_put_in(written: str, value: Any) -> None:
    found = put_in(f'a: {written}')['a']
    assert (found, type(found)) == (value, type(value))
    assert put_in(f'a: [{{b: {written}}}]' if '{' not in written or '"' in written else f'a:\n- b: {written}') == {
        'a': [{'b': value}]
    }


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('a: ${{ root.with.b }}\nwith: {b: 5}', 5),
        ('a: ${{ with.b }}\nwith: {b: 5}', 5),
        ('a: ${{ this.b }}\nb: [1]', [1]),
        ('a: "<${{ this.b }}>"\nb: x', '<x>'),
        ('a: ${{ root.with[1].c }}\nwith: [x, {c: y}]', 'y'),
        ('a: ${{ this.b }}\nb: ${{ this.c }}\nc: $NUMBER', 5),
        ('a: ${{ with.deep.b }}\nwith: ${{ CONTEXT.table }}', None),
        ('a: ${{ root.with.key[0] }}\nwith: "${{ table }}"', 1),
        ('a: ${{ root.number }}\nnumber: 3', 3),
        ('a: ${{ root.with.my-key }}\nwith: {my-key: 3}', 3),
    ],
)
def test_references_within_the_document(text: str, value: Any) -> None:
    if value is None:
        assert 'with.deep' in problem(text)
    else:
        assert put_in(text)['a'] == value


def test_this_is_the_mapping_around_it() -> None:
    found = put_in('name: top\nlist:\n- name: one\n  path: [x, "${{ this.name }}"]\n- {name: two, path: $WORD}')
    assert found['list'][0] == {'name': 'one', 'path': ['x', 'one']}


def test_keys_are_not_changed() -> None:
    assert put_in('{$WORD: 1, "${{ x }}": $NUMBER}') == {'$WORD': 1, '${{ x }}': 5}


def test_nothing_is_put_in_if_it_is_not_asked_for() -> None:
    text = 'a: $WORD\nb: ["${{ nobody }}", $$, 5]'
    found = put_in(text, active=False)
    assert found == {'a': '$WORD', 'b': ['${{ nobody }}', '$$', 5]}
    assert type(found['a']) is str


@pytest.mark.parametrize(
    ('text', 'parts'),
    [
        ('with: {name: $NOPE}', ['x.yml: with.name needs the environment variable NOPE', 'not set', '$$']),
        ('list: [{a: "${{ ENV.NOPE }}"}]', ['list[0].a', 'NOPE']),
        ('a: ${{ nmber }}', ["a needs 'nmber', which is not in the context", "did you mean 'number'?"]),
        ('a: ${{ CONTEXT.table.nope }}', ["'table.nope'"]),
        ('a: ${{ CONTEXT.table.key[9] }}', ['table.key.9']),
        ('a: ${{ CONTEXT }}', ["'CONTEXT'"]),
        ('a: ${{ root.with.nam }}\nwith: {name: x}', ['a refers to with.nam', "did you mean 'name'?"]),
        ('a: ${{ root.with[0] }}\nwith: {name: x}', ['a refers to with[0]']),
        ('a: ${{ root.with[3] }}\nwith: [x]', ['a refers to with[3]']),
        ('a: ${{ root.b.c }}\nb: text', ['a refers to b.c']),
        ('a: ${{ this.b }}', ['a refers to b, which is not there']),
        ('a: ${{ this.a }}', ['a refers to itself: a → a']),
        ('a: ${{ this.b }}\nb: "x${{ this.c }}"\nc: ${{ root.a }}', ['a → b → c → a']),
        ('a: {b: "${{ root.a }}"}', ['a.b refers to a, in which it stands itself']),
        ('a: ${{ root }}', ["'root'"]),
        ('a: "${{ table }}!"', ['a has ${{ table }} inside a text', 'no single value']),
        ('a: ${{ ENV.WORD', ['a has an expression that is not closed', '}}']),
        ('a: ${{ 1 + 1 }}', ['a has the expression ${{ 1 + 1 }}', 'ENV.name']),
        ('a: ${{ }}', ['a has the expression ${{ }}']),
        ('a: ${{ __import__("os") }}', ['a has the expression']),
        ('$NOPE', ['the document needs the environment variable NOPE']),
    ],
)
def test_what_cannot_be_put_in_is_explained(text: str, parts: list[str]) -> None:
    said = problem(text)
    assert said.startswith('x.yml: ')
    for part in parts:
        assert part in said


def test_references_that_grow_take_no_time() -> None:
    lines = [f'a{at}: ["${{{{ root.a{at + 1} }}}}", "${{{{ root.a{at + 1} }}}}"]' for at in range(40)]
    found = put_in('\n'.join([*lines, 'a40: x']))
    assert found['a39'] == ['x', 'x']


def test_a_chain_may_be_long_but_not_endless() -> None:
    def chain(length: int) -> str:
        return '\n'.join([*(f'a{at}: "${{{{ root.a{at + 1} }}}}"' for at in range(length)), f'a{length}: x'])

    assert put_in(chain(50))['a0'] == 'x'
    assert 'a0 refers to a place that refers to another, 50 times' in problem(chain(52))


@given(st.text())
def test_every_text_can_be_written_with_doubled_dollars(text: str) -> None:
    assert substitute({'a': text.replace('$', '$$')}, 'x', {}) == {'a': text}
    assert substitute([Plain(f'$${text.replace("$", "$$")}')], 'x', {}) == [f'${text}']


@given(st.text(alphabet='${}[]. ENVxthisroot0', max_size=30))
def test_any_text_is_put_in_or_explained(text: str) -> None:
    try:
        substitute({'a': text, 'this': {'x': text}}, 'x', {'x': 'y'}, {'x': 1})
    except BadConfigSource as error:
        assert str(error).startswith('x: ')

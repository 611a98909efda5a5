"""Flow files: what they say, and what is said about wrong ones."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
from pathlib import Path

import pytest

from mproc_flow.errors import BadConfigSource, BadOption, BadYAMLVersion
from mproc_flow.topology.flowfile import FlowFile, load

FULL = """\
jtype: Flow
version: '1'
with:
  name: shop
  port: 51000
  env: {A: 1}
executors:
  - name: encoder
    uses: shop.encode:Encoder
    replicas: 2
    uses_with: {path: model.bin, day: 2020-01-01}
  - name: ranker
    uses: Ranker
    py_modules: [ranker.py, ../lib/more.py, /abs.py]
    workspace: work
    needs: [encoder, gateway]
    timeout_ready: null
  - {}
"""


def test_what_a_full_file_says(tmp_path: Path) -> None:
    path = tmp_path / 'flow.yml'
    path.write_text(FULL, encoding='utf-8')
    assert load(path) == FlowFile(
        flow={'name': 'shop', 'port': 51000, 'env': {'A': '1'}},
        executors=[
            {
                'name': 'encoder',
                'uses': 'shop.encode:Encoder',
                'replicas': 2,
                'uses_with': {'path': 'model.bin', 'day': datetime.date(2020, 1, 1)},
            },
            {
                'name': 'ranker',
                'uses': 'Ranker',
                'py_modules': (str(tmp_path / 'ranker.py'), str(tmp_path.parent / 'lib' / 'more.py'), '/abs.py'),
                'workspace': str(tmp_path / 'work'),
                'needs': ('encoder', 'gateway'),
            },
            {},
        ],
        origin=str(path),
    )


def test_a_relative_path_is_kept_as_the_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'flow.yml').write_text('jtype: Flow\nwith: {workspace: w}\nexecutors: [{py_modules: a.py}]')
    monkeypatch.chdir(tmp_path)
    file = load('sub/flow.yml')
    assert file.origin == 'sub/flow.yml'
    assert file.flow == {'workspace': str(tmp_path / 'sub' / 'w')}
    assert file.executors == [{'py_modules': (str(tmp_path / 'sub' / 'a.py'),)}]


def test_paths_in_a_text_are_relative_to_the_working_directory() -> None:
    assert load('jtype: Flow\nwith: {workspace: w}').flow == {'workspace': os.path.abspath('w')}


@pytest.mark.parametrize(
    'text',
    [
        'jtype: Flow',
        '  jtype: Flow',
        '{jtype: Flow}',
        '{"jtype": "Flow", "version": "1"}',
        'version: 1\njtype: Flow\n',
        'jtype: Flow\nwith:\n',
        'jtype: Flow\nwith: {}\nexecutors: []',
        'jtype: Flow\nversion:',
        '# comment\njtype: Flow\r\n',
    ],
)
def test_smallest_texts(text: str) -> None:
    assert load(text) == FlowFile(flow={}, executors=[], origin='<text>')


@pytest.mark.parametrize('version', ["'1'", '1', '1.0', '1.5', "'1.2'", "''", 'null'])
def test_versions_that_are_read(version: str) -> None:
    load(f'jtype: Flow\nversion: {version}')


@pytest.mark.parametrize('version', ["'2'", '2', '10', '0.1', 'one', 'true', '[1]', '{}', "'1.'", '1.x'])
def test_versions_that_are_not_read(version: str) -> None:
    with pytest.raises(BadYAMLVersion, match=r"^<text>: version must be '1', got "):
        load(f'jtype: Flow\nversion: {version}')


def test_deployments_is_another_name_for_executors() -> None:
    assert load('jtype: Flow\ndeployments: [{name: a}]').executors == [{'name': 'a'}]
    with pytest.raises(BadOption, match=r'^<text>: deployments\[0\]\.nam is not'):
        load('jtype: Flow\ndeployments: [{nam: a}]')


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / 'flow.yml'
    path.write_bytes('jtype: Flow'.encode('utf-8-sig'))
    assert load(path).flow == {}


def test_anchors_and_merges_work() -> None:
    file = load("""
        jtype: Flow
        executors:
          - &base {name: a, replicas: 2, env: {A: x}}
          - <<: *base
            name: b
          - <<: [*base]
            name: c
            replicas: 3
        """)
    assert file.executors[1:] == [
        {'name': 'b', 'replicas': 2, 'env': {'A': 'x'}},
        {'name': 'c', 'replicas': 3, 'env': {'A': 'x'}},
    ]


def test_aliases_of_aliases_take_no_time() -> None:
    lines = ['a0: &a0 [x]', *(f'a{at}: &a{at} [{", ".join([f"*a{at - 1}"] * 9)}]' for at in range(1, 30))]
    text = 'jtype: Flow\nexecutors:\n- uses_with:\n' + ''.join(f'    {line}\n' for line in lines)
    assert len(load(text).executors[0]['uses_with']) == 30


def test_dollar_signs_that_ask_for_nothing_are_kept() -> None:
    file = load("jtype: Flow\nexecutors: [{uses_with: {price: 5$, a: $5, b: 'x $HOME', $lt: 1}}]")
    assert file.executors[0]['uses_with'] == {'price': '5$', 'a': '$5', 'b': 'x $HOME', '$lt': 1}


WRONG = [
    # the document
    ('', '<text>: there is nothing in it; write at least jtype: Flow'),
    (' \n', 'there is nothing in it'),
    ('# only a comment\n', 'there is nothing in it'),
    ('- a\n- b', '<text>: must be a mapping with jtype: Flow, got'),
    ('just\ntext', 'must be a mapping'),
    ('with: {}\n', '<text>: jtype is missing: write jtype: Flow'),
    ('jtype: AsyncFlow', "<text>: jtype must be Flow, got 'AsyncFlow'"),
    ('jtype:\n', 'jtype must be Flow, got None'),
    ('jtype: Flow\nwiht: {}', "<text>: wiht is not a key of a Flow file; did you mean 'with'?"),
    ('jtype: Flow\ngateway: {}', '<text>: gateway is not a key of a Flow file; known: jtype, version, with'),
    ('jtype: Flow\n5: {}', '<text>: 5 is not a key of a Flow file'),
    ('jtype: Flow\nwith: []', '<text>: with must be a mapping of options, got []'),
    ('jtype: Flow\nwith: 0', '<text>: with must be a mapping of options, got 0'),
    ('jtype: Flow\nexecutors:', '<text>: executors must be a list of mappings (lines that begin with -), got None'),
    ('jtype: Flow\nexecutors: {name: a}', 'executors must be a list'),
    ('jtype: Flow\ndeployments: a', 'deployments must be a list'),
    ('jtype: Flow\nexecutors: [a]', "<text>: executors[0] must be a mapping of options, got 'a'"),
    ('jtype: Flow\nexecutors:\n  -\n', 'executors[0] must be a mapping of options, got None'),
    ('jtype: Flow\nexecutors: []\ndeployments: []', 'mean the same: keep one'),
    # YAML
    ('jtype: Flow\nwith: {a', '<text>, line 2, column 9: not valid YAML: expected'),
    ('jtype: Flow\n\twith: 1', '<text>, line 2, column 1: not valid YAML:'),
    ('jtype: Flow\nwith: *x', '<text>, line 2, column 7: not valid YAML: found undefined alias'),
    ('jtype: Flow\n---\njtype: Flow', '<text>, line 2, column 1: not valid YAML: but found another document'),
    ('jtype: Flow\nwith: "\x07"', "<text>, line 2: the character '\\x07' cannot be in YAML"),
    ('jtype: ' + '[' * 5000, '<text>: nested too deep'),
    ('jtype: Flow\nwith:\n  port: 1\n\n  port: 2', "line 5, column 3: with has the key 'port' twice (first in line 3)"),
    ('jtype: Flow\njtype: Flow', "line 2, column 1: the document has the key 'jtype' twice (first in line 1)"),
    ('jtype: Flow\nexecutors: [{env: {A: 1, A: 2}}]', "executors[0].env has the key 'A' twice"),
    ('jtype: Flow\n? [a]\n: b', 'line 2, column 3: the document has a key that is not a single value'),
    ('jtype: Flow\nwith: &a {env: *a}', 'line 2, column 7: with.env contains itself'),
    ('jtype: Flow\nwith: {<<: 5}', 'line 2, column 12: not valid YAML: expected a mapping'),
    ('jtype: Flow\nexecutors: [{uses_with: {day: 2020-02-31}}]', '<text>: a value in it cannot be read: '),
    ('jtype: Flow\nexecutors: [{uses_with: {a: !!int x}}]', 'a value in it cannot be read'),
    ("jtype: Flow\nexecutors: [{uses_with: {a: !!int ''}}]", 'a value in it cannot be read'),
    ('jtype: Flow\nexecutors: [{uses_with: {a: !!bool x}}]', 'a value in it cannot be read'),
    ('jtype: Flow\nexecutors: [{uses_with: {a: !!timestamp x}}]', 'a value in it cannot be read'),
    # tags
    ('!Flow\nwith: {}', 'has the tag !Flow; only plain data is read here; write "jtype: Flow"'),
    ('!Flow {}', 'line 1, column 1: the document has the tag !Flow'),
    (
        'jtype: Flow\nwith: !!python/object/apply:os.system ["touch pwned"]',
        'line 2, column 7: with has the tag !!python/object/apply:os.system; only plain data is read here',
    ),
    ('jtype: Flow\nexecutors: [{uses: !!python/name:os.system }]', '[0].uses has the tag !!python/name:os.system'),
    ('jtype: Flow\nwith: {!!python/name:os.system : 1}', 'with has the tag !!python/name:os.system'),
    ('jtype: Flow\nwith: {name: !env X}', 'with.name has the tag !env'),
    ('jtype: Flow\nwith: {name: =}', 'with.name has the tag !!value'),
    # substitution
    ('jtype: Flow\nwith: {name: $NAME}', "line 2, column 14: with.name is '$NAME' (str): values from the environment"),
    ('jtype: Flow\nwith: {name: "${NAME}"}', 'with.name is'),
    ('jtype: Flow\nwith: {name: "a ${{ ENV.X }} b"}', 'with.name is'),
    ('jtype: Flow\nexecutors: [{needs: [a, $B]}]', 'executors[0].needs[1] is'),
    ('jtype: Flow\nexecutors: [{uses_with: {"${{ x }}": 1}}]', 'executors[0].uses_with is'),
]  # fmt: skip

WRONG_OPTIONS = [
    ('jtype: Flow\nwith: {prot: 5}', "<text>: with.prot is not an option of a Flow; did you mean 'port'?"),
    ("jtype: Flow\nwith: {port: '5'}", "<text>: with.port must be a whole number from 1 to 65535, got '5' (str)"),
    ('jtype: Flow\nwith: {workspace: 5}', '<text>: with.workspace must be a path, got 5 (int)'),
    ("jtype: Flow\nwith: {workspace: ''}", "<text>: with.workspace must be a path, got ''"),
    ('jtype: Flow\nwith: {5: 6}', '<text>: with.5 is not an option of a Flow'),
    ('jtype: Flow\nexecutors: [{}, {replica: 1}]', '<text>: executors[1].replica is not an option of an Executor; did'),
    ('jtype: Flow\nexecutors: [{replicas: 1.5}]', '<text>: executors[0].replicas must be a whole number'),
    ('jtype: Flow\nexecutors: [{py_modules: [5]}]', '<text>: executors[0].py_modules[0] must be a path'),
    ('jtype: Flow\nexecutors: [{uses_requests: {on: a}}]', '<text>: executors[0].uses_requests key must be'),
    ('jtype: Flow\nexecutors: [{uses: Encoder}]', '<text>: executors[0].uses must be'),
    ('jtype: Flow\nexecutors: [{method: needs}]', '<text>: executors[0].method is not an option'),
]  # fmt: skip


@pytest.mark.parametrize(('text', 'message'), WRONG, ids=lambda value: ascii(value)[:40])
def test_wrong_files(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadConfigSource) as caught:
        load(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith('<text>')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('text', 'message'), WRONG_OPTIONS, ids=lambda value: ascii(value)[:40])
def test_wrong_options(text: str, message: str) -> None:
    with pytest.raises(BadOption) as caught:
        load(text)
    assert str(caught.value).startswith(message)


def test_messages_name_the_file_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('flow.yml').write_text('jtype: Flow\nwith: {prot: 5}')
    with pytest.raises(BadOption, match=r'^flow\.yml: with\.prot is not'):
        load('flow.yml')
    Path('flow.yml').write_text('jtype: Flow\nwith: {prot')
    with pytest.raises(BadConfigSource, match=r"^flow\.yml, line 2, column 12: not valid YAML: expected ',' or '}'"):
        load('flow.yml')


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadConfigSource) as caught:
        load('missing.yml')
    assert str(caught.value) == (
        f'missing.yml: there is no such file in {tmp_path}; give the path of a YAML file, or YAML text'
    )
    with pytest.raises(FileNotFoundError, match=r'/x/missing\.yml: there is no such file; give'):
        load('/x/missing.yml')
    with pytest.raises(BadConfigSource, match='cannot be read: Is a directory'):
        load(tmp_path)
    with pytest.raises(BadConfigSource, match='cannot be read: '):
        load('a\0b')
    Path('empty.yml').write_text('')
    with pytest.raises(BadConfigSource, match=r'^empty\.yml: there is nothing in it'):
        load('empty.yml')
    Path('latin.yml').write_bytes('jtype: Flow # \xe9'.encode('latin-1'))
    with pytest.raises(BadConfigSource, match=r'^latin\.yml: not UTF-8 text \(byte 14\)'):
        load('latin.yml')


@pytest.mark.parametrize('source', [None, 5, b'jtype: Flow', {'jtype': 'Flow'}])
def test_other_sources_are_refused(source: object) -> None:
    with pytest.raises(BadConfigSource, match=r'^give the path of a YAML file, or YAML text, not '):
        load(source)  # type: ignore[arg-type]


@pytest.mark.parametrize('seed', range(200))
def test_a_damaged_file_is_read_or_explained(seed: int) -> None:
    rng = random.Random(seed)
    text = list(FULL)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text))
        text[at : at + rng.randrange(3)] = rng.choice('{}[]:-\'"!&*#|>%@\n\t $,?\x00é🙂aA1')
    with contextlib.suppress(BadConfigSource, BadOption, BadYAMLVersion):
        load(''.join(text))

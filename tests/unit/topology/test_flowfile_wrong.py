"""What is said about wrong Flow files."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from mproc_flow.errors import BadConfigSource, BadOption, BadYAMLVersion
from tests.unit.topology.files import FULL, load

WRONG = [
    # the document
    ('', '<text>: there is nothing in it; write at least jtype: Flow'),
    (' \n', 'there is nothing in it'),
    ('# only a comment\n', 'there is nothing in it'),
    ('- a\n- b', '<text>: must be a mapping with jtype: Flow, got'),
    ('just\ntext', 'must be a mapping'),
    ('with: {}\n', '<text>: jtype is missing: write jtype: Flow'),
    ('jtype: Flaw', "<text>: jtype must be Flow or AsyncFlow, got 'Flaw'"),
    ('jtype:\n', 'jtype must be Flow or AsyncFlow, got None'),
    ('jtype: AsyncFlow\nwith: {asyncio: false}', '<text>: with.asyncio is False, but jtype is AsyncFlow: write jtype'),
    ('jtype: Flow\nwiht: {}', "<text>: wiht is not a key of a Flow file; did you mean 'with'?"),
    ('jtype: Flow\npods: {}', '<text>: pods is not a key of a Flow file; known: jtype, version, with'),
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
    ('jtype: Flow\n---\njtype: Flow', '<text>, line 2, column 1: not valid YAML: expected a single document in the '),
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
    ('jtype: Flow\nwith: {name: ${{ x }}}', "but got '{'; between { and }, '${{ ... }}' needs quotes"),
    # tags
    ('!Flow\nwith: {}', 'has the tag !Flow; only plain data is read here: write "jtype: Flow"'),
    ('!Flow {}', 'line 1, column 1: the document has the tag !Flow'),
    (
        'jtype: Flow\nwith: !!python/object/apply:os.system ["touch pwned"]',
        'line 2, column 7: with has the tag !!python/object/apply:os.system; only plain data is read here',
    ),
    ('jtype: Flow\nexecutors: [{uses: !!python/name:os.system }]', '[0].uses has the tag !!python/name:os.system'),
    ('jtype: Flow\nwith: {!!python/name:os.system : 1}', 'with has the tag !!python/name:os.system'),
    ('jtype: Flow\nwith: {name: !env X}', 'with.name has the tag !env'),
    ('jtype: Flow\nwith: {name: =}', 'with.name has the tag !!value'),
    # what takes options of others
    ('jtype: Flow\nwith: {port: 1}\ngateway: {port: 2}', 'gateway.port is given as with.port too: keep one'),
    ('jtype: Flow\nexecutors: [{method: close}]', "method cannot be 'close' (str); it must be one of add, needs,"),
    ('jtype: Flow\nexecutors: [{method: needs}]', 'executors[0].needs is missing'),
    ('jtype: Flow\nexecutors: [{method: gather_inspect, include_last_deployment: 1}]', 'must be True or False'),
]  # fmt: skip

WRONG_OPTIONS = [
    ('jtype: Flow\nwith: {prot: 5}', "<text>: with.prot is not an option of a Flow; did you mean 'port'?"),
    ("jtype: Flow\nwith: {port: '5'}", "<text>: with.port must be a whole number from 0 to 65535, got '5' (str)"),
    ('jtype: Flow\nwith: {workspace: 5}', '<text>: with.workspace must be a path, got 5 (int)'),
    ("jtype: Flow\nwith: {workspace: ''}", "<text>: with.workspace must be a path, got ''"),
    ('jtype: Flow\nwith: {5: 6}', '<text>: with.5 is not an option of a Flow'),
    ('jtype: Flow\nexecutors: [{}, {replica: 1}]', '<text>: executors[1].replica is not an option of an Executor; did'),
    ('jtype: Flow\nexecutors: [{replicas: 1.5}]', '<text>: executors[0].replicas must be a whole number'),
    ('jtype: Flow\nexecutors: [{py_modules: [5]}]', '<text>: executors[0].py_modules[0] must be a path'),
    ('jtype: Flow\nexecutors: [{uses_requests: {on: a}}]', '<text>: executors[0].uses_requests key must be'),
    ('jtype: Flow\nexecutors: [{uses: en-coder}]', '<text>: executors[0].uses must be'),
    ('jtype: Flow\ngateway: {replicas: 2}', '<text>: gateway.replicas is not an option of the gateway'),
    ('jtype: Flow\nexecutors: [{include_last_deployment: true}]', '<text>: executors[0].include_last_deployment is'),
]  # fmt: skip


@pytest.mark.parametrize(('text', 'message'), WRONG, ids=lambda value: ascii(value)[:40])
def test_wrong_files(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((BadConfigSource, BadOption)) as caught:
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


@pytest.mark.parametrize('source', [None, 5, b'jtype: Flow', ['jtype']])
def test_other_sources_are_refused(source: object) -> None:
    with pytest.raises(BadConfigSource, match=r'^give the path of a YAML file, YAML text, a dict or a file, not '):
        load(source)


@pytest.mark.parametrize('seed', range(200))
def test_a_damaged_file_is_read_or_explained(seed: int) -> None:
    rng = random.Random(seed)
    text = list(FULL)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text))
        text[at : at + rng.randrange(3)] = rng.choice('{}[]:-\'"!&*#|>%@\n\t $,?\x00é🙂aA1')
    with contextlib.suppress(BadConfigSource, BadOption, BadYAMLVersion):
        load(''.join(text))

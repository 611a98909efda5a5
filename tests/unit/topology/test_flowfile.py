"""Flow files: what they say, and what is said about wrong ones."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from mproc_flow.errors import BadOption, BadYAMLVersion
from mproc_flow.topology.flowfile import FlowFile
from tests.unit.topology.files import FULL, load, options


def test_what_a_full_file_says(tmp_path: Path) -> None:
    path = tmp_path / 'flow.yml'
    path.write_text(FULL, encoding='utf-8')
    assert load(path) == FlowFile(
        flow={'name': 'shop', 'port': 51000, 'env': {'A': '1'}},
        steps=[
            (
                'add',
                {
                    'name': 'encoder',
                    'uses': 'shop.encode:Encoder',
                    'replicas': 2,
                    'uses_with': {'path': 'model.bin', 'day': datetime.date(2020, 1, 1)},
                },
                f'{path}: executors[0]',
            ),
            (
                'add',
                {
                    'name': 'ranker',
                    'uses': 'Ranker',
                    'py_modules': (str(tmp_path / 'ranker.py'), str(tmp_path.parent / 'lib' / 'more.py'), '/abs.py'),
                    'workspace': str(tmp_path / 'work'),
                    'needs': ('encoder', 'gateway'),
                },
                f'{path}: executors[1]',
            ),
            ('add', {}, f'{path}: executors[2]'),
        ],
    )


def test_relative_paths_belong_to_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'flow.yml').write_text('jtype: Flow\nwith: {workspace: w}\nexecutors: [{py_modules: a.py}]')
    monkeypatch.chdir(tmp_path)
    file = load('sub/flow.yml')
    assert file.flow == {'workspace': str(tmp_path / 'sub' / 'w')}
    assert options('sub/flow.yml') == [{'py_modules': (str(tmp_path / 'sub' / 'a.py'),)}]


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
    assert load(text) == FlowFile(flow={}, steps=[])


@pytest.mark.parametrize('version', ["'1'", '1', '1.0', '1.5', "'1.2'", "''", 'null'])
def test_versions_that_are_read(version: str) -> None:
    load(f'jtype: Flow\nversion: {version}')


@pytest.mark.parametrize('version', ["'2'", '2', '10', '0.1', 'one', 'true', '[1]', '{}', "'1.'", '1.x'])
def test_versions_that_are_not_read(version: str) -> None:
    with pytest.raises(BadYAMLVersion, match=r"^<text>: version must be '1', got "):
        load(f'jtype: Flow\nversion: {version}')


def test_deployments_is_another_name_for_executors() -> None:
    assert options('jtype: Flow\ndeployments: [{name: a}]') == [{'name': 'a'}]
    with pytest.raises(BadOption, match=r'^<text>: deployments\[0\]\.nam is not'):
        load('jtype: Flow\ndeployments: [{nam: a}]')


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / 'flow.yml'
    path.write_bytes('jtype: Flow'.encode('utf-8-sig'))
    assert load(path).flow == {}


def test_anchors_and_merges_work() -> None:
    found = options("""
        jtype: Flow
        executors:
          - &base {name: a, replicas: 2, env: {A: x}}
          - <<: *base
            name: b
          - <<: [*base]
            name: c
            replicas: 3
        """)
    assert found[1:] == [
        {'name': 'b', 'replicas': 2, 'env': {'A': 'x'}},
        {'name': 'c', 'replicas': 3, 'env': {'A': 'x'}},
    ]


def test_aliases_of_aliases_take_no_time() -> None:
    lines = ['a0: &a0 [x]', *(f'a{at}: &a{at} [{", ".join([f"*a{at - 1}"] * 9)}]' for at in range(1, 30))]
    text = 'jtype: Flow\nexecutors:\n- uses_with:\n' + ''.join(f'    {line}\n' for line in lines)
    assert len(options(text)[0]['uses_with']) == 30

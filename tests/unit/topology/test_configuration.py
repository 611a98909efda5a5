"""What a configuration can be given as."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from mproc_flow.errors import BadConfigSource, BadOption
from mproc_flow.topology.configuration import Values
from tests.unit.topology.files import load, options

NAMED = 'jtype: Flow\nwith: {name: shop}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A Flow file."""
    found = tmp_path / 'flow.yml'
    found.write_text(NAMED)
    return found


def test_a_file_a_text_json_a_dict_and_an_open_file_say_the_same(path: Path) -> None:
    with path.open() as file, path.open('rb') as binary:
        sources: list[Any] = [
            path,
            str(path),
            NAMED,
            '{"jtype": "Flow", "with": {"name": "shop"}}',
            {'jtype': 'Flow', 'with': {'name': 'shop'}},
            file,
            binary,
            io.StringIO(NAMED),
            io.BytesIO(NAMED.encode()),
        ]
        for source in sources:
            assert load(source).flow == {'name': 'shop'}, source


def test_just_the_word() -> None:
    assert load('Flow').flow == {}
    assert load('AsyncFlow').flow == {'asyncio': True}
    with pytest.raises(BadConfigSource, match='SyncFlow: there is no such file'):
        load('SyncFlow')


def test_what_relative_paths_belong_to(path: Path) -> None:
    text = 'jtype: Flow\nexecutors: [{py_modules: a.py, workspace: w}]'
    path.write_text(text)
    here = {'py_modules': (str(path.parent / 'a.py'),), 'workspace': str(path.parent / 'w')}
    there = {'py_modules': ('/srv/a.py',), 'workspace': '/srv/w'}
    with path.open() as file:
        assert options(file, folder='/srv') == [here]
    assert options(path, folder='/srv') == [here]
    assert options(io.StringIO(text), folder='/srv') == options(text, folder='/srv') == [there]


def test_files_of_uses_are_beside_the_file_or_in_the_search_paths(tmp_path: Path) -> None:
    for folder in ('flows', 'shared', 'more'):
        (tmp_path / folder).mkdir()
    for file in ('flows/near.yml', 'shared/far.yml', 'more/own.yml'):
        (tmp_path / file).touch()
    (tmp_path / 'shared' / 'box').mkdir()
    flow = tmp_path / 'flows' / 'flow.yml'
    flow.write_text(
        'jtype: Flow\nexecutors: [{uses: near.yml}, {uses: far.yml}, {uses: ./box}, {uses_before: gone.yml}, '
        '{uses_after: own.yml, extra_search_paths: ../more}, {uses: {jtype: E, py_modules: e.py}}]'
    )
    found = options(flow, search_paths=(str(tmp_path / 'shared'),))
    places = [given.get('uses') or given.get('uses_before') or given['uses_after'] for given in found]
    wanted = ['flows/near.yml', 'shared/far.yml', 'shared/box', 'flows/gone.yml', 'more/own.yml']
    assert places[:5] == [str(tmp_path / file) for file in wanted]
    assert places[5] == {'jtype': 'E', 'py_modules': [str(tmp_path / 'flows' / 'e.py')]}


def test_a_file_is_looked_for_in_the_search_paths(path: Path) -> None:
    assert load('flow.yml', folder='/nowhere', search_paths=('/gone', str(path.parent))).flow == {'name': 'shop'}
    with pytest.raises(BadConfigSource, match=r'flow\.yml: there is no such file in /nowhere, /gone'):
        load('flow.yml', folder='/nowhere', search_paths=('/gone',))


@pytest.mark.parametrize('url', ['https://example.com/flow.yml', 'HTTP://x/y', 's3://bucket/flow.yml'])
def test_nothing_is_fetched(url: str) -> None:
    with pytest.raises(BadConfigSource, match='download the file and give its path'):
        load(url)


def test_values_are_put_in() -> None:
    text = 'jtype: Flow\nwith: {name: $NAME, prefetch: "${{ size }}"}'
    assert load(text, environ={'NAME': 'a'}, context={'size': 3}).flow == {'name': 'a', 'prefetch': 3}
    source = {'jtype': 'Flow', 'with': {'name': '${{ ENV.NAME }}'}}
    assert load(source, environ={'NAME': 'a'}).flow == {'name': 'a'}
    assert load(source, substitute=False).flow == {'name': '${{ ENV.NAME }}'}
    assert source == {'jtype': 'Flow', 'with': {'name': '${{ ENV.NAME }}'}}


def test_the_gateway_has_options_of_its_own() -> None:
    text = 'jtype: Flow\nwith: {name: a, port: null}\ngateway: {port: 0, protocol: ZMQ}'
    assert load(text).flow == {'name': 'a', 'port': 0, 'protocol': 'zmq'}
    assert load('jtype: Flow\ngateway:').flow == {}


def test_methods_make_the_graph() -> None:
    file = load(
        'jtype: Flow\nexecutors:\n- {name: a}\n- {method: add, name: b, needs: gateway}\n'
        '- {method: inspect, name: i}\n- {method: needs, needs: [a, b]}\n- {method: needs_all}\n'
        '- {method: gather_inspect, include_last_deployment: false}'
    )
    assert [step.place for step in file.steps] == [f'<text>: executors[{number}]' for number in range(6)]
    assert [(step.method, step.arguments) for step in file.steps] == [
        ('add', {'name': 'a'}),
        ('add', {'name': 'b', 'needs': ('gateway',)}),
        ('inspect', {'name': 'i'}),
        ('needs', {'needs': ('a', 'b')}),
        ('needs_all', {}),
        ('gather_inspect', {'include_last_deployment': False}),
    ]


def test_arguments_of_load_config_are_taken_out() -> None:
    arguments: dict[str, Any] = {'context': {'a': 1}, 'substitute': False, 'extra_search_paths': '/x', 'name': 'a'}
    values = Values.taken_from(arguments, 'here()')
    assert (values.context, values.substitute, values.search_paths) == ({'a': 1}, False, ('/x',))
    assert arguments == {'name': 'a'}
    assert Values.taken_from({'context': None}, 'here()').context == {}
    for wrong in ({'context': 5}, {'context': {5: 1}}, {'substitute': 'no'}, {'extra_search_paths': [5]}):
        with pytest.raises(BadOption, match=rf'^here\(\): {next(iter(wrong))}'):
            Values.taken_from(dict(wrong), 'here()')

"""Executor files: what they say, and what is said about wrong ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import Executor, requests
from mproc_flow.errors import BadConfigSource, BadOption
from mproc_flow.topology import executorfile
from mproc_flow.topology.configuration import Values
from mproc_flow.topology.executorfile import ExecutorFile

FULL = """\
jtype: Encoder
with: {model: $MODEL, size: 3, price: $$5}
metas:
  name: encoder
  description: Encodes.
  workspace: work
  py_modules: more.py
requests: {/index: encode}
py_modules: [encoder.py, ../lib.py]
"""


class Mine(Executor):
    @requests
    def work(self, **kwargs: Any) -> None: ...


def read(uses: Any, folder: Path | None = None, **values: Any) -> ExecutorFile:
    """Read what ``uses`` gives, in a folder."""
    values = {'environ': {'MODEL': 'big'}, 'folder': str(folder or os.getcwd()), **values}
    return executorfile.read(uses, Values(**values))


def test_what_a_full_file_says(tmp_path: Path) -> None:
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'encoder.yml').write_text(FULL)
    full = ExecutorFile(
        jtype='Encoder',
        with_={'model': 'big', 'size': 3, 'price': '$5'},
        metas={'name': 'encoder', 'description': 'Encodes.', 'workspace': str(tmp_path / 'sub' / 'work')},
        requests={'/index': 'encode'},
        py_modules=tuple(str(tmp_path / path) for path in ('sub/encoder.py', 'lib.py', 'sub/more.py')),
    )
    assert read('sub/encoder.yml', tmp_path) == full
    assert read(str(tmp_path / 'sub' / 'encoder.yml')) == full
    assert read('encoder.yml', Path('/'), search_paths=('/nowhere', str(tmp_path / 'sub'))) == full


def test_a_text_belongs_to_the_working_directory() -> None:
    assert read('jtype: a.b:C\npy_modules: c.py', Path('/srv')) == ExecutorFile('a.b:C', {}, {}, {}, ('/srv/c.py',))
    assert read('{"jtype": "a.C"}').jtype == 'a.C'


def test_a_dict_may_have_the_class_itself_and_its_dollars_are_dollars() -> None:
    found = read({'jtype': Mine, 'with': {'thing': Mine, 'price': '$MODEL'}})
    assert found.jtype is Mine
    assert found.with_ == {'thing': Mine, 'price': '$MODEL'}


@pytest.mark.parametrize('key', ['uses_dynamic_batching', 'dynamic_batching'])
def test_a_file_says_how_requests_share_calls(key: str, tmp_path: Path) -> None:
    (tmp_path / 'config.yml').write_text(f'jtype: Encoder\n{key}:\n  /bar: {{preferred_batch_size: 10, timeout: 200}}')
    assert read('config.yml', tmp_path).batching == {'/bar': {'preferred_batch_size': 10, 'timeout': 200}}


@pytest.mark.parametrize(
    ('files', 'modules'),
    [
        (['executor.py'], ['executor.py']),
        (['executor.py', '__init__.py'], ['executor.py']),
        (['__init__.py'], ['__init__.py']),
        (['other.py'], []),
    ],
)
def test_a_folder_has_its_class_in_the_usual_file(files: list[str], modules: list[str], tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).touch()
    (tmp_path / 'config.yml').write_text('jtype: Encoder')
    for given in (f'./{tmp_path.name}', f'./{tmp_path.name}/'):
        assert read(given, tmp_path.parent).py_modules == tuple(str(tmp_path / name) for name in modules)
    assert read('config.yml', tmp_path).py_modules == ()


def test_a_folder_that_names_modules_has_no_others(tmp_path: Path) -> None:
    (tmp_path / 'executor.py').touch()
    (tmp_path / 'config.yaml').write_text('jtype: Encoder\npy_modules: a.py')
    assert read(str(tmp_path)).py_modules == (str(tmp_path / 'a.py'),)
    (tmp_path / 'config.yaml').write_text('jtype: a:Encoder')
    assert read(str(tmp_path)).py_modules == ()


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('with: {}\n', '<text>: jtype is missing: write jtype: with the name'),
        ('{}', '<text>: jtype is missing'),
        ('jtype:\n', '<text>: jtype is missing'),
        ('jtype: 5\n', '<text>: jtype must be an Executor class'),
        ('jtype: other.yml\n', '<text>: jtype must be the name or import path of a class'),
        ('jtype: docker://x\n', '<text>: jtype must be'),
        ('jtype: E\nwiht: {}', "<text>: wiht is not an option of an Executor file; did you mean 'with'?"),
        ('jtype: E\nwith: [a]', '<text>: with must be a dict'),
        ('jtype: E\nmetas: {nmae: a}', "<text>: metas.nmae is not an option of metas; did you mean 'name'?"),
        ('jtype: E\nmetas: {name: 5}', '<text>: metas.name must be non-empty text'),
        ('jtype: E\nrequests: {/x: a b}', "<text>: requests['/x'] must be a name"),
        ('jtype: E\nrequests: [a]', '<text>: requests must be a dict'),
        ('jtype: E\npy_modules: [5]', '<text>: py_modules[0] must be a path'),
        ('jtype: E\nwith: {a: $NOPE}', '<text>: with.a needs the environment variable NOPE'),
        ('jtype: E\nwith: {a: !!python/name:os.system }', 'with.a has the tag !!python'),
        ('- a\n- b', '<text>: must be a mapping with jtype: MyExecutor'),
        ('jtype: [', '<text>, line'),
    ],
)
def test_wrong_files_are_explained(text: str, message: str) -> None:
    with pytest.raises((BadConfigSource, BadOption)) as caught:
        read(text)
    assert message in str(caught.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfigSource, match=r'gone\.yml: there is no such file in .*; give'):
        read('gone.yml', tmp_path)
    with pytest.raises(BadConfigSource, match='there is no folder'):
        read('./gone', tmp_path)
    with pytest.raises(BadConfigSource, match=r'there is no config\.yml in'):
        read(str(tmp_path))

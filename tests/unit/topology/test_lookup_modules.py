"""Where the module is that ``uses`` names, found without importing it."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import py_compile
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import executor
from mproc_flow.executor import Executor
from mproc_flow.topology import search
from tests.unit.topology.sources import GOOD, fault, write

pytestmark = pytest.mark.usefixtures('nothing_is_imported')


# ---- where the module is ----

TREE = {
    'pkg/__init__.py': 'raise RuntimeError("imported")',
    'pkg/encoder.py': GOOD + 'open(__file__ + ".ran", "w")',
    'pkg/deep/__init__.py': '',
    'pkg/deep/er.py': 'raise RuntimeError("imported")\n' + GOOD,
    'spaces/encoder.py': GOOD,
    'broken/__init__.py': 'def',
    'broken/encoder.py': GOOD,
    'alone.py': GOOD,
}


@pytest.fixture
def tree(tmp_path: Path) -> str:
    write(tmp_path, TREE)
    return str(tmp_path)


@pytest.mark.parametrize(
    'uses',
    [
        'pkg.encoder:Encoder',
        'pkg.encoder.Encoder',
        'pkg.deep.er:Encoder',
        'pkg.deep.er.Encoder',
        'spaces.encoder:Encoder',
        'alone:Encoder',
        'alone.Encoder',
        'spaces:Encoder',
        '__main__:Encodr',
        '__mp_main__:Encodr',
        'mproc_flow.executor:Executor',
        'math:Encoder',
        'os:Encoder',
        'os.path:Encoder',
        'zipimport:Encoder',
        'msgspec._core:Struct',
    ],
)
def test_modules_are_found_and_not_run(tree: str, uses: str) -> None:
    assert fault(uses, [*sys.path, tree]) == ''
    assert not Path(tree, 'pkg/encoder.py.ran').exists()


@pytest.mark.parametrize(
    ('uses', 'expected'),
    [
        (
            'pgk.encoder:Encoder',
            "there is no module 'pgk': install it, or put its folder on PYTHONPATH or sys.path; did",
        ),
        ('alon:Encoder', "did you mean 'alone'?"),
        ('pkg.encodr:Encoder', "there is no module 'pkg.encodr' in {tree}/pkg; did you mean 'encoder'?"),
        ('pkg.encodr.deep.Encoder', "there is no module 'pkg.encodr' in"),
        ('pkg.deep.re:Encoder', "there is no module 'pkg.deep.re' in {tree}/pkg/deep; "),
        ('spaces.encodr:Encoder', "there is no module 'spaces.encodr' in {tree}/spaces; did you mean 'encoder'?"),
        ('alone.encoder:Encoder', "there is no module 'alone.encoder': {tree}/alone.py is a module, not a package"),
        ('pkg.encoder:Encodr', "{tree}/pkg/encoder.py has no 'Encodr'; did you mean 'Encoder'?"),
        ('pkg:Encoder', "{tree}/pkg/__init__.py has no 'Encoder'; it defines no class"),
        ('broken:Encoder', '{tree}/broken/__init__.py:1 is not valid Python'),
    ],
)
def test_missing_modules_are_named(tree: str, uses: str, expected: str) -> None:
    assert expected.format(tree=tree) in fault(uses, [tree])


@pytest.mark.parametrize('here', ['', '.'])
def test_the_working_directory_is_on_the_path(tree: str, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert fault('alone:Encoder', [here]) == ''
    assert 'alone.py has no' in fault('alone:Encodr', [here])
    monkeypatch.chdir(f'{tree}/spaces')
    assert fault('encoder:Encoder', [here]) == ''
    assert "no module 'alone'" in fault('alone:Encoder', [here])


CHANGING = [
    'import sys; sys.modules["pkg.encodr"] = sys',
    '__path__.append("/elsewhere")',
    'from pkgutil import extend_path; __path__ = extend_path(__path__, __name__)',
    'from other import register; register(__name__)',
]


@pytest.mark.parametrize('change', CHANGING)
def test_packages_that_change_themselves_are_not_judged(tmp_path: Path, change: str) -> None:
    write(tmp_path, {'pkg/__init__.py': 'import pkg.odd', 'pkg/odd.py': change, 'pkg/bad.py': 'x ='})
    for uses in ('pkg.encodr:Encoder', 'pkg.odd:Encoder', 'pkg.bad:Encoder'):
        assert fault(uses, [str(tmp_path)]) == ''


def test_a_module_of_a_package_can_complete_it(tmp_path: Path) -> None:
    write(tmp_path, {'pkg/__init__.py': 'import pkg.odd', 'pkg/odd.py': 'import pkg\npkg.Encoder: type = 1'})
    assert fault('pkg:Encoder', [str(tmp_path)]) == ''
    assert 'has no' in fault('pkg:Encodr', [str(tmp_path)])


def test_packages_of_many_files_are_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {'pkg/__init__.py': '', 'pkg/a.py': '', 'pkg/b.py': ''})
    assert 'no module' in fault('pkg.encoder:Encoder', [str(tmp_path)])
    monkeypatch.setattr(search, '_MOST_FILES', 2)
    assert fault('pkg.encoder:Encoder', [str(tmp_path)]) == ''


def test_what_has_no_source_is_not_judged(tmp_path: Path) -> None:
    write(tmp_path, {'a.py': 'x = 1'})
    py_compile.compile(str(tmp_path / 'a.py'), cfile=str(tmp_path / 'compiled.pyc'))
    write(tmp_path, {'native.so': '', 'dangling': ''})
    with zipfile.ZipFile(tmp_path / 'library.zip', 'w') as archive:
        archive.writestr('zipped.py', 'x = 1')
    path = [str(tmp_path), str(tmp_path / 'library.zip')]
    for module in ('compiled', 'native', 'zipped', 'not_in_the_archive'):
        assert fault(f'{module}:Encoder', path) == ''
    assert 'no module' in fault('not_in_the_folder:Encoder', path[:1])


def test_a_file_that_the_finders_have_not_seen_yet_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = (1_000_000_000, 1_000_000_000)
    os.utime(tmp_path, stamp)
    assert 'no module' in fault('late:Encoder', [str(tmp_path)])
    write(tmp_path, {'late.py': GOOD})
    os.utime(tmp_path, stamp)
    assert fault('late:Encoder', [str(tmp_path)]) == ''


def test_source_that_the_child_need_not_read_is_not_judged(tmp_path: Path) -> None:
    write(tmp_path, {'stale.py': GOOD})
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(tmp_path / 'stale.py'), invalidation_mode=mode)
    write(tmp_path, {'stale.py': 'def'})
    assert fault('stale:Encoder', [str(tmp_path)]) == ''


def test_an_unknown_codec_is_not_judged(tmp_path: Path) -> None:
    write(tmp_path, {'odd.py': '# coding: of-another-world\n' + GOOD})
    assert fault('odd:Encoder', [str(tmp_path)]) == ''


class Finder(importlib.abc.MetaPathFinder):
    """Knows where ``editable`` is, as those of editable installs do."""

    asked: list[str]

    def __init__(self, find: Callable[[str], importlib.machinery.ModuleSpec | None]) -> None:
        self.asked = []
        self._find = find

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        self.asked.append(fullname)
        return self._find(fullname)


def editable(folder: str) -> Callable[[str], importlib.machinery.ModuleSpec | None]:
    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        place = f'{folder}/pkg/__init__.py'
        return importlib.util.spec_from_file_location(name, place) if name == 'editable' else None

    return find


def test_other_finders_are_asked_for_the_top_only(tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
    finder = Finder(editable(tree))
    monkeypatch.setattr(sys, 'meta_path', [*sys.meta_path, finder])
    assert fault('editable.encoder:Encoder', []) == ''
    assert 'has no' in fault('editable.encoder:Encodr', [])
    assert fault('editable.encodr:Encoder', []) == ''
    assert "no module 'absent'" in fault('absent.encoder:Encoder', [])
    assert set(finder.asked) == {'editable', 'absent'}
    monkeypatch.setattr(sys, 'meta_path', [finder, *sys.meta_path[:-1]])
    assert fault('pkg.encoder:Encodr', [tree]) == ''


def boom(name: str) -> None:
    raise RuntimeError(name)


@pytest.mark.parametrize('finder', [Finder(boom), object()])
def test_finders_that_cannot_be_asked_leave_it_open(finder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'meta_path', [*sys.meta_path, finder])
    assert fault('absent:Encoder', []) == ''


def test_path_hooks_leave_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'no module' in fault('absent:Encoder', [])
    monkeypatch.setattr(sys, 'path_hooks', [*sys.path_hooks, boom])
    assert fault('absent:Encoder', []) == ''


# ---- what is loaded already ----


def loaded(monkeypatch: pytest.MonkeyPatch, name: str, path: str | None = None, **content: Any) -> None:
    module = types.ModuleType(name)
    if path is not None:
        module.__file__ = path
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def restored() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


class Good(Executor):
    @executor.requests
    def a(self, **kwargs: Any) -> None: ...


class Bare(Executor):
    def a(self, **kwargs: Any) -> None: ...


def test_what_a_forked_child_has_loaded_counts(tree: str, restored: pytest.MonkeyPatch) -> None:
    path = f'{tree}/pkg/encoder.py'
    for content in ({'Other': Good}, {'__getattr__': boom}):
        with restored.context() as patch:
            loaded(patch, 'pkg.encoder', path, **content)
            assert fault('pkg.encoder:Other', [tree]) == ''
    for kind in (Bare, int, boom):
        with restored.context() as patch:
            loaded(patch, 'pkg.encoder', path, Other=kind)
            assert 'has no' in fault('pkg.encoder:Other', [tree])
    with restored.context() as patch:
        loaded(patch, 'pkg.encoder', path, Other=Bare)
        assert fault('pkg.encoder:Other', [tree], overrides={'/x': 'a'}) == ''


@pytest.mark.parametrize('name', ['absent', 'absent.encoder', 'pkg', 'pkg.encodr', 'pkg.encoder'])
def test_a_module_that_is_not_from_a_file_counts(tree: str, name: str, restored: pytest.MonkeyPatch) -> None:
    with restored.context() as patch:
        loaded(patch, name)
        top = name.partition('.')[0]
        for module in {f'{top}.encoder', name if '.' in name else f'{name}.encoder'}:
            assert fault(f'{module}:Encodr', [tree]) == '' or name == 'pkg.encodr'
    with restored.context() as patch:
        patch.setitem(sys.modules, name, None)
        assert fault(f'{name}:Encodr', [tree]) == ''


def test_source_that_is_loaded_need_not_be_right_any_more(tmp_path: Path, restored: pytest.MonkeyPatch) -> None:
    write(tmp_path, {'edited.py': 'def'})
    with restored.context() as patch:
        loaded(patch, 'edited', str(tmp_path / 'edited.py'), Encoder=Good)
        assert fault('edited:Encoder', [str(tmp_path)]) == ''
        assert fault('Encoder', [], (str(tmp_path / 'edited.py'),)) == ''
    assert 'not valid' in fault('edited:Encoder', [str(tmp_path)])

"""Where ``install_as_jina()`` puts our stand-ins, and when it does not."""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import mproc_flow
from mproc_flow.compat import aliases, install
from mproc_flow.compat.install import AS_DOCARRAY, AS_JINA, JinaInTheWay, install_as_jina
from mproc_flow.errors import MprocFlowError

# Loaded before folders are taken off the path: numpy may be in one of them.
OURS = (mproc_flow.Document, mproc_flow.DocumentArray)
PACKAGES = ('jina', 'docarray')


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither package is installed or imported; what a test installs is gone after it."""
    path = [entry for entry in sys.path if not any((Path(entry) / name / '__init__.py').exists() for name in PACKAGES)]
    monkeypatch.setattr(sys, 'path', path)
    monkeypatch.setattr(sys, 'meta_path', [item for item in sys.meta_path if item is not aliases._FINDER])
    for name in [name for name in sys.modules if name.partition('.')[0] in PACKAGES]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.partition('.')[0] in PACKAGES]:
        del sys.modules[name]


def install_package(folder: Path, name: str, text: str = '') -> str:
    """Make a package that can be imported, and give its file."""
    package = folder / name
    package.mkdir()
    (package / '__init__.py').write_text(text)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return str(package / '__init__.py')


def test_the_folders_go_behind_all_others_and_only_once() -> None:
    before = [*sys.path]
    install_as_jina()
    assert sys.path == [*before, AS_JINA, AS_DOCARRAY]
    install_as_jina()
    importlib.import_module('jina')
    install_as_jina(replace=True)
    assert sys.path == [*before, AS_JINA, AS_DOCARRAY]


def test_it_is_a_name_of_the_package() -> None:
    assert mproc_flow.install_as_jina is install_as_jina
    assert 'install_as_jina' in dir(mproc_flow)


def test_an_installed_jina_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    file = install_package(tmp_path, 'jina', '__version__ = "real"')
    before = [*sys.path]
    with pytest.raises(JinaInTheWay) as caught:
        install_as_jina()
    assert file in str(caught.value)
    assert 'replace=True' in str(caught.value)
    assert isinstance(caught.value, MprocFlowError)
    assert isinstance(caught.value, ImportError)
    assert sys.path == before
    install_as_jina(replace=True)
    assert sys.path == [AS_JINA, AS_DOCARRAY, *before]
    assert importlib.import_module('jina').__file__.startswith(AS_JINA)


@pytest.mark.parametrize('replace', [False, True])
def test_a_jina_that_was_imported_is_never_replaced(replace: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = types.ModuleType('jina')
    real.__file__ = '/somewhere/jina/__init__.py'
    monkeypatch.setitem(sys.modules, 'jina', real)
    with pytest.raises(JinaInTheWay, match=r'imported already, from /somewhere/jina/__init__\.py'):
        install_as_jina(replace=replace)


def test_a_mere_folder_called_jina_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / 'jina').mkdir()
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    install_as_jina()
    assert importlib.import_module('jina').Document is mproc_flow.Document


@pytest.mark.parametrize('release', ['0.40.0', '0.41rc1', '1'])
def test_an_installed_docarray_is_never_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    install_package(tmp_path, 'docarray', '__version__ = "0.40.0"')
    monkeypatch.setattr(install, 'version', lambda name: release)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        install_as_jina()
    assert AS_DOCARRAY not in sys.path
    assert importlib.import_module('docarray').__version__ == '0.40.0'


def test_a_docarray_whose_documents_do_not_fit_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_package(tmp_path, 'docarray')
    monkeypatch.setattr(install, 'version', lambda name: '0.21.1')
    with pytest.warns(UserWarning, match=r'docarray 0\.21\.1 is installed: .* Uninstall it') as caught:
        install_as_jina()
    assert caught[0].filename == __file__
    assert sys.path[-1] == AS_JINA


def test_without_docarray_its_name_is_ours() -> None:
    install_as_jina()
    docarray = importlib.import_module('docarray')
    assert (docarray.Document, docarray.DocumentArray) == OURS

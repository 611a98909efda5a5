"""Every name of the table is there, whatever it stands for."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mproc_flow
from mproc_flow.compat import aliases, install
from mproc_flow.compat.names import MODULES, absence

# Modules that are made on another branch of the work.
NAMES = sorted((module, name) for module, names in MODULES.items() for name in names)


@pytest.fixture(autouse=True)
def as_jina(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Jina is us, and docarray too even where it is installed; afterwards neither was ever imported."""
    before = {name: module for name, module in sys.modules.items() if _is_theirs(name)}
    for name in before:
        del sys.modules[name]
    monkeypatch.setattr(sys, 'path', [install.AS_JINA, install.AS_DOCARRAY, *sys.path])
    monkeypatch.setattr(sys, 'meta_path', [item for item in sys.meta_path if item is not aliases._FINDER])
    yield
    for name in [name for name in sys.modules if _is_theirs(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def _is_theirs(name: str) -> bool:
    return name.partition('.')[0] in ('jina', 'docarray')


@pytest.mark.parametrize('module', sorted(MODULES))
def test_every_module_can_be_imported(module: str) -> None:
    assert importlib.import_module(module).__name__ == module


@pytest.mark.parametrize(('module', 'name'), NAMES)
def test_every_name_is_one_of_ours(module: str, name: str) -> None:
    home, _, there = MODULES[module][name].partition(':')
    assert home.partition('.')[0] == 'mproc_flow'
    value = getattr(importlib.import_module(module), name)
    assert value is getattr(importlib.import_module(home), there)


def test_what_jina_exports_itself_is_the_same_object() -> None:
    jina = importlib.import_module('jina')
    for name in ('Flow', 'AsyncFlow', 'Client', 'Executor', 'requests', 'Document', 'DocumentArray', 'Deployment'):
        assert getattr(jina, name) is getattr(mproc_flow, name)
        assert name in dir(jina)
        assert name in jina.__all__


def test_a_star_gives_all_of_it() -> None:
    names: dict[str, object] = {}
    exec('from jina import *', names)
    assert names.keys() - {'__builtins__'} == set(MODULES['jina']) - {'__version__'}


def test_modules_below_are_attributes_without_an_import() -> None:
    jina = importlib.import_module('jina')
    assert jina.excepts.BadServer is mproc_flow.errors.BadServer
    assert jina.orchestrate.flow.base.Flow is mproc_flow.Flow


@pytest.mark.parametrize(
    ('statement', 'what'),
    [
        ('from jina import Fllow', 'jina.Fllow'),
        ('from jina import monitor', r'jina.monitor \(metrics come with a later version\)'),
        ('import jina.hubble', r"jina.hubble \(Jina's hub is no longer there\)"),
        ('from jina.helper import slugify', 'jina.helper.slugify'),
        ('import jina.types.nothing', 'jina.types.nothing'),
        ('import docarray.math', 'docarray.math'),
        (
            'from docarray import DocList',
            r'docarray.DocList \(typed documents .*: pip install mproc-flow\[docarray\]\)',
        ),
        ('import docarray.typing', r'docarray.typing \(typed documents .*\)'),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(statement: str, what: str) -> None:
    package = 'docarray' if 'docarray' in statement else 'jina'
    with pytest.raises(ImportError) as caught:
        exec(statement, {})
    assert str(caught.value) == absence(what.partition(' ')[0])
    text = f'^mproc_flow, which stands in for {package} here, has no {what}: see docs/migrating.md$'
    with pytest.raises(ImportError, match=text):
        exec(statement, {})


def test_an_attribute_that_is_not_there_is_an_attribute_error() -> None:
    jina = importlib.import_module('jina')
    with pytest.raises(AttributeError, match=r'has no jina\.Gateway \(gateways of your own come with a later'):
        jina.Gateway  # noqa: B018
    assert not hasattr(jina, 'Gateway')
    with pytest.raises(AttributeError, match=r"^module 'jina' has no attribute '__wrapped__'$"):
        jina.__wrapped__  # noqa: B018


def test_an_optional_import_of_a_module_that_is_not_there_is_refused_as_usual() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('jina.hubble')


def test_nothing_of_a_docarray_that_is_not_ours_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / 'docarray'
    folder.mkdir()
    (folder / '__init__.py').write_text('__version__ = "0.40.0"\n')
    importlib.import_module('jina.excepts')
    sys.path.insert(0, str(tmp_path))
    try:
        importlib.invalidate_caches()
        assert importlib.import_module('docarray').__version__ == '0.40.0'
        with pytest.raises(ModuleNotFoundError, match=r"^No module named 'docarray\.math'$"):
            importlib.import_module('docarray.math')
    finally:
        sys.path.remove(str(tmp_path))


def test_every_error_of_jina_has_a_place() -> None:
    """Section by section of Jina 3.6's ``jina.excepts``, and what 3.34 added."""
    names = (
        'BaseJinaException RuntimeFailToStart RuntimeRunForeverEarlyError RuntimeTerminated FlowTopologyError '
        'FlowMissingDeploymentError FlowBuildLevelError BadConfigSource BadYAMLVersion BadClient BadClientCallback '
        'BadClientInput BadServer BadRequestType PortAlreadyUsed NoContainerizedError NotSupportedError '
        'BadImageNameError DockerVersionError EstablishGrpcConnectionError InternalNetworkError '
        'BadServerFlow ExecutorError'
    )
    excepts = importlib.import_module('jina.excepts')
    for name in names.split():
        assert issubclass(getattr(excepts, name), excepts.BaseJinaException)
    assert issubclass(excepts.BadClientCallback, excepts.BadClient)
    assert issubclass(excepts.BadConfigSource, FileNotFoundError)
    assert issubclass(excepts.PortAlreadyUsed, RuntimeError)
    assert issubclass(excepts.BadRequestType, TypeError)


@pytest.mark.parametrize('package', ['jina', 'docarray'])
def test_importing_it_loads_nothing_else_of_ours(package: str) -> None:
    """Each pod that imports an Executor's module pays for it."""
    shim = Path(install.AS_JINA).parent / f'as_{package}' / package / '__init__.py'
    imported = [node.module for node in ast.walk(ast.parse(shim.read_text())) if isinstance(node, ast.ImportFrom)]
    assert imported == ['mproc_flow.compat.aliases']

"""Finding and making the Executor of a pod."""

from __future__ import annotations

import multiprocessing.spawn
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from mproc_flow.errors import BadOption
from mproc_flow.executor import BaseExecutor, Executor, requests
from mproc_flow.runtime import loader
from mproc_flow.topology.plan import ExecutorSpec, PodSpec

MODULE = """\
from mproc_flow import Executor, requests

{first}

class Own(Executor):
    where = __file__

    class Inner(Executor):
        pass

not_a_class = 5
"""


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """Forget what a test imported."""
    before, path = dict(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)
    sys.path[:] = path


def write(directory: Path, name: str, first: str = '') -> str:
    """Write a module and give its path."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MODULE.format(first=first))
    return str(path)


def find(uses: str | None, *files: str, kind: Any = None) -> type[Executor]:
    """The class that a spec means."""
    return loader.load_class(ExecutorSpec(uses=uses, py_modules=files), (kind, {}))[0]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that can be imported."""
    write(tmp_path, 'madeup/__init__.py')
    write(tmp_path, 'madeup/deep/work.py')
    (tmp_path / 'madeup/deep/__init__.py').touch()
    sys.path.insert(0, str(tmp_path))
    return tmp_path


def test_nothing_means_the_base_executor() -> None:
    assert find(None) is BaseExecutor


def test_a_class_is_taken_as_it_is() -> None:
    class Own(Executor):
        pass

    assert loader.load_class(ExecutorSpec(), (Own, {'size': 1})) == (Own, {'size': 1})


@pytest.mark.parametrize(
    'uses', ['madeup:Own', 'madeup.Own', 'madeup.deep.work:Own', 'madeup.deep.work.Own', 'madeup:Own.Inner']
)
@pytest.mark.usefixtures('package')
def test_import_paths(uses: str) -> None:
    kind = find(uses)
    assert issubclass(kind, Executor)
    assert kind.__name__ == uses.replace(':', '.').rpartition('.')[2]


@pytest.mark.parametrize(
    ('uses', 'message'),
    [
        ('madeup:Missing', r"uses='madeup:Missing': module madeup \(.*__init__\.py\) has no Missing"),
        ('madeup.Missing', 'has no Missing'),
        ('madeup:not_a_class', 'uses=5 is no Executor'),
        ('pathlib:Path', 'derive the class from mproc_flow.Executor'),
        ('Bare', r"uses='Bare' is in none of the py_modules: write an import path"),
        ('time:Missing', 'has no Missing'),
    ],
)
@pytest.mark.usefixtures('package')
def test_names_that_lead_nowhere(uses: str, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        find(uses)


@pytest.mark.parametrize('uses', ['absent_altogether:Own', 'madeup.absent:Own', 'absent_altogether.Own'])
@pytest.mark.usefixtures('package')
def test_a_module_that_does_not_exist_is_named_with_the_option(uses: str) -> None:
    with pytest.raises(BadOption, match=f"uses='{uses}'"):
        find(uses)


def test_an_error_inside_the_users_module_comes_out_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, 'broken.py', 'import a_library_that_is_not_installed')
    sys.path.insert(0, str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match='a_library_that_is_not_installed'):
        find('broken:Own')
    with pytest.raises(ZeroDivisionError):
        find('Own', write(tmp_path, 'worse.py', '1 / 0'))


def test_a_bare_name_is_looked_for_in_the_py_modules(tmp_path: Path) -> None:
    empty = tmp_path / 'empty.py'
    empty.touch()
    path = write(tmp_path, 'mine.py')
    assert find('Own', str(empty), path).__dict__['where'] == path
    assert sys.modules['mine'].__file__ == path


def test_an_import_path_may_name_a_py_module(tmp_path: Path) -> None:
    path = write(tmp_path, 'mine.py')
    assert find('mine:Own', path).__dict__['where'] == path
    assert find('mine.Own', path) is find('Own', path)


def test_a_py_module_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / 'neighbour.py').write_text('number = 7')
    find('Own', write(tmp_path, 'mine.py', 'from neighbour import number'))
    assert sys.modules['neighbour'].number == 7
    assert sys.path[-1] == str(tmp_path)


def test_a_py_module_is_run_once(tmp_path: Path) -> None:
    path = write(tmp_path, 'mine.py')
    assert find('Own', path) is find('Own', path)


def test_py_modules_of_the_same_name_in_different_places(tmp_path: Path) -> None:
    one, other = write(tmp_path, 'one/same.py'), write(tmp_path, 'other/same.py')
    assert find('Own', one).__dict__['where'] == one
    assert find('Own', other).__dict__['where'] == other


@pytest.mark.parametrize('name', ['absent.py', 'text.txt', 'directory', 'directory.py'])
def test_py_modules_that_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / 'text.txt').touch()
    (tmp_path / 'directory').mkdir()
    (tmp_path / 'directory.py').mkdir()
    with pytest.raises(BadOption, match=f'{name}, which is not a Python file that can be read'):
        find('Own', str(tmp_path / name))


def test_the_main_module_is_imported_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def prepare(how: dict[str, str]) -> None:
        seen.append(loader.is_importing_main())
        module = types.ModuleType('__mp_main__')
        module.Own = type('Own', (Executor,), {})  # type: ignore[attr-defined]
        sys.modules['__mp_main__'] = module

    monkeypatch.setattr(multiprocessing.spawn, 'prepare', prepare)
    spec = ExecutorSpec(uses='__mp_main__:Own', main={'init_main_from_path': '/p.py'})
    kind, _ = loader.load_class(spec, (None, {}))
    assert kind.__name__ == 'Own'
    assert seen == [True]
    assert not loader.is_importing_main()


def test_a_main_module_that_raises_is_not_being_imported_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(how: dict[str, str]) -> None:
        raise ValueError('at import')

    monkeypatch.setattr(multiprocessing.spawn, 'prepare', prepare)
    with pytest.raises(ValueError, match='at import'):
        loader.load_class(ExecutorSpec(main={'init_main_from_path': '/p.py'}), (None, {}))
    assert not loader.is_importing_main()


def test_a_class_of_another_main_program_finds_itself_there(monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType('__main__')
    main.KEPT = 'the child has its own'  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, '__main__', main)
    names: dict[str, Any] = {'__name__': '__main__', 'Executor': Executor, 'requests': requests}
    exec('KEPT = 1\nHELPER = 2\nclass Own(Executor):\n    def work(self): return KEPT, HELPER', names)
    payload = cloudpickle.dumps((names['Own'], {}))
    kind, _ = loader.unpack(payload)
    assert kind is not None
    assert main.Own is kind  # type: ignore[attr-defined]
    assert main.HELPER == 2  # type: ignore[attr-defined]
    assert main.KEPT == 'the child has its own'  # type: ignore[attr-defined]
    assert kind().work() == (1, 2)


def test_making_it_runs_the_constructor_once_with_everything_in_place() -> None:
    calls: list[Any] = []

    class Own(Executor):
        def __init__(self, size: int, runtime_args: Any = None, **kwargs: Any) -> None:
            calls.append((size, runtime_args['name'], sorted(kwargs), self.runtime_args.name, self.metas.name))

    spec = PodSpec('enc/rep-0', 'enc', 'fork', executor=ExecutorSpec(metas={'name': 'mine'}))
    assert isinstance(loader.make(Own, {'size': 3}, spec), Own)
    assert calls == [(3, 'enc/rep-0', ['metas', 'requests'], 'enc/rep-0', 'mine')]


def test_making_it_with_an_override_of_what_does_not_exist() -> None:
    spec = PodSpec('enc/rep-0', 'enc', 'fork', executor=ExecutorSpec(requests={'/x': 'absent'}))
    with pytest.raises(AttributeError, match="binds '/x' to 'absent', but BaseExecutor has no such method"):
        loader.make(BaseExecutor, {}, spec)

"""What can be said about files in ``py_modules``; whatever works is never refused."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mproc_flow.executor import Executor, bindings
from tests.unit.topology.sources import GOOD, IMPORT, NUMBERS, fault, write

pytestmark = pytest.mark.usefixtures('nothing_is_imported')


# ---- py_modules ----


def test_files_are_looked_into_in_turn(tmp_path: Path) -> None:
    write(tmp_path, {'one.py': IMPORT + 'class Indexer: ...', 'two.py': GOOD, 'three.py': GOOD, 'odd.py': 'exec(x)'})
    one, two, three, odd = (str(tmp_path / f'{name}.py') for name in ('one', 'two', 'three', 'odd'))
    for files in ((two,), (one, two), (two, one), (two, three), (odd,), (odd, one), (one, odd)):
        assert fault('Encoder', [], files) == ''
    assert f'there is no such class in {one}; known: Indexer' in fault('Encoder', [], (one,))
    assert "did you mean 'Encoder'?" in fault('Encodr', [], (one, two))
    assert 'Indexer (one.py:2) is no Executor' in fault('Indexer', [], (one, two))
    assert fault('Indexer', [], (one, odd)) == ''
    assert 'no such class' in fault('Encoder', [], ())


def test_a_file_is_a_module_named_after_it(tmp_path: Path) -> None:
    write(tmp_path, {'one.py': GOOD, 'other/one.py': 'x = 1'})
    files = tuple(str(tmp_path / name) for name in ('one.py', 'other/one.py'))
    assert fault('one:Encoder', [], files[:1]) == ''
    assert fault('one.Encoder', [], files[:1]) == ''
    assert "has no 'Encodr'" in fault('one:Encodr', [], files[:1])
    assert "other/one.py has no 'Encoder'" in fault('one:Encoder', [], files)
    assert fault('elsewhere.one:Encoder', [], files) == ''


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('absent.py', 'absent.py, one of its py_modules, does not exist'),
        ('folder', 'folder, one of its py_modules, is not a file'),
        ('text.txt', 'text.txt, one of its py_modules, is not a Python file'),
        ('wrong.py', 'wrong.py:2 is not valid Python'),
    ],
)
@pytest.mark.parametrize('uses', ['Encoder', 'other.module:Encoder', '__main__:Encoder'])
def test_files_must_be_python(tmp_path: Path, uses: str, name: str, expected: str) -> None:
    write(tmp_path, {'text.txt': '', 'wrong.py': '\nclass', 'folder/a.py': ''})
    assert expected in fault(uses, [], (str(tmp_path / name),))


def test_files_without_source_are_not_judged(tmp_path: Path) -> None:
    write(tmp_path, {'native.so': '', 'compiled.pyc': '', 'one.py': ''})
    for name in ('native.so', 'compiled.pyc'):
        assert fault('Encoder', [], (str(tmp_path / name), str(tmp_path / 'one.py'))) == ''


def test_files_must_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {'secret.py': GOOD})

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('builtins.open', refuse)
    path = str(tmp_path / 'secret.py')
    assert fault('Encoder', [], (path,)) == ''  # the import system can read it
    monkeypatch.setattr('mproc_flow.topology.syntax.SourceFileLoader.get_code', refuse)
    assert f'{path} cannot be read: Permission denied' in fault('Encoder', [], (path,))


# ---- whatever the module says ----

BASES = ['Executor', 'mproc_flow.Executor', 'Base', 'Mixin, Executor', 'Executor, dict', 'object', 'Base, Mixin', '']
DECORATORS = ['@requests', '@requests()', '@requests(on="/x")', '@requests(on=["/x", "/y"])', '@mine', '@staticmethod']
BODY = ['', 'x = 1', 'x = mine(len)', 'b = requests(lambda self: None)', 'import os', 'def requests(self): ...']
AFTER = [
    '',
    'Encoder.c = requests(on="/z")(lambda self, **kwargs: None)',
    'requests(on="/after")(vars(Encoder).get("a", lambda self: None))',
    'Encoder = type("Encoder", (Encoder, Executor), {})',
    'Encoder = Base',
    'globals()["Encoder"] = Base',
    'for Encoder in [Base, Encoder]: ...',
    'del Encoder',
    'def Encoder(): ...',
    'x ==',
    'if __name__ == "__main__":\n    Encoder = Base',
]


@st.composite
def modules(draw: st.DrawFn) -> str:
    def method(name: str) -> str:
        decorators = draw(st.lists(st.sampled_from(DECORATORS), max_size=2))
        return ''.join(f'    {line}\n' for line in (*decorators, f'def {name}(self=0, **kwargs): ...'))

    def kind(name: str, bases: str) -> str:
        names = draw(st.lists(st.sampled_from('ab'), max_size=3))
        return f'class {name}({bases}):\n    {draw(st.sampled_from(BODY))}\n    pass\n' + ''.join(map(method, names))

    bases = draw(st.sampled_from(BASES))
    parts = [
        'import mproc_flow',
        draw(st.sampled_from([IMPORT, 'from mproc_flow.executor import *'])),
        'def mine(function): return requests(on="/mine")(function) if function is not len else function',
        kind('Mixin', ''),
        kind('Base', 'Executor'),
        draw(st.sampled_from(['', 'if True:\n    pass'])),
        kind(draw(st.sampled_from(['Encoder', 'Encoder', 'Other'])), bases),
        draw(st.sampled_from(AFTER)),
    ]
    return '\n'.join(parts)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=modules(), override=st.sampled_from([{}, {'/o': 'a'}, {'/o': 'close'}, {'/o': 'update'}]))
def test_what_works_is_never_refused(
    tmp_path: Path, source: str, override: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f'generated_{next(NUMBERS)}'
    write(tmp_path, {f'{name}.py': source})
    message = fault(f'{name}:Encoder', [str(tmp_path)], overrides=override)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        works = does_work(name, override)
        again = fault(f'{name}:Encoder', [str(tmp_path)], overrides=override)
    sys.modules.pop(name, None)
    assert not (works and (message or again)), source


def does_work(module: str, overrides: dict[str, str]) -> bool:
    try:
        kind = getattr(importlib.import_module(module), 'Encoder', None)
        return isinstance(kind, type) and issubclass(kind, Executor) and bool(bindings(kind, overrides))
    except (TypeError, ValueError, SyntaxError, NameError, AttributeError):
        return False

"""The command ``run``: which Python it becomes."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

import pytest

from mproc_flow.cli import script
from mproc_flow.cli.main import main
from mproc_flow.compat import install
from mproc_flow.compat.install import AS_DOCARRAY, AS_JINA

ROOT = str(Path(__file__).resolve().parents[3])
Become = list[tuple[list[str], dict[str, str]]]


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Become:
    """Command lines and environments of what this process would have become."""
    calls: Become = []
    monkeypatch.setattr(os, 'execve', lambda _, words, environ: calls.append((words, environ)))
    monkeypatch.setattr(install, '_found', lambda package: None)
    return calls


@pytest.mark.parametrize(
    ('words', 'rest'),
    [
        (['app.py'], ['app.py']),
        (['app.py', '--help', '-m', 'x', '--', '-c'], ['app.py', '--help', '-m', 'x', '--', '-c']),
        (['-m', 'package.module', '-v', '--port', '5'], ['-m', 'package.module', '-v', '--port', '5']),
        (['-c', 'import jina', '-m', 'x'], ['-c', 'import jina', '-m', 'x']),
        (['-', 'more'], ['-', 'more']),
    ],
)
def test_what_follows_is_what_python_gets(words: list[str], rest: list[str], become: Become) -> None:
    assert main(['run', *words]) == 0
    ((command, environ),) = become
    assert Path(command[0]).samefile(sys.executable)
    assert command[-len(rest) :] == rest
    assert environ['PYTHONPATH'].split(os.pathsep)[:2] == [AS_JINA, AS_DOCARRAY]


def test_nothing_to_run_is_wrong_usage(become: Become, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (['run'], ['run', '-m'], ['run', '-c']):
        assert main(words) == 2
        assert 'what is to be run? Give a script, -m MODULE or -c TEXT' in capsys.readouterr().err
    assert become == []


def test_the_environment_is_kept_and_the_path_begins_with_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, '_found', lambda package: None)
    given = {'HOME': '/home/me', 'PYTHONPATH': f'/own{os.pathsep}{os.pathsep}/other'}
    path = os.pathsep.join([AS_JINA, AS_DOCARRAY, ROOT, '/own', '/other'])
    assert script.environment(given) == {'HOME': '/home/me', 'PYTHONPATH': path}
    assert script.environment(script.environment(given)) == script.environment(given)
    assert given['PYTHONPATH'].startswith('/own')


def test_where_packages_are_installed_does_not_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, '_found', lambda package: None)
    monkeypatch.setattr(site, 'getsitepackages', lambda: [ROOT])
    assert script.environment({})['PYTHONPATH'] == os.pathsep.join([AS_JINA, AS_DOCARRAY])


def test_an_installed_jina_is_named(
    become: Become, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, 'installed_jina', lambda: '/site/jina/__init__.py')
    assert main(['run', 'app.py']) == 0
    said = 'mproc-flow run: the program gets mproc_flow, not the jina in /site/jina/__init__.py\n'
    assert capsys.readouterr().err == said
    assert len(become) == 1


def test_a_python_that_ignores_its_environment_is_refused(
    become: Become, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Flags:
        ignore_environment = 1

    monkeypatch.setattr(sys, 'flags', Flags)
    assert main(['run', 'app.py']) == 2
    assert 'the flags -E and -I of Python' in capsys.readouterr().err
    assert become == []

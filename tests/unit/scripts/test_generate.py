"""The files made from the declarations of options."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mproc_flow.options import groups
from scripts import generate

NAMES = ['mproc_flow/options/signatures.py', 'docs/options.md']


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the script work on an empty tree."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True)
    monkeypatch.setattr(generate, 'ROOT', tmp_path)
    return tmp_path


def test_the_committed_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(generate.FILES) == NAMES
    assert generate.main(['--check']) == 0
    assert capsys.readouterr().out == ''


def test_missing_files_are_out_of_date_and_not_written_by_a_check(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(['--check']) == 1
    assert capsys.readouterr().out == ''.join(f'{name}: out of date, run scripts/generate.py\n' for name in NAMES)
    assert not any((root / name).exists() for name in NAMES)


def test_files_are_written_once_and_then_up_to_date(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([]) == 0
    assert capsys.readouterr().out == ''.join(f'{name}: written\n' for name in NAMES)
    assert {name: (root / name).read_text('utf-8') for name in NAMES} == {
        name: make() for name, make in generate.FILES.items()
    }
    assert generate.main(['--check']) == 0
    assert generate.main([]) == 0
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('stale', NAMES)
def test_the_one_stale_file_is_named_and_written_again(
    root: Path, stale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.main([])
    good = (root / stale).read_text('utf-8')
    (root / stale).write_text(good + '\n', 'utf-8')
    capsys.readouterr()
    assert generate.main(['--check']) == 1
    assert capsys.readouterr().out == f'{stale}: out of date, run scripts/generate.py\n'
    assert generate.main([]) == 0
    assert capsys.readouterr().out == f'{stale}: written\n'
    assert (root / stale).read_text('utf-8') == good


def test_a_changed_declaration_makes_both_files_stale(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.main([])
    capsys.readouterr()
    fewer = groups.OptionGroup(groups.FLOW.owner, groups.FLOW.options[1:])
    monkeypatch.setattr(groups, 'FLOW', fewer)
    assert generate.main(['--check']) == 1
    assert capsys.readouterr().out == ''.join(f'{name}: out of date, run scripts/generate.py\n' for name in NAMES)


def test_the_signatures_have_every_option_by_name() -> None:
    classes = {
        node.name: [item.target.id for item in node.body if isinstance(item, ast.AnnAssign)]
        for node in ast.parse(generate.signatures()).body
        if isinstance(node, ast.ClassDef)
    }
    kinds = ('Flow', 'Step', 'Executor', 'Deployment', 'Client', 'Load', 'DeploymentLoad')
    assert list(classes) == [f'{kind}Options' for kind in kinds]
    assert set(groups.FLOW.names) == set(classes['FlowOptions'])
    assert classes['ExecutorOptions'] == ['name', 'needs']
    assert {*groups.EXECUTOR.names, 'no_reduce'} - {'name', 'needs'} == set(classes['StepOptions'])
    assert {*groups.DEPLOYMENT.names, 'no_reduce'} == set(classes['DeploymentOptions'])
    assert set(groups.CLIENT.names) - {'host', 'port'} == set(classes['ClientOptions'])
    assert classes['LoadOptions'] == ['context', 'substitute', 'extra_search_paths']
    assert classes['DeploymentLoadOptions'] == ['context', 'substitute']


def test_the_page_has_every_option_in_the_table_it_belongs_to() -> None:
    tables = generate.options_page().split('| --- | --- | --- |\n')[1:]
    expected = [
        [option.name for option in group.options if belongs(option)]
        for group in (groups.FLOW, groups.EXECUTOR)
        for belongs in (lambda option: option.acts, lambda option: option.later, lambda option: option.no_effect)
    ]
    shown = [[line.split('`')[1] for line in table.splitlines() if line.startswith('| `')] for table in tables]
    assert shown == expected

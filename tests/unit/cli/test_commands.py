"""The table of commands, and the commands that ask, write and explain."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from mproc_flow import Flow
from mproc_flow.cli import ask
from mproc_flow.cli.commands import COMMANDS, Command, parser_of
from mproc_flow.cli.main import main
from mproc_flow.errors import BadOption
from mproc_flow.options.declare import OptionGroup
from mproc_flow.options.groups import CLIENT, DEPLOYMENT, EXECUTOR, FLOW, GATEWAY
from mproc_flow.posting.options import PostOptions

NAMES = [command.name for command in COMMANDS]


@pytest.mark.parametrize('command', COMMANDS, ids=NAMES)
def test_every_command_explains_itself(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command.name, '--help']) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f'usage: mproc-flow {command.name} ')
    assert command.summary in ' '.join(printed.out.split())
    assert printed.err == ''


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ['--help'], ['help']):
        assert main(words) == 0
        printed = capsys.readouterr().out
        for command in COMMANDS:
            assert f'{command.name:<12} {command.summary}' in printed


@pytest.mark.parametrize(
    ('name', 'group', 'without'),
    [
        ('flow', FLOW, {'uses', 'asyncio'}),
        ('deployment', DEPLOYMENT, set()),
        ('gateway', GATEWAY, set()),
        ('client', CLIENT, {'return_responses', 'asyncio'}),
        (
            'executor',
            EXECUTOR,
            {'needs', 'floating', 'external', 'when', 'disable_reduce', 'polling', 'restart', 'start_method'},
        ),
    ],
)
def test_every_option_has_a_flag_and_those_that_act_are_shown(
    name: str, group: OptionGroup, without: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = next(command for command in COMMANDS if command.name == name)
    flags = {flag for action in parser_of(command)[0]._actions for flag in action.option_strings}
    main([name, '--help'])
    printed = ' '.join(capsys.readouterr().out.split())
    for option in group.options:
        flag = f'--{option.name.replace("_", "-")}'
        if option.name not in without:
            assert flag in flags
        if option.name not in without and name != 'gateway':
            assert (re.search(rf' {flag}[ ,]', f'{printed} ') is not None) == option.acts, flag


def test_units_defaults_and_choices_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(['flow', '--help'])
    printed = capsys.readouterr().out
    for text in ('(default: 600000 ms)', '--timeout-ready MS', '--port PORT', '{fork,spawn,forkserver}'):
        assert text in printed
    assert '--env KEY=VALUE' in printed
    assert 'None' not in printed


@pytest.mark.parametrize(
    ('word', 'parts'),
    [
        ('timeout_ready', ['timeout_ready', 'of a Flow, an Executor, a Deployment:', '(ms)', 'default: 600000 ms']),
        ('PORT', ['of an Executor:', 'Where an external Executor listens.', 'was called port_expose']),
        ('parallel', ['replicas', 'was called parallel']),
        ('no_reduce', ['disable_reduce']),
        ('timeout', ['timeout_ready', 'timeout_ctrl', 'timeout_send']),
        ('request_size', ['request_size\n  of post():\n    Documents in one request']),
        ('max-attempts', ['of post():', 'gateway is lost or the Flow is overloaded']),
        ('prefetch', ['of a Flow, a Deployment', 'of post():']),
        ('post', [f'{name}\n  of post():' for name in PostOptions.__struct_fields__]),
        ('cors', ['Not in this version: it needs the HTTP front.']),
        ('gateway', ['usage: mproc-flow gateway', '--graph-description']),
    ],
)
def test_words_are_explained(word: str, parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['help', word]) == 0
    printed = capsys.readouterr().out
    for part in parts:
        assert part in printed


@pytest.mark.parametrize(
    ('word', 'hint'),
    [('poling', "did you mean 'polling'?"), ('request_sise', "'request_size'?"), ('qqq', 'mproc-flow help lists')],
)
def test_unknown_words_are_an_error(word: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['help', word]) == 2
    assert hint in capsys.readouterr().err


def test_all_versions(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('JINA_MP_START_METHOD', 'spawn')
    for flag in ('-vf', '--version-full'):
        assert main([flag]) == 0
        rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert {'mproc-flow', 'Python', 'platform', 'pyzmq', 'msgspec', 'numpy'} <= rows.keys()
        assert rows['JINA_MP_START_METHOD'] == 'spawn'


# ---- completions ----


def complete(script: Path, words: list[str]) -> set[str]:
    """What bash offers after these words."""
    state = f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}'
    code = f'source {script}; {state}; _mproc_flow; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(['bash', '-c', code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bash_completes_commands_and_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['completions', 'bash']) == 0
    script = tmp_path / 'completions'
    script.write_text(capsys.readouterr().out)
    assert complete(script, ['mproc-flow', "''"]) == {*NAMES, '--help', '--version', '--version-full'}
    assert complete(script, ['mproc-flow', 'co']) == {'completions'}
    assert complete(script, ['mproc-flow', 'flow', '--timeout']) == {
        '--timeout-ready',
        '--timeout-ctrl',
        '--timeout-send',
    }
    assert complete(script, ['mproc-flow', 'ping', '5000', '--att']) == {'--attempts'}
    assert complete(script, ['mproc-flow', 'flow', '--cor']) == set()
    assert {'--uses', '--port'} <= complete(script, ['mproc-flow', 'flow', "''"])
    assert complete(script, ['mproc-flow', 'completions', "''"]) == {'bash', 'zsh', 'fish', '--help'}


@pytest.mark.parametrize(
    ('words', 'offered'),
    [
        (['flow', '--start-method', "''"], {'fork', 'spawn', 'forkserver'}),
        (['deployment', '--start-method', 'sp'], {'spawn'}),
        (['flow', '--uses', "''"], set()),
        (['client', '--input', "''"], set()),
        (['flow', '--quiet', '--hos'], {'--host'}),
        (['check', "''"], set()),
        (['check', '--c'], {'--context'}),
    ],
    ids=' '.join,
)
def test_bash_completes_values_and_leaves_files_to_itself(
    words: list[str], offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is offered, bash offers files."""
    assert main(['completions', 'bash']) == 0
    script = tmp_path / 'completions'
    script.write_text(capsys.readouterr().out)
    assert complete(script, ['mproc-flow', *words]) == offered


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_scripts_have_every_command_and_can_be_read(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['completions', shell]) == 0
    script = capsys.readouterr().out
    for name in (*NAMES, 'timeout-ready', 'min-successful-attempts'):
        assert name in script
    (tmp_path / 'script').write_text(script)
    if which(shell):
        subprocess.run([shell, '-n', tmp_path / 'script'], check=True)


# ---- new and export ----


def test_a_new_project_has_all_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / 'deep' / 'shop'
    assert main(['new', str(folder)]) == 0
    assert 'mproc-flow flow --uses flow.yml' in capsys.readouterr().out
    files = {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}
    assert files == {
        'README.md', 'app.py', 'flow.yml', 'executor1/config.yml', 'executor1/executor.py', 'tests/test_flow.py'
    }  # fmt: skip
    assert 'name: "shop"' in (folder / 'flow.yml').read_text()
    assert not any('$' in path.read_text() for path in folder.rglob('*') if path.is_file())
    assert main(['check', str(folder / 'flow.yml')]) == 0
    assert "is right: Flow 'shop' starts 3 processes." in capsys.readouterr().out
    before = (folder / 'flow.yml').stat().st_mtime_ns
    assert main(['new', str(folder)]) == 2
    assert 'is there already' in capsys.readouterr().err
    assert (folder / 'flow.yml').stat().st_mtime_ns == before


@pytest.mark.parametrize('name', ['123', 'yes', 'a: b', "it's", '$x', '${{ y }}', 'a "b"', '# c', 'ä', 'a/b c'])
def test_a_new_project_may_have_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(['new', name]) == 0
    assert Flow.load_config(tmp_path / name / 'flow.yml').build().name == Path(name).name


def test_the_schema_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['export', 'schema']) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema['properties']['jtype'] == {'enum': ['Flow', 'AsyncFlow']}
    assert set(FLOW.names) <= set(schema['properties']['with']['properties'])
    assert (
        main(['export', 'schema', '--json-path', str(tmp_path / 's.json'), '--yaml-path', str(tmp_path / 's.yml')]) == 0
    )
    assert capsys.readouterr().out == ''
    assert json.loads((tmp_path / 's.json').read_text()) == schema
    assert (tmp_path / 's.yml').read_text().startswith('$schema: ')
    assert main(['export', 'schema', '--json-path', str(tmp_path / 'no' / 's.json')]) == 2
    assert 'No such file' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        ('flowchart', 'flowchart comes with a later version; what there is: export schema'),
        ('kubernetes flow.yml out', 'kubernetes comes with a later version; what there is: export schema'),
        ('docker-compose flow.yml out --network-name a', 'there is no argument --network-name'),
        ('nonsense', 'nonsense is not known; what there is: export schema'),
        ('schema out.json', 'export schema out.json: give the name of the file as --json-path or --yaml-path'),
    ],
)
def test_what_cannot_be_exported_is_said(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['export', *words.split()]) == 2
    assert says in capsys.readouterr().err


# ---- ping and check ----


@pytest.mark.parametrize(
    ('words', 'address'),
    [
        (['5000'], ('127.0.0.1', 5000)),
        (['localhost', '5000'], ('127.0.0.1', 5000)),
        (['127.0.0.2:5000'], ('127.0.0.2', 5000)),
        (['flow', 'tcp://127.0.0.1:5000'], ('127.0.0.1', 5000)),
        (['executor', 'localhost', '5000'], ('127.0.0.1', 5000)),
        (['[::1]:5000'], ('::1', 5000)),
    ],
)
def test_addresses(words: list[str], address: tuple[str, int]) -> None:
    assert ask._address(words) == address


@pytest.mark.parametrize('words', [['host'], ['flow', 'x'], ['10.0.0.1', '5'], ['70000'], ['-5']])
def test_addresses_that_are_none(words: list[str]) -> None:
    with pytest.raises(BadOption, match='ping'):
        ask._address(words)


def test_nobody_answers_a_ping(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['ping', '1', '--timeout', '10']) == 1
    assert '127.0.0.1:1 is not ready' in capsys.readouterr().out


def test_the_output_may_be_cut_off() -> None:
    code = f'{sys.executable} -m mproc_flow export schema | true; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(['bash', '-c', code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ('0\n', '')

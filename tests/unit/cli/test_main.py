"""The command line: flags, exit codes and what is printed. The Flow is a stand-in."""

from __future__ import annotations

import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import errors
from mproc_flow.cli.main import main
from mproc_flow.version import __version__


class FakeFlow:
    """Records what happens to it, and raises where it is told to."""

    calls: list[Any]
    raises: dict[str, BaseException]

    @classmethod
    def load_config(cls, source: str, **options: Any) -> FakeFlow:
        cls._do('load', source, options)
        return cls()

    def __enter__(self) -> FakeFlow:
        self._do('start')
        return self

    def __exit__(self, *_: object) -> None:
        self._do('close')

    def block(self) -> None:
        self._do('block')

    @classmethod
    def _do(cls, *call: Any) -> None:
        cls.calls.append(call)
        if call[0] in cls.raises:
            raise cls.raises[call[0]]


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> type[FakeFlow]:
    kind = type('Fake', (FakeFlow,), {'calls': [], 'raises': {}})
    module = types.ModuleType('mproc_flow.flow')
    module.Flow = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'mproc_flow.flow', module)
    return kind


def test_a_flow_is_loaded_started_blocked_and_closed(flow: type[FakeFlow]) -> None:
    assert main(['flow', '--uses', 'flow.yml']) == 0
    assert flow.calls == [('load', 'flow.yml', {'context': None}), ('start',), ('block',), ('close',)]


def test_flags_override_the_file_only_if_they_are_used(flow: type[FakeFlow]) -> None:
    flags = (
        '--name f --start-method SPAWN --host localhost --port 5000 --workspace /w '
        '--timeout-ready -1 --timeout-ctrl 2.5 --prefetch 0 --quiet'
    )
    assert main(['flow', *flags.split(), '--uses=x.yml']) == 0
    assert flow.calls[0] == (
        'load',
        'x.yml',
        {
            'context': None,
            'name': 'f',
            'start_method': 'spawn',
            'host': '127.0.0.1',
            'port': 5000,
            'workspace': '/w',
            'timeout_ready': -1,
            'timeout_ctrl': 2.5,
            'prefetch': 0,
            'quiet': True,
        },
    )


def test_a_flag_can_be_switched_off(flow: type[FakeFlow]) -> None:
    main(['flow', '--uses', 'x.yml', '--no-quiet'])
    assert flow.calls[0][2] == {'context': None, 'quiet': False}


def test_lists_and_dicts_are_gathered(flow: type[FakeFlow]) -> None:
    flags = [
        '--env', 'A=1', 'B: x=y', '--env', '{"C": 3}',
        '--uses-with', 'size=3', 'name=big', 'list=[1, 2]', 'text="5"', 'url=http://x',
        '--uses-requests', '/index=encode', '--preload', 'numpy', 'my.module', '--preload', 'other',
        '--polling', '{"/x": "ALL"}', '--context', 'a=1', 'b={"c": [2]}',
    ]  # fmt: skip
    assert main(['flow', '--uses', 'x.yml', *flags]) == 0
    assert flow.calls[0][2] == {
        'context': {'a': 1, 'b': {'c': [2]}},
        'env': {'A': '1', 'B': 'x=y', 'C': '3'},
        'uses_with': {'size': 3, 'name': 'big', 'list': [1, 2], 'text': '5', 'url': 'http://x'},
        'uses_requests': {'/index': 'encode'},
        'preload': ('numpy', 'my.module', 'other'),
        'polling': {'/x': 'all'},
    }


def test_former_names_are_accepted(flow: type[FakeFlow]) -> None:
    assert main(['flow', '--uses', 'x.yml', '--port-expose', '5', '--parallel', '2']) == 0
    assert flow.calls[0][2] == {'context': None, 'port': 5, 'replicas': 2}


def test_what_has_no_effect_is_accepted_and_said(flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['flow', '--uses', 'x.yml', '--native', '--host-in', '0.0.0.0']) == 0
    assert flow.calls[0][2] == {'context': None}
    said = capsys.readouterr().err.splitlines()
    assert said[0] == 'mproc-flow flow: --native has no effect: a Flow always runs its Executors natively'
    assert said[1].startswith('mproc-flow flow: --host-in has no effect')


@pytest.mark.filterwarnings('default')
def test_warnings_are_one_line(flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]) -> None:
    flow.block = lambda self: warnings.warn('mind this', RuntimeWarning, stacklevel=1)  # type: ignore[method-assign]
    assert main(['flow', '--uses', 'x.yml']) == 0
    assert capsys.readouterr().err == 'mproc-flow: warning: mind this\n'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ('flow', 'the following arguments are required: --uses'),
        ('flow --uses', 'expected one argument'),
        ('flow --uses x --port abc', "argument --port: must be a whole number from 0 to 65535, got 'abc' (str)"),
        ('flow --uses x --port -1', 'got -1 (int)'),
        ('flow --uses x --timeout-ctrl 0', 'argument --timeout-ctrl: must be a number above 0'),
        ('flow --uses x --start-method frok', 'one of fork, spawn, forkserver'),
        ('flow --uses x --host 0.0.0.0', 'needs keys'),
        ('flow --uses x --prot 5', "there is no argument --prot; did you mean '--port'?"),
        ('flow --uses x --time 5', 'there is no argument --time'),
        ('flow --uses x more', 'there is no argument more; known: --help, --uses, --context'),
        ('--versoin', "there is no argument --versoin; did you mean '--version'?"),
        ('--vers', 'there is no argument --vers'),
        ('flwo', "there is no command flwo; did you mean 'flow'?"),
        ('flow --uses x --cors', 'argument --cors: not supported yet: it needs the HTTP front'),
        ('flow --uses x --title=abc', 'argument --title: not supported yet'),
        ('flow --uses x --env A', "{'NAME': 'value'}, got a value of type str: write KEY=VALUE"),
        ('flow --uses x --env =b', 'argument --env: key must be'),
        ('flow --uses x --context a', "argument --context: must be KEY=VALUE or a dict in JSON, got 'a' (str)"),
        ('flow --uses x --polling {"/x":"SOME"}', "argument --polling: ['/x'] must be one of any, all"),
        ('flow --uses x --uses-requests /a=b-c', "argument --uses-requests: ['/a'] must be a name"),
        ('completions tcsh', "invalid choice: 'tcsh'"),
        ('new', 'the following arguments are required: NAME'),
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: str, message: str, flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert 'usage: mproc-flow' in printed.err
    assert printed.out == ''
    assert flow.calls == []


@pytest.mark.parametrize(
    ('step', 'error', 'code'),
    [
        ('load', errors.BadConfigSource('no such file'), 2),
        ('load', errors.BadOption('bad'), 2),
        ('load', errors.BadYAMLVersion('bad'), 2),
        ('start', errors.FlowTopologyError('a cycle'), 2),
        ('start', errors.BadOption('bad variable'), 2),
        ('block', errors.BadClientInput('no Document'), 2),
        ('start', errors.RuntimeFailToStart('x failed'), 1),
        ('start', errors.PortAlreadyUsed('port 5'), 1),
        ('block', errors.FlowFailed('x kept dying'), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_errors_are_one_message_and_an_exit_code(
    step: str, error: Exception, code: int, flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]
) -> None:
    flow.raises[step] = error
    assert main(['flow', '--uses', 'x.yml']) == code
    assert capsys.readouterr().err == f'mproc-flow: error: {error}\n'


def test_a_flow_that_failed_while_serving_is_closed(flow: type[FakeFlow]) -> None:
    flow.raises['block'] = errors.FlowFailed()
    main(['flow', '--uses', 'x.yml'])
    assert flow.calls[-1] == ('close',)


def test_the_remote_traceback_is_printed_after_the_message(
    flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]
) -> None:
    error = errors.RuntimeFailToStart('encoder failed')
    error.__cause__ = errors.RemoteTraceback('Traceback (most recent call last):\nValueError: x\n')
    flow.raises['start'] = error
    assert main(['flow', '--uses', 'x.yml']) == 1
    assert capsys.readouterr().err == (
        'mproc-flow: error: encoder failed\nTraceback (most recent call last):\nValueError: x\n'
    )


def test_another_cause_is_not_printed(flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.RuntimeFailToStart('encoder failed')
    error.__cause__ = OSError('inner')
    flow.raises['start'] = error
    main(['flow', '--uses', 'x.yml'])
    assert capsys.readouterr().err == 'mproc-flow: error: encoder failed\n'


def test_an_interrupt_while_starting_prints_nothing(flow: type[FakeFlow], capsys: pytest.CaptureFixture[str]) -> None:
    flow.raises['start'] = KeyboardInterrupt()
    assert main(['flow', '--uses', 'x.yml']) == 130
    assert capsys.readouterr().err == ''


def test_a_fault_of_ours_is_not_hidden(flow: type[FakeFlow]) -> None:
    flow.raises['block'] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        main(['flow', '--uses', 'x.yml'])


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr()
    assert 'Start the Flow of a YAML file' in printed.out
    assert printed.err == ''


@pytest.mark.parametrize('flag', ['--version', '-v'])
def test_version(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    assert capsys.readouterr().out == f'mproc-flow {__version__}\n'


def test_python_m_is_the_same_and_loads_nothing_that_runs_a_flow() -> None:
    code = (
        'import runpy, sys\n'
        "sys.argv = ['mproc-flow', '--version']\n"
        'try:\n'
        "    runpy.run_module('mproc_flow', run_name='__main__')\n"
        'finally:\n'
        "    print(sorted({'zmq', 'numpy', 'yaml', 'mproc_flow.flow'} & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f'mproc-flow {__version__}\n[]\n')


def test_importing_the_module_again_as_spawn_does_runs_nothing() -> None:
    code = "import runpy; runpy.run_module('mproc_flow.__main__', run_name='__mp_main__')"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')

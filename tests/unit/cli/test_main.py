"""The command line: flags, exit codes and what is printed. The Flow is a stand-in."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import errors
from mproc_flow.cli.main import main
from mproc_flow.options.groups import FLOW
from mproc_flow.options.kinds import Flag, Scalar
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
    assert flow.calls == [('load', 'flow.yml', {}), ('start',), ('block',), ('close',)]


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
    assert flow.calls[0][2] == {'quiet': False}


def test_every_option_of_one_value_has_a_flag_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['flow', '--help']) == 0
    printed = ' '.join(capsys.readouterr().out.split())
    for option in FLOW.options:
        if isinstance(option.kind, Flag | Scalar):
            assert f'--{option.name.replace("_", "-")}' in printed
            assert option.help in printed
    assert '(default: 600000 ms)' in printed
    assert '--timeout-ready MS' in printed
    assert '--port PORT' in printed
    assert '{fork,spawn,forkserver}' in printed
    assert '--env' not in printed


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ('flow', 'the following arguments are required: --uses'),
        ('flow --uses', 'expected one argument'),
        ('flow --uses x --port abc', "argument --port: must be a whole number from 1 to 65535, got 'abc' (str)"),
        ('flow --uses x --port 0', 'got 0 (int)'),
        ('flow --uses x --timeout-ctrl 0', 'argument --timeout-ctrl: must be a number above 0'),
        ('flow --uses x --start-method frok', 'one of fork, spawn, forkserver'),
        ('flow --uses x --host 0.0.0.0', 'needs keys'),
        ('flow --uses x --prot 5', "there is no argument --prot; did you mean '--port'?"),
        ('flow --uses x --time 5', 'there is no argument --time'),
        ('flow --uses x more', 'there is no argument more; known: --help, --version, --uses'),
        ('--versoin', "there is no argument --versoin; did you mean '--version'?"),
        ('--vers', 'there is no argument --vers'),
        ('flwo', "invalid choice: 'flwo'"),
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

"""The program ``mproc-flow``, also ``python -m mproc_flow``.

Exit codes: 0 done, 1 failed to start or while serving, 2 wrong usage or configuration, 130 interrupted by Ctrl-C
before the Flow was serving.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mproc_flow.cli.flags import add_flags, given, unknown
from mproc_flow.errors import (
    BadConfigSource,
    BadOption,
    BadYAMLVersion,
    FlowTopologyError,
    MprocFlowError,
    RemoteTraceback,
)
from mproc_flow.options.groups import FLOW
from mproc_flow.version import __version__

PROGRAM = 'mproc-flow'
DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

_USER_MUST_CORRECT = (BadConfigSource, BadOption, BadYAMLVersion, FlowTopologyError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code.

    Args:
        argv: Arguments without the program's name; by default those of the process.
    """
    try:
        arguments = _parse(argv)
    except SystemExit as stop:  # argparse leaves this way after --help, --version and wrong usage
        return MISUSED if stop.code else DONE
    try:
        arguments.run(arguments)
    except MprocFlowError as error:
        _report(error)
        return MISUSED if isinstance(error, _USER_MUST_CORRECT) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        PROGRAM, description='Run a Flow of Executors as supervised processes.', allow_abbrev=False
    )
    parser.add_argument('-v', '--version', action='version', version=f'{PROGRAM} {__version__}')
    parser.set_defaults(run=lambda _: parser.print_help())
    _add_flow(parser.add_subparsers(title='commands', metavar='COMMAND'))
    arguments, extra = parser.parse_known_args(argv)
    if extra:
        parser.error(unknown(extra, arguments))
    return arguments


def _add_flow(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = 'Start the Flow of a YAML file and serve until a signal.'
    command = commands.add_parser('flow', help=summary, description=summary, allow_abbrev=False)
    command.add_argument('--uses', required=True, metavar='FILE', help='The YAML file; flags override what it says.')
    add_flags(command, FLOW)
    command.set_defaults(run=_flow)


def _flow(arguments: argparse.Namespace) -> None:
    # Imported here so that --version and --help need not load what runs a Flow.
    from mproc_flow.flow import Flow

    flow = Flow.load_config(arguments.uses, **given(arguments, FLOW))
    with flow:
        flow.block()


def _report(error: MprocFlowError) -> None:
    print(f'{PROGRAM}: error: {error}', file=sys.stderr)
    if isinstance(error.__cause__, RemoteTraceback):
        print(error.__cause__.text.rstrip(), file=sys.stderr)

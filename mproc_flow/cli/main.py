"""The program ``mproc-flow``, also ``python -m mproc_flow``.

Exit codes: 0 done, 1 failed to start or while serving, 2 wrong usage or configuration, 130 interrupted by Ctrl-C
before the Flow was serving.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

from mproc_flow.cli.commands import COMMANDS, DONE, FAILED, INTERRUPTED, MISUSED, PROGRAM, Run, find, parser_of
from mproc_flow.version import __version__

_DESCRIPTION = 'Run a Flow of Executors as supervised processes.'
_USAGE = '%(prog)s COMMAND [arguments]'


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    Args:
        argv: Arguments without the program's name; by default those of the process.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    command = find(words[0]) if words else None
    try:
        if command is None:
            return _without_command(words)
        return _run(*parser_of(command), words[1:])
    except SystemExit as stop:  # argparse leaves this way after --help and wrong usage
        return MISUSED if stop.code else DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _without_command(words: Sequence[str]) -> int:
    lines = '\n'.join(f'  {command.name:<12} {command.summary}' for command in COMMANDS)
    parser = argparse.ArgumentParser(
        PROGRAM,
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=f'commands:\n{lines}\n\n{PROGRAM} COMMAND --help tells more.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument('-v', '--version', action='store_true', help='Print the version.')
    parser.add_argument('-vf', '--version-full', action='store_true', help='Print the versions of all that matters.')
    arguments, extra = parser.parse_known_args(words)
    if extra:
        parser.error(_unknown(extra[0], parser))
    if arguments.version:
        print(f'{PROGRAM} {__version__}')
    elif arguments.version_full:
        from mproc_flow.cli.about import versions

        print(versions())
    else:
        parser.print_help()
    return DONE


def _unknown(word: str, parser: argparse.ArgumentParser) -> str:
    from mproc_flow.options.suggest import did_you_mean

    if word.startswith('-'):
        return _unknown_argument(word, parser)
    return f'there is no command {word}{did_you_mean(word, [command.name for command in COMMANDS])}'


def _run(parser: argparse.ArgumentParser, run: Run, words: Sequence[str]) -> int:
    from mproc_flow.errors import MprocFlowError

    arguments, extra = parser.parse_known_args(words)
    if extra:
        parser.error(_unknown_argument(extra[0], parser))
    if '' not in sys.path and os.getcwd() not in sys.path:  # as with python -m: import paths begin here, too
        sys.path.insert(0, os.getcwd())
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f'{PROGRAM}: warning: {message}', file=sys.stderr)
            return run(arguments) or DONE
    except MprocFlowError as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say what went wrong and return the exit code."""
    from mproc_flow import errors

    print(f'{PROGRAM}: error: {error}', file=sys.stderr)
    if isinstance(error.__cause__, errors.RemoteTraceback):
        print(error.__cause__.text.rstrip(), file=sys.stderr)
    to_correct = (
        errors.BadClient,
        errors.BadConfigSource,
        errors.BadOption,
        errors.BadYAMLVersion,
        errors.FlowTopologyError,
    )
    return MISUSED if isinstance(error, to_correct) else FAILED


def _unknown_argument(word: str, parser: argparse.ArgumentParser) -> str:
    from mproc_flow.cli.flags import unknown

    return unknown(word, parser)

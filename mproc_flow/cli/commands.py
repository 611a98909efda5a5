"""The commands of the program: one table, from which parsers, help and completions are made."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

PROGRAM = 'mproc-flow'
DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

# Does what a command is for; gives an exit code, or None if it is done.
Run = Callable[[argparse.Namespace], 'int | None']


class Command(NamedTuple):
    """One command.

    Attributes:
        name: Its name.
        usage: What follows the name.
        summary: What it does, in one sentence.
        module: Where its function is, imported only if it is wanted. The function has the command's name; it adds the
            command's arguments to a parser and returns what runs it.
    """

    name: str
    usage: str
    summary: str
    module: str

    def fill(self, parser: argparse.ArgumentParser) -> Run:
        """Add its arguments to a parser and return what runs it."""
        function: Callable[[argparse.ArgumentParser], Run] = getattr(import_module(self.module), self.name)
        return function(parser)


_SERVE, _SCRIPT, _SEND, _ASK, _WRITE, _ABOUT = (
    f'mproc_flow.cli.{name}' for name in ('serve', 'script', 'send', 'ask', 'write', 'about')
)

COMMANDS = (
    Command('flow', '--uses FILE [options]', 'Start the Flow of a YAML file and serve until a signal.', _SERVE),
    Command('deployment', '--uses EXECUTOR [options]', 'Serve one Executor, without a Flow, until a signal.', _SERVE),
    Command('executor', '--uses EXECUTOR --port PORT [options]', 'Be one Executor process, in the foreground.', _SERVE),
    Command(
        'gateway',
        '--graph-description JSON --deployments-addresses JSON --port PORT [options]',
        'Be a gateway for Executors that run elsewhere, in the foreground.',
        _SERVE,
    ),
    Command('run', '{SCRIPT | -m MODULE | -c TEXT} [arguments]', 'Run a program written for Jina as it is.', _SCRIPT),
    Command('client', '--port PORT [options]', 'Send Documents to a running Flow and print its answers.', _SEND),
    Command('ping', '[flow|executor|gateway] [HOST] PORT [options]', 'Ask whether a running Flow is ready.', _ASK),
    Command('check', '[FILE] [options]', 'Check a Flow file, or this machine, and say what was found.', _ASK),
    Command('new', 'NAME', 'Make a folder with a project that runs, and its tests.', _WRITE),
    Command('export', 'schema [options]', 'Print the JSON schema of Flow files, for editors.', _WRITE),
    Command('help', '[WORD]', 'Explain a command or an option.', _ABOUT),
    Command('completions', '{bash,zsh,fish}', 'Print a script that completes commands and flags in a shell.', _ABOUT),
)


def find(name: str) -> Command | None:
    """Return the command of this name, or None."""
    return next((command for command in COMMANDS if command.name == name), None)


def parser_of(command: Command) -> tuple[argparse.ArgumentParser, Run]:
    """Return the parser of a command, with its arguments, and what runs it."""
    parser = argparse.ArgumentParser(
        f'{PROGRAM} {command.name}',
        usage=f'%(prog)s {command.usage}',
        description=command.summary,
        allow_abbrev=False,
    )
    return parser, command.fill(parser)

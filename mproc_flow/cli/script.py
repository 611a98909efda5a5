"""The command ``run``: a program written for Jina, run as it is.

This process becomes the Python that runs it, with our stand-in for Jina on its module search path. So whatever a
program may ask of Python is as it would be: its main module, its arguments, its exit code, its children.
"""

from __future__ import annotations

import argparse
import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

from mproc_flow.cli.commands import PROGRAM, Run
from mproc_flow.compat import install
from mproc_flow.errors import BadOption

_PATH = 'PYTHONPATH'


def run(parser: argparse.ArgumentParser) -> Run:
    """Run a program."""
    rest = argparse.REMAINDER
    parser.add_argument('-m', dest='module', nargs=rest, metavar='MODULE', help='Run a module, as python -m does.')
    parser.add_argument('-c', dest='text', nargs=rest, metavar='TEXT', help='Run a text, as python -c does.')
    parser.add_argument('script', nargs=rest, metavar='SCRIPT', help='The script, or -, and then its arguments.')

    def start(arguments: argparse.Namespace) -> None:
        flags = {'-m': arguments.module, '-c': arguments.text}
        words = [word for flag, given in flags.items() if given for word in (flag, *given)] or arguments.script
        if not words:
            parser.error('what is to be run? Give a script, -m MODULE or -c TEXT')
        _become(words)

    return start


def _become(words: list[str]) -> None:
    from mproc_flow.supervisor import process

    if sys.flags.ignore_environment:
        raise BadOption(f'run needs {_PATH}, which the flags -E and -I of Python switch off: leave them out')
    installed = install.installed_jina()
    if installed is not None:
        print(f'{PROGRAM} run: the program gets mproc_flow, not the jina in {installed}', file=sys.stderr)
    command = process.command(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment(os.environ))


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the program: ours, with the way to our stand-ins, and to this package, in it."""
    home = str(Path(install.AS_JINA).parents[2])
    # Those folders are on the path anyhow; in this place they would come before the standard library.
    homes = [] if home in (*site.getsitepackages(), site.getusersitepackages()) else [home]
    before = [entry for entry in environ.get(_PATH, '').split(os.pathsep) if entry]
    missing = [folder for folder in (*install.folders(), *homes) if folder not in before]
    return {**environ, _PATH: os.pathsep.join([*missing, *before])}

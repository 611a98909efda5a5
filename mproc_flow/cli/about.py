"""Commands about the program itself: ``help`` and ``completions``; and the versions of all that matters."""

from __future__ import annotations

import argparse
import inspect
import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from mproc_flow.cli.commands import COMMANDS, PROGRAM, Run, find, parser_of
from mproc_flow.errors import BadOption
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.groups import CLIENT, DEPLOYMENT, EXECUTOR, FLOW, GATEWAY
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.posting.options import PostOptions
from mproc_flow.version import __version__

_PACKAGES = ('pyzmq', 'msgspec', 'numpy', 'psutil', 'pyyaml', 'cloudpickle')
_GROUPS = (FLOW, EXECUTOR, DEPLOYMENT, GATEWAY, CLIENT)
_GENERAL = ('--help', '--version', '--version-full')
_VARIABLE_PREFIXES = ('JINA_', 'MPROC_FLOW_')


def versions() -> str:
    """Return the versions of the program, of Python and of what it uses, and environment variables that matter."""
    rows = [
        (PROGRAM, __version__),
        ('Python', f'{platform.python_version()} ({platform.python_implementation()})'),
        ('platform', platform.platform()),
        *((package, _version(package)) for package in _PACKAGES),
        *((name, os.environ[name]) for name in sorted(os.environ) if name.startswith(_VARIABLE_PREFIXES)),
    ]
    return '\n'.join(f'{name:<22} {value}' for name, value in rows)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return 'not installed'


def help(parser: argparse.ArgumentParser) -> Run:
    """Explain a word."""
    parser.add_argument('word', nargs='?', metavar='WORD', help='A command, or the name of an option or a part of it.')

    def run(arguments: argparse.Namespace) -> None:
        if arguments.word is None:
            print('\n'.join(f'{command.name:<12} {command.summary}' for command in COMMANDS))
            return
        command = find(arguments.word)
        if command is not None:
            parser_of(command)[0].print_help()
        else:
            print(_explanation(arguments.word))

    return run


def _explanation(word: str) -> str:
    name = word.lstrip('-').replace('-', '_').lower()
    by_name: dict[str, list[tuple[OptionGroup, Option]]] = {}
    for group in _GROUPS:
        for option in group.options:
            by_name.setdefault(option.name, []).append((group, option))
    exact = [found for found, entries in by_name.items() if _is_called(entries[0][1], name)]
    names = exact or [found for found in by_name if name and name in found]
    of_post = _options_of_post()
    wanted = list(of_post) if name == 'post' else [name] if name in of_post else []
    if not names and not wanted:
        hint = did_you_mean(name, [*by_name, *of_post, *(command.name for command in COMMANDS)])
        where = hint if 'did you mean' in hint else f'; {PROGRAM} help lists the commands, COMMAND --help its options'
        raise BadOption(f'help {word}: there is no such command or option{where}')
    parts = ['\n'.join(_describe(by_name[found])) for found in names if name != 'post']
    parts += [f'{found}\n  of post():\n    {of_post[found]}' for found in wanted]
    return '\n\n'.join(parts)


def _options_of_post() -> dict[str, str]:
    """Give the options of ``post()``, each with what the class that holds them says of it."""
    section = (inspect.getdoc(PostOptions) or '').partition('Attributes:\n')[2]
    entries = re.findall(r'^ {4}(\w+): (.+(?:\n {8}.+)*)', section, re.MULTILINE)
    return {name: ' '.join(text.replace('``', '').split()) for name, text in entries}


def _is_called(option: Option, name: str) -> bool:
    return name in (option.name, *option.aliases, *option.former)


def _describe(entries: list[tuple[OptionGroup, Option]]) -> Iterator[str]:
    by_text: dict[tuple[str, ...], list[str]] = {}
    for group, option in entries:
        by_text.setdefault(tuple(_lines(option)), []).append(group.owner)
    yield entries[0][1].name
    for lines, owners in by_text.items():
        yield f'  of {", ".join(owners)}:'
        yield from (f'    {line}' for line in lines)


def _lines(option: Option) -> Iterator[str]:
    yield option.help
    if option.acts:
        unit = f' {option.unit}' if option.unit else ''
        default = 'none' if option.default in (None, ()) else f'{option.default}{unit}'
        yield f'accepts {option.kind.accepts}{unit and f" ({option.unit})"}; default: {default}'
    for former in option.former:
        yield f'was called {former}'


# ---- completions ----


def completions(parser: argparse.ArgumentParser) -> Run:
    """Print a script for a shell."""
    parser.add_argument('shell', choices=_SHELLS, help='Which shell it is for.')

    def run(arguments: argparse.Namespace) -> None:
        print(_SHELLS[arguments.shell](), end='')

    return run


def _flags() -> dict[str, dict[str, str]]:
    """Give the flags of each command, with what they do."""
    return {
        command.name: {
            flag: (action.help or '').replace('%%', '%')
            for action in parser_of(command)[0]._actions
            if action.help != argparse.SUPPRESS
            for flag in action.option_strings
            if flag.startswith('--')
        }
        for command in COMMANDS
    }


def _values() -> dict[str, list[str]]:
    """Give the flags that take a value, each with the words that it may be if these are known."""
    actions = [action for command in COMMANDS for action in parser_of(command)[0]._actions if action.nargs != 0]
    return {
        flag: str(action.metavar)[1:-1].split(',') if str(action.metavar).startswith('{') else []
        for action in actions
        if action.help != argparse.SUPPRESS
        for flag in action.option_strings
    }


def _words() -> dict[str, list[str]]:
    """Give what may stand after each command, beside flags and files."""
    return {
        command.name: list(action.choices)
        for command in COMMANDS
        for action in parser_of(command)[0]._actions
        if action.choices is not None and not action.option_strings
    }


def _takes_file(name: str) -> bool:
    command = find(name)
    actions = parser_of(command)[0]._actions if command else []
    return any(action.metavar == 'FILE' and not action.option_strings for action in actions)


def _bash() -> str:
    values, words = _values(), _words()
    cases = [f'    *:{flag}) words="{" ".join(known)}" ;;' for flag, known in values.items() if known]
    cases.append(f'    {"|".join(f"*:{flag}" for flag, known in values.items() if not known)}) ;;')
    for name, flags in _flags().items():
        test = '[[ $current != -* ]] || ' if _takes_file(name) else ''
        cases.append(f'    {name}:*) {test}words="{" ".join([*words.get(name, ()), *flags])}" ;;')
    commands = ' '.join([*(command.name for command in COMMANDS), *_GENERAL])
    return f"""\
# Completions of {PROGRAM} for bash: source <({PROGRAM} completions bash)
_mproc_flow() {{
  local words= current=${{COMP_WORDS[COMP_CWORD]}}
  if [ "$COMP_CWORD" = 1 ]; then
    words="{commands}"
  else case "${{COMP_WORDS[1]}}:${{COMP_WORDS[COMP_CWORD-1]}}" in
{chr(10).join(cases)}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _mproc_flow {PROGRAM}
"""


def _zsh() -> str:
    commands = '\n'.join(f"    '{command.name}:{_quoted(command.summary)}'" for command in COMMANDS)
    cases = '\n'.join(f'    {name}) compadd -- {" ".join(flags)} ;;' for name, flags in _flags().items())
    return f"""\
#compdef {PROGRAM}
# Completions of {PROGRAM} for zsh: {PROGRAM} completions zsh > a file _mproc-flow in a folder of $fpath
_mproc_flow() {{
  local -a commands=(
{commands}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
{cases}
  esac
  _files
}}
compdef _mproc_flow {PROGRAM}
"""


def _fish() -> str:
    lines = [f'# Completions of {PROGRAM} for fish: {PROGRAM} completions fish | source']
    for command in COMMANDS:
        summary = _quoted(command.summary)
        lines.append(f"complete -c {PROGRAM} -n __fish_use_subcommand -f -a {command.name} -d '{summary}'")
    for name, flags in _flags().items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c {PROGRAM} -n {seen} -l {flag[2:]} -d '{_quoted(text)}'" for flag, text in flags.items()]
    return '\n'.join(lines) + '\n'


def _quoted(text: str) -> str:
    return text.replace("'", '’').replace(':', '')


_SHELLS = {'bash': _bash, 'zsh': _zsh, 'fish': _fish}

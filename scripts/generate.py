"""Write the files that are made from the declarations of options, or with ``--check`` say which are out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from mproc_flow.options import groups, render

ROOT = Path(__file__).resolve().parent.parent

_HEAD = '''"""The options as types, for editors and type checkers. Made by scripts/generate.py: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict

'''
_OF_ADD = ('name', 'needs')
_VALUES = {'context': 'Mapping[str, Any]', 'substitute': 'bool'}
_LOAD = {
    **_VALUES,
    'extra_search_paths': 'str | PathLike[str] | Sequence[str | PathLike[str]]',
}


def signatures() -> str:
    """Return ``mproc_flow/options/signatures.py``."""
    client = {name: text for name, text in render.types_of(groups.CLIENT).items() if name not in ('host', 'port')}
    of_flow, of_executor = render.types_of(groups.FLOW), render.types_of(groups.EXECUTOR)
    of_step = {name: text for name, text in of_executor.items() if name not in _OF_ADD}
    of_add = {name: of_executor[name] for name in _OF_ADD}
    of_deployment = render.types_of(groups.DEPLOYMENT)
    classes = [
        render.typed_dict('FlowOptions', of_flow, 'Keyword arguments of a Flow.'),
        render.typed_dict('StepOptions', of_step, 'Options of an Executor, beside its name and what it needs.'),
        render.typed_dict('ExecutorOptions', of_add, 'Keyword arguments of ``Flow.add()``.', 'StepOptions'),
        render.typed_dict('DeploymentOptions', of_deployment, 'Keyword arguments of a Deployment.'),
        render.typed_dict('ClientOptions', client, 'Keyword arguments of a Client, beside its host and port.'),
        render.typed_dict('LoadOptions', _LOAD, 'Keyword arguments of ``Flow.load_config()``.', 'FlowOptions'),
        render.typed_dict(
            'DeploymentLoadOptions', _VALUES, 'Keyword arguments of ``Deployment.load_config()``.', 'DeploymentOptions'
        ),
    ]
    return _HEAD + '\n\n'.join(['', *classes]).lstrip('\n').join(['\n', ''])


def options_page() -> str:
    """Return ``docs/options.md``."""
    parts = [
        '# Options\n\nMade by `scripts/generate.py` from the declarations in `mproc_flow/options/`.\n',
        'Names are keyword arguments in Python, keys in YAML, and with dashes for underscores flags of the command '
        'line. What is given to a Flow is inherited by its Executors where both have it.\n',
    ]
    for title, group in (('Flow', groups.FLOW), ('Executor, in `add()`', groups.EXECUTOR)):
        acts = [option for option in group.options if option.acts]
        later = [option for option in group.options if option.later]
        nothing = [option for option in group.options if option.no_effect]
        parts += [f'## {title}\n', render.table(acts)]
        parts += ['Not in this version; only the default is accepted:\n', render.table(later)]
        parts += ['Accepted for programs written for Jina, without effect and with a warning:\n', render.table(nothing)]
    return '\n'.join(parts)


FILES = {'mproc_flow/options/signatures.py': signatures, 'docs/options.md': options_page}


def main(arguments: list[str]) -> int:
    """Write or check the files; return the exit code."""
    stale = [name for name, make in FILES.items() if not _is_current(ROOT / name, make())]
    if '--check' in arguments:
        for name in stale:
            print(f'{name}: out of date, run scripts/generate.py')
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(FILES[name](), encoding='utf-8')
        print(f'{name}: written')
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding='utf-8') == text


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

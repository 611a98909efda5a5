"""Commands that write files: ``new`` and ``export``."""

from __future__ import annotations

import argparse
import json
import string
from pathlib import Path

from mproc_flow.cli.commands import Run
from mproc_flow.errors import BadOption

_SUFFIX = '.txt'
_LATER = ('flowchart', 'kubernetes', 'docker-compose')


def new(parser: argparse.ArgumentParser) -> Run:
    """Make a project."""
    parser.add_argument('name', metavar='NAME', help='Name of the project and path of its folder, which must be new.')

    def run(arguments: argparse.Namespace) -> None:
        folder = Path(arguments.name)
        if folder.exists():
            raise BadOption(f'new {arguments.name}: that is there already; choose another name')
        try:
            _write(Path(__file__).with_name('template'), folder, folder.absolute().name)
        except OSError as error:
            raise BadOption(f'new {arguments.name}: {error}') from None
        print(f'{folder} is made. Next:\n  cd {folder}\n  mproc-flow flow --uses flow.yml')

    return run


def _write(template: Path, folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    for item in sorted(template.iterdir()):
        if item.is_dir():
            _write(item, folder / item.name, name)
        elif item.name.endswith(_SUFFIX):
            values = {'name': name, 'quoted': json.dumps(name, ensure_ascii=False).replace('$', '$$')}
            text = string.Template(item.read_text(encoding='utf-8')).substitute(values)
            (folder / item.name.removesuffix(_SUFFIX)).write_text(text, encoding='utf-8')


def export(parser: argparse.ArgumentParser) -> Run:
    """Write the JSON schema."""
    parser.add_argument('what', nargs='+', metavar='schema', help='What to write.')
    parser.add_argument('--json-path', metavar='FILE', help='Write it to this file instead of printing it.')
    parser.add_argument('--yaml-path', metavar='FILE', help='Write it to this file as YAML.')

    def run(arguments: argparse.Namespace) -> None:
        what, *more = arguments.what
        if what != 'schema':
            when = 'comes with a later version' if what in _LATER else 'is not known'
            raise BadOption(f'export {what} {when}; what there is: export schema')
        if more:
            raise BadOption(f'export schema {more[0]}: give the name of the file as --json-path or --yaml-path')
        _export_schema(arguments.json_path, arguments.yaml_path)

    return run


def _export_schema(json_path: str | None, yaml_path: str | None) -> None:
    import yaml

    from mproc_flow.options.groups import EXECUTOR, FLOW, GATEWAY
    from mproc_flow.options.render import flow_schema
    from mproc_flow.topology.flowfile import KINDS, STEPS

    schema = flow_schema(FLOW, GATEWAY, EXECUTOR, KINDS, STEPS)
    text = json.dumps(schema, indent=2) + '\n'
    if json_path is None and yaml_path is None:
        print(text, end='')
    for path, content in ((json_path, text), (yaml_path, yaml.safe_dump(schema, sort_keys=False))):
        if path is not None:
            try:
                Path(path).write_text(content, encoding='utf-8')
            except OSError as error:
                raise BadOption(f'export schema: {path}: {error.strerror}') from None

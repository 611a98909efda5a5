"""Executor files: an Executor, its arguments, metas and endpoints as YAML."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from mproc_flow.errors import BadConfigSource, BadOption
from mproc_flow.options.batching import Batching
from mproc_flow.options.containers import Anything, Data, DictOf, ListOf
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.kinds import Name, Path, Text, resolve
from mproc_flow.options.uses import Uses, form_of
from mproc_flow.topology import configuration
from mproc_flow.topology.configuration import Configuration, Values
from mproc_flow.topology.files import locate

_FOLDER_FILES = ('config.yml', 'config.yaml')
_FOLDER_MODULES = ('executor.py', '__init__.py')
_FILES = ListOf(Path(absolute=False))

_FILE = OptionGroup(
    'an Executor file',
    (
        Option('jtype', Uses(), "The Executor's class."),
        Option('version', Data(), 'Version of the format.'),
        Option('with', DictOf(Text(), Anything()), "Arguments of the Executor's constructor."),
        Option('metas', DictOf(Text(), Data()), 'Its metas.'),
        Option('requests', DictOf(Text(), Name()), 'Which method serves an endpoint.'),
        Option(
            'uses_dynamic_batching',
            DictOf(Text(), Batching()),
            'At which endpoints requests wait for each other.',
            aliases=('dynamic_batching',),
        ),
        Option('py_modules', _FILES, 'Python files to import first.'),
    ),
)
_METAS = OptionGroup(
    'metas',
    (
        Option('name', Text(), 'Name of the Executor.'),
        Option('description', Text(), 'What it does.'),
        Option('workspace', Path(absolute=False), 'Where it keeps files.'),
        Option('py_modules', _FILES, 'The same as py_modules at the top.'),
    ),
)


class ExecutorFile(msgspec.Struct, frozen=True):
    """What an Executor file says.

    Args:
        jtype: The class, as ``uses`` takes it: itself, a bare name or an import path.
        with_: Arguments of its constructor.
        metas: Its metas; the workspace is absolute.
        requests: ``{endpoint: method name}``.
        py_modules: Python files to import first, as absolute paths.
        batching: ``{endpoint: how requests share calls}``.
    """

    jtype: Any
    with_: dict[str, Any]
    metas: dict[str, Any]
    requests: dict[str, str]
    py_modules: tuple[str, ...]
    batching: dict[str, dict[str, Any]] = {}


def read(uses: Any, values: Values) -> ExecutorFile:
    """Read what ``uses`` gives: a file, a folder with a ``config.yml``, a text or a dict.

    Relative paths in a file belong to its folder. In a folder whose file names no ``py_modules``, ``executor.py`` or
    ``__init__.py`` has the class.

    Args:
        uses: In one of these forms.
        values: From where it takes values and files.

    Raises:
        BadConfigSource, BadOption: It is not there, or something in it is wrong.
    """
    form = form_of(uses)
    source = _file_in(uses, values) if form == 'folder' else uses
    if form == 'dict':  # its author can put values in: a dollar sign is nothing but that
        values = msgspec.structs.replace(values, substitute=False)
    config = configuration.read(source, values, 'MyExecutor')
    config.check_version()
    checked = _FILE.check(config.content, config.origin)
    if 'jtype' not in checked:
        raise config.error("jtype is missing: write jtype: with the name of the Executor's class")
    jtype = checked['jtype']
    if form_of(jtype) not in ('class', 'name', 'import path'):
        raise BadOption(f'{config.origin}: jtype must be the name or import path of a class, got {jtype!r}')
    metas = _METAS.check(checked.get('metas', {}), f'{config.origin}: metas')
    files = (*checked.get('py_modules', ()), *metas.pop('py_modules', ()))
    if not files and form == 'folder' and form_of(jtype) == 'name':
        files = _default_files(config)
    if 'workspace' in metas:
        metas['workspace'] = resolve(metas['workspace'], config.folder)
    return ExecutorFile(
        jtype=jtype,
        with_=checked.get('with', {}),
        metas=metas,
        requests=checked.get('requests', {}),
        py_modules=tuple(resolve(path, config.folder) for path in files),
        batching=checked.get('uses_dynamic_batching', {}),
    )


def _file_in(uses: str, values: Values) -> str:
    folder = locate(uses, values.folder, values.search_paths)
    if not os.path.isdir(folder):
        raise BadConfigSource(f'there is no folder {folder}')
    found = [path for name in _FOLDER_FILES if os.path.isfile(path := os.path.join(folder, name))]
    if not found:
        raise BadConfigSource(f'there is no {_FOLDER_FILES[0]} in the folder {folder}')
    return found[0]


def _default_files(config: Configuration) -> tuple[str, ...]:
    return tuple(name for name in _FOLDER_MODULES if os.path.isfile(os.path.join(config.folder, name)))[:1]

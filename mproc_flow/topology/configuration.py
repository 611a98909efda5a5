"""Reading a configuration, whatever it was given as: a path, a text, a dict or an open file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mproc_flow.errors import BadConfigSource, BadYAMLVersion
from mproc_flow.options import kinds
from mproc_flow.options.containers import Anything, DictOf, ListOf
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.kinds import Flag, Path, Text
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.options.uses import looks_like_content
from mproc_flow.topology import document
from mproc_flow.topology.files import locate
from mproc_flow.topology.substitute import substitute

TEXT_ORIGIN = '<text>'
_DICT_ORIGIN = '<dict>'
_VERSION = re.compile(r'1(\.\d+)?')
_URL = ('http://', 'https://', 'ftp://', 'file://', 's3://')


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """From where a configuration takes values and files.

    Args:
        folder: What relative paths belong to, unless a file says itself where it is.
        environ: Environment variables.
        context: Values by name.
        substitute: False puts no values in.
        search_paths: Folders in which a file is looked for if it is not in ``folder``.
    """

    folder: str
    environ: Mapping[str, str]
    context: Mapping[str, Any] = {}
    substitute: bool = True
    search_paths: Sequence[str] = ()

    @classmethod
    def taken_from(cls, arguments: dict[str, Any], where: str) -> Values:
        """Take out of the arguments of a ``load_config()`` what is not an option of the thing that it makes.

        Args:
            arguments: All its keyword arguments; ``context``, ``substitute`` and ``extra_search_paths`` are removed.
            where: Which call it is, for messages.

        Raises:
            BadOption: One of them has a value it cannot have.
        """
        given = {name: arguments.pop(name) for name in _LOAD.names if name in arguments}
        checked = _LOAD.with_defaults(_LOAD.check(given, where))
        return cls(
            folder=os.getcwd(),
            environ=os.environ,
            context=checked['context'],
            substitute=checked['substitute'],
            search_paths=checked['extra_search_paths'],
        )


_LOAD = OptionGroup(
    'load_config()',
    (
        Option('context', DictOf(Text(), Anything()), 'Values for ${{ name }}.', default={}),
        Option('substitute', Flag(), 'Put values in; False leaves everything as it is written.', default=True),
        Option('extra_search_paths', ListOf(Path()), 'Folders in which a relative path is looked for.', default=()),
    ),
)


class Configuration(msgspec.Struct, frozen=True):
    """The content of a configuration.

    Args:
        content: Plain data; its keys are known and its ``jtype`` is there.
        origin: What to call it in messages: the file as given by the user, ``<text>`` or ``<dict>``.
        folder: What relative paths in it belong to.
    """

    content: dict[str, Any]
    origin: str
    folder: str

    def check_keys(self, known: Sequence[str], owner: str) -> None:
        """Check that there is no key but the known ones."""
        for key in self.content:
            if key not in known:
                raise self.error(f'{key} is not a key of {owner}{did_you_mean(key, known)}')

    def check_version(self) -> None:
        """Check that the version of its format is the one that there is, if it names any."""
        version = self.content.get('version')
        known = isinstance(version, str | float) or type(version) is int
        if version not in (None, '') and not (known and _VERSION.fullmatch(str(version))):
            raise BadYAMLVersion(f"{self.origin}: version must be '1', got {kinds.show(version)}")

    def mapping(self, key: str) -> dict[Any, Any]:
        """Return the mapping below a key; it is empty if there is none."""
        given = self.content.get(key)
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise self.error(f'{key} must be a mapping of options, got {kinds.show(given)}')
        return given

    def error(self, problem: str) -> BadConfigSource:
        """Make the error for something that is wrong in it."""
        return BadConfigSource(f'{self.origin}: {problem}')


def read(source: Any, values: Values, *jtypes: str) -> Configuration:
    """Read a configuration.

    Args:
        source: Path of a YAML file, YAML or JSON text (several lines, or beginning with ``jtype:`` or ``{``), a dict,
            an open file, or just what would stand after ``jtype:``.
        values: From where it takes values and files.
        *jtypes: What it should be; the first is what it most often is.

    Raises:
        BadConfigSource: There is no such file, it is not a mapping, or a value for it is missing.
    """
    if isinstance(source, Mapping):
        data, origin, folder = dict(source), _DICT_ORIGIN, values.folder
    elif isinstance(source, str) and source in jtypes:
        data, origin, folder = {'jtype': source}, TEXT_ORIGIN, values.folder
    else:
        text, origin, folder = _text(source, values)
        data = document.parse(text, origin)
    if data is None:
        raise BadConfigSource(f'{origin}: there is nothing in it; write at least jtype: {jtypes[0]}')
    if not isinstance(data, dict):
        raise BadConfigSource(f'{origin}: must be a mapping with jtype: {jtypes[0]}, got {kinds.show(data)}')
    content = substitute(data, origin, values.environ, values.context, values.substitute)
    return Configuration(content, origin, folder)


def _text(source: Any, values: Values) -> tuple[str, str, str]:
    """Give text, origin and folder."""
    if callable(getattr(source, 'read', None)):
        return _of_stream(source, values)
    if not isinstance(source, str | os.PathLike):
        raise BadConfigSource(f'give the path of a YAML file, YAML text, a dict or a file, not {kinds.show(source)}')
    if isinstance(source, str) and _is_text(source):
        return source, TEXT_ORIGIN, values.folder
    given = os.fspath(source)
    if given.lower().startswith(_URL):
        raise BadConfigSource(f'{given}: nothing is fetched from a URL; download the file and give its path')
    path = locate(given, values.folder, values.search_paths)
    return _read(path, given, values), given, os.path.dirname(path)


def _of_stream(source: Any, values: Values) -> tuple[str, str, str]:
    name = getattr(source, 'name', None)
    is_file = isinstance(name, str) and os.path.isfile(name)
    origin = str(name) if is_file else TEXT_ORIGIN
    folder = os.path.dirname(os.path.abspath(str(name))) if is_file else values.folder
    data = source.read()
    return _decoded(data, origin) if isinstance(data, bytes) else data, origin, folder


def _is_text(source: str) -> bool:
    start = source.lstrip()
    return not start or looks_like_content(source)


def _read(path: str, origin: str, values: Values) -> str:
    try:
        with open(path, 'rb') as file:
            data = file.read()
    except FileNotFoundError:
        folders = [values.folder, *values.search_paths]
        hint = '' if os.path.isabs(origin) else f' in {", ".join(folders)}'
        raise BadConfigSource(
            f'{origin}: there is no such file{hint}; give the path of a YAML file, or YAML text'
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise BadConfigSource(f'{origin}: cannot be read: {reason}; give the path of a YAML file') from None
    return _decoded(data, origin)


def _decoded(data: bytes, origin: str) -> str:
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise BadConfigSource(f'{origin}: not UTF-8 text (byte {error.start}); save it as UTF-8') from None

"""Flow files: a Flow and its Executors as YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mproc_flow.errors import BadConfigSource, BadYAMLVersion
from mproc_flow.options import containers, kinds
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.groups import EXECUTOR, FLOW
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.topology import document

_TEXT_ORIGIN = '<text>'
_EXECUTOR_KEYS = ('executors', 'deployments')
_KEYS = ('jtype', 'version', 'with', *_EXECUTOR_KEYS)
_VERSION = re.compile(r'1(\.\d+)?')


class FlowFile(msgspec.Struct, frozen=True):
    """What a Flow file says.

    Args:
        flow: Options of the Flow, checked.
        executors: Options of each Executor, checked, in the order in which they are added.
        origin: The file as given by the user, or ``<text>``.
    """

    flow: dict[str, Any]
    executors: list[dict[str, Any]]
    origin: str


def load(source: str | Path) -> FlowFile:
    """Read a Flow file.

    Relative ``py_modules`` and ``workspace`` are taken from the folder of the file, or for a text from the working
    directory.

    Args:
        source: Path of a YAML file, or YAML text (several lines, or beginning with ``jtype:`` or ``{``).

    Raises:
        BadConfigSource: There is no such file, or it is not a Flow file.
        BadYAMLVersion: Its version is not 1.
        BadOption: An option in it does not exist or has a value it cannot take.
    """
    if not isinstance(source, str | os.PathLike):
        raise BadConfigSource(f'give the path of a YAML file, or YAML text, not {kinds.show(source)}')
    if isinstance(source, str) and _is_text(source):
        return _Reader(_TEXT_ORIGIN, os.getcwd()).read(source)
    path = Path(source)
    return _Reader(str(path), str(path.absolute().parent)).read(_read(path))


def _is_text(source: str) -> bool:
    start = source.lstrip()
    return not start or '\n' in source or start.startswith(('jtype:', '{', '!'))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8-sig')
    except FileNotFoundError:
        hint = '' if path.is_absolute() else f' in {os.getcwd()}'
        raise BadConfigSource(
            f'{path}: there is no such file{hint}; give the path of a YAML file, or YAML text'
        ) from None
    except UnicodeDecodeError as error:
        raise BadConfigSource(f'{path}: not UTF-8 text (byte {error.start}); save it as UTF-8') from None
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise BadConfigSource(f'{path}: cannot be read: {reason}') from None


class _Reader(msgspec.Struct, frozen=True):
    origin: str
    folder: str

    def read(self, text: str) -> FlowFile:
        content = document.parse(text, self.origin)
        if not isinstance(content, dict):
            raise self._error(f'must be a mapping with jtype: Flow, got {kinds.show(content)}')
        self._check_keys(content)
        self._check_head(content)
        given = content.get('with')
        return FlowFile(
            flow=self._options(FLOW, {} if given is None else given, 'with'),
            executors=[self._options(EXECUTOR, item, place) for place, item in self._items(content)],
            origin=self.origin,
        )

    def _check_keys(self, content: Mapping[object, object]) -> None:
        for key in content:
            if key not in _KEYS:
                raise self._error(f'{key} is not a key of a Flow file{did_you_mean(key, _KEYS)}')

    def _check_head(self, content: Mapping[str, object]) -> None:
        if 'jtype' not in content:
            raise self._error('jtype is missing: write jtype: Flow')
        if content['jtype'] != 'Flow':
            raise self._error(f'jtype must be Flow, got {kinds.show(content["jtype"])}')
        version = content.get('version')
        known = isinstance(version, str | float) or type(version) is int
        if version not in (None, '') and not (known and _VERSION.fullmatch(str(version))):
            raise BadYAMLVersion(f"{self.origin}: version must be '1', got {kinds.show(version)}")

    def _items(self, content: Mapping[str, object]) -> Iterable[tuple[str, object]]:
        given = [key for key in _EXECUTOR_KEYS if key in content]
        if len(given) > 1:
            raise self._error('executors and deployments mean the same: keep one of them')
        if not given:
            return []
        items = content[given[0]]
        if not isinstance(items, list):
            raise self._error(
                f'{given[0]} must be a list of mappings (lines that begin with -), got {kinds.show(items)}'
            )
        return [(f'{given[0]}[{number}]', item) for number, item in enumerate(items)]

    def _options(self, group: OptionGroup, given: object, place: str) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise self._error(f'{place} must be a mapping of options, got {kinds.show(given)}')
        rooted = {name: self._rooted(group, name, value) for name, value in given.items()}
        return group.check(rooted, f'{self.origin}: {place}')

    def _rooted(self, group: OptionGroup, name: object, value: object) -> object:
        if not any(option.name == name and _holds_paths(option) for option in group.options):
            return value
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        return self._resolved(value)

    def _resolved(self, value: object) -> object:
        return kinds.resolve(value, self.folder) if isinstance(value, str) and value else value

    def _error(self, problem: str) -> BadConfigSource:
        return BadConfigSource(f'{self.origin}: {problem}')


def _holds_paths(option: Option) -> bool:
    kind = option.kind
    return isinstance(kind.item if isinstance(kind, containers.ListOf) else kind, kinds.Path)

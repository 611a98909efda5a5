"""Flows as YAML text that loads to an equal Flow."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mproc_flow.errors import BadOption
from mproc_flow.topology.files import USES
from mproc_flow.topology.same import name_of

_AS_IT_IS = (int, float, bool, bytes, datetime.date, datetime.datetime)
_LINE_BREAKS = re.compile('[\r\x85\u2028\u2029]')
_PATHS = ('workspace', 'py_modules', 'extra_search_paths')


def save(filename: str | Path | None, make: Callable[[str | None], str]) -> str:
    """Write a file, or none if it has no name, and return its text.

    Args:
        filename: Its name.
        make: Makes the text, given the folder of the file.
    """
    if filename is None:
        return make(None)
    path = Path(filename).absolute()
    text = make(str(path.parent))
    path.write_text(text, encoding='utf-8')
    return text


def dump_deployment(options: Mapping[str, Any], folder: str | None = None) -> str:
    """Return a file of a Deployment; arguments and errors as :func:`dump`."""
    return _text({'jtype': 'Deployment', 'version': '1', 'with': _Writer(folder).options(options, 'with')})


def dump(options: Mapping[str, Any], steps: Sequence[tuple[str, Mapping[str, Any]]], folder: str | None = None) -> str:
    """Return a Flow file.

    Args:
        options: Options of the Flow, as checked.
        steps: The calls that make its graph: names of methods of a Flow, and their arguments.
        folder: Where the file will be, None if nowhere in particular. Paths below it are written relative to it.

    Raises:
        BadOption: Something cannot be written as plain data; the message says where it stands.
    """
    writer = _Writer(folder)
    items = []
    for number, (method, arguments) in enumerate(steps):
        written = writer.options(arguments, f'executors[{number}]')
        items.append(written if method == 'add' else {'method': method, **written})
    kind = 'AsyncFlow' if options.get('asyncio') else 'Flow'
    options = {name: value for name, value in options.items() if (name, value) != ('asyncio', True)}
    content = {'jtype': kind, 'version': '1', 'with': writer.options(options, 'with'), 'executors': items}
    return _text(content)


def _text(content: Mapping[str, Any]) -> str:
    content = {key: value for key, value in content.items() if value}
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes what is shared twice: nobody wants to read anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # Between other quotes PyYAML reads these as a space.
        style = '"' if _LINE_BREAKS.search(text) else None
        return self.represent_scalar('tag:yaml.org,2002:str', text, style)


_Dumper.add_representer(str, _Dumper.represent_text)


class _Writer:
    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._open: list[int] = []

    def options(self, options: Mapping[str, Any], place: str) -> dict[str, Any]:
        return {name: self._option(name, value, f'{place}.{name}') for name, value in options.items()}

    def _option(self, name: str, value: Any, place: str) -> Any:
        if name in USES and isinstance(value, type):
            return _class(value, place)
        if name in USES and isinstance(value, Mapping) and isinstance(value.get('jtype'), type):
            value = {**value, 'jtype': _class(value['jtype'], f'{place}.jtype')}
        if name in _PATHS or (name in USES and isinstance(value, str) and os.path.isabs(value)):
            value = self._relative(value)
        return self._value(value, place)

    def _relative(self, value: Any) -> Any:
        if not isinstance(value, str):
            return [self._relative(path) for path in value]
        if self._folder is None or not value.startswith(f'{self._folder}{os.sep}'):
            return value
        return os.path.join('.', os.path.relpath(value, self._folder))

    def _value(self, value: Any, place: str) -> Any:
        if value is None or type(value) in _AS_IT_IS:
            return value
        if isinstance(value, str):
            return str.__str__(value).replace('$', '$$')
        if isinstance(value, list | tuple | Mapping):
            return self._container(value, place)
        number = _number(value)
        if number is None:
            kind = type(value).__name__
            raise BadOption(f'{place} is an object ({kind}), which cannot be written to a file: give plain data')
        return number

    def _container(self, value: Any, place: str) -> Any:
        if id(value) in self._open or len(self._open) > 100:
            raise BadOption(f'{place} contains itself or is nested too deep: it cannot be written to a file')
        self._open.append(id(value))
        try:
            if isinstance(value, Mapping):
                return {_key(key, place): self._value(item, f'{place}.{key}') for key, item in value.items()}
            return [self._value(item, f'{place}[{number}]') for number, item in enumerate(value)]
        finally:
            self._open.pop()


def _class(kind: type[Any], place: str) -> str:
    name = name_of(kind)
    if '<' in name:
        raise BadOption(f'{place} is {kind.__qualname__}, which is defined inside a function: no file can name it')
    if ':' not in name and '.' in name:
        raise BadOption(f'{place} is {name}, a class inside another of the main program: no file can name it')
    return name


def _key(key: Any, place: str) -> Any:
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or (type(key) in _AS_IT_IS and not (isinstance(key, float) and math.isnan(key))):
        return key
    raise BadOption(f'{place} has the key {key!r:.80}, which cannot be written to a file: write it as text')


def _number(value: Any) -> Any:
    """Give a plain number for one of another library, else None."""
    plain = value.item() if hasattr(value, 'item') and getattr(value, 'shape', None) == () else None
    return plain if isinstance(plain, int | float | bool) else None

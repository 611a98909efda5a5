"""YAML text as plain data, with an exact place for everything that is wrong in it.

Only plain data is ever made: the tags that PyYAML's safe loader knows, and no others.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from mproc_flow.errors import BadConfigSource

_MERGE = 'tag:yaml.org,2002:merge'
_TEXT = 'tag:yaml.org,2002:str'
_TAGS = re.compile(r'tag:yaml\.org,2002:(bool|int|float|null)')


class Plain(str):
    """A text that stands in the document without quotes, and has a dollar sign."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader; it tells apart which texts are quoted."""

    def construct_text(self, node: yaml.ScalarNode) -> str:
        text = self.construct_scalar(node)
        return Plain(text) if node.style is None and '$' in text else str(text)


_Loader.add_constructor(_TEXT, _Loader.construct_text)


def parse(text: str, origin: str) -> Any:
    """Return the data in a YAML text.

    Args:
        text: The text.
        origin: What to call it in messages, e.g. the name of its file.

    Returns:
        The data, None if there is nothing. Texts without quotes that have a dollar sign are :class:`Plain`.

    Raises:
        BadConfigSource: It is not YAML, or has a tag for an object or a key that stands twice. The message says where.
    """
    loader = _loader(text, origin)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _Inspection(origin).inspect(node, '')
        return _construct(loader, node, origin)
    except yaml.YAMLError as error:
        raise BadConfigSource(_describe(error, origin, text)) from None
    except RecursionError:
        raise BadConfigSource(f'{origin}: nested too deep') from None
    finally:
        loader.dispose()


def typed(text: str) -> Any:
    """Return what a text stands for where YAML has it without quotes: a number, True, False, None, or the text."""
    loader = _Loader('')
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if not _TAGS.fullmatch(tag):
            return text
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except ValueError:  # PyYAML takes some for numbers that are none, such as 0b_
        return text
    finally:
        loader.dispose()


def _loader(text: str, origin: str) -> yaml.SafeLoader:
    try:
        return _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count('\n', 0, error.position) + 1
        bad = text[error.position]
        raise BadConfigSource(f'{origin}, line {line}: the character {bad!a} cannot be in YAML; remove it') from None


def _construct(loader: yaml.SafeLoader, node: yaml.Node, origin: str) -> Any:
    try:
        return loader.construct_document(node)
    except (AttributeError, LookupError, ValueError) as error:
        # PyYAML lets these through for values such as !!int x, !!bool x or the date 2020-02-31.
        raise BadConfigSource(f'{origin}: a value in it cannot be read: {error}') from None


def _describe(error: yaml.YAMLError, origin: str, text: str) -> str:
    mark = getattr(error, 'problem_mark', None)
    problem = getattr(error, 'problem', None) or str(error)
    if problem.startswith('but '):  # the first half of the sentence stands elsewhere
        problem = f'{error.context}, {problem}'  # type: ignore[attr-defined]
    if mark is None:
        return f'{origin}: not valid YAML: {problem}'
    line = text.splitlines()[mark.line : mark.line + 1]
    hint = "; between { and }, '${{ ... }}' needs quotes" if any('${{' in part for part in line) else ''
    hint = hint or ('; indent with spaces' if "'\\t'" in problem else '')
    return f'{origin}, {_position(mark)}: not valid YAML: {problem}{hint}'


def _position(mark: yaml.error.Mark) -> str:
    return f'line {mark.line + 1}, column {mark.column + 1}'


class _Inspection:
    """Looks at the nodes of a document before any data is made of them; aliased nodes are looked at once."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._seen: set[int] = set()
        self._open: set[int] = set()

    def inspect(self, node: yaml.Node, path: str) -> None:
        if id(node) in self._open:
            raise self._error(node, path, 'contains itself; write it out instead of using an alias')
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        self._check_tag(node, path)
        self._open.add(id(node))
        self._inspect_content(node, path)
        self._open.discard(id(node))

    def _inspect_content(self, node: yaml.Node, path: str) -> None:
        if isinstance(node, yaml.MappingNode):
            self._inspect_mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.inspect(item, f'{path}[{number}]')

    def _inspect_mapping(self, node: yaml.MappingNode, path: str) -> None:
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, path, 'has a key that is not a single value; write it as text')
            name = key.value
            if (key.tag, name) in lines:
                first = lines[key.tag, name]
                raise self._error(key, path, f'has the key {name!r} twice (first in line {first}); remove one')
            lines[key.tag, name] = key.start_mark.line + 1
            if key.tag != _MERGE:
                self._check_tag(key, path)
            self.inspect(value, f'{path}.{name}' if path else name)

    def _check_tag(self, node: yaml.Node, path: str) -> None:
        if node.tag not in yaml.SafeLoader.yaml_constructors:
            tag = node.tag.replace('tag:yaml.org,2002:', '!!')
            is_kind = path == '' and tag[:1] == '!' and tag[1:].isidentifier()
            hint = f'write "jtype: {tag[1:]}" as the first line instead' if is_kind else 'remove the tag'
            raise self._error(node, path, f'has the tag {tag}; only plain data is read here: {hint}')

    def _error(self, node: yaml.Node, path: str, problem: str) -> BadConfigSource:
        return BadConfigSource(f'{self._origin}, {_position(node.start_mark)}: {path or "the document"} {problem}')

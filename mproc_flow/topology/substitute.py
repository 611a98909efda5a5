"""Values that a document takes from elsewhere: the environment, a context, or another place in it.

======================================  ==========================================================
``$X``, ``${X}``, ``${{ ENV.X }}``      an environment variable
``${{ x }}``, ``${{ CONTEXT.x }}``      a value of the context
``${{ root.with.x }}``, ``${{ with.x }}``  another place, from the top of the document
``${{ this.x }}``                       another key of the same mapping
``$$``                                  a dollar sign
======================================  ==========================================================

An expression that is the whole text keeps the type of a context value or reference. What comes from the environment is
text; written without quotes in YAML it is then typed as YAML does. Keys are never changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from mproc_flow.errors import BadConfigSource
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.topology.document import Plain, typed

_ENVIRONMENT, _CONTEXT, _ROOT, _THIS = ('ENV', 'env'), ('CONTEXT', 'context'), 'root', 'this'

_MARK = re.compile(r'\$(?:(\$)|\{\{(.*?)\}\}|(\{\{)|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))', re.DOTALL)
_EXPRESSION = re.compile(r'([^\W\d]\w*)((?:\.[\w-]+|\[\d+\])*)')
_STEP = re.compile(r'\.([\w-]+)|\[(\d+)\]')
_LONGEST_CHAIN = 50
_FORMS = 'ENV.name, CONTEXT.name, root.key, this.key'


def substitute(
    data: Any, origin: str, environ: Mapping[str, str], context: Mapping[str, Any] | None = None, active: bool = True
) -> Any:
    """Return a document with all values put in.

    Args:
        data: The document, as :func:`mproc_flow.topology.document.parse` gives it or as plain data.
        origin: What to call it in messages.
        environ: Environment variables.
        context: Values by name.
        active: False puts nothing in, and leaves all as it is written.

    Raises:
        BadConfigSource: A variable, a value or a place does not exist, places refer to each other in a circle, or an
            expression is not valid. The message names the place.
    """
    return _Substitution(data, origin, environ, context or {}, active).run()


class _Place(NamedTuple):
    """Where a value stands: its path, and the mapping around it with that one's path."""

    path: str
    around: Any
    around_path: str

    def key(self, key: object, container: Any) -> _Place:
        return _Place(f'{self.path}.{key}' if self.path else str(key), container, self.path)

    def item(self, number: int) -> _Place:
        return self._replace(path=f'{self.path}[{number}]')


class _Substitution(msgspec.Struct):
    root: Any
    origin: str
    environ: Mapping[str, str]
    context: Mapping[str, Any]
    active: bool
    done: dict[int | str, Any] = {}  # by identity: what is shared stays shared; texts by path
    on_the_way: list[str] = []

    def run(self) -> Any:
        try:
            return self.value(self.root, _Place('', {}, ''))
        except RecursionError:
            raise self.error('', 'is nested too deep') from None

    def value(self, value: Any, place: _Place) -> Any:
        if isinstance(value, str) and (not self.active or '$' not in value):
            return str.__str__(value)
        if not isinstance(value, str | dict | list):
            return value
        key = place.path if isinstance(value, str) else id(value)
        if key not in self.done:
            self.done[key] = self.text(value, place) if isinstance(value, str) else self.container(value, place)
        return self.done[key]

    def container(self, value: dict[Any, Any] | list[Any], place: _Place) -> Any:
        if isinstance(value, dict):
            return {key: self.value(item, place.key(key, value)) for key, item in value.items()}
        return [self.value(item, place.item(number)) for number, item in enumerate(value)]

    def text(self, text: str, place: _Place) -> Any:
        if place.path in self.on_the_way:
            circle = ' → '.join((*self.on_the_way[self.on_the_way.index(place.path) :], place.path))
            raise self.error(place.path, f'refers to itself: {circle}')
        if len(self.on_the_way) > _LONGEST_CHAIN:
            raise self.error(self.on_the_way[0], f'refers to a place that refers to another, {_LONGEST_CHAIN} times')
        self.on_the_way.append(place.path)
        try:
            whole = _MARK.fullmatch(text)
            if whole and not whole[1]:
                found, is_text = self.found(whole, place)
            else:
                found, is_text = _MARK.sub(lambda mark: self.inside(mark, place), text), True
        finally:
            self.on_the_way.pop()
        return typed(found) if is_text and isinstance(text, Plain) else found

    def inside(self, mark: re.Match[str], place: _Place) -> str:
        if mark[1]:
            return '$'
        found, _ = self.found(mark, place)
        if isinstance(found, dict | list):
            raise self.error(place.path, f'has {mark[0]} inside a text, but that is no single value')
        if found is None or isinstance(found, bool):
            return {None: '', True: 'true', False: 'false'}[found]
        return str(found)

    def found(self, mark: re.Match[str], place: _Place) -> tuple[Any, bool]:
        """Give what a mark stands for, and whether that has no type of its own."""
        if mark[3]:
            raise self.error(place.path, 'has an expression that is not closed: write }} after it')
        name = mark[4] or mark[5]
        if name:
            return self.variable(name, place), True
        expression = _EXPRESSION.fullmatch(mark[2].strip())
        if expression is None:
            raise self.error(place.path, f'has the expression {mark[0]}, which is none of {_FORMS}')
        return self.evaluated(expression, place)

    def evaluated(self, expression: re.Match[str], place: _Place) -> tuple[Any, bool]:
        first = expression[1]
        steps: list[str | int] = [key or int(number) for key, number in _STEP.findall(expression[2])]
        if first in _ENVIRONMENT and len(steps) == 1:
            return self.variable(str(steps[0]), place), True
        if first in _CONTEXT and steps:
            return self.from_context(steps, place), False
        if first == _THIS and steps:
            return self.referred(place.around, _Place(place.around_path, {}, ''), steps, place), False
        if first == _ROOT and steps:
            return self.referred(self.root, _Place('', {}, ''), steps, place), False
        if first not in self.context and isinstance(self.root, dict) and first in self.root and steps:
            return self.referred(self.root, _Place('', {}, ''), [first, *steps], place), False
        return self.from_context([first, *steps], place), False

    def variable(self, name: str, place: _Place) -> str:
        if name not in self.environ:
            raise self.error(
                place.path, f'needs the environment variable {name}, which is not set; set it, or write $$ for a dollar'
            )
        return self.environ[name]

    def from_context(self, steps: list[str | int], place: _Place) -> Any:
        found: Any = self.context
        for step in steps:
            try:
                found = _step(found, step)
            except (LookupError, TypeError):
                wanted = '.'.join(map(str, steps))
                name = str(steps[0])
                similar = did_you_mean(name, map(str, self.context))
                problem = f'needs {wanted!r}, which is not in the context: give it as context={{{name!r}: ...}}'
                raise self.error(place.path, f'{problem} or --context {name}=...{similar}') from None
        return found

    def referred(self, start: Any, at: _Place, steps: list[str | int], place: _Place) -> Any:
        found = start
        for step in steps:
            if isinstance(found, str):
                found = self.value(found, at)
            try:
                found, at = _step(found, step), at.item(step) if isinstance(step, int) else at.key(step, found)
            except (LookupError, TypeError):
                known = did_you_mean(step, map(str, found)) if isinstance(found, dict) else ''
                missing = (at.item(step) if isinstance(step, int) else at.key(step, found)).path
                raise self.error(place.path, f'refers to {missing}, which is not there{known}') from None
        if isinstance(found, str):
            return self.value(found, at)
        if place.path == at.path or place.path.startswith((f'{at.path}.', f'{at.path}[')):
            raise self.error(place.path, f'refers to {at.path}, in which it stands itself')
        return self.value(found, at)

    def error(self, path: str, problem: str) -> BadConfigSource:
        return BadConfigSource(f'{self.origin}: {path or "the document"} {problem}')


def _step(container: Any, step: str | int) -> Any:
    if isinstance(container, Mapping) or (isinstance(container, list | tuple) and isinstance(step, int)):
        return container[step]  # type: ignore[index]
    raise LookupError(step)

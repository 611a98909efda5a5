"""The kind of ``uses``: which Executor to run."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from typing import Any, Literal

from mproc_flow.options.containers import Anything, DictOf
from mproc_flow.options.kinds import Kind, Text, exactly_str, fault_in_text

Form = Literal['class', 'name', 'import path', 'file', 'folder', 'text', 'dict']

# What Jina calls the Executor that passes everything on.
PASS_THROUGH = 'BaseExecutor'

_CONTENT = re.compile(r'\s*(jtype\s*:|[!{])')
_CONTAINER = (
    'images are for containers, and this runs processes of this host: install the Executor as a Python package '
    'and give its import path'
)
_HUB = "Jina's hub is no longer there: get the Executor's source, and give its import path or its config.yml"
_FILE = "for a file write py_modules='path/to/file.py' and uses='ClassName'"
_FUNCTION = 'that is a function; give a class with a method marked @requests'


class Uses(Kind, frozen=True):
    """A class, or what names one. Whether there is such an Executor is found out when the Flow is built."""

    accepts = (
        "an Executor class, its import path ('package.module:Class' or 'package.module.Class'), "
        'or the path or content of an Executor YAML file'
    )

    def check(self, value: Any) -> Any:
        if isinstance(value, type):
            return value
        if isinstance(value, Mapping):
            return self._configuration(value)
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if callable(getattr(value, 'read', None)):
            text = value.read()
        if not isinstance(text, str):
            raise self.refuse(value, _hint_for_object(value))
        if hint := _hint_for_text(text) or fault_in_text(text):
            raise self.refuse(text, hint)
        if not text.strip() or (form_of(text) == 'import path' and not _is_import_path(text)):
            raise self.refuse(value)
        return exactly_str(text)

    def parse(self, text: str) -> Any:
        return self.check(text)

    def _configuration(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        if 'jtype' not in value:
            raise self.refuse(dict(value), "a dict needs the key 'jtype' with the Executor's class")
        checked: dict[str, Any] = DictOf(Text(), Anything()).check(value)
        return checked


class PassThrough(Kind, frozen=True):
    """``BaseExecutor``, which is the same as nothing."""

    accepts = repr(PASS_THROUGH)

    def check(self, value: Any) -> Any:
        if value == PASS_THROUGH or getattr(value, '__name__', '') == PASS_THROUGH:
            return None
        raise self.refuse(value, 'a Flow is loaded by Flow.load_config(...), an Executor is given to add()')


def form_of(uses: Any) -> Form:
    """Say in which form ``uses`` was given, as :class:`Uses` keeps it."""
    if isinstance(uses, type):
        return 'class'
    if isinstance(uses, Mapping):
        return 'dict'
    text = uses.lstrip()
    if looks_like_content(text):
        return 'text'
    if text.lower().endswith(('.yml', '.yaml')):
        return 'file'
    if os.sep in text or text.startswith(('.', '~')):
        return 'folder'
    return 'name' if text.isidentifier() else 'import path'


def looks_like_content(text: str) -> bool:
    """Say whether a text is the content of a YAML file, and not the path of one."""
    return '\n' in text or _CONTENT.match(text) is not None


def _is_import_path(text: str) -> bool:
    module, colon, name = text.partition(':')
    if not colon:
        module, _, name = text.rpartition('.')
    return all(part.isidentifier() for part in (*module.split('.'), *name.split('.')))


def _hint_for_text(text: str) -> str:
    lowered = text.strip().lower()
    if lowered.startswith('docker:'):
        return _CONTAINER
    if re.match(r'(jinahub|jinaai)(\+\w+)?:', lowered):
        return _HUB
    if form_of(text) in ('import path', 'folder') and lowered.partition(':')[0].endswith('.py'):
        return _FILE
    return ''


def _hint_for_object(value: object) -> str:
    if inspect.isroutine(value):
        return _FUNCTION
    kind = type(value)
    name = 'MyExecutor' if kind.__module__ == 'builtins' else kind.__name__
    return f'give the class, not an instance: uses={name}, uses_with={{...}}'

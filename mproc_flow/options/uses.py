"""The kind of ``uses``: which Executor to run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mproc_flow.options.kinds import Kind, exactly_str

_CONTAINER = 'containers are not run by this version; install the Executor as a Python package and give its import path'
_CONFIG = 'an Executor configuration is not read by this version; give the class, with uses_with= for its arguments'
_FILE = "for a file write py_modules='path/to/file.py' and uses='ClassName'"
_FUNCTION = 'that is a function; give a class with a method marked @requests'


class Uses(Kind, frozen=True):
    """A class, or text that names one. Whether the class is an Executor is checked by the Flow."""

    accepts = "an Executor class or its import path ('package.module:Class' or 'package.module.Class')"

    def check(self, value: Any) -> Any:
        if isinstance(value, type):
            return value
        if not isinstance(value, str):
            raise self.refuse(value, _hint_for_object(value))
        if hint := _hint_for_text(value):
            raise self.refuse(value, hint)
        if not is_class_name(value) and not _is_import_path(value):
            raise self.refuse(value)
        return exactly_str(value)


def is_class_name(text: str) -> bool:
    """Say whether a text is a bare class name, which needs ``py_modules`` to be found."""
    return text.isidentifier()


def _is_import_path(text: str) -> bool:
    module, colon, name = text.partition(':')
    if not colon:
        module, _, name = text.rpartition('.')
    return name.isidentifier() and all(part.isidentifier() for part in module.split('.'))


def _hint_for_text(text: str) -> str:
    lowered = text.strip().lower()
    if lowered.startswith(('docker:', 'jinahub')):
        return _CONTAINER
    if lowered.startswith(('jtype', '!', '{')) or lowered.endswith(('.yml', '.yaml')):
        return _CONFIG
    if lowered.partition(':')[0].endswith('.py'):
        return _FILE
    return ''


def _hint_for_object(value: object) -> str:
    if inspect.isroutine(value):
        return _FUNCTION
    if isinstance(value, Mapping):
        return _CONFIG
    kind = type(value)
    name = 'MyExecutor' if kind.__module__ == 'builtins' else kind.__name__
    return f'give the class, not an instance: uses={name}, uses_with={{...}}'

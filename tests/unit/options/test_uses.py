"""What names an Executor: which forms ``uses`` accepts, how they are told apart, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from mproc_flow.options.kinds import Refused
from mproc_flow.options.uses import PassThrough, Uses, form_of


class MyExecutor:
    def method(self) -> None: ...


class BaseExecutor: ...


class Text(str):
    __slots__ = ()


ACCEPTED = [
    (MyExecutor, MyExecutor, 'class'),
    ('package.module:Class', 'package.module:Class', 'import path'),
    ('module:Class', 'module:Class', 'import path'),
    ('module:Outer.Inner', 'module:Outer.Inner', 'import path'),
    ('package.module.Class', 'package.module.Class', 'import path'),
    ('Class', 'Class', 'name'),
    (Text('Class'), 'Class', 'name'),
    ('executor.yml', 'executor.yml', 'file'),
    ('folder/Executor.YAML', 'folder/Executor.YAML', 'file'),
    (Path('folder/executor.yml'), 'folder/executor.yml', 'file'),
    ('folder/executor', 'folder/executor', 'folder'),
    ('./executor', './executor', 'folder'),
    ('~', '~', 'folder'),
    ('jtype: X', 'jtype: X', 'text'),
    ('jtype_executor', 'jtype_executor', 'name'),
    ('jtypes.module.Class', 'jtypes.module.Class', 'import path'),
    ('jinahub.module.Class', 'jinahub.module.Class', 'import path'),
    ('!X {}', '!X {}', 'text'),
    ('  {jtype: X}', '  {jtype: X}', 'text'),
    ('with: {}\njtype: X', 'with: {}\njtype: X', 'text'),
    (io.StringIO('jtype: X'), 'jtype: X', 'text'),
    ({'jtype': 'X', 'with': {'a': MyExecutor}}, {'jtype': 'X', 'with': {'a': MyExecutor}}, 'dict'),
]

REFUSED = [
    (MyExecutor(), 'give the class, not an instance: uses=MyExecutor, uses_with={...}'),
    (5, 'give the class, not an instance: uses=MyExecutor'),
    (b'Class', 'give the class, not an instance: uses=MyExecutor'),
    (print, 'that is a function; give a class with a method marked @requests'),
    (lambda: None, 'that is a function'),
    (MyExecutor.method, 'that is a function'),
    (io.BytesIO(b'jtype: X'), 'give the class, not an instance'),
    ({'name': 'X'}, "a dict needs the key 'jtype' with the Executor's class"),
    ({'jtype': 'X', 5: 'a'}, ' key must be non-empty text, got 5 (int)'),
    ('docker://image', 'images are for containers'),
    (' DOCKER://image', 'images are for containers'),
    ('jinahub://Name', "Jina's hub is no longer there"),
    ('jinahub+docker://Name', "Jina's hub is no longer there"),
    ('jinaai://user/Name:latest', "Jina's hub is no longer there"),
    ('executor.py', "py_modules='path/to/file.py' and uses='ClassName'"),
    ('executor.py:MyExecutor', "py_modules='path/to/file.py'"),
    ('folder/executor.py', "py_modules='path/to/file.py'"),
    ('my-module:Class', "must be an Executor class, its import path ('package.module:Class' or"),
    ('module:', "got 'module:' (str)"),
    (':Class', "got ':Class' (str)"),
    ('module:a:b', "got 'module:a:b' (str)"),
    ('module..Class', "got 'module..Class' (str)"),
    ('', "got '' (str)"),
    (' ', "got ' ' (str)"),
    ('a\0', 'it contains a NUL character'),
]


@pytest.mark.parametrize(('given', 'kept', 'form'), ACCEPTED, ids=ascii)
def test_what_names_an_executor_is_kept_and_its_form_is_known(given: Any, kept: Any, form: str) -> None:
    if hasattr(given, 'seek'):
        given.seek(0)
    checked = Uses().check(given)
    assert checked == kept
    assert type(checked) is type(kept)
    assert form_of(checked) == form
    assert Uses().check(checked) == kept


@pytest.mark.parametrize(('given', 'message'), REFUSED, ids=ascii)
def test_what_names_no_executor_is_refused_with_what_to_do_instead(given: Any, message: str) -> None:
    with pytest.raises(Refused) as caught:
        Uses().check(given)
    refused = caught.value
    assert message in f'{refused.at} must be {refused.accepts}, got {refused.got}: {refused.hint}'


def test_a_configuration_is_copied() -> None:
    given = {'jtype': 'X'}
    kept = Uses().check(given)
    given['with'] = 'changed'
    assert kept == {'jtype': 'X'}


@pytest.mark.parametrize('given', ['BaseExecutor', BaseExecutor])
def test_what_stands_for_the_default_of_a_flow_is_the_same_as_nothing(given: Any) -> None:
    assert PassThrough().check(given) is None


@pytest.mark.parametrize('given', ['MyExecutor', MyExecutor, 'flow.yml', 5])
def test_a_flow_has_no_other_executor_of_its_own(given: Any) -> None:
    with pytest.raises(Refused) as caught:
        PassThrough().check(given)
    assert caught.value.accepts == "'BaseExecutor'"
    assert 'Flow.load_config(...)' in caught.value.hint

"""Flows written as YAML load to equal Flows."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow import Executor, Flow, requests
from mproc_flow.errors import BadOption
from mproc_flow.options.groups import EXECUTOR, FLOW
from tests.support.executors import Echo

TEXT = st.text(min_size=1).filter(lambda text: '\0' not in text and not any('\ud800' <= c <= '\udfff' for c in text))
NAMES = st.text('abcdefgh_', min_size=1, max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates()
KEYS = TEXT | st.integers() | st.booleans() | st.dates()
THINGS = st.recursive(
    SCALARS | st.datetimes().map(lambda time: time.replace(fold=0)),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PATHS = TEXT.map(lambda text: text.replace('~', ''))
MILLISECONDS, SECONDS = st.integers(-(2**40), 2**31 - 1), st.floats(0.001, 2147483) | st.integers(1, 2147483)
FLAGS = st.booleans()
FILES = st.lists(PATHS.filter(bool), max_size=3)
CONDITIONS = st.recursive(
    st.builds(lambda key, value: {f'tags__{key}': {'$eq': value}}, NAMES, TEXT),
    lambda inner: st.builds(
        lambda word, items: {word: items}, st.sampled_from(['$and', '$or']), st.lists(inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)
USES = st.one_of(
    st.just(Echo),
    st.sampled_from(['shop.encode:Encoder', 'shop.encode.Encoder', 'Encoder', 'encoder.yml', './box', 'sub/x.YAML']),
    st.builds(lambda name, more: {'jtype': name, 'with': more}, NAMES, st.dictionaries(TEXT, THINGS, max_size=2)),
    st.builds(lambda name, text: f'jtype: {name}\nwith:\n  a: {text!r}', NAMES, st.text('ab$"{}', max_size=5)),
)

BATCHING = st.fixed_dictionaries(
    {'preferred_batch_size': st.integers(1, 99)}, optional={'timeout': st.integers(0, 99), 'flush_all': FLAGS}
)
SHARED = {
    'env': st.dictionaries(TEXT.filter(lambda text: '=' not in text), TEXT | st.integers() | FLAGS, max_size=3),
    'workspace': PATHS.filter(bool),
    'start_method': st.sampled_from(['fork', 'SPAWN', 'forkserver']),
    'timeout_ready': MILLISECONDS,
    'timeout_ctrl': SECONDS,
    'timeout_send': MILLISECONDS,
    'retries': st.integers(-1),
    'restart': FLAGS,
    'replicas': st.integers(1, 9),
    'shards': st.integers(1, 9),
    'polling': st.sampled_from(['ANY', 'all']) | st.dictionaries(TEXT, st.sampled_from(['ANY', 'ALL']), max_size=2),
    'uses_with': st.dictionaries(TEXT, THINGS, max_size=3),
    'uses_metas': st.dictionaries(TEXT, DATA, max_size=3),
    'uses_requests': st.dictionaries(TEXT, NAMES, max_size=3),
    'py_modules': FILES,
}
OF_FLOW = {
    **SHARED,
    'name': TEXT,
    'host': st.sampled_from(['127.0.0.1', '::1', 'localhost', '127.1.2.3']),
    'port': st.integers(0, 65535),
    'protocol': st.just('ZMQ'),
    'prefetch': st.integers(0),
    'max_in_flight': st.integers(1),
    'return_responses': FLAGS,
    'inspect': st.sampled_from(['collect', 'HANG', 'remove']),
    'asyncio': FLAGS,
    'quiet': FLAGS,
    'preload': st.lists(NAMES, max_size=2),
    'shared_memory_from': st.integers(0),
    'uses': st.just('BaseExecutor'),
}
OF_EXECUTOR = {
    **SHARED,
    'uses': USES,
    'uses_before': USES,
    'uses_after': USES,
    'disable_reduce': FLAGS,
    'uses_dynamic_batching': st.dictionaries(TEXT, BATCHING, max_size=2),
    'when': CONDITIONS,
    'floating': FLAGS,
    'extra_search_paths': FILES,
}
OF_EXTERNAL = {'external': st.just(True), 'host': OF_FLOW['host'], 'port': st.integers(1, 65535)}


def flow_with(
    options: dict[str, Any], executors: list[dict[str, Any]], methods: list[str], external: dict[str, Any]
) -> Flow:
    """A Flow with all of these."""
    f = Flow(**options)
    for own, method in zip(executors, methods, strict=False):
        f = getattr(f, method)(**own)
    if external:
        f = f.add(**external)
    if len(f) > 1:
        f = f.add(name='branch', needs='gateway').needs_all(name='all')
    return f


FLOWS = st.builds(
    flow_with,
    st.fixed_dictionaries({}, optional=OF_FLOW),
    st.lists(st.fixed_dictionaries({}, optional=OF_EXECUTOR), max_size=3),
    st.lists(st.sampled_from(['add', 'inspect']), min_size=3, max_size=3),
    st.just({}) | st.fixed_dictionaries(OF_EXTERNAL),
)


def test_every_option_is_among_them() -> None:
    """So that a new option is not forgotten here."""
    assert OF_FLOW.keys() == {option.name for option in FLOW.options if option.acts}
    acting = {option.name for option in EXECUTOR.options if option.acts}
    assert OF_EXECUTOR.keys() | OF_EXTERNAL.keys() | {'name', 'needs'} == acting


@settings(max_examples=300, deadline=None)
@given(FLOWS)
def test_what_is_written_loads_to_an_equal_flow(f: Flow) -> None:
    text = f.save_config()
    loaded = Flow.load_config(text)
    assert loaded == f
    assert loaded.save_config() == text


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXT, THINGS, max_size=3))
def test_arguments_keep_value_and_type(uses_with: dict[str, Any]) -> None:
    loaded = Flow.load_config(Flow().add(uses_with=uses_with).save_config())
    assert repr(loaded['executor0'].options.get('uses_with')) == repr(as_lists(uses_with))


def as_lists(value: Any) -> Any:
    """What a file keeps: lists for tuples."""
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, list | tuple) else value


def test_the_first_example() -> None:
    f = Flow().add(name='e1').add(needs='e1').add(needs='e1')
    text = f.save_config()
    assert text == (
        "jtype: Flow\nversion: '1'\nexecutors:\n- name: e1\n- name: executor1\n- name: executor2\n  needs:\n  - e1\n"
    )
    assert Flow.load_config(text) == f


def test_a_file_beside_its_modules_can_be_moved_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'box').mkdir()
    f = Flow(workspace='a/work').add(uses='Good', py_modules=['a/good.py', '/lib/x.py']).add(uses='a/box')
    text = f.save_config('a/flow.yml')
    assert (tmp_path / 'a' / 'flow.yml').read_text() == text
    assert 'workspace: ./work' in text
    assert '- ./good.py\n' in text
    assert '- /lib/x.py\n' in text
    assert 'uses: ./box' in text
    assert Flow.load_config('a/flow.yml') == f
    (tmp_path / 'a').rename(tmp_path / 'b')
    assert Flow.load_config('b/flow.yml')['executor0'].options['py_modules'][0] == str(tmp_path / 'b' / 'good.py')


def test_numbers_of_numpy_are_numbers() -> None:
    text = Flow().add(uses_with={'a': np.float32(0.5), 'b': np.int64(3), 'c': np.bool_(True)}).save_config()
    assert Flow.load_config(text)['executor0'].options['uses_with'] == {'a': 0.5, 'b': 3, 'c': True}


class Outer:
    class Inner(Executor):
        @requests
        def work(self, **kwargs: Any) -> None: ...


def local() -> type[Executor]:
    """A class that no file can name."""

    class Local(Executor):
        @requests
        def work(self, **kwargs: Any) -> None: ...

    return Local


ITSELF: list[Any] = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'uses': local()}, r'^executors\[0\]\.uses is local\.<locals>\.Local, which is defined inside a function'),
        ({'uses_after': local()}, r'^executors\[0\]\.uses_after is'),
        ({'uses': {'jtype': local()}}, r'^executors\[0\]\.uses\.jtype is'),
        ({'uses_with': {'a': [object()]}}, r'^executors\[0\]\.uses_with\.a\[0\] is an object \(object\)'),
        ({'uses_with': {'a': np.zeros(3)}}, r'uses_with\.a is an object \(ndarray\)'),
        ({'uses_with': {'a': {(1, 2): 3}}}, r'uses_with\.a has the key \(1, 2\)'),
        ({'uses_with': {'a': ITSELF}}, r'contains itself or is nested too deep'),
    ],
)
def test_what_cannot_be_written_is_named(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    f = Flow().add(**options)
    with pytest.raises(BadOption, match=message):
        f.save_config(tmp_path / 'flow.yml')
    assert not list(tmp_path.iterdir())


def test_a_nested_class_of_a_module_can_be_named() -> None:
    f = Flow().add(uses=Outer.Inner)
    assert f'uses: {Outer.__module__}:Outer.Inner' in f.save_config()


def test_times_and_bytes_are_kept() -> None:
    given = {'at': datetime.datetime(2020, 1, 2, 3, 4, 5, 6), 'raw': b'\x00\xff'}
    assert Flow.load_config(Flow().add(uses_with=given).save_config())['executor0'].options['uses_with'] == given

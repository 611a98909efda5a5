"""Handing classes and arguments to a fresh process, and naming what cannot go."""

from __future__ import annotations

import multiprocessing.spawn
import pickle
import threading
from typing import Any

import pytest
from docarray import BaseDoc, DocList

from mproc_flow.errors import BadOption
from mproc_flow.executor import BaseExecutor, Executor, requests
from mproc_flow.runtime import loader
from mproc_flow.supervisor.payload import pack
from mproc_flow.topology.plan import ExecutorSpec


class Holder:
    """Anything with attributes."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class Slotted:
    """An object without a ``__dict__``."""

    __slots__ = ('lock',)

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Refuses:
    """An object whose own ``__reduce__`` raises."""

    def __reduce__(self) -> str:
        raise ZeroDivisionError('not today')


def packed(kind: type[Any] | None = BaseExecutor, **uses_with: Any) -> ExecutorSpec:
    """Pack for a Deployment called enc."""
    return pack('enc', ExecutorSpec(workspace='/w'), kind, uses_with)


def complaint(**uses_with: Any) -> str:
    """What is said about arguments that cannot go."""
    with pytest.raises(BadOption) as caught:
        packed(**uses_with)
    return str(caught.value)


def test_a_class_that_can_be_imported_goes_by_name() -> None:
    spec = packed(BaseExecutor, size=3)
    assert loader.unpack(spec.payload) == (BaseExecutor, {'size': 3})
    assert len(spec.payload) < 200
    assert (spec.workspace, spec.uses, spec.main) == ('/w', None, {})


def test_a_class_made_in_a_function_goes_by_value() -> None:
    word = 'closed over'

    class Local(Executor):
        @requests
        def say(self, **kwargs: Any) -> dict[str, str]:
            return {'word': word}

    payload = packed(Local).payload
    assert b'closed over' in payload
    kind, _ = loader.unpack(payload)
    assert kind is not None
    assert kind().say() == {'word': 'closed over'}


def test_lists_of_typed_documents_go_by_what_is_in_them() -> None:
    """All classes that docarray makes for ``DocList[X]`` have the same name: that of the last one is found by it."""

    class One(BaseDoc):
        number: int

    class Other(BaseDoc):
        text: str

    class Subclass(DocList[One]):  # type: ignore[misc]
        pass

    payload = packed(
        alias=DocList[One], plain=type(DocList[One]()), docs=DocList[One]([One(number=1)]), bare=DocList, sub=Subclass
    ).payload
    assert DocList[Other].doc_type is Other
    _, found = loader.unpack(payload)
    assert found['alias'].doc_type is found['plain'].doc_type is One
    assert found['bare'] is DocList
    assert found['sub'].doc_type is One
    assert type(found['docs']) is found['plain']
    assert found['docs'].number == [1]


def test_functions_in_arguments_go_too() -> None:
    number = 7
    _, uses_with = loader.unpack(packed(function=lambda: number).payload)
    assert uses_with['function']() == 7


def test_no_class_at_all() -> None:
    assert loader.unpack(packed(None, a=1).payload) == (None, {'a': 1})
    assert loader.unpack(b'') == (None, {})


@pytest.mark.parametrize(
    ('argument', 'path'),
    [
        (threading.Lock(), "uses_with['model']"),
        (Holder(tokenizer=Holder(_lock=threading.Lock())), "uses_with['model'].tokenizer._lock"),
        ({'a': [1, (2, threading.Lock())]}, "uses_with['model']['a'][1][1]"),
        ({('x', 1): threading.Lock()}, "uses_with['model'][('x', 1)]"),
        (Holder(parts=[Holder(), Holder(inner=threading.Lock())]), "uses_with['model'].parts[1].inner"),
        (Holder(slotted=Slotted()), "uses_with['model'].slotted"),
        (Holder(bad=Refuses()), "uses_with['model'].bad"),
        ((number for number in ()), "uses_with['model']"),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_the_path_to_what_cannot_be_pickled(argument: object, path: str) -> None:
    message = complaint(size=3, model=argument, name='n')
    assert message.startswith(f'enc: {path} is a ')


def test_the_message_tells_the_type_the_reason_and_the_way_out() -> None:
    message = complaint(lock=threading.Lock())
    assert message.startswith("enc: uses_with['lock'] is a lock, which cannot be sent to a fresh process (")
    assert "cannot pickle '_thread.lock' object" in message
    assert "start_method='fork'" in message


def test_the_first_culprit_of_several_is_named() -> None:
    assert complaint(a=1, b=threading.Lock(), c=Refuses()).startswith("enc: uses_with['b'] is")


def test_the_error_is_the_cause() -> None:
    with pytest.raises(BadOption) as caught:
        packed(bad=Holder(inner=Refuses()))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_values_that_contain_themselves() -> None:
    around: list[Any] = [1]
    around += [around, threading.Lock()]
    assert complaint(around=around).startswith("enc: uses_with['around'][2] is a lock")
    me = Holder()
    me.me = me
    me.lock = threading.Lock()
    assert complaint(me=me).startswith("enc: uses_with['me'].lock is a lock")
    fine: dict[str, Any] = {}
    fine['self'] = fine
    assert packed(fine=fine).payload


def test_a_culprit_deep_inside_is_named_as_far_as_one_would_read() -> None:
    value: Any = threading.Lock()
    for _ in range(20):
        value = [value]
    message = complaint(deep=value)
    assert message.startswith("enc: uses_with['deep'][0]")
    assert message.count('[0]') < 20


def test_values_too_deep_to_be_pickled_are_refused_and_not_a_crash() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert complaint(deep=value).startswith("enc: uses_with['deep']")


def test_a_class_that_cannot_be_pickled_is_named() -> None:
    lock = threading.Lock()

    class Locked(Executor):
        @requests
        def work(self, **kwargs: Any) -> None:
            with lock:
                return

    with pytest.raises(BadOption) as caught:
        packed(Locked, size=3)
    message = str(caught.value)
    assert message.startswith('enc: the class ')
    assert 'Locked' in message
    assert "start_method='fork'" in message
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.fixture
def in_main(monkeypatch: pytest.MonkeyPatch) -> type[Executor]:
    """A class of a main program that uses a global which cannot be pickled."""
    monkeypatch.setattr(
        multiprocessing.spawn,
        'get_preparation_data',
        lambda name: {'name': name, 'sys_path': [], 'init_main_from_path': '/home/me/program.py'},
    )
    code = 'class Main(Executor):\n    def work(self, **kwargs): return LOCK'
    names: dict[str, Any] = {'__name__': '__main__', 'Executor': Executor, 'LOCK': threading.Lock()}
    exec(code, names)
    kind: type[Executor] = names['Main']
    return kind


def test_a_class_of_the_main_program_that_cannot_go_by_value_is_imported_there(in_main: type[Executor]) -> None:
    spec = packed(in_main, size=3)
    assert spec.uses == '__mp_main__:Main'
    assert spec.main == {'init_main_from_path': '/home/me/program.py'}
    assert pickle.loads(spec.payload) == (None, {'size': 3})


def test_a_main_program_that_cannot_be_imported_is_no_way_out(
    in_main: type[Executor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing.spawn, 'get_preparation_data', lambda name: {'name': name})
    with pytest.raises(BadOption, match='the class Main cannot be sent'):
        packed(in_main)


def test_arguments_are_blamed_before_a_class_of_the_main_program(in_main: type[Executor]) -> None:
    with pytest.raises(BadOption, match=r"uses_with\['lock'\] is a lock"):
        packed(in_main, lock=threading.Lock())

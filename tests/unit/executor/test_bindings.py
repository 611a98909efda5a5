"""Which method answers which endpoint: inheritance, overrides, and that nothing leaks."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow.executor import BaseExecutor, Executor, bindings, prepare, requests


class Parent(Executor):
    """Binds two."""

    @requests(on='/a')
    def a(self, **kwargs: Any) -> str:
        return 'Parent.a'

    @requests(on='/b')
    def b(self, **kwargs: Any) -> str:
        return 'Parent.b'

    def free(self, **kwargs: Any) -> str:
        return 'Parent.free'

    def strange(self, model: Any) -> str:
        return 'never called'

    number = 5


class Child(Parent):
    """Overrides one by its name, adds one, takes one over."""

    def a(self, **kwargs: Any) -> str:
        return 'Child.a'

    @requests(on='/b')
    def other(self, **kwargs: Any) -> str:
        return 'Child.other'

    @requests(on='/c')
    def c(self, **kwargs: Any) -> str:
        return 'Child.c'


class Sibling(Parent):
    """Binds what Child binds, to something else."""

    @requests
    def everything(self, **kwargs: Any) -> str:
        return 'Sibling.everything'


class Left(Parent):
    """One half of a diamond."""

    @requests(on='/a')
    def left(self, **kwargs: Any) -> str:
        return 'left'


class Right(Parent):
    """The other half."""

    @requests(on='/a')
    def right(self, **kwargs: Any) -> str:
        return 'right'


class Diamond(Left, Right):
    """Both."""


class Mixin:
    """Binds without being an Executor."""

    @requests(on='/mixed')
    def mixed(self, **kwargs: Any) -> str:
        return 'mixed'


class Mixed(Mixin, Parent):
    """Uses it."""


def prepared(kind: type[Executor], **overrides: str) -> Executor:
    """An instance whose endpoints are overridden."""
    executor = kind()
    prepare(executor, {}, {f'/{endpoint}': name for endpoint, name in overrides.items()}, {})
    return executor


def test_an_override_by_name_answers_what_the_original_did() -> None:
    assert Child()('/a') == 'Child.a'
    assert Parent()('/a') == 'Parent.a'


def test_a_child_takes_an_endpoint_over() -> None:
    assert Child()('/b') == 'Child.other'
    assert Parent()('/b') == 'Parent.b'


def test_bindings_by_class() -> None:
    assert bindings(Executor) == {}
    assert bindings(BaseExecutor) == {'/default': 'pass_on'}
    assert bindings(Parent) == {'/a': 'a', '/b': 'b'}
    assert bindings(Child) == {'/a': 'a', '/b': 'other', '/c': 'c'}
    assert bindings(Sibling) == {'/a': 'a', '/b': 'b', '/default': 'everything'}


def test_the_first_base_wins_as_for_methods() -> None:
    assert bindings(Diamond)['/a'] == 'left'
    assert bindings(Mixed) == {'/mixed': 'mixed', '/a': 'a', '/b': 'b'}


def test_a_method_that_is_bound_anew_answers_the_new_endpoint() -> None:
    class Rebound(Parent):
        @requests(on='/new')
        def a(self, **kwargs: Any) -> str:
            return 'Rebound.a'

    assert Rebound()('/new') == 'Rebound.a'


def test_one_class_cannot_bind_two_methods_to_one_endpoint() -> None:
    class Twice(Executor):
        @requests(on=['/x', '/y'])
        def one(self, **kwargs: Any) -> None: ...

        @requests(on='/y')
        def two(self, **kwargs: Any) -> None: ...

    with pytest.raises(TypeError, match=r"Twice\.one and \.two are both bound to '/y'"):
        bindings(Twice)
    with pytest.raises(TypeError, match=r'Twice\.one and \.two'):
        Twice()


def test_the_same_endpoint_twice_for_one_method_is_a_slip_that_is_named() -> None:
    class Doubled(Executor):
        @requests(on=['/x', '/x'])
        def one(self, **kwargs: Any) -> None: ...

    with pytest.raises(TypeError, match='/x'):
        bindings(Doubled)


def test_an_override_binds_a_method_that_was_not_bound() -> None:
    executor = prepared(Parent, new='free')
    assert sorted(executor.requests) == ['/a', '/b', '/new']
    assert executor('/new') == 'Parent.free'


def test_an_overridden_method_loses_its_former_endpoints() -> None:
    executor = prepared(Parent, new='a')
    assert sorted(executor.requests) == ['/b', '/new']


def test_an_override_takes_an_endpoint_from_its_method() -> None:
    executor = prepared(Parent, a='b')
    assert {endpoint: method() for endpoint, method in executor.requests.items()} == {'/a': 'Parent.b'}


def test_overrides_may_swap_and_multiply() -> None:
    assert bindings(Parent, {'/a': 'b', '/b': 'a'}) == {'/a': 'b', '/b': 'a'}
    assert bindings(Parent, {'/x': 'a', '/y': 'a'}) == {'/b': 'b', '/x': 'a', '/y': 'a'}
    assert bindings(Parent, {}) == bindings(Parent)


@pytest.mark.parametrize('name', ['absent', 'number', '__doc__'])
def test_an_override_needs_a_method(name: str) -> None:
    with pytest.raises(AttributeError, match=f"binds '/x' to '{name}', but Parent has no such method"):
        bindings(Parent, {'/x': name})


def test_an_overridden_method_must_be_one_a_request_can_call() -> None:
    with pytest.raises(TypeError, match="strange wants 'model'"):
        bindings(Parent, {'/x': 'strange'})


def test_overrides_of_one_instance_do_not_leak() -> None:
    before = bindings(Parent)
    one = prepared(Parent, new='free')
    assert '/new' in one.requests
    assert '/new' not in Parent().requests
    assert '/new' not in Child().requests
    assert bindings(Parent) == before


def test_classes_of_the_same_name_are_different_classes() -> None:
    def make(endpoint: str) -> type[Executor]:
        class Same(Executor):
            @requests(on=endpoint)
            def work(self, **kwargs: Any) -> None: ...

        return Same

    one, other = make('/one'), make('/other')
    assert bindings(one) == {'/one': 'work'}
    assert bindings(other) == {'/other': 'work'}


def test_class_attributes_of_any_kind_are_no_bindings() -> None:
    class Odd(Executor):
        names = ('a', 'b')
        table = {'/x': 'y'}  # noqa: RUF012
        nested = Parent

        @property
        def broken(self) -> int:
            raise RuntimeError('not to be looked at')

    assert bindings(Odd) == {}
    assert Odd().requests == {}

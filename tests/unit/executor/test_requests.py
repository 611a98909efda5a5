"""The ``@requests`` decorator: its forms, and what it refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from mproc_flow.executor import Executor, accepted, bindings, requests


class Forms(Executor):
    """Each way to write it."""

    @requests
    def bare(self, docs: Any, **kwargs: Any) -> None: ...

    @requests(on='/one')
    def one(self, docs: Any) -> None: ...

    @requests(on=['/list', '/of'])
    def several(self, parameters: Any) -> None: ...

    @requests(on=('/tuple',))
    async def tuple(self, docs: Any, parameters: Any) -> None: ...

    @requests(on=(f'/made-{number}' for number in range(2)))
    def generated(self) -> None: ...

    @requests(on={'/set'})
    def set(self, *, docs_matrix: Any = None) -> None: ...


class Called(Executor):
    """With brackets and nothing in them."""

    @requests()
    def work(self, **kwargs: Any) -> None: ...


class DefaultGiven(Executor):
    """The default endpoint by its name."""

    @requests(on='/default')
    def work(self, **kwargs: Any) -> None: ...


def test_forms() -> None:
    assert bindings(Forms) == {
        '/default': 'bare',
        '/one': 'one',
        '/list': 'several',
        '/of': 'several',
        '/tuple': 'tuple',
        '/made-0': 'generated',
        '/made-1': 'generated',
        '/set': 'set',
    }
    assert bindings(Called) == bindings(DefaultGiven) == {'/default': 'work'}


def test_the_method_stays_what_it_was() -> None:
    def work(self: Any, **kwargs: Any) -> str:
        """Do it."""
        return 'done'

    assert requests(work) is work
    assert requests(on='/x')(work) is work
    assert work(None) == 'done'


@pytest.mark.parametrize('on', [5, b'/x', ['/x', 5], [], (), {}, [['/x']], 1.5, True])
def test_endpoints_that_are_none(on: Any) -> None:
    with pytest.raises(TypeError, match='takes an endpoint'):
        requests(on=on)


@pytest.mark.parametrize('wrong', ['/x', ['/x'], 5, Executor])
def test_endpoints_without_their_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"write @requests\(on='/x'\)"):
        requests(wrong)


def test_other_names_are_refused() -> None:
    with pytest.raises(TypeError):
        requests(To='/x')  # type: ignore[call-overload]


def takes_more(self: Any, docs: Any, model: Any) -> None: ...
def takes_more_by_name(self: Any, *, model: Any, **kwargs: Any) -> None: ...
def takes_by_position(self: Any, docs: Any, /) -> None: ...


@pytest.mark.parametrize(
    ('method', 'name'), [(takes_more, 'model'), (takes_more_by_name, 'model'), (takes_by_position, 'docs')]
)
def test_a_method_that_wants_what_no_request_offers(method: Callable[..., Any], name: str) -> None:
    with pytest.raises(TypeError, match=f"{method.__name__} wants '{name}'"):
        requests(method)
    with pytest.raises(TypeError, match='which a request does not offer'):
        requests(on='/x')(method)


def with_defaults(self: Any, docs: Any, model: str = 'm', *, size: int = 3) -> None: ...
def with_rest(self: Any, *args: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize('method', [with_defaults, with_rest, lambda self: None, lambda self, docs: None])
def test_a_method_may_take_more_if_it_can_do_without(method: Callable[..., Any]) -> None:
    assert requests(method) is method


def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return outer


def bare_wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
    def outer(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return outer


class Decorated(Executor):
    """Other decorators above and below."""

    @requests(on='/above')
    @wrapped
    def above(self, docs: Any) -> Any:
        return docs

    @wrapped
    @requests(on='/below')
    def below(self, docs: Any) -> Any:
        return docs

    @requests(on='/anything')
    @bare_wrapped
    def anything(self, **kwargs: Any) -> Any:
        return sorted(kwargs)


@pytest.mark.parametrize('endpoint', ['/above', '/below'])
def test_other_decorators(endpoint: str) -> None:
    assert Decorated()(endpoint, docs='d', parameters={}) == 'd'


def test_a_decorator_that_hides_the_signature_gets_everything() -> None:
    assert Decorated()('/anything', docs='d', parameters={}) == ['docs', 'parameters']


@pytest.mark.parametrize(
    ('method', 'names'),
    [
        (lambda: None, ()),
        (lambda docs: None, ('docs',)),
        (lambda parameters, docs: None, ('docs', 'parameters')),
        (lambda docs, model=None: None, ('docs',)),
        (lambda **kwargs: None, ('docs', 'docs_map', 'docs_matrix', 'parameters')),
        (lambda docs, **kwargs: None, ('docs', 'docs_map', 'docs_matrix', 'parameters')),
        (lambda *args: None, ()),
    ],
)
def test_what_a_method_takes(method: Callable[..., Any], names: Iterable[str]) -> None:
    assert sorted(accepted(method)) == list(names)


def test_two_decorators_on_one_method_bind_both() -> None:
    class Twice(Executor):
        @requests(on='/a')
        @requests(on='/b')
        def work(self, **kwargs: Any) -> None: ...

    assert bindings(Twice) == {'/a': 'work', '/b': 'work'}


def test_a_static_method_is_bound_like_any_other() -> None:
    class Static(Executor):
        @staticmethod
        @requests(on='/static')
        def work(self: Any = None, docs: Any = None, **kwargs: Any) -> Any:
            return docs

    assert Static()('/static', docs='d') == 'd'

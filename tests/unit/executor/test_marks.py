"""What decorators say about an Executor's methods beside their endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mproc_flow import Executor, dynamic_batching, requests
from mproc_flow.errors import BadOption
from mproc_flow.executor import batching_rules, bindings, check_executor, retryable_endpoints
from mproc_flow.options.batching import BatchingRule


class Marked(Executor):
    """Methods with every mark."""

    @requests(on='/above')
    @dynamic_batching(preferred_batch_size=4, timeout=20)
    def above(self, **kwargs: Any) -> None:
        """Batched."""

    @dynamic_batching(preferred_batch_size=5, flush_all=True)
    @requests(on=['/below', '/too'], retryable=True)
    def below(self, **kwargs: Any) -> None:
        """Batched too."""

    @requests(on='/never', retryable=False)
    def never(self, **kwargs: Any) -> None:
        """Not batched."""

    @requests
    def plain(self, **kwargs: Any) -> None:
        """Not batched."""


class Repeatable(Marked):
    """All of it may be repeated, but what says no."""

    retryable = True


def rules(given: Any = None) -> dict[str, BatchingRule]:
    return batching_rules(Marked, bindings(Marked), given or {})


def test_the_decorator_stands_above_or_below() -> None:
    assert rules() == {
        '/above': BatchingRule(4, 20),
        '/below': BatchingRule(5, flush_all=True),
        '/too': BatchingRule(5, flush_all=True),
    }


def test_the_option_wins_endpoint_by_endpoint() -> None:
    found = rules({'/below': {'preferred_batch_size': 2}, '/default': {'preferred_batch_size': 3}})
    assert found['/below'] == BatchingRule(2)
    assert found['/too'] == BatchingRule(5, flush_all=True)
    assert found['/default'] == BatchingRule(3)


def test_the_option_may_name_a_method() -> None:
    found = rules({'below': {'preferred_batch_size': 2}})
    assert found['/below'] == found['/too'] == BatchingRule(2)


def test_an_endpoint_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadOption, match=r"names '/abvoe', which is no endpoint; did you mean '/above'"):
        check_executor(Marked, 'uses', None, {'/abvoe': {'preferred_batch_size': 2}})


@pytest.mark.parametrize(
    ('make', 'complaint'),
    [
        (lambda: dynamic_batching(lambda self: None), 'needs a size'),
        (lambda: dynamic_batching(), 'needs a size'),
        (lambda: dynamic_batching(preferred_batch_size=0), r"\['preferred_batch_size'\] must be"),
        (lambda: dynamic_batching(preferred_batch_size=1, timeout='soon'), r"\['timeout'\] must be"),
        (lambda: requests(retryable='yes'), r'takes True or False'),  # type: ignore[call-overload]
    ],
)
def test_what_cannot_be_is_refused(make: Any, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        make()


def test_a_generator_cannot_share_a_call() -> None:
    class Streaming(Executor):
        @dynamic_batching(preferred_batch_size=4)
        @requests
        def stream(self, **kwargs: Any) -> Iterator[Any]:
            yield None

    with pytest.raises(BadOption, match='stream is a generator'):
        check_executor(Streaming, 'uses')


def test_what_may_be_begun_again() -> None:
    assert retryable_endpoints(Marked, bindings(Marked)) == ('/below', '/too')
    assert set(retryable_endpoints(Repeatable, bindings(Repeatable))) == {'/above', '/below', '/too', '/default'}

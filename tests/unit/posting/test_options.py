"""What a call of post() can be told, and what it says to nonsense."""

from __future__ import annotations

from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest

from mproc_flow import AsyncClient, Client
from mproc_flow.errors import BadClientInput, BadOption
from mproc_flow.posting.options import Posting, PostOptions, checked_endpoint, checked_parameters


def test_the_defaults_that_users_know() -> None:
    options = PostOptions.of({})
    assert (options.request_size, options.max_attempts, options.timeout, options.prefetch) == (100, 1, None, None)
    assert not any([options.continue_on_error, options.return_responses, options.results_in_order])


@pytest.mark.parametrize(
    ('options', 'parts'),
    [
        ({'request_sise': 5}, ['post(request_sise=...) is not an option', "did you mean 'request_size'?"]),
        ({'request_size': 'many'}, ["post(request_size='many'): Expected `int`"]),
        ({'request_size': 1.5}, ['request_size']),
        ({'max_attempts': 0}, ['max_attempts', '>= 1']),
        ({'timeout': 'soon'}, ['timeout']),
        ({'timeout': -1}, ['timeout=-1', '>= 0']),
        ({'timeout': float('nan')}, ['timeout=nan', '>= 0']),
        ({'prefetch': -1}, ['prefetch', '>= 0']),
        ({'continue_on_error': 1}, ['continue_on_error', 'bool']),
        ({'backoff_multiplier': 0.5}, ['backoff_multiplier', '>= 1']),
        ({'initial_backoff': -1}, ['initial_backoff']),
        ({'target_executor': 3}, ['target_executor', 'str']),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(BadOption) as caught:
        PostOptions.of(options)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize('given', [{'a': 1}, OrderedDict(a=1), MappingProxyType({'a': 1})])
def test_parameters_are_copied(given: Any) -> None:
    found = checked_parameters(given)
    assert found == {'a': 1}
    assert found is not given


@pytest.mark.parametrize('given', [5, ['a'], 'a', {1}])
def test_parameters_that_are_no_dict_are_refused(given: Any) -> None:
    with pytest.raises(BadClientInput, match=f'parameters are a dict, not a value of type {type(given).__name__}'):
        checked_parameters(given)


@pytest.mark.parametrize('name', ['index', 'search', 'update', 'delete', 'train'])
def test_endpoints_that_everybody_uses(name: str) -> None:
    class Noted(Posting):
        def post(self, *args: Any, **options: Any) -> Any:
            return args, options

    assert getattr(Noted(), name)('inputs', 'on_done', request_size=5) == (
        (f'/{name}', 'inputs', 'on_done'),
        {'request_size': 5},
    )


@pytest.mark.parametrize(('given', 'endpoint'), [(None, '/'), ('', '/'), ('/index', '/index'), ('index', 'index')])
def test_the_endpoint_of_a_call(given: Any, endpoint: str) -> None:
    assert checked_endpoint(given) == endpoint


@pytest.mark.parametrize('given', [5, ['/a'], b'/a'])
@pytest.mark.parametrize('kind', [Client, AsyncClient])
def test_an_endpoint_that_is_no_text_is_refused_before_anything_is_sent(given: Any, kind: Any) -> None:
    """The gateway could not read such a request, and nobody would ever answer."""
    client = kind(port=1)
    with pytest.raises(BadOption, match='an endpoint is a str'):
        client.post(given, 'text')
    client.close()

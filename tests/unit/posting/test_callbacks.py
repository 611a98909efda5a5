"""What a call does with each answer: callbacks, errors, and what it returns."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest

from mproc_flow.errors import BadClientCallback, BadServer, ErrorInfo
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from mproc_flow.model.request import Header, Response, Status
from mproc_flow.posting.callbacks import Callbacks

ERROR = ErrorInfo(BadServer.code, 'no good')


def response(text: str, info: ErrorInfo | None = None) -> Response:
    header = Header(request_id=text, status=Status.of(info), exec_endpoint='/x')
    return Response(header=header, docs=DocumentArray(Document(text=text)))


class Heard:
    """Callbacks that note what they were called with."""

    def __init__(self, wanted: str) -> None:
        self.calls: list[str] = []
        names = ('done', 'error', 'always')
        self.given = [self._callback(name) if name in wanted else None for name in names]

    def _callback(self, name: str) -> Any:
        return lambda response: self.calls.append(f'{name} {response.header.request_id}')


@pytest.mark.parametrize(
    ('wanted', 'calls', 'returned'),
    [
        ('', [], ['a']),
        ('error', ['error b'], ['a']),
        ('done error', ['done a', 'error b'], None),
        ('error always', ['always a', 'error b', 'always b'], None),
        ('done error always', ['done a', 'always a', 'error b', 'always b'], None),
    ],
)
def test_who_is_called_and_what_is_returned(wanted: str, calls: list[str], returned: list[str] | None) -> None:
    heard = Heard(wanted)
    callbacks = Callbacks(*heard.given, go_on=wanted == '')
    kept = [*callbacks.call(response('a'), None), *callbacks.call(response('b', ERROR), ERROR)]
    assert len(kept) == (0 if returned is None else 2), 'nothing is kept that a callback took'
    assert heard.calls == calls
    found = callbacks.result(kept, whole=False)
    assert (found if found is None else [doc.text for doc in found]) == returned


def test_responses_are_kept_whole_with_those_that_failed() -> None:
    callbacks = Callbacks(None, lambda response: None, None, go_on=False)
    kept = [*callbacks.call(response('a'), None), *callbacks.call(response('b', ERROR), ERROR)]
    assert [found.header.status.code for found in callbacks.result(kept, whole=True)] == [0, 1]


@pytest.mark.parametrize('wanted', ['', 'done', 'always'])
def test_an_error_nobody_takes_is_raised_after_on_always(wanted: str) -> None:
    heard = Heard(wanted)
    with pytest.raises(BadServer, match='no good'):
        Callbacks(*heard.given, go_on=False).call(response('a', ERROR), ERROR)
    assert heard.calls == (['always a'] if wanted == 'always' else [])


def test_going_on_after_an_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    Callbacks(None, None, None, go_on=True).call(response('a', ERROR), ERROR)
    assert [record.getMessage() for record in caplog.records] == ['1 Documents to /x: no good; going on']


def test_a_callback_that_raises() -> None:
    def bad(response: Response) -> None:
        raise KeyError('mine')

    with pytest.raises(BadClientCallback, match=r"callback .*bad raised KeyError: 'mine'") as caught:
        Callbacks(bad, None, None, go_on=False).call(response('a'), None)
    assert isinstance(caught.value.__cause__, KeyError)


def test_going_on_after_a_callback_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def bad(response: Response) -> None:
        raise KeyError('mine')

    heard: list[Response] = []
    with caplog.at_level(logging.ERROR):
        Callbacks(bad, None, heard.append, go_on=True).call(response('a'), None)
    assert len(heard) == 1
    assert "raised KeyError: 'mine'; going on" in caplog.text


@pytest.mark.parametrize('place', [0, 1, 2])
def test_what_cannot_be_called_is_refused_before_anything_is_sent(place: int) -> None:
    given: list[Any] = [None, None, None]
    given[place] = 5
    with pytest.raises(BadClientCallback, match=rf'post\({("on_done", "on_error", "on_always")[place]}=5\)'):
        Callbacks(*given, go_on=False)


def test_a_coroutine_function_is_not_called_in_vain() -> None:
    """Nobody would await what it gives, and what it does would never be done."""

    async def late(response: Response) -> None:
        raise AssertionError

    with pytest.raises(BadClientCallback, match=r'late raised TypeError: .* needs an AsyncFlow'):
        Callbacks(late, None, None, go_on=False).call(response('a'), None)


def test_a_callback_without_a_name_is_shown() -> None:
    with pytest.raises(BadClientCallback, match=r'callback functools\.partial.* raised TypeError'):
        Callbacks(partial(int, 'x'), None, None, go_on=False).call(response('a'), None)

"""What a call of post() does with the answers: callbacks, errors, and what it returns."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any

from mproc_flow.crossing import from_info
from mproc_flow.errors import BadClientCallback, ErrorInfo
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.request import SUCCESS, Response
from mproc_flow.posting.return_type import return_type_of

Callback = Callable[[Response], Any]

_log = logging.getLogger(__name__)


class Callbacks:
    """Calls what the user gave, and keeps the Responses if nobody else takes them.

    Raises:
        BadClientCallback: One of them cannot be called.
    """

    def __init__(
        self, on_done: Callback | None, on_error: Callback | None, on_always: Callback | None, go_on: bool
    ) -> None:
        for name, given in (('on_done', on_done), ('on_error', on_error), ('on_always', on_always)):
            if given is not None and not callable(given):
                raise BadClientCallback(f'post({name}={given!r}): a function that takes a Response is needed')
        self._on_done = on_done
        self._on_error = on_error
        self._on_always = on_always
        self._go_on = go_on
        self._keeps = on_done is None and on_always is None

    def call(self, response: Response, info: ErrorInfo | None) -> Sequence[Response]:
        """Call what fits the response, and give what is to be kept: the response, or nothing if somebody took it.

        Raises:
            MprocFlowError: The request's error, if nobody else takes it.
            BadClientCallback: A callback raised, or has to be awaited.
        """
        if info is None and self._keeps:  # nobody is to be called, and that nearly always
            return (response,)
        for callback in self.fitting(info):
            try:
                _refuse_coroutine(callback(response))
            except Exception as error:  # of the user's
                self.raised(callback, error)
        return self.kept(response, info)

    def fitting(self, info: ErrorInfo | None) -> list[Callback]:
        """Give the callbacks for a request that failed with this error, or succeeded."""
        fitting = (self._on_done if info is None else self._on_error, self._on_always)
        return [callback for callback in fitting if callback is not None]

    def raised(self, callback: Callback, error: Exception) -> None:
        """A callback raised: say so."""
        text = f'callback {_name(callback)} raised {type(error).__name__}: {error}'
        if not self._go_on:
            raise BadClientCallback(text) from error
        _log.error('%s; going on', text, exc_info=error)

    def kept(self, response: Response, info: ErrorInfo | None) -> Sequence[Response]:
        """Give what is to be kept of the response, see :meth:`call`; raise or log its error if nobody takes that."""
        if info is not None and self._on_error is None:
            if not self._go_on:
                raise from_info(info)
            count, endpoint = len(response.docs), response.header.exec_endpoint
            _log.error('%d Documents to %s: %s; going on', count, endpoint, info.message)
        return (response,) if self._keeps else ()

    def result(self, kept: Sequence[Response], whole: bool, return_type: Any = None) -> Any:
        """Give what the call returns."""
        if not self._keeps:
            return None
        if whole:
            return kept
        if return_type is None and len(kept) == 1:
            return kept[0].docs if kept[0].header.status.code == SUCCESS else DocumentArray()
        docs = [doc for response in kept if response.header.status.code == SUCCESS for doc in response.docs]
        return return_type_of(return_type).result(docs)


def _name(callback: Callback) -> str:
    return getattr(callback, '__qualname__', '') or repr(callback)


def _refuse_coroutine(returned: Any) -> None:
    if inspect.iscoroutine(returned):
        returned.close()  # else Python complains that nobody awaited it
        raise TypeError('a coroutine function needs an AsyncFlow or AsyncClient, which awaits it')

"""The kind of ``protocol``: how clients talk to a Flow."""

from __future__ import annotations

from typing import Any

from mproc_flow.options.kinds import Scalar

NATIVE = 'zmq'
_FRONTS = ('grpc', 'http', 'websocket')


class Protocol(Scalar, frozen=True):
    """A protocol, in any case; kept in lower case."""

    accepts = NATIVE

    def check(self, value: Any) -> Any:
        word = getattr(value, 'name', value)  # Jina's clients may give a member of an enum
        if not isinstance(word, str):
            raise self.refuse(value)
        if word.strip().lower() in _FRONTS:
            raise self.refuse(value, 'the other fronts come with a later version; Python clients need no more than zmq')
        if word.strip().lower() != NATIVE:
            raise self.refuse(value)
        return NATIVE

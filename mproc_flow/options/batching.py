"""The kind of ``uses_dynamic_batching``, and the rule by which requests are gathered at an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mproc_flow.options.containers import check_at
from mproc_flow.options.kinds import Flag, Integer, Kind
from mproc_flow.options.suggest import did_you_mean

_LONGEST_MS = 2**31 - 1
_SETTINGS: dict[str, Kind] = {
    'preferred_batch_size': Integer(1, 1_000_000),
    'timeout': Integer(0, _LONGEST_MS),
    'flush_all': Flag(),
}


class BatchingRule(msgspec.Struct, frozen=True):
    """How the requests to one endpoint are gathered into calls.

    Attributes:
        preferred_batch_size: So many Documents are one call.
        timeout: A request waits no longer than this for others, in milliseconds.
        flush_all: Whatever waits goes into one call, however much it is; the size only says when.
    """

    preferred_batch_size: int
    timeout: int = 10_000
    flush_all: bool = False


class Batching(Kind, frozen=True):
    """The settings of one endpoint; kept as a dict."""

    accepts = "a dict such as {'preferred_batch_size': 32, 'timeout': 50}, timeout in ms"

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.refuse(value)
        for name in value:
            if name not in _SETTINGS:
                raise self.refuse(value, f'there is no {name!r}{did_you_mean(name, _SETTINGS)}')
        if 'preferred_batch_size' not in value:
            raise self.refuse(value, 'preferred_batch_size is missing')
        return {name: check_at(f'[{name!r}]', _SETTINGS[name], item) for name, item in value.items()}

"""The kind of ``polling``: which shards of a Deployment get a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mproc_flow.options.containers import check_at
from mproc_flow.options.kinds import Choice, Kind, Text

ANY, ALL = 'any', 'all'
EVERY_OTHER = '*'

# Data goes to one shard and is searched in all, whatever the general value says; only naming the endpoint changes it.
_BUILT_IN = {'/index': ANY, '/search': ALL}
_WORD = Choice((ANY, ALL))


class Polling(Kind, frozen=True):
    """``ANY`` or ``ALL``, or a dict of these by endpoint, in which ``*`` stands for every other endpoint."""

    accepts = "'ANY', 'ALL', or a dict of these by endpoint such as {'/search': 'ALL', '*': 'ANY'}"

    def check(self, value: Any) -> Any:
        if isinstance(value, str):
            if value.strip().lower() not in (ANY, ALL):
                raise self.refuse(value)
            return value.strip().lower()
        if not isinstance(value, Mapping):
            raise self.refuse(value)
        return {
            check_at(' key', Text(), endpoint): check_at(f'[{endpoint!r}]', _WORD, word)
            for endpoint, word in value.items()
        }


def polls_all(polling: str | Mapping[str, str], endpoint: str) -> bool:
    """Say whether a request to this endpoint goes to all shards, or else to one.

    Args:
        polling: As :class:`Polling` keeps it.
        endpoint: Where the request goes.
    """
    named = polling if isinstance(polling, Mapping) else {EVERY_OTHER: polling}
    return {**_BUILT_IN, **named}.get(endpoint, named.get(EVERY_OTHER, ANY)) == ALL

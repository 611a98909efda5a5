"""Ids for Documents."""

from __future__ import annotations

import os

_IDS_PER_READ = 256
_spare_ids: list[str] = []
# A forked child must not hand out the ids its parent has in stock.
os.register_at_fork(after_in_child=_spare_ids.clear)


def fresh_id() -> str:
    """Return 32 random hex characters, different in every process, forked ones included."""
    try:
        return _spare_ids.pop()
    except IndexError:
        text = os.urandom(16 * _IDS_PER_READ).hex()
        _spare_ids.extend(text[start : start + 32] for start in range(32, len(text), 32))
        return text[:32]

"""A progress bar for a call of post()."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sized
from typing import Any

from mproc_flow.errors import BadOption
from mproc_flow.posting.letters import Delivery


@contextlib.contextmanager
def progress(wanted: bool, inputs: Any, endpoint: str) -> Iterator[Progress]:
    """Draw a bar with count, rate and, if the number of inputs is known, the remaining time.

    Args:
        wanted: False draws nothing.
        inputs: What is sent.
        endpoint: Where.

    Raises:
        BadOption: The package ``tqdm`` is not there.
    """
    if not wanted:
        yield Progress(None)
        return
    try:
        from tqdm.auto import tqdm  # an extra; in a notebook it draws a bar of the notebook's
    except ImportError:
        raise BadOption('post(show_progress=True) needs the package tqdm: pip install mproc-flow[progress]') from None
    total = len(inputs) if isinstance(inputs, Sized) and not isinstance(inputs, str | bytes | dict) else None
    with tqdm(total=total, desc=endpoint, unit='doc', dynamic_ncols=True) as bar:
        yield Progress(bar)


class Progress:
    """Counts the Documents of the requests that have ended."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._failed = 0

    def add(self, delivery: Delivery) -> None:
        """Count one request."""
        if self._bar is None:
            return
        if delivery.info is not None:
            self._failed += delivery.sent
            self._bar.set_postfix(failed=self._failed)
        self._bar.update(delivery.sent)

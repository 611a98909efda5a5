"""Sharing out the time of an event loop among those who have much to do in it."""

from __future__ import annotations

import asyncio
import time

_SLICE = 0.005


class Turns:
    """Lets the rest of the event loop run between pieces of work that do not wait for anything.

    All that share one of these have one slice of time between them, however many tasks they are: hundreds that each
    take a moment would hold the loop up as much as one that takes long.
    """

    def __init__(self) -> None:
        self._begun = 0.0
        self._number = 0

    async def pass_on(self) -> None:
        """Go on at once if there is time left, else after the loop went round."""
        while time.monotonic() - self._begun > _SLICE:
            number = self._number
            await asyncio.sleep(0)
            if number == self._number:  # the first one in this round; the others see what it left of the slice
                self._number += 1
                self._begun = time.monotonic()

"""From where a Flow may be used: the main thread, another thread, a running asyncio loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar('Result')

NAMES = ('main', 'thread', 'asyncio')

_LONGEST = 100.0


class Context:
    """One of the places a body of code can run in."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, function: Callable[[], Result]) -> Result:
        """Run the function there and give its result, or raise what it raised."""
        if self.name == 'thread':
            return _in_thread(function)
        if self.name == 'asyncio':
            return asyncio.run(_in_loop(function))
        return function()


class Task:
    """A function running in a thread of its own; to be joined."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self.result: object = None
        self._function = function
        self._thread = threading.Thread(target=self._run, name='task', daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """True until the function has returned or raised."""
        return self._thread.is_alive()

    def join(self, deadline: float) -> object:
        """Wait for the end, give the result or raise the error."""
        self._thread.join(deadline)
        assert not self.running, f'still running after {deadline} s'
        if self.error is not None:
            raise self.error
        return self.result

    def _run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:  # raised again by join()
            self.error = error


def _in_thread(function: Callable[[], Result]) -> Result:
    return Task(function).join(_LONGEST)  # type: ignore[return-value]


async def _in_loop(function: Callable[[], Result]) -> Result:
    return function()

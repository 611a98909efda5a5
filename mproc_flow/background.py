"""Work that would hold up an event loop, done in a thread that ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mproc_flow.supervisor import signals
from mproc_flow.supervisor.launch import PACKAGE

# The kernel of a notebook cancels the task that is interrupted without waking the loop: so long may that be unheard.
_SIGNALS = 0.2

_Result = TypeVar('_Result')


def in_thread(function: Callable[[], _Result]) -> asyncio.Future[_Result]:
    """Call a function in a thread of its own; the loop goes on meanwhile.

    If what this gives is cancelled the function goes on: what it does has to come to an end by other means.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: BaseException | None) -> None:
        thread.join()  # this was the last it had to do: who goes on now may fork
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        with signals.left_to_main():
            try:
                result = function()
            except BaseException as error:  # raised where it is awaited
                failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    def wake() -> None:
        if not future.done():
            loop.call_later(_SIGNALS, wake)

    wake()
    # Not one of a pool: threads that stay would make every later fork one beside threads.
    thread = threading.Thread(target=run, name=f'{PACKAGE}-background', daemon=True)
    thread.start()
    return future


async def finished(work: Awaitable[_Result], hurry: Callable[[], object] | None = None) -> _Result:
    """Wait for work that must not be left half done; a cancellation is raised when it has ended, not before.

    Args:
        work: What to wait for.
        hurry: Called if it is cancelled once more.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            if cancelled is not None and hurry is not None:
                hurry()
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # what ended the waiting is raised, not this
    raise cancelled

"""Work that would hold up an event loop, done in a thread that ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from mproc_flow.supervisor import signals
from mproc_flow.supervisor.launch import PACKAGE

_Result = TypeVar('_Result')


async def in_thread(function: Callable[[], _Result]) -> _Result:
    """Call a function in a thread of its own and wait for it; the loop goes on meanwhile.

    If this is cancelled the function goes on: what it does has to come to an end by other means.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: BaseException | None) -> None:
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

    # Not one of a pool: threads that stay would make every later fork one beside threads.
    threading.Thread(target=run, name=f'{PACKAGE}-background', daemon=True).start()
    return await future

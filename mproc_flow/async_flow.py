"""The Flow for programs with an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mproc_flow.async_client import Answers, AsyncClient
from mproc_flow.background import in_thread
from mproc_flow.errors import BadOption
from mproc_flow.flow import Flow
from mproc_flow.run import Run

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from mproc_flow.options.signatures import FlowOptions


class AsyncFlow(Flow):
    """A Flow whose ``post()``, ``index()``, ... can be awaited or iterated over; ``Flow(asyncio=True)`` is one.

    ``async with flow:`` starts and closes it without holding up the event loop. ``with flow:`` works too, and holds the
    loop up while it starts and closes.
    """

    def __init__(self, **options: Unpack[FlowOptions]) -> None:
        super().__init__(**options)
        if self._given.get('asyncio') is False:
            raise BadOption(f'{type(self).__name__}(): asyncio is False: that is a Flow')
        self._given['asyncio'] = True

    async def __aenter__(self) -> Self:
        self._check_start()
        run = await in_thread(self._prepare)
        starting = asyncio.ensure_future(self._start_run(run))
        try:
            await asyncio.shield(starting)
        except BaseException:
            if not starting.done():  # cancelled while it starts
                await in_thread(run.close)
            with contextlib.suppress(Exception):  # the one that is on its way is the reason
                await starting
            self._forget(run)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await asyncio.shield(in_thread(self.close))

    def post(self, on: str, inputs: Any = None, *args: Any, **options: Any) -> Answers:
        """Send inputs to an endpoint; arguments as in :meth:`mproc_flow.Client.post`.

        Returns:
            What can be awaited for all answers, or iterated over as they come.

        Raises:
            FlowClosed, FlowFailed: See :meth:`mproc_flow.Flow.post`.
        """
        answers: Answers = super().post(on, inputs, *args, **options)
        return answers

    async def is_flow_ready(self, timeout: float = 5.0) -> bool:  # type: ignore[override]
        """Do what :meth:`mproc_flow.Flow.is_flow_ready` does."""
        run = self._run
        if run is None or run.client is None or run.supervision.failure is not None:
            return False
        ready: bool = await run.client.is_flow_ready(timeout)
        return ready

    def _new_run(self) -> Run:
        return Run(self._given, self._graph, AsyncClient)

    async def _start_run(self, run: Run) -> None:
        if run.forks:  # pods get the memory of this thread: it must not do anything else meanwhile
            run.launch()
        else:
            await in_thread(run.launch)
        await in_thread(run.await_start)

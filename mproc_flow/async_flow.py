"""The Flow for programs with an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mproc_flow.async_client import Answers, AsyncClient, each_document
from mproc_flow.background import finished, in_thread
from mproc_flow.errors import BadOption
from mproc_flow.flow import Flow
from mproc_flow.run import Run
from mproc_flow.service import GLANCE

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from mproc_flow.options.signatures import FlowOptions

# A start that nobody wants any more has no requests to finish.
_GRACE = 1.0


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
        run = await in_thread(self._new_run)
        self._begin(run)
        try:
            await self._start_async(run)
        except BaseException:
            self._forget(run)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        run = self._run
        await finished(in_thread(self.close), None if run is None else run.kill)

    def post(self, on: str, inputs: Any = None, *args: Any, **options: Any) -> Answers:
        """Send inputs to an endpoint; arguments as in :meth:`mproc_flow.Client.post`.

        Returns:
            What can be awaited for all answers, or iterated over as they come.

        Raises:
            FlowClosed, FlowFailed: See :meth:`mproc_flow.Flow.post`.
        """
        answers: Answers = super().post(on, inputs, *args, **options)
        return answers

    def stream_doc(
        self, on: str, inputs: Any = None, parameters: Any = None, **options: Any
    ) -> AsyncGenerator[Any, None]:
        """Do what :meth:`mproc_flow.Flow.stream_doc` does, for ``async for``."""
        answers = self.post(on, inputs, parameters=parameters, stream=True, return_responses=False, **options)
        return each_document(answers)

    async def is_flow_ready(self, timeout: float = 5.0) -> bool:  # type: ignore[override]
        """Do what :meth:`mproc_flow.Flow.is_flow_ready` does."""
        run = self._run
        end = time.monotonic() + timeout
        while run is not None and run.client is not None and run.supervision.failure is None:
            left = end - time.monotonic()
            if await run.client.is_flow_ready(max(left, 0.0)):
                return True
            if left <= 0 or any(pod.state != 'ready' for pod in run.supervision.pods):
                return False
            await asyncio.sleep(GLANCE)  # all are ready, and the gateway is about to hear of it
        return False

    def _new_run(self) -> Run:
        return Run(self._given, self._graph, AsyncClient)

    async def _start_async(self, run: Run) -> None:
        """Do what :meth:`Run.start` does. Cancelled, it ends when everything is down again."""
        starting: asyncio.Future[None] | None = None
        try:
            if run.forks:  # pods get the memory of this thread: it must not do anything else meanwhile
                await finished(in_thread(run.prepare))
                run.launch()
            else:
                await finished(in_thread(run.launch))
            starting = asyncio.ensure_future(in_thread(run.await_start))
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await finished(self._give_up(run, starting), run.kill)
            raise

    async def _give_up(self, run: Run, starting: asyncio.Future[None] | None) -> None:
        await in_thread(lambda: run.close(_GRACE))
        if starting is not None:
            await asyncio.wait({starting})
            starting.exception()  # that it was stopped

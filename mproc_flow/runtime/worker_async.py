"""The loop of an Executor pod with ``async def`` methods: many pieces of work at a time, in one event loop."""

from __future__ import annotations

import asyncio

from mproc_flow.errors import ErrorInfo, FlowClosed
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.runtime.stopping import Interrupted
from mproc_flow.runtime.worker import Worker
from mproc_flow.transport import channel
from mproc_flow.transport.frames import Done, Failed, Farewell, Part, Work

_CONCURRENT = 100


class AsyncWorker(Worker):
    """Works for one Executor that has ``async def`` methods; its plain methods run in the loop, one at a time."""

    def __init__(self, pod: Pod, dispatcher: Dispatcher, listen: str = '', credit: int = _CONCURRENT) -> None:
        super().__init__(pod, dispatcher, listen, credit)
        self._tasks: set[asyncio.Task[None]] = set()

    def _loop(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._news = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(channel.fileno(self._socket), self._on_socket)
        for fd in self._stopping.filenos():
            loop.add_reader(fd, self._on_news)
        self._on_news()  # see Worker._loop
        self._on_socket()
        while not self._over:
            await self._news.wait()
            self._news.clear()
        await self._finish_tasks()

    def _on_news(self) -> None:
        self._heed()
        if self._stopping.interrupted:
            for task in self._tasks:
                task.cancel()
        self._news.set()

    def _on_socket(self) -> None:
        while not self._over:
            message = self._wire.receive()
            if message is None:
                return
            header, parts = message
            if isinstance(header, Farewell):
                self._over = True
                self._news.set()
            else:
                self._begin(header, parts)

    def _begin(self, work: Work, parts: list[Part]) -> None:
        task = asyncio.get_running_loop().create_task(self._do_async(work, parts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do_async(self, work: Work, parts: list[Part]) -> None:
        try:
            answer = await self._dispatcher.call_async(work, parts, self._stopping)
        except (Interrupted, asyncio.CancelledError) as error:
            self._over = True
            text = str(error) or 'the Flow was stopped while this request was worked on'
            self._wire.send(Failed(work.key, ErrorInfo(FlowClosed.code, text)))
            self._news.set()
        except Exception as error:  # the reply to the sender
            self._wire.send(Failed(work.key, self._describe(error)))
        else:
            self._wire.send(Done(work.key, self._credit), answer)
        # Sending may take the edge that the loop waits for on the socket's descriptor.
        self._on_socket()

    async def _finish_tasks(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

"""The main function of an Executor pod."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mproc_flow.runtime import loader
from mproc_flow.runtime.bootstrap import Pod, run_fresh
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.runtime.worker import Worker
from mproc_flow.runtime.worker_base import BaseWorker
from mproc_flow.topology.plan import ExecutorSpec


def serve(pod: Pod, objects: Mapping[str, loader.Parts], listen: str = '') -> None:
    """Load the Executor, work until told to stop, and close it.

    Args:
        pod: Who this is.
        objects: Class and ``uses_with`` by node, where the pod was forked from a process that has them.
        listen: Serve everybody at this TCP address instead of the gateway.
    """
    spec = pod.assignment.spec
    executor_spec = spec.executor or ExecutorSpec()
    pod.phase('importing')
    parts = objects.get(spec.deployment) or loader.unpack(executor_spec.payload)
    kind, uses_with = loader.load_class(executor_spec, parts)
    pod.phase('init')
    executor = loader.make(kind, uses_with, spec)
    try:
        route = next(route for route in pod.assignment.plan.routes if route.name == spec.deployment)
        dispatcher = Dispatcher(executor, spec.name, route, executor_spec.batching)
        worker_class(dispatcher)(pod, dispatcher, listen).run()
    finally:
        executor.close()


def worker_class(dispatcher: Dispatcher) -> Callable[[Pod, Dispatcher, str], BaseWorker]:
    """Give the loop for this Executor."""
    if not dispatcher.is_async:
        return Worker
    from mproc_flow.runtime.worker_async import AsyncWorker  # asyncio would make every other pod start later

    return AsyncWorker


def main(name: str, fd: str) -> None:
    """Be this pod in a fresh interpreter."""
    run_fresh(int(fd), lambda pod: serve(pod, {}))

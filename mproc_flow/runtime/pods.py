"""The main function of any pod that is forked from its Guardian."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from mproc_flow.runtime import bootstrap, executor_pod, gateway
from mproc_flow.runtime.loader import Parts
from mproc_flow.runtime.messages import Assignment
from mproc_flow.topology.plan import GATEWAY


def forked(objects: Mapping[str, Parts]) -> Callable[[Assignment, socket.socket], None]:
    """Give the function that a forked pod runs.

    Args:
        objects: Class and ``uses_with`` by Deployment, as they are in the memory that is forked.
    """

    def run(assignment: Assignment, sock: socket.socket) -> None:
        if assignment.spec.deployment == GATEWAY:
            bootstrap.run_forked(assignment, sock, gateway.serve)
        else:
            bootstrap.run_forked(assignment, sock, lambda pod: executor_pod.serve(pod, objects))

    return run

"""The ladder by which a Flow goes down: each step has a bound, so the whole has one.

==========  ==========================================================================================
from        what happens
==========  ==========================================================================================
0           the gateway refuses new requests and tells when none is in flight; no request waits any more for
            others to share its call; pods that are not ready yet have half a second to end
drained,    every pod finishes the call it is in, closes its Executor and exits
or 0.7 of
the grace
0.85        SIGTERM: a pod that is still in a call leaves it by an exception, and closes its Executor
1.0         SIGKILL to the process groups of those that are left
==========  ==========================================================================================
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable

from mproc_flow.runtime.messages import Drain
from mproc_flow.supervisor import reaper
from mproc_flow.supervisor.lifecycle import State
from mproc_flow.supervisor.pod import Pod
from mproc_flow.supervisor.timers import Timers

_STARTING_GRACE = 0.5
_STRAYS_GRACE = 1.0


class Shutdown:
    """Walks down the ladder.

    Args:
        pods: All pods of the Flow.
        timers: Where deadlines are set.
        stop: Feeds the pod's life the STOP event.
    """

    def __init__(self, pods: Iterable[Pod], timers: Timers, stop: Callable[[Pod], None]) -> None:
        self._pods = list(pods)
        self._timers = timers
        self._stop = stop
        self._deadline = float('inf')
        self._stopping = False
        self.begun = False
        self.killed: list[str] = []

    def begin(self, grace: float, drain: bool) -> None:
        """Go down within ``grace`` seconds; called again, only an earlier end counts."""
        deadline = time.monotonic() + grace
        if deadline >= self._deadline:
            return
        self.begun = True
        self._deadline = deadline
        for pod in self._pods:
            if pod.state is not State.READY:
                self._end_start(pod)
        if drain and not self._stopping and self._ask_to_drain():
            self._timers.after(0.7 * grace, self.stop_pods)
        else:
            self.stop_pods()
        self._timers.after(0.85 * grace, self._interrupt)
        self._timers.after(grace, self.kill)

    def stop_pods(self) -> None:
        """Every pod is to end now: nothing is in flight any more, or its time is over."""
        self._stopping = True
        for pod in self._pods:
            self._stop(pod)

    def kill(self) -> None:
        """Kill what is left."""
        for pod in self._alive():
            self.killed.append(pod.name)
            pod.kill()

    def is_done(self) -> bool:
        """True if the ladder was begun and no pod has a process any more."""
        return self.begun and self._stopping and not self._alive()

    def _alive(self) -> list[Pod]:
        return [pod for pod in self._pods if pod.pid]

    def _end_start(self, pod: Pod) -> None:
        pid = pod.pid
        self._stop(pod)

        def kill() -> None:
            if pid and pod.pid == pid:
                pod.kill()

        self._timers.after(_STARTING_GRACE, kill)

    def _ask_to_drain(self) -> bool:
        """Tell all pods that the end is near; give whether the gateway is among them, which will answer."""
        asked = [pod for pod in self._pods if pod.state is State.READY and pod.pipe is not None]
        for pod in asked:
            if pod.pipe is not None:
                pod.pipe.send(Drain())
        return any(pod.is_gateway for pod in asked)

    def _interrupt(self) -> None:
        for pod in self._alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pod.pid, signal.SIGTERM)


def kill_strays() -> None:
    """Kill processes that left their pod's group and, their parents gone, became children of the Guardian."""
    give_up = time.monotonic() + _STRAYS_GRACE
    while time.monotonic() < give_up:
        strays = reaper.children()
        if not strays:
            return
        for pid in strays:
            os.kill(pid, signal.SIGKILL)
        for pid in strays:  # only then do their own children land here
            with contextlib.suppress(ChildProcessError):
                reaper.reap(pid)

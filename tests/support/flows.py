"""Looking at a running Flow."""

from __future__ import annotations

import signal
from typing import Any

from mproc_flow import Flow
from tests.support import proc
from tests.support.waiting import eventually


def pod(f: Flow, name: str) -> Any:
    """The status of one pod, by name."""
    found = [status for status in f.pods if status.name == name]
    assert found, f'no pod {name} among {[status.name for status in f.pods]}'
    return found[0]


def wait_for_state(f: Flow, name: str, state: str, deadline: float = 10.0) -> Any:
    """Wait until a pod is in a state and give its status."""
    eventually(lambda: pod(f, name).state == state, deadline, lambda: f'{name} is {state}: {pod(f, name)}')
    return pod(f, name)


def kill_pod(f: Flow, name: str, number: int = signal.SIGKILL) -> int:
    """Send a signal to a pod that is ready, and give the pid it had."""
    pid: int = wait_for_state(f, name, 'ready').pid
    proc.send(pid, number)
    return pid


def wait_until_restarted(f: Flow, name: str, old: int, deadline: float = 15.0) -> Any:
    """Wait until another process of the pod is ready."""

    def restarted() -> bool:
        status = pod(f, name)
        return status.state == 'ready' and status.pid != old

    eventually(restarted, deadline, lambda: f'{name} is ready again: {pod(f, name)}')
    return pod(f, name)


def pids(f: Flow) -> list[int]:
    """The Guardian and every pod that has a process."""
    return [f.guardian_pid, *(status.pid for status in f.pods if status.pid)]


def all_gone(numbers: list[int]) -> bool:
    """True if none of these processes runs any more."""
    return not any(proc.alive(number) for number in numbers)

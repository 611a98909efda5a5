"""How a process ended, and the end of processes that outlive their pod."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable
from pathlib import Path

from mproc_flow.transport.pipe import wait_for


def exited_children() -> list[int]:
    """Give the pids of children that have ended, without reaping them.

    As long as such a child is not reaped its pid, and so its process group's number, cannot be taken by another
    process: the group can be killed without a doubt about whom it hits.
    """
    found = []
    for pid in children():
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                found.append(pid)
    return found


def reap(pid: int) -> int:
    """Reap a child that has ended and give its exit code, ``-signal`` if a signal ended it."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def kill_group(group: int) -> None:
    """SIGKILL a whole process group; that nobody is left in it is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def kill_groups(groups: Iterable[int], bound: float) -> None:
    """SIGKILL process groups that are not our children's, and wait up to so many seconds for each leader's end."""
    groups = list(groups)
    ends = [open_pidfd(pid) for pid in groups]
    for group in groups:
        kill_group(group)
    for end in ends:
        if end is not None:
            wait_for(end, select.POLLIN, bound)
            os.close(end)


def children() -> list[int]:
    """Give the pids of this process's children, adopted strays included, ended ones too."""
    path = Path(f'/proc/self/task/{os.getpid()}/children')
    try:
        return [int(word) for word in path.read_text().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        import psutil

        return [child.pid for child in psutil.Process().children()]


def open_pidfd(pid: int) -> int | None:
    """Give a descriptor that can be read once a process is gone; None where the kernel has no such thing.

    End-of-file on a pipe comes late if a child of that process holds a copy of its end; this does not.
    """
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def cause_of(code: int, asked: bool = False) -> str:
    """Say in words how a process ended.

    Args:
        code: Exit code, ``-signal`` if a signal ended it.
        asked: We sent that signal ourselves.
    """
    if code >= 0:
        return f'exited with code {code}'
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f'signal {-code}'
    hint = ' (possibly out of memory)' if -code == signal.SIGKILL and not asked else ''
    return f'killed by {name}{hint}'

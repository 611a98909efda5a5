"""The audit after every test: nothing may be left that was not there before.

It looks for processes (see :mod:`tests.support.proc`), threads (Python's and native ones), open descriptors of this
process, and files and directories named ``mproc_flow*`` wherever the runtime may make them: /dev/shm, the private base
of this test run, the temp directory. Entries of /dev/shm with other names cannot be told from those of other programs.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import proc
from tests.support.waiting import eventually

DEADLINE = 2.0


@dataclass(frozen=True)
class Snapshot:
    """What there is at one moment."""

    processes: dict[tuple[int, int], proc.Process] = field(default_factory=proc.ours)
    threads: frozenset[str] = field(default_factory=lambda: threads())
    descriptors: frozenset[str] = field(default_factory=lambda: descriptors())
    files: frozenset[str] = field(default_factory=lambda: files())


def threads() -> frozenset[str]:
    """Threads of this process: Python's by name, and those that only the kernel knows."""
    known = {thread.native_id: thread for thread in threading.enumerate()}
    return frozenset(
        f'thread {number} {known[int(number)] if int(number) in known else "(native) " + _thread_name(number)}'
        for number in os.listdir('/proc/self/task')
    )


def descriptors() -> frozenset[str]:
    """Open descriptors of this process with what they lead to."""
    found = set()
    for number in os.listdir('/proc/self/fd'):
        try:
            target = os.readlink(f'/proc/self/fd/{number}')
        except OSError:  # the one that lists the directory
            continue
        found.add(f'descriptor {number} -> {target}')
    return frozenset(found)


def files() -> frozenset[str]:
    """Run directories and all else that bears our name."""
    return frozenset(str(path) for base in bases() for path in Path(base).glob('mproc_flow*'))


def bases() -> set[str]:
    """Every directory in which a run directory may be made."""
    names = [os.environ.get('MPROC_FLOW_RUN_DIR'), os.environ.get('XDG_RUNTIME_DIR'), '/dev/shm', '/tmp']
    return {name for name in [*names, tempfile.gettempdir()] if name and os.path.isdir(name)}


def leaks(before: Snapshot) -> list[str]:
    """What is there now and was not before, a line for each."""
    now = Snapshot()
    found = [f'process {process}' for key, process in now.processes.items() if key not in before.processes]
    found += sorted(now.threads - before.threads)
    found += sorted(now.descriptors - before.descriptors)
    new = now.files - before.files
    # Other programs on this machine may run Flows of their own: what they hold is not our leak.
    found += [f'file {path}' for path in sorted(new - proc.held_by_others(new))]
    return found


def check(before: Snapshot, deadline: float = DEADLINE) -> None:
    """Fail if something is left, but give what is just ending until the deadline.

    Left processes are killed, so that the next test begins clean.
    """
    last: list[str] = []

    def clean() -> bool:
        last[:] = leaks(before)
        return not last

    try:
        eventually(clean, deadline, lambda: 'left behind:\n  ' + '\n  '.join(last))
    finally:
        after = proc.ours()
        proc.kill({key: process for key, process in after.items() if key not in before.processes})


def gone(condition: Callable[[], list[proc.Process]], deadline: float, what: str) -> None:
    """Wait until a list of processes is empty."""

    def message() -> str:
        return f'{what}: ' + '; '.join(str(process) for process in condition())

    eventually(lambda: not condition(), deadline, message)


def _thread_name(number: str) -> str:
    try:
        return Path(f'/proc/self/task/{number}/comm').read_text().strip()
    except OSError:
        return 'ended'

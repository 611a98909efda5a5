"""The processes that belong to this test run, read from /proc.

A process is ours if it descends from this one, or carries the marker of the run in its environment (it was
executed by us or below us), or has the marker's memory mapped (it was forked by us, whatever session and parent it
has now), or lives in a session that a program of ours leads.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = 'MPROC_FLOW_TEST'
MARKER = f'mproc-flow-test-{uuid.uuid4().hex[:12]}'
SESSIONS: set[int] = set()

_mapped: list[mmap.mmap] = []


@dataclass(frozen=True)
class Process:
    """A line of the process table."""

    pid: int
    started: int
    ppid: int
    group: int
    session: int
    state: str
    command: str

    @property
    def key(self) -> tuple[int, int]:
        """What no later process can have: the pid together with the time of its start."""
        return self.pid, self.started

    def __str__(self) -> str:
        return f'{self.pid} (parent {self.ppid}, {self.state}) {self.command}'


def mark_this_process() -> None:
    """Put the marker where every child will carry it: in the environment and in the memory."""
    os.environ[VARIABLE] = MARKER
    fd = os.memfd_create(MARKER)
    os.ftruncate(fd, mmap.PAGESIZE)
    _mapped.append(mmap.mmap(fd, mmap.PAGESIZE))
    os.close(fd)


def table() -> dict[int, Process]:
    """All processes of the machine, zombies included."""
    found = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            process = read(int(name))
            if process is not None:
                found[process.pid] = process
    return found


def read(pid: int) -> Process | None:
    """One process, or None if there is none with this pid."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text(errors='replace')
        command = Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
    except OSError:
        return None
    name, _, rest = stat.partition('(')[2].rpartition(')')
    words = rest.split()
    label = f'[{name}] {" ".join(command.split())[:300]}'
    return Process(pid, int(words[19]), int(words[1]), int(words[2]), int(words[3]), words[0], label)


def alive(pid: int) -> bool:
    """True if the process exists and is no zombie."""
    process = read(pid)
    return process is not None and process.state not in 'ZX'


def ours() -> dict[tuple[int, int], Process]:
    """Every process of this test run but this one."""
    everything = table()
    begun = everything[os.getpid()].started
    return {
        process.key: process
        for process in everything.values()
        if _counts(process, begun) and _is_ours(process, everything)
    }


def below(pid: int, variable: str, value: str) -> list[Process]:
    """Every process that descends from ``pid``, or is in its session, or has ``variable=value``."""
    everything = table()
    begun = everything[os.getpid()].started
    marker = f'{variable}={value}'.encode()
    return [
        process
        for process in everything.values()
        if _counts(process, begun)
        and process.pid != pid
        and (process.session == pid or _descends(process, pid, everything) or marker in _environment(process.pid))
    ]


def kill(processes: Mapping[tuple[int, int], Process]) -> None:
    """SIGKILL processes, if they are still the same."""
    for process in processes.values():
        now = read(process.pid)
        if now is not None and now.key == process.key:
            with contextlib.suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)


def send(pid: int, number: int) -> None:
    """Send a signal to one process; unlike ``os.kill`` never to a group, as a pid of 0 or -1 would."""
    assert pid > 1, f'{pid} is no process of a Flow'
    os.kill(pid, number)


def catches(pid: int, number: int) -> bool:
    """True if the process has a handler of its own for the signal."""
    status = Path(f'/proc/{pid}/status').read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith('SigCgt'))
    return bool(int(mask, 16) >> (number - 1) & 1)


def cpu_seconds(pid: int) -> float:
    """Time all threads of a process have spent on a CPU, to the nanosecond."""
    tasks = Path(f'/proc/{pid}/task').iterdir()
    return sum(int((task / 'schedstat').read_text().split()[0]) for task in tasks) / 1e9


def held_by_others(paths: Collection[str]) -> set[str]:
    """Those of the paths at or below which a process that is not ours has a file open or mapped."""
    if not paths:
        return set()
    mine = {pid for pid, _ in ours()} | {os.getpid()}
    others = [pid for pid in table() if pid not in mine]
    targets = [target for pid in others for target in _files(pid)]
    return {path for path in paths if any(target.startswith(path) for target in targets)}


def _counts(process: Process, begun: int) -> bool:
    """False for ourselves, for what is older than we are, and for zombies that only init can reap."""
    adopted = process.ppid == 1 and process.state == 'Z'
    return process.started >= begun and process.pid != os.getpid() and not adopted


def _is_ours(process: Process, everything: Mapping[int, Process]) -> bool:
    return (
        process.session in SESSIONS
        or _descends(process, os.getpid(), everything)
        or f'{VARIABLE}={MARKER}'.encode() in _environment(process.pid)
        or MARKER in _maps(process.pid)
    )


def _descends(process: Process, ancestor: int, everything: Mapping[int, Process]) -> bool:
    seen = set()
    while process.ppid not in seen:
        if process.ppid == ancestor:
            return True
        seen.add(process.ppid)
        if process.ppid not in everything:
            return False
        process = everything[process.ppid]
    return False


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f'/proc/{pid}/environ').read_bytes().split(b'\0')
    except OSError:
        return []


def _maps(pid: int) -> str:
    try:
        return Path(f'/proc/{pid}/maps').read_text(errors='replace')
    except OSError:
        return ''


def _files(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for name in os.listdir(f'/proc/{pid}/fd'):
            with contextlib.suppress(OSError):
                yield os.readlink(f'/proc/{pid}/fd/{name}')
    for line in _maps(pid).splitlines():
        yield line[73:]

"""The run directory: one private directory for each start of a Flow, holding its sockets and its shared memory.

The Guardian makes it, holds a lock on it as long as it lives, and removes it at its end. A directory whose lock
is free was left by a Guardian that was killed; the next start of any Flow of this user removes it, together with
the processes that still belong to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mproc_flow.errors import RuntimeFailToStart
from mproc_flow.transport import blocks, mark

BASE_VARIABLE = 'MPROC_FLOW_RUN_DIR'
RUN_VARIABLE = 'MPROC_FLOW_RUN'

# sun_path holds 108 bytes with its final NUL; the longest name below the directory is a dozen characters.
_LONGEST_PATH = 107 - 16
# Between mkdir and flock a new directory looks like a stale one.
_YOUNG = 10.0
_MARK = 'mark'


def prefix() -> str:
    """Start of the names of this user's run directories."""
    return f'mproc_flow-{os.getuid()}-'


class RunDirectory:
    """A private directory (mode 0700) that nobody else could have made or can enter.

    Raises:
        RuntimeFailToStart: No base directory is usable; the message says which were tried.
    """

    def __init__(self) -> None:
        self.path = _make(_base())
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.mkdir(os.path.join(self.path, blocks.DIRECTORY), 0o700)
        # Forks of the Guardian keep the environment of the user's program in /proc; this tells whose they are.
        self._mark = mark.hold(os.path.join(self.path, _MARK))

    def fileno(self) -> int:
        """The descriptor that holds the lock; a forked pod closes its copy, or the lock would outlive us."""
        return self._lock

    def remove(self) -> None:
        """Remove the directory with all it holds, and free the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def run_id(path: str) -> str:
    """The name by which the processes of a run know it (the value of ``MPROC_FLOW_RUN``)."""
    return Path(path).name


def clean_up(path: str) -> None:
    """Remove the run directory of a Guardian that is dead, and kill what is left of its run."""
    kill_members(path)
    shutil.rmtree(path, ignore_errors=True)


def sweep() -> None:
    """Remove what killed Guardians of this user left behind."""
    base = _base()
    for name in os.listdir(base):
        if name.startswith(prefix()):
            with contextlib.suppress(OSError):
                _sweep_one(os.path.join(base, name))


def kill_members(path: str) -> None:
    """SIGKILL every process that belongs to the run of this directory, by its environment or by the Guardian's mark."""
    marker = f'{RUN_VARIABLE}={run_id(path)}'.encode()
    for pid in _pids():
        with contextlib.suppress(OSError):
            environment = Path(f'/proc/{pid}/environ').read_bytes().split(b'\0')
            if marker in environment or mark.is_held(pid, path):
                os.kill(pid, signal.SIGKILL)


def _sweep_one(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(fd)
        if found.st_uid != os.getuid() or time.time() - found.st_ctime < _YOUNG:
            return
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clean_up(path)
    finally:
        os.close(fd)


def _pids() -> Iterator[int]:
    proc = Path('/proc')
    if not proc.is_dir():
        return
    for name in os.listdir(proc):
        if name.isdigit() and int(name) != os.getpid():
            yield int(name)


def _make(base: str) -> str:
    path = tempfile.mkdtemp(prefix=f'{prefix()}{os.getppid()}-', dir=base)
    os.chmod(path, 0o700)  # mkdtemp obeys the umask; 0700 is the promise
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise RuntimeFailToStart(f'{path} is not the private directory that was just made there')
    return path


def _base() -> str:
    """Choose where run directories live: memory first, and never a path too long for a socket's name."""
    given = os.environ.get(BASE_VARIABLE)
    candidates = [given] if given else ['/dev/shm', os.environ.get('XDG_RUNTIME_DIR'), tempfile.gettempdir(), '/tmp']
    for base in candidates:
        if base and _usable(base):
            return base
    tried = ', '.join(str(base) for base in candidates if base)
    raise RuntimeFailToStart(
        f'no directory for sockets: {tried} cannot be written to, or its path is longer than '
        f'{_LONGEST_PATH - 40} bytes. Set {BASE_VARIABLE} to a short path of a directory you own'
    )


def _usable(base: str) -> bool:
    name = f'{prefix()}{os.getppid()}-12345678'
    fits = len(os.path.join(base, name).encode()) <= _LONGEST_PATH
    return fits and os.path.isdir(base) and os.access(base, os.W_OK | os.X_OK)

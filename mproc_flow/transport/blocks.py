"""Blocks of shared memory: files in a private directory, which of them there may be, and how they go away.

A block belongs to the process that made it. Its name begins with the owner's, and the owner holds a lock on the file
of that name as long as it lives; so whoever wants to clean up can see whose blocks nobody needs any more. Who reads a
block holds a shared lock on it, and its owner uses it again only when it gets an exclusive one. The kernel ends the
locks of the dead.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Container

DIRECTORY = 'blocks'

# Where a file is memory, and a page that it has stays there.
_IN_MEMORY = ('tmpfs', 'ramfs')
_IPC = 'ipc://'
OWNER_LENGTH = 16
_NAME = re.compile(r'[0-9a-f]{16}-[0-9a-f]{1,12}')
_OCTAL = re.compile(r'\\([0-7]{3})')
_LOOK = os.O_NOFOLLOW | os.O_CLOEXEC


def directory_of(address: str) -> str:
    """Give the directory of blocks beside one of the gateway's sockets; empty if that is not on this host."""
    return os.path.join(os.path.dirname(address.removeprefix(_IPC)), DIRECTORY) if address.startswith(_IPC) else ''


def obstacle(directory: str) -> str:
    """Say why there can be no blocks in a directory; empty if there can."""
    if not hasattr(os, 'posix_fallocate'):
        return 'this system cannot reserve memory for a file (posix_fallocate)'
    kind = _file_system(os.path.realpath(directory))
    return '' if kind in _IN_MEMORY else f'{directory} is on a file system of type {kind or "unknown"}, not in memory'


class Owner:
    """This process's place in a directory of blocks.

    Args:
        directory: The directory.

    Raises:
        OSError: It cannot be written to.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._count = 0
        while True:
            self.name = os.urandom(8).hex()
            self._fd = os.open(os.path.join(directory, self.name), os.O_RDWR | os.O_CREAT | os.O_EXCL | _LOOK, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            if os.fstat(self._fd).st_nlink:  # else it was taken for a dead one's before it had the lock
                return
            os.close(self._fd)

    def create(self, size: int) -> tuple[str, int]:
        """Make a block, and give its name and a descriptor.

        Raises:
            OSError: There is no room for it.
        """
        self._count += 1
        name = f'{self.name}-{self._count:x}'
        path = os.path.join(self._directory, name)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _LOOK, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)  # what a mapping finds missing later would be a SIGBUS
        except BaseException:
            os.close(fd)
            os.unlink(path)
            raise
        return name, fd

    def close(self) -> None:
        """Give up the place; the blocks have been discarded."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._directory, self.name))
        os.close(self._fd)


def is_name(name: str) -> bool:
    """Say whether this can be a block's name."""
    return _NAME.fullmatch(name) is not None


def open_shared(directory: str, name: str) -> int:
    """Open a block for reading: as long as this descriptor or a copy of it is open, its owner does not use it again.

    Raises:
        OSError: It is gone.
        ValueError: That is no block's name.
    """
    if not is_name(name):
        raise ValueError(f'{name!r} is no name of a block')
    fd = os.open(os.path.join(directory, name), os.O_RDONLY | _LOOK)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        raise
    return fd


def is_unused(directory: str, name: str) -> bool:
    """Say whether a block is there and nobody reads it."""
    return _alone(directory, name, wipe=False)


def discard(directory: str, name: str) -> None:
    """Remove a block; its memory is free at once, or when the last one who reads it lets go of it."""
    _alone(directory, name, wipe=True)
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(directory, name))


def dead_owners(directory: str) -> set[str]:
    """Give the owners of blocks that are gone."""
    try:
        names = os.listdir(directory)
    except OSError:
        return set()
    # A living owner's own file was there before its blocks were, even if it is not among these names.
    return {owner for owner in {name[:OWNER_LENGTH] for name in names} if _is_dead(directory, owner)}


def remove(directory: str, owners: Container[str], kept: Container[str]) -> None:
    """Remove the blocks of these owners, except for some, and the places of those who have none any more."""
    names = [name for name in os.listdir(directory) if name[:OWNER_LENGTH] in owners]
    spared = {name[:OWNER_LENGTH] for name in names if name in kept}
    for name in names:
        if is_name(name) and name not in kept:
            discard(directory, name)
        elif name not in kept and name not in spared:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))


def _alone(directory: str, name: str, wipe: bool) -> bool:
    try:
        fd = os.open(os.path.join(directory, name), os.O_RDWR | _LOOK)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if wipe:  # also for those who keep it mapped without reading it
            os.ftruncate(fd, 0)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def _is_dead(directory: str, owner: str) -> bool:
    """Say whether the process that has or had this place is gone."""
    try:
        fd = os.open(os.path.join(directory, owner), os.O_RDONLY | _LOOK)
    except OSError as error:
        return error.errno == errno.ENOENT
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def _file_system(path: str) -> str:
    """Give the type of the file system that a path is on: that of the longest mount point above it."""
    best, kind = '', ''
    try:
        with open('/proc/self/mounts', encoding='utf-8', errors='surrogateescape') as lines:
            mounts = [line.split(' ') for line in lines]
    except OSError:
        return ''
    for _, point, found, *_ in mounts:
        above = _OCTAL.sub(lambda code: chr(int(code[1], 8)), point).rstrip('/') + '/'
        if (path + '/').startswith(above) and len(above) >= len(best):  # of several at one point the last one counts
            best, kind = above, found
    return kind

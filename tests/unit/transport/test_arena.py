"""The pool of one process's own blocks."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mproc_flow.transport import arena as arena_module, blocks
from mproc_flow.transport.arena import MOST_BLOCKS, Arena, Block
from tests.unit.transport import memory
from tests.unit.transport.memory import KB


@pytest.fixture
def arena(directory: str) -> Iterator[Arena]:
    made = Arena(directory)
    yield made
    made.close()


def allocated(arena: Arena, size: int, holder: bytes = b'me') -> Block:
    block = arena.allocate(size, holder)
    assert block is not None
    return block


def test_a_block_is_a_private_file_that_has_all_its_memory(arena: Arena, directory: str) -> None:
    block = allocated(arena, 100 * KB)
    block.memory[:] = 7
    found = os.stat(os.path.join(directory, block.name))
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_size == len(block.memory) >= 100 * KB
    assert found.st_blocks * 512 >= found.st_size
    assert blocks.is_name(block.name)


def test_a_block_is_used_again_when_it_is_free(arena: Arena) -> None:
    first = allocated(arena, 100 * KB)
    assert allocated(arena, 100 * KB) is not first
    arena.free([first.name])
    assert allocated(arena, 90 * KB) is first


def test_a_block_that_somebody_reads_is_not_used_again(arena: Arena, directory: str) -> None:
    block = allocated(arena, 100 * KB)
    reader = blocks.open_shared(directory, block.name)
    arena.free([block.name])
    assert allocated(arena, 100 * KB) is not block
    os.close(reader)
    assert allocated(arena, 100 * KB) is block


def test_the_smallest_that_fits_is_taken_and_none_that_is_much_too_large(arena: Arena) -> None:
    large, small, huge = (allocated(arena, size * KB) for size in (150, 100, 900))
    arena.free([large.name, small.name, huge.name])
    assert allocated(arena, 100 * KB) is small
    assert allocated(arena, 100 * KB) is large
    assert allocated(arena, 100 * KB) is not huge


def test_there_are_only_so_many_blocks_and_none_beyond(arena: Arena, directory: str) -> None:
    for _ in range(MOST_BLOCKS):
        allocated(arena, KB)
    assert arena.allocate(KB, b'me') is None
    assert len(memory.files(directory)) == MOST_BLOCKS


def test_one_that_waits_makes_room_for_one_of_another_size(arena: Arena, directory: str) -> None:
    kept = [allocated(arena, KB) for _ in range(MOST_BLOCKS)]
    arena.free([kept[3].name])
    allocated(arena, 900 * KB)
    assert kept[3].name not in memory.files(directory)


def test_a_block_that_waited_long_is_removed(arena: Arena, directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, used = allocated(arena, 100 * KB), allocated(arena, 900 * KB)
    arena.free([old.name])
    monkeypatch.setattr(arena_module, 'KEEP', 0.0)
    allocated(arena, 400 * KB)
    assert old.name not in memory.files(directory)
    assert used.name in memory.files(directory)


def test_memory_of_a_removed_block_is_free_though_somebody_keeps_it_mapped(arena: Arena, directory: str) -> None:
    block = allocated(arena, 100 * KB)
    with open(os.path.join(directory, block.name), 'rb') as idle:
        arena.abandon(b'me')
        assert os.fstat(idle.fileno()).st_size == 0


def test_a_removed_block_stays_readable_for_who_reads_it(arena: Arena, directory: str) -> None:
    block = allocated(arena, 100 * KB)
    block.memory[:5] = 7
    reader = blocks.open_shared(directory, block.name)
    arena.abandon(b'me')
    assert memory.files(directory) == []
    assert os.pread(reader, 5, 0) == bytes([7] * 5)
    os.close(reader)


def test_only_the_blocks_of_who_is_gone_are_abandoned(arena: Arena, directory: str) -> None:
    allocated(arena, KB, b'gone')
    mine = allocated(arena, KB, b'me')
    arena.abandon(b'gone')
    assert memory.files(directory) == [mine.name]


def test_forgotten_blocks_are_left_to_the_gateway(directory: str) -> None:
    arena = Arena(directory)
    left = allocated(arena, KB, b'gone')
    arena.forget(b'gone')
    arena.free([left.name])
    arena.close()
    assert memory.files(directory) == [left.name]
    blocks.remove(directory, blocks.dead_owners(directory), {left.name})
    assert memory.files(directory) == [left.name]
    blocks.remove(directory, blocks.dead_owners(directory), ())
    assert os.listdir(directory) == []


def test_news_about_unknown_blocks_changes_nothing(arena: Arena) -> None:
    arena.free(['0123456789abcdef-1'])


def test_closing_removes_all_that_is_not_on_the_way(directory: str) -> None:
    arena = Arena(directory)
    left = allocated(arena, KB)
    arena.free([allocated(arena, KB).name])
    arena.close()
    assert os.listdir(directory) == [left.name]


def test_a_directory_without_room_is_an_error_and_leaves_nothing(
    arena: Arena, directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, start: int, size: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'posix_fallocate', full)
    with pytest.raises(OSError, match='No space left'):
        arena.allocate(KB, b'me')
    assert memory.files(directory) == []


def test_half_of_what_is_free_is_left_to_others(arena: Arena, directory: str) -> None:
    free = os.statvfs(directory)
    with pytest.raises(OSError, match='half of what is free'):
        arena.allocate(free.f_bavail * free.f_frsize * 6 // 10, b'me')


def test_blocks_of_a_dead_owner_are_swept_and_those_of_a_living_one_are_not(arena: Arena, directory: str) -> None:
    mine = allocated(arena, KB)
    pid = os.fork()
    if not pid:
        Arena(directory).allocate(KB, b'child')
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(memory.files(directory)) == 2
    blocks.remove(directory, blocks.dead_owners(directory), ())
    assert memory.files(directory) == [mine.name]
    assert memory.owners(directory) == [arena.owner]


def test_only_names_of_blocks_are_opened(directory: str) -> None:
    Path(directory, 'secret').write_text('x')
    for name in ('secret', '../secret', '', '0123456789abcdef-1/../secret'):
        with pytest.raises(ValueError, match='no name of a block'):
            blocks.open_shared(directory, name)


def test_a_link_in_the_place_of_a_block_is_not_followed(directory: str) -> None:
    name = '0123456789abcdef-1'
    os.symlink('/etc/passwd', os.path.join(directory, name))
    with pytest.raises(OSError, match='symbolic'):
        blocks.open_shared(directory, name)


def test_a_block_of_which_its_owner_makes_sure_is_not_opened(arena: Arena, directory: str) -> None:
    block = allocated(arena, KB)
    with open(os.path.join(directory, block.name), 'rb') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            blocks.open_shared(directory, block.name)


def test_where_files_are_not_in_memory_there_are_no_blocks() -> None:
    assert blocks.obstacle('/dev/shm') == ''
    assert 'file system of type proc' in blocks.obstacle('/proc/self')


def test_without_a_way_to_reserve_memory_there_are_no_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, 'posix_fallocate')
    assert 'posix_fallocate' in blocks.obstacle('/dev/shm')


def test_blocks_are_beside_the_sockets_of_this_host_only() -> None:
    assert blocks.directory_of('ipc:///dev/shm/run/clients') == '/dev/shm/run/blocks'
    assert blocks.directory_of('tcp://127.0.0.1:5') == ''

"""Holding what others sent in blocks of shared memory."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
from typing import Any

import numpy as np
import pytest

from mproc_flow.transport.frames import Ref
from mproc_flow.transport.leases import MOST_LEASES, address_of, private
from mproc_flow.transport.sharing import Sharing
from tests.unit.transport.memory import BODY, KB, names, opened, sent, values


def descriptors() -> int:
    return len(os.listdir('/proc/self/fd'))


def test_what_arrives_cannot_be_written_to(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    opened(receiver, part)
    array = np.frombuffer(part[1], np.float64)
    with pytest.raises(ValueError, match='read-only'):
        array[0] = 1
    with pytest.raises(ValueError, match='WRITEABLE'):
        array.flags.writeable = True


def test_a_write_past_numpy_ends_the_process(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    opened(receiver, part)
    pid = os.fork()
    if not pid:
        faulthandler.disable()
        ctypes.memset(address_of(part[1]), 0, 1)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGSEGV
    assert bytes(part[1]) == bytes(values(100 * KB))


def test_what_is_held_never_changes(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    opened(receiver, part)
    held = np.frombuffer(part[1], np.uint8)
    for seed in range(1, 200):
        other = sent(sender, values(100 * KB, seed))
        sender.free(names(other))
    assert bytes(held) == bytes(values(100 * KB))


def test_a_block_is_used_again_as_soon_as_the_last_array_is_gone(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    (name,) = names(part)
    leases = opened(receiver, part)
    array = np.frombuffer(part[1], np.float64)[5:]
    sender.free([name])
    assert names(sent(sender, values(100 * KB))) != [name]
    part.clear()
    leases.clear()
    assert names(sent(sender, values(100 * KB))) != [name]
    del array
    assert names(sent(sender, values(100 * KB))) == [name]


def test_who_keeps_many_gets_copies(sender: Sharing, receiver: Sharing) -> None:
    before = descriptors()
    kept: list[Any] = []
    for seed in range(3 * MOST_LEASES):
        part = sent(sender, values(70 * KB, seed))
        used = names(part)
        opened(receiver, part)
        kept.append(np.frombuffer(part[1], np.uint8))
        sender.free(used)
    assert descriptors() - before < 6 * MOST_LEASES
    assert all(bytes(array) == bytes(values(70 * KB, seed)) for seed, array in enumerate(kept))
    assert not kept[-1].flags.writeable
    kept.clear()
    del part
    part = sent(sender, values(70 * KB))
    assert opened(receiver, part)


def test_no_cycle_of_objects_keeps_a_lease(sender: Sharing, receiver: Sharing) -> None:
    gc.disable()
    try:
        before = descriptors()
        for _ in range(10):
            part = sent(sender, values(100 * KB))
            used = names(part)
            opened(receiver, part)
            del part
            sender.free(used)
        assert descriptors() - before <= 2  # the mappings of one block
    finally:
        gc.enable()


def test_private_frames_can_be_written_and_nobody_else_sees_it(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB), values(100 * KB, 1))
    opened(receiver, part)
    mine, mine_too = private(part), private(part)
    array = np.frombuffer(mine[2], np.float64)
    array[:] = 1.0
    assert bytes(mine[1]) == bytes(values(100 * KB))
    assert bytes(part[2]) == bytes(mine_too[2]) == bytes(values(100 * KB, 1))
    assert array.tolist() == [1.0] * array.size


def test_a_block_with_private_copies_is_not_used_again(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    (name,) = names(part)
    opened(receiver, part)
    mine = private(part)
    part.clear()
    sender.free([name])
    assert names(sent(sender, values(100 * KB, 1))) != [name]
    assert bytes(mine[1]) == bytes(values(100 * KB))
    mine.clear()
    assert names(sent(sender, values(100 * KB))) == [name]


def test_who_keeps_many_private_frames_needs_few_descriptors(sender: Sharing, receiver: Sharing) -> None:
    before = descriptors()
    kept = []
    for _ in range(3 * MOST_LEASES):
        part = sent(sender, values(70 * KB))
        used = names(part)
        opened(receiver, part)
        kept.append(private(part))
        sender.free(used)
    assert descriptors() - before < 6 * MOST_LEASES


@pytest.mark.parametrize(
    'ref',
    [
        lambda name: Ref(name, 0, 1 << 40),
        lambda name: Ref(name, -64, 100),
        lambda name: Ref(name, 1 << 20, 100),
        lambda name: Ref(name, 0, -1),
        lambda name: Ref('../' + name, 0, 100),
        lambda name: Ref(name[:-1] + '9', 0, 100),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error(sender: Sharing, receiver: Sharing, ref: Any) -> None:
    (name,) = names(sent(sender, values(100 * KB)))
    with pytest.raises((OSError, ValueError)):
        opened(receiver, [BODY, ref(name)])


def test_a_block_that_shrank_is_an_error(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    again = list(part)
    opened(receiver, part)
    part.clear()
    sender.abandon(b'me')
    with pytest.raises((OSError, ValueError)):
        opened(receiver, again)


def test_mappings_of_removed_blocks_are_let_go(sender: Sharing, receiver: Sharing) -> None:
    for _ in range(5):
        part = sent(sender, values(100 * KB))
        opened(receiver, part)
        del part
        sender.abandon(b'me')
    with open('/proc/self/maps', encoding='utf-8') as lines:
        assert sum('(deleted)' in line and '/mfb-' in line for line in lines) <= 1


def test_a_fork_of_the_program_keeps_what_it_holds(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100 * KB))
    used = names(part)
    opened(receiver, part)
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.read(reader, 1)
        os._exit(int(bytes(part[1]) != bytes(values(100 * KB))))
    part.clear()
    for seed in range(1, 5):
        sender.free(used)
        used = names(sent(sender, values(100 * KB, seed)))
    os.write(writer, b'.')
    assert os.waitpid(pid, 0)[1] == 0
    os.close(reader)
    os.close(writer)

"""Frames into blocks of shared memory, and out of them."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
import pytest

from mproc_flow.transport.frames import Ref
from mproc_flow.transport.sharing import Sharing, has_refs, reads_blocks
from tests.unit.transport import memory
from tests.unit.transport.memory import BODY, KB, names, opened, sent, values


def test_large_frames_arrive_as_they_were(sender: Sharing, receiver: Sharing) -> None:
    frames = [values(100_001), values(16 * KB + 1, 1), bytes(values(99_999, 2))]
    part = sent(sender, *frames)
    assert has_refs(part)
    assert len(set(names(part))) == 1
    opened(receiver, part)
    assert [bytes(frame) for frame in part[1:]] == [bytes(frame) for frame in frames]


def test_frames_begin_at_aligned_addresses(sender: Sharing, receiver: Sharing) -> None:
    part = sent(sender, values(100_001), values(100_003))
    opened(receiver, part)
    assert all(np.frombuffer(frame, np.uint8).__array_interface__['data'][0] % 64 == 0 for frame in part[1:])


def test_a_message_with_less_than_the_threshold_stays_as_it_is(sender: Sharing, directory: str) -> None:
    frames = [values(20 * KB), values(20 * KB)]
    assert sent(sender, *frames)[1:] == frames
    assert memory.files(directory) == []


def test_frames_that_together_reach_the_threshold_share_a_block(sender: Sharing, directory: str) -> None:
    sent(sender, *[values(20 * KB)] * 4)
    assert len(memory.files(directory)) == 1


def test_a_threshold_of_nothing_is_never(directory: str) -> None:
    sharing = Sharing(directory, 0)
    assert not has_refs(sent(sharing, values(1 << 20)))
    assert sharing.identity() == b''
    assert os.listdir(directory) == []


def test_a_frame_in_a_block_of_the_same_work_is_passed_on_without_a_copy(
    sender: Sharing, receiver: Sharing, directory: str
) -> None:
    part = sent(sender, values(100 * KB), values(200 * KB, 1))
    came = part[1:]
    leases = opened(receiver, part)
    second = np.frombuffer(part[2], np.float64)
    half = memoryview(second[: second.size // 2]).cast('B')
    answer = receiver.put([BODY, second.reshape(-1).view(np.uint8).data, half], b'pod', leases)
    assert answer[1] == came[1]
    assert answer[2] == Ref(came[1].block, came[1].offset, came[1].length // 2)
    assert len(memory.files(directory)) == 1


def test_a_frame_of_earlier_work_is_copied(sender: Sharing, receiver: Sharing, directory: str) -> None:
    part = sent(sender, values(100 * KB))
    opened(receiver, part)
    answer = list(receiver.put([BODY, part[1]], b'pod', []))
    assert len(memory.files(directory)) == 2
    opened(sender, answer)
    assert bytes(answer[1]) == bytes(values(100 * KB))


def test_a_full_directory_means_plain_frames_and_one_warning(
    sender: Sharing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(fd: int, start: int, size: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'posix_fallocate', full)
    with caplog.at_level(logging.WARNING, 'mproc_flow'):
        for _ in range(3):
            assert not has_refs(sent(sender, values(100 * KB)))
    (record,) = caplog.records
    assert 'No space left' in record.getMessage()


def test_a_directory_that_is_not_in_memory_is_told_of_when_it_matters(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr('mproc_flow.transport.blocks.obstacle', lambda directory: 'it is on a disk')
    sharing = Sharing(str(tmp_path), 64 * KB)
    with caplog.at_level(logging.WARNING, 'mproc_flow'):
        sent(sharing, values(20 * KB))
        assert not caplog.records
        assert not has_refs(sent(sharing, values(100 * KB)))
    assert 'it is on a disk' in caplog.text


def test_who_is_not_on_this_host_gets_plain_frames_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    sharing = Sharing('', 64 * KB)
    assert not has_refs(sent(sharing, values(100 * KB)))
    assert not caplog.records


def test_a_signal_in_the_midst_of_copying_frees_the_block(
    sender: Sharing, directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arrays: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, 'copyto', interrupted)
        sent(sender, values(100 * KB))
    sent(sender, values(100 * KB))
    assert len(memory.files(directory)) == 1


def test_an_identity_tells_who_reads_blocks(sender: Sharing) -> None:
    one, other = sender.identity(), sender.identity()
    assert one != other
    assert reads_blocks(one)
    assert not reads_blocks(b'\0\1\2\3\4')

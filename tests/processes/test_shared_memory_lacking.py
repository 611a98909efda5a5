"""Where there is no shared memory, or not enough, arrays travel without it, and one line says so."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from mproc_flow import Flow
from mproc_flow.transport import blocks as blocks_module
from tests.support.arrays import KB, MB, Renew, blocks, is_right, numbered


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A base for run directories with 8 MB of memory."""
    base = tempfile.mkdtemp(prefix='mfs-', dir='/dev/shm')
    made = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', base], capture_output=True, text=True, check=False
    )
    if made.returncode:
        os.rmdir(base)
        pytest.skip(f'a file system of memory cannot be mounted: {made.stderr.strip()}')
    monkeypatch.setenv('MPROC_FLOW_RUN_DIR', base)
    yield base
    subprocess.run(['umount', '--lazy', base], check=True)
    os.rmdir(base)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said about it, by this process and by pods."""
    return [record.getMessage() for record in caplog.records if 'shared memory' in record.getMessage()]


def test_memory_that_is_too_small_means_plain_frames(
    small: str, start_method: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), Flow(start_method=start_method).add(uses=Renew) as f:
        for seed in range(3):
            assert is_right(f.post('/', numbered(seed, 20 * MB))[0])
        said = warnings(caplog)
        assert len(said) == len(set(said)) == 2
        assert all('left to others' in text for text in said)


def test_memory_that_fills_up_means_plain_frames(small: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Flow().add(uses=Renew) as f:
        held = [f.post('/', numbered(seed, 700 * KB))[0] for seed in range(30)]
        assert all(map(is_right, held))
        assert blocks()
        free = os.statvfs(small)
        assert free.f_bavail * free.f_frsize > MB
        assert 1 <= len(warnings(caplog)) <= 2


def test_memory_that_others_fill_is_no_bus_error(small: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Flow().add(uses=Renew) as f:
        assert is_right(f.post('/', numbered(1, 700 * KB))[0])
        with open(os.path.join(small, 'filler'), 'wb') as filler:
            free = os.statvfs(small)
            filler.write(bytes(free.f_bavail * free.f_frsize))
            filler.flush()
            held = [f.post('/', numbered(seed, 700 * KB))[0] for seed in range(10)]
        assert all(map(is_right, held))
        os.unlink(os.path.join(small, 'filler'))


def test_a_run_directory_on_a_disk_means_plain_frames(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with tempfile.TemporaryDirectory(prefix='mfd-', dir='/var/tmp') as base:
        if not blocks_module.obstacle(base):
            pytest.skip(f'{base} is in memory, too')
        monkeypatch.setenv('MPROC_FLOW_RUN_DIR', base)
        with caplog.at_level(logging.WARNING), Flow().add(uses=Renew) as f:
            assert is_right(f.post('/', numbered(1, 20 * KB))[0])
            assert not warnings(caplog)
            for seed in range(3):
                assert is_right(f.post('/', numbered(seed, MB))[0])
            assert blocks() == []
            said = warnings(caplog)
            assert len(said) == 2
            assert all('not in memory' in text for text in said)

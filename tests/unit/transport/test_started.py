"""The page that tells what a dead pod had begun."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mproc_flow.transport import started
from mproc_flow.transport.started import Started

POD = 'encoder/shard-1/rep-0'


def test_what_was_marked_is_read(tmp_path: Path) -> None:
    page = Started(str(tmp_path), POD, 2)
    page.mark(0, 0)
    page.mark(5, 77)
    page.mark(1023, 2**60)
    page.close()
    assert started.read(str(tmp_path), POD, 2) == {0, 77, 2**60}


def test_a_slot_holds_the_last_key(tmp_path: Path) -> None:
    page = Started(str(tmp_path), POD, 0)
    page.mark(3, 1)
    page.mark(3, 2)
    page.close()
    assert started.read(str(tmp_path), POD, 0) == {2}


def test_what_was_cleared_has_not_begun(tmp_path: Path) -> None:
    page = Started(str(tmp_path), POD, 0)
    for slot in range(4):
        page.mark(slot, slot)
    page.clear(2)
    page.close()
    assert started.read(str(tmp_path), POD, 0) == {0, 1, 3}


def test_reading_removes_the_file(tmp_path: Path) -> None:
    Started(str(tmp_path), POD, 0).close()
    assert started.read(str(tmp_path), POD, 0) == frozenset()
    assert not list(tmp_path.iterdir())


def test_a_pod_that_never_made_it_began_nothing(tmp_path: Path) -> None:
    assert started.read(str(tmp_path), POD, 0) == frozenset()


def test_a_pod_that_died_while_it_made_it_began_nothing(tmp_path: Path) -> None:
    Started(str(tmp_path), POD, 0).close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(b'\1' * 16)
    assert started.read(str(tmp_path), POD, 0) == frozenset()
    assert not path.exists()


def test_generations_and_pods_do_not_see_each_other(tmp_path: Path) -> None:
    pages = [Started(str(tmp_path), name, generation) for name in ('a/rep-0', 'a/rep-1') for generation in (0, 1)]
    for key, page in enumerate(pages):
        page.mark(0, key)
        page.close()
    assert started.read(str(tmp_path), 'a/rep-1', 0) == {2}


def test_nobody_else_may_read_it_and_it_is_named_as_the_gateway_expects(tmp_path: Path) -> None:
    Started(str(tmp_path), POD, 4).close()
    (path,) = tmp_path.iterdir()
    assert path.name == 'started-encoder_shard-1_rep-0-4'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 8192


def test_a_file_that_is_there_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / 'started-a-0').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(FileExistsError):
        Started(str(tmp_path), 'a', 0)
    assert not (tmp_path / 'elsewhere').exists()


def test_a_slot_beyond_the_page_is_an_error(tmp_path: Path) -> None:
    page = Started(str(tmp_path), POD, 0)
    with pytest.raises(IndexError):
        page.mark(1024, 1)
    page.close()

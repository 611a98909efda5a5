"""The run directory: where it is, that nobody else can enter it, and what is swept away."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mproc_flow.errors import RuntimeFailToStart
from mproc_flow.supervisor import rundir
from mproc_flow.supervisor.rundir import BASE_VARIABLE, RunDirectory, clean_up, kill_members, prefix, run_id, sweep
from mproc_flow.transport import channel

LONG = 60


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for run directories, with a short path."""
    path = tempfile.mkdtemp(prefix='mfr-', dir='/tmp')
    monkeypatch.setenv(BASE_VARIABLE, path)
    yield Path(path)
    shutil.rmtree(path)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything look eleven seconds old."""
    monkeypatch.setattr(rundir, 'time', SimpleNamespace(time=lambda: now() + 11.0))


def now() -> float:
    """The time that a file made now gets."""
    with tempfile.TemporaryFile() as file:
        return os.fstat(file.fileno()).st_ctime


def left_behind(base: Path, name: str = 'stale') -> Path:
    """A run directory whose Guardian was killed."""
    path = base / f'{prefix()}{name}'
    path.mkdir(mode=0o700)
    (path / channel.PODS).touch()
    return path


@pytest.mark.parametrize('umask', [0o000, 0o022, 0o077, 0o277])
def test_it_is_private_under_any_umask(base: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        run = RunDirectory()
    finally:
        os.umask(old)
    found = os.lstat(run.path)
    assert stat.S_ISDIR(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == os.getuid()
    run.remove()


def test_it_is_made_where_the_variable_says_and_each_is_another_one(base: Path) -> None:
    one, other = RunDirectory(), RunDirectory()
    assert {Path(one.path).parent, Path(other.path).parent} == {base}
    assert one.path != other.path
    assert Path(one.path).name.startswith(prefix())
    assert run_id(one.path) == Path(one.path).name
    one.remove()
    assert [entry.name for entry in base.iterdir()] == [run_id(other.path)]
    other.remove()


def test_its_sockets_have_names_that_fit(base: Path) -> None:
    run = RunDirectory()
    for name in (channel.CLIENTS, channel.PODS, 'control'):
        assert len(os.path.join(run.path, name).encode()) <= 107
    run.remove()


def test_it_goes_with_all_it_holds(base: Path) -> None:
    run = RunDirectory()
    inside = Path(run.path) / 'deep' / 'deeper'
    inside.mkdir(parents=True)
    (inside / 'file').write_bytes(b'x')
    descriptor = run.fileno()
    run.remove()
    assert not list(base.iterdir())
    with pytest.raises(OSError, match='Bad file descriptor'):
        os.fstat(descriptor)


def test_what_a_link_in_it_points_to_is_not_removed(base: Path, tmp_path: Path) -> None:
    (tmp_path / 'precious').touch()
    run = RunDirectory()
    (Path(run.path) / 'link').symlink_to(tmp_path)
    run.remove()
    assert (tmp_path / 'precious').exists()


def test_it_is_locked_as_long_as_it_lives(base: Path) -> None:
    run = RunDirectory()
    descriptor = os.open(run.path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    run.remove()
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


def test_a_directory_that_is_not_ours_alone_is_refused(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = base / f'{prefix()}link'
    link.symlink_to(tmp_path)
    monkeypatch.setattr(tempfile, 'mkdtemp', lambda **_: str(link))
    with pytest.raises(RuntimeFailToStart, match='not the private directory'):
        RunDirectory()
    real = os.lstat
    theirs = left_behind(base)
    monkeypatch.setattr(tempfile, 'mkdtemp', lambda **_: str(theirs))
    with monkeypatch.context() as patch:
        patch.setattr(rundir.os, 'lstat', lambda path: SimpleNamespace(st_mode=real(path).st_mode, st_uid=4242))
        with pytest.raises(RuntimeFailToStart, match='not the private directory'):
            RunDirectory()


def test_a_base_that_is_too_long_or_absent_is_refused_with_the_way_out(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_long = base / ('x' * LONG)
    too_long.mkdir()
    for bad in (too_long, base / 'absent', Path(__file__)):
        monkeypatch.setenv(BASE_VARIABLE, str(bad))
        with pytest.raises(RuntimeFailToStart, match=f'Set {BASE_VARIABLE} to a short path') as caught:
            RunDirectory()
        assert str(bad) in str(caught.value)


def test_a_base_is_as_long_in_bytes_as_in_the_kernel(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = base / ('ü' * 25)
    wide.mkdir()
    monkeypatch.setenv(BASE_VARIABLE, str(wide))
    with pytest.raises(RuntimeFailToStart):
        RunDirectory()


def test_without_the_variable_memory_is_preferred_and_a_long_path_passed_over(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(BASE_VARIABLE)
    real = os.access
    refused: set[str] = set()
    monkeypatch.setattr(rundir.os, 'access', lambda path, mode: path not in refused and real(path, mode))
    chosen = [made_in()]
    refused.add('/dev/shm')
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(base))
    chosen.append(made_in())
    too_long = base / ('x' * LONG)
    too_long.mkdir()
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(too_long))
    monkeypatch.setattr(tempfile, 'tempdir', str(too_long))
    chosen.append(made_in())
    assert chosen == ['/dev/shm', str(base), '/tmp']


def made_in() -> str:
    """Where a run directory is made now."""
    run = RunDirectory()
    run.remove()
    return str(Path(run.path).parent)


@pytest.mark.usefixtures('later')
def test_sweep_removes_what_killed_guardians_left(base: Path) -> None:
    left_behind(base, 'one')
    left_behind(base, 'two')
    sweep()
    assert not list(base.iterdir())


def test_sweep_leaves_young_directories_alone(base: Path) -> None:
    path = left_behind(base)
    sweep()
    assert path.exists()


@pytest.mark.usefixtures('later')
def test_sweep_leaves_live_runs_alone(base: Path) -> None:
    run = RunDirectory()
    stale = left_behind(base)
    sweep()
    assert os.path.isdir(run.path)
    assert not stale.exists()
    run.remove()


@pytest.mark.usefixtures('later')
def test_sweep_leaves_everything_else_alone(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir, 'clean_up', lambda path: pytest.fail(f'{path} is not to be cleaned up'))
    (tmp_path / 'precious').touch()
    others = base / 'something-else'
    others.mkdir()
    link = base / f'{prefix()}link'
    link.symlink_to(tmp_path)
    file = base / f'{prefix()}file'
    file.touch()
    sweep()
    assert others.exists()
    assert link.is_symlink()
    assert file.exists()
    assert (tmp_path / 'precious').exists()


@pytest.mark.usefixtures('later')
def test_sweep_leaves_directories_of_other_users_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir.os, 'getuid', lambda: 4242)
    path = left_behind(base)  # named like one of user 4242's, but not theirs
    assert '-4242-' in path.name
    sweep()
    assert path.exists()


@pytest.mark.usefixtures('later')
def test_sweep_goes_on_after_what_it_cannot_remove(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('a', 'b', 'c'):
        left_behind(base, name)
    real = rundir.clean_up

    def fails_for_b(path: str) -> None:
        if path.endswith('b'):
            raise PermissionError
        real(path)

    monkeypatch.setattr(rundir, 'clean_up', fails_for_b)
    sweep()
    assert [entry.name for entry in base.iterdir()] == [f'{prefix()}b']


def test_clean_up_kills_the_members_of_the_run_and_no_others(base: Path) -> None:
    path = left_behind(base)
    environments = [{rundir.RUN_VARIABLE: run_id(str(path))}, {rundir.RUN_VARIABLE: f'{run_id(str(path))}0'}, {}]
    children = [subprocess.Popen(['sleep', '30'], env=environment) for environment in environments]
    try:
        clean_up(str(path))
        assert children[0].wait(10.0) == -9
        assert [child.poll() for child in children[1:]] == [None, None]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert not path.exists()


def test_this_process_is_not_killed_with_its_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(rundir.os, 'kill', lambda pid, number: killed.append(pid))
    variables = Path('/proc/self/environ').read_bytes().split(b'\0')
    name, _, value = variables[0].decode().partition('=')
    monkeypatch.setattr(rundir, 'RUN_VARIABLE', name)
    kill_members(value)
    assert os.getpid() not in killed

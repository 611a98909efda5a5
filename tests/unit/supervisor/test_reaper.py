"""How a process ended, in words, and children that are looked at before they are reaped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from mproc_flow.supervisor import reaper
from mproc_flow.supervisor.reaper import cause_of


@pytest.mark.parametrize(
    ('code', 'asked', 'cause'),
    [
        (0, False, 'exited with code 0'),
        (1, False, 'exited with code 1'),
        (137, False, 'exited with code 137'),
        (255, True, 'exited with code 255'),
        (-signal.SIGKILL, False, 'killed by SIGKILL (possibly out of memory)'),
        (-signal.SIGKILL, True, 'killed by SIGKILL'),
        (-signal.SIGSEGV, False, 'killed by SIGSEGV'),
        (-signal.SIGSEGV, True, 'killed by SIGSEGV'),
        (-signal.SIGABRT, False, 'killed by SIGABRT'),
        (-signal.SIGTERM, False, 'killed by SIGTERM'),
        (-signal.SIGBUS, False, 'killed by SIGBUS'),
        (-signal.SIGRTMAX, False, 'killed by SIGRTMAX'),
        (-40, False, 'killed by signal 40'),
        (-99, False, 'killed by signal 99'),
    ],
)
def test_cause(code: int, asked: bool, cause: str) -> None:
    assert cause_of(code, asked) == cause


@pytest.mark.parametrize(
    ('program', 'code'),
    [
        ('raise SystemExit(7)', 7),
        ('import os; os.kill(os.getpid(), 9)', -9),
        ('import os; os.kill(os.getpid(), 15)', -15),
    ],
)
def test_an_ended_child_is_seen_and_kept_until_it_is_reaped(program: str, code: int) -> None:
    child = subprocess.Popen([sys.executable, '-S', '-c', program])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(2):
        assert child.pid in reaper.exited_children()
    assert reaper.reap(child.pid) == code
    assert child.pid not in reaper.children()
    child.returncode = code


def test_a_live_child_is_a_child_that_has_not_ended() -> None:
    child = subprocess.Popen(['sleep', '30'], start_new_session=True)
    try:
        assert child.pid in reaper.children()
        assert child.pid not in reaper.exited_children()
    finally:
        reaper.kill_group(child.pid)
    assert child.wait(10.0) == -signal.SIGKILL
    reaper.kill_group(child.pid)  # nobody is left in it


def test_without_the_kernels_list_children_are_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(path: object) -> str:
        raise FileNotFoundError

    child = subprocess.Popen(['sleep', '30'])
    try:
        monkeypatch.setattr(reaper.Path, 'read_text', absent)
        assert child.pid in reaper.children()
    finally:
        child.kill()
        child.wait()


def test_a_descriptor_tells_the_end_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(['true'])
    fd = reaper.open_pidfd(child.pid)
    assert fd is not None
    os.close(fd)
    child.wait()
    assert reaper.open_pidfd(child.pid) is None  # it is gone
    monkeypatch.delattr(reaper.os, 'pidfd_open')
    assert reaper.open_pidfd(os.getpid()) is None

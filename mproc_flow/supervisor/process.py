"""Starting one pod's process, and what a child must do before anything else may run in it.

Used only in the Guardian, which has a single thread: that is what makes fork safe here, however many threads
the user's program has.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LOST_GUARDIAN = 120

# Loaded once, in the Guardian: a child that looks it up anew would do so in every start.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == 'linux' else None


def become_subreaper() -> None:
    """Let strays, processes whose own parent is gone, become children of this process."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_title(title: str) -> None:
    """Name this process in ``ps -o comm`` and ``top``; the kernel keeps 15 bytes."""
    if _libc is not None:
        _libc.prctl(_PR_SET_NAME, title.encode()[:15], 0, 0, 0)


def spawn(child: Callable[[], None], close: Iterable[int], output: tuple[int, int]) -> int:
    """Fork, prepare the child, and run ``child`` in it; the child ends when that returns.

    Args:
        child: What the process does; called with default signal handlers and an own process group.
        close: Descriptors of the Guardian that the child must not hold open.
        output: Descriptors that become the child's stdout and stderr.

    Returns:
        The child's pid.
    """
    guardian = os.getpid()
    old = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _run_child(child, close, output, guardian)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
    with contextlib.suppress(OSError):  # the child does the same; whoever is first, the group exists when we go on
        os.setpgid(pid, pid)
    return pid


def execute(arguments: list[str], environment: Mapping[str, str], keep: int) -> NoReturn:
    """Replace this process by a fresh Python interpreter; descriptor ``keep`` stays open in it."""
    os.set_inheritable(keep, True)
    words = command(arguments)
    os.execve(words[0], words, dict(environment))


def command(arguments: list[str]) -> list[str]:
    """Give the command line of a Python interpreter with the flags of this one."""
    spawn: Any = sys.modules.get('multiprocessing.spawn')  # where a program that embeds Python says what to run
    executable = spawn.get_executable() if spawn is not None else sys.executable
    return [os.fsdecode(executable), *_args_from_interpreter_flags(), *arguments]


def entry(module: str, *words: str) -> list[str]:
    """Arguments for a fresh interpreter that runs ``main(*words)`` of a module of this package.

    The package is found where this process found it, even if the user's program put it on ``sys.path`` itself.
    """
    home = str(Path(__file__).resolve().parent.parent.parent)
    program = f'import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; main(*sys.argv[2:])'
    return ['-c', program, home, *words]


def _run_child(child: Callable[[], None], close: Iterable[int], output: tuple[int, int], guardian: int) -> NoReturn:
    code = 1
    try:
        _die_with(guardian)
        os.setpgid(0, 0)
        _plug(output)
        for fd in close:
            with contextlib.suppress(OSError):
                os.close(fd)
        _reset_signals()
        child()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # the last frame of the process: nobody above could see it
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def occupy_standard_streams() -> None:
    """Open the null device where standard streams are closed: pipes would get their numbers and be taken for them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(null, True)
            if null != number:  # another thread was faster
                os.close(null)


def _die_with(guardian: int) -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != guardian:  # it died before the line above took effect
        os._exit(_LOST_GUARDIAN)


def _plug(output: tuple[int, int]) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output[0], 1)
    os.dup2(output[1], 2)
    for fd in {null, *output} - {0, 1, 2}:
        os.close(fd)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())

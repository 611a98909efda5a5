"""The first instructions of every pod, whatever its start method, and its last ones.

A pod tells its Guardian exactly one of Ready and StartFailed, after Phase reports; what it prints and logs goes to
the Guardian too.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import io
import logging
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from mproc_flow.crossing import sendable
from mproc_flow.errors import MissingMainGuard, MprocFlowError
from mproc_flow.model.schema import EndpointSchema
from mproc_flow.runtime.messages import DUMP_SIGNAL, Assignment, Command, LogRecord, Phase, Ready, Report, StartFailed
from mproc_flow.transport.pipe import Pipe, pair

# Modules that stand between a pod's first instruction and the user's code.
_NOT_THE_USERS = (__name__.partition('.')[0], 'importlib', 'runpy')


class Pod:
    """What a pod's main function gets: who it is, and its pipe to the Guardian."""

    def __init__(self, assignment: Assignment, pipe: Pipe) -> None:
        self.assignment = assignment
        self.commands = pipe
        self.is_ready = False

    def phase(self, name: str) -> None:
        """Tell what happens now."""
        self.report(Phase(name))

    def ready(self, address: str = '', schemas: Mapping[str, EndpointSchema] | None = None) -> None:
        """Tell that this pod serves."""
        self.is_ready = True
        self.report(Ready(address, dict(schemas or {})))

    def report(self, report: Report) -> None:
        """Tell the Guardian."""
        self.commands.send_all(report)


class LonePod(Pod):
    """A pod without a Guardian, in the foreground of a terminal or a container: a signal stops it.

    Args:
        assignment: Who it is.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._silent, theirs = pair()  # nothing is ever said on it
        super().__init__(assignment, Pipe(theirs, Command))

    def report(self, report: Report) -> None:
        name = self.assignment.spec.name
        if isinstance(report, Ready):
            _say(f'{name} is ready at {report.address} (pid {os.getpid()})')
        elif isinstance(report, StartFailed):
            _say(f'{name} {report.cause}\n{report.traceback}'.rstrip())
        elif isinstance(report, LogRecord):
            _say(f'{logging.getLevelName(report.level)} {report.logger}: {report.text}')


Main = Callable[[Pod], None]


def run_forked(assignment: Assignment, sock: socket.socket, main: Main) -> None:
    """Be a pod in a process that was forked from the Guardian."""
    gc.enable()  # the Guardian runs without; nothing collects what it froze
    atexit._clear()  # what is registered there belongs to the process whose memory this is
    _forget_event_loop()
    _open_streams()
    _run(Pod(assignment, Pipe(sock, Command)), main)


def run_fresh(fd: int, main: Main) -> None:
    """Be a pod in a fresh interpreter: wait for the Assignment first."""
    _open_streams()
    pipe = Pipe(socket.socket(fileno=fd), Command)
    os.set_inheritable(fd, False)
    assignment = _await_assignment(pipe)
    plan = assignment.plan
    sys.path[:] = [*plan.sys_path]
    if plan.workdir and Path(plan.workdir).is_dir():
        os.chdir(plan.workdir)
    _run(Pod(assignment, pipe), main)


def run_alone(assignment: Assignment, main: Main) -> NoReturn:
    """Be a pod in this process, without a Guardian, until a signal; the process ends with it."""
    if None in (sys.stdin, sys.stdout, sys.stderr):  # they were closed, and lead nowhere now
        _open_streams()
    faulthandler.enable()
    _run(LonePod(assignment), main)


def _run(pod: Pod, main: Main) -> NoReturn:
    logging.getLogger().handlers[:] = [_PodHandler(pod)]
    logging.getLogger().setLevel(pod.assignment.plan.log_level)
    code = 1
    try:
        main(pod)
        code = 0
    except SystemExit as error:
        code = _report_failure(pod, error)
    except BaseException as error:  # reported to the Guardian, or printed: its last frame
        code = _report_failure(pod, error)
    finally:
        _leave(code)


def _report_failure(pod: Pod, error: BaseException) -> int:
    if not pod.is_ready:
        pod.report(StartFailed(sendable(_cause(error)), sendable(_users_traceback(error))))
        return 1
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    sys.stderr.write(_traceback(error, error.__traceback__))
    return 1


def _users_traceback(error: BaseException) -> str:
    """Return the traceback from where the user's code begins; nothing for an error of ours that says all itself."""
    first = error.__traceback__
    while first is not None and first.tb_frame.f_globals.get('__name__', '').partition('.')[0] in _NOT_THE_USERS:
        first = first.tb_next
    if first is None and isinstance(error, MprocFlowError):
        return ''
    return _traceback(error, first or error.__traceback__)


def _traceback(error: BaseException, first: TracebackType | None) -> str:
    return ''.join(traceback.format_exception(type(error), error, first))


def _cause(error: BaseException) -> str:
    if isinstance(error, MissingMainGuard):
        return str(error)
    if isinstance(error, SystemExit):
        return f'called sys.exit({error.code!r}) before it was ready'
    return f'raised {type(error).__name__}: {error}'


def _leave(code: int) -> NoReturn:
    # Interpreter finalisation is skipped: threads that user code left running must not delay the end, and
    # the objects of a forked pod belong to the user's program.
    with contextlib.suppress(Exception):  # an exit handler's own error has been printed by then
        atexit._run_exitfuncs()
    util = sys.modules.get('multiprocessing.util')
    if util is not None:
        util._exit_function()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code & 0xFF)


def _await_assignment(pipe: Pipe) -> Assignment:
    while not pipe.ended:
        pipe.wait(None)
        for command in pipe.receive():
            if isinstance(command, Assignment):
                return command
    os._exit(1)  # the Guardian is gone


def _open_streams() -> None:
    # Line by line, so that the last lines of a killed pod are not lost in a buffer.
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding='utf-8', closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _writer(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _writer(2)  # type: ignore[misc]
    faulthandler.enable(file=2)
    faulthandler.register(DUMP_SIGNAL, file=2, all_threads=True)


def _writer(fd: int) -> io.TextIOWrapper:
    return os.fdopen(fd, 'w', buffering=1, encoding='utf-8', errors='backslashreplace', closefd=False)


def _forget_event_loop() -> None:
    asyncio = sys.modules.get('asyncio')
    if asyncio is not None:
        asyncio._set_running_loop(None)
        asyncio.set_event_loop(None)


def _say(text: str) -> None:
    sys.stderr.write(f'{text}\n')
    sys.stderr.flush()


class _PodHandler(logging.Handler):
    """Sends the records of a pod's loggers to the Guardian."""

    def __init__(self, pod: Pod) -> None:
        super().__init__()
        self._pod = pod
        self._pid = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        text = sendable(self.format(record))
        if os.getpid() == self._pid:
            self._pod.report(LogRecord(record.levelno, record.name, text))
        else:  # a child of the pod: two processes on one pipe would mix their messages up
            sys.stderr.write(f'{record.levelname} {record.name}: {text}\n')

"""A real notebook kernel, driven cell by cell as a notebook's front end does it.

The kernel is a :class:`~tests.support.programs.Program`: a process in a session of its own, so that its process group
can be interrupted as Jupyter does, and its descendants can be told from those of the test.
"""

from __future__ import annotations

import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from tests.support import proc
from tests.support.audit import gone
from tests.support.proc import Process
from tests.support.programs import Program, Programs
from tests.support.waiting import eventually

_CHANNELS = {'shell': zmq.DEALER, 'control': zmq.DEALER, 'iopub': zmq.SUB}
_PATIENCE_MS = 20
_KEY = b'a key of these tests'
DEADLINE = 40.0

IMPORTS = """\
import asyncio, os, time
import numpy as np
from mproc_flow import AsyncFlow, Deployment, Document, DocumentArray, Executor, Flow, requests
"""

ECHO = """\
class Echo(Executor):
    @requests
    def echo(self, docs, **kwargs):
        for doc in docs:
            doc.text = f'{doc.text}!'
"""


@dataclass
class Cell:
    """What a cell showed so far.

    Attributes:
        stdout: Text.
        stderr: Text.
        shown: The data of its result and of what it displayed, by MIME type.
        error: Name of the exception that ended it; empty if none did.
        traceback: With its lines.
        ended: It is over.
    """

    id: str
    stdout: str = ''
    stderr: str = ''
    shown: list[dict[str, Any]] = field(default_factory=list)
    error: str = ''
    traceback: str = ''
    ended: bool = False

    @property
    def result(self) -> str:
        """The last thing it showed, as text."""
        return str(self.shown[-1]['text/plain']) if self.shown else ''

    @property
    def html(self) -> str:
        """The last thing it showed, as HTML."""
        return str(self.shown[-1]['text/html'])


class Kernel:
    """A kernel and a front end's connection to it.

    Args:
        programs: Starts it.
        directory: Where its connection file goes.
        env: Environment variables on top of this process's.
    """

    def __init__(self, programs: Programs, directory: Path, env: dict[str, str | None] | None = None) -> None:
        self._programs = programs
        path, info = write_connection_file(str(directory / 'kernel.json'), key=_KEY)
        self._words = ['ipykernel_launcher', '-f', path]
        self._env = {'IPYTHONDIR': str(directory), 'JUPYTER_CONFIG_DIR': str(directory), **(env or {})}
        self._session = Session(key=_KEY)
        self._context = zmq.Context()
        self._sockets = {name: self._connect(name, kind, info) for name, kind in _CHANNELS.items()}
        self._cells: dict[str, Cell] = {}
        self.restart()

    def restart(self) -> None:
        """Start the kernel, or a new one that listens where the one before did."""
        self._before: Program | None = getattr(self, 'program', None)
        self.program = self._programs.module(*self._words, env=self._env)
        self._cells.clear()
        self._greet()

    def old_descendants(self) -> list[Process]:
        """Processes of the kernel before a restart."""
        return self._before.descendants() if self._before is not None else []

    def run(self, code: str, deadline: float = DEADLINE) -> Cell:
        """Run a cell to its end; fail if it raises."""
        cell = self.wait(self.begin(code), deadline)
        assert not cell.error, f'{cell.traceback}\n{cell.stderr}'
        return cell

    def fail(self, code: str, deadline: float = DEADLINE) -> Cell:
        """Run a cell that is to raise."""
        cell = self.wait(self.begin(code), deadline)
        assert cell.error, f'it raised nothing:\n{cell.stdout}\n{cell.stderr}'
        return cell

    def begin(self, code: str) -> Cell:
        """Begin to run a cell."""
        content = {'code': code, 'silent': False, 'store_history': True, 'allow_stdin': False, 'stop_on_error': False}
        return self._ask('shell', 'execute_request', content)

    def wait(self, cell: Cell, deadline: float = DEADLINE) -> Cell:
        """Wait for a cell's end."""
        self._until(cell, deadline, lambda: cell.ended, 'it does not end')
        return cell

    def wait_text(self, cell: Cell, pattern: str, deadline: float = DEADLINE) -> re.Match[str]:
        """Wait until a cell has written a text."""
        self._until(cell, deadline, lambda: re.search(pattern, cell.stdout + cell.stderr), f'no {pattern!r}')
        found = re.search(pattern, cell.stdout + cell.stderr)
        assert found is not None
        return found

    def wait_shown(self, pattern: str, deadline: float = DEADLINE) -> None:
        """Wait until some cell shows a text, whichever it is: the kernel decides to which one a thread's belongs."""

        def shown() -> bool:
            self._hear(_PATIENCE_MS)
            return any(re.search(pattern, cell.stdout + cell.stderr) for cell in self._cells.values())

        eventually(shown, deadline, lambda: f'{pattern!r} in {self._cells}\n{self.program.text}')

    def interrupt_when_blocking(self) -> None:
        """Interrupt it as soon as its ``block()`` has taken over SIGTERM."""
        eventually(lambda: proc.catches(self.program.pid, signal.SIGTERM), 5.0, 'block() has begun')
        self.interrupt()

    def interrupt(self) -> None:
        """Interrupt it as Jupyter does: SIGINT to its process group."""
        self.program.send_group()

    def shut_down(self, restart: bool = False) -> None:
        """Ask it to end, as Jupyter does on shutdown and before a restart."""
        self._ask('control', 'shutdown_request', {'restart': restart})

    def end(self) -> None:
        """Shut it down, if it still runs, and close the connection."""
        if self.program.popen.poll() is None:
            self.shut_down()
            self.program.wait_exit(10.0)
        for socket in self._sockets.values():
            socket.close(0)
        self._context.term()

    # ---- inside ----

    def _connect(self, name: str, kind: int, info: dict[str, Any]) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        if kind == zmq.SUB:
            socket.subscribe(b'')
        socket.connect(f'{info["transport"]}://{info["ip"]}:{info[f"{name}_port"]}')
        return socket

    def _greet(self) -> None:
        """Wait until the kernel answers on both ways: what it publishes before anybody listens is lost."""
        end = time.monotonic() + DEADLINE
        while not any(cell.ended for cell in self._cells.values()):
            assert time.monotonic() < end, f'the kernel does not answer:\n{self.program.text}'
            self._ask('shell', 'kernel_info_request', {})
            self._hear(500)

    def _ask(self, channel: str, kind: str, content: dict[str, Any]) -> Cell:
        message = self._session.send(self._sockets[channel], kind, content)
        cell = self._cells[message['header']['msg_id']] = Cell(message['header']['msg_id'])
        return cell

    def _until(self, cell: Cell, deadline: float, condition: Any, what: str) -> None:
        end = time.monotonic() + deadline
        while not condition():
            over = time.monotonic() > end or cell.ended or self.program.popen.poll() is not None
            assert not over, f'{what}: {cell}\nthe kernel wrote:\n{self.program.text}'
            self._hear(_PATIENCE_MS)

    def _hear(self, patience: int) -> None:
        iopub = self._sockets['iopub']
        while iopub.poll(patience):
            _, frames = self._session.feed_identities(iopub.recv_multipart())
            self._take(self._session.deserialize(frames))
            patience = 0

    def _take(self, message: dict[str, Any]) -> None:
        cell = self._cells.get(message['parent_header'].get('msg_id', ''))
        kind, content = message['msg_type'], message['content']
        if cell is None:  # of the kernel before
            return
        if kind == 'stream':
            setattr(cell, content['name'], getattr(cell, content['name']) + content['text'])
        elif kind in ('execute_result', 'display_data'):
            cell.shown.append(content['data'])
        elif kind == 'error':
            cell.error = content['ename']
            cell.traceback = re.sub(r'\x1b\[[0-9;]*m', '', '\n'.join(content['traceback']))
        elif kind == 'status':
            cell.ended = cell.ended or content['execution_state'] == 'idle'


def quiet(cell: Cell) -> None:
    """Fail if there is something on stderr that a user would have to worry about."""
    assert not re.search('Traceback|Warning|Error', cell.stderr), cell.stderr


def nothing_left(kernel: Kernel, deadline: float, what: str) -> None:
    """Wait until the kernel has no descendants."""
    gone(kernel.program.descendants, deadline, what)

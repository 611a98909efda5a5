"""How an Executor pod learns that it is to stop, even in the middle of a call."""

from __future__ import annotations

import os
import signal
from types import FrameType

from mproc_flow.runtime.messages import Announce, Drain, Stop
from mproc_flow.transport.pipe import Pipe


class Interrupted(SystemExit):
    """Raised in a call that is still running when the Flow's time to stop is nearly over."""


class Stopping:
    """Watches the Guardian's commands and SIGTERM.

    A SIGTERM from outside means: finish, take no more work, end. The Guardian's own SIGTERM comes after its Stop and
    means that the time is over: then the call that runs now is left by an exception, so that the Executor can still
    be closed.

    Args:
        commands: The pipe to the Guardian.

    Attributes:
        stop: The Guardian said Stop, or is gone: end after what runs now.
        leave: A signal from outside: take no more work, then end.
        hurry: No more requests come to the Flow: let none wait for others.
        announce: Say Hello to the gateway, whose numbers for work begin here; None if that is not asked for.
        in_call: User code runs now; to be set around it.
    """

    def __init__(self, commands: Pipe) -> None:
        self._commands = commands
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self.stop = False
        self.leave = False
        self.hurry = False
        self.announce: int | None = None
        self.in_call = False
        self.interrupted = False

    def install(self) -> None:
        """Take over SIGTERM and SIGINT; before this they end the process at once."""
        # Python calls a handler between two instructions. A signal that comes when the last one before a wait is over
        # would be heard of only after that wait, if it did not also make a descriptor readable.
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def filenos(self) -> tuple[int, int]:
        """Descriptors that can be read when there is news; then call :meth:`update`."""
        return self._commands.fileno(), self._reader

    def update(self) -> None:
        """Take the news."""
        try:
            os.read(self._reader, 4096)
        except BlockingIOError:
            pass
        self._read_commands()

    def _read_commands(self) -> None:
        for command in self._commands.receive():
            if isinstance(command, Stop):
                self.stop = True
            elif isinstance(command, Drain):
                self.hurry = True
            elif isinstance(command, Announce):
                self.announce = command.first_key
        if self._commands.ended:
            self.stop = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.leave = True
        try:
            os.write(self._writer, b'.')
        except BlockingIOError:
            pass
        if self.in_call:
            self._read_commands()
        if self.stop:
            self.interrupted = True
            if self.in_call:
                self.in_call = False  # once: clean-up code in the call must not be interrupted again
                raise Interrupted('the Flow is stopping and its time is over')

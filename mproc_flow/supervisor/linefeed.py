"""Passing the output of pods on to the owner, without ever waiting for it."""

from __future__ import annotations

from mproc_flow.supervisor.control import LogLine
from mproc_flow.transport.pipe import Pipe

_MOST_UNSENT = 1 << 20


class LineFeed:
    """Sends lines to the owner; while it takes none, lines beyond a megabyte are counted and dropped.

    Args:
        control: The pipe to the owner.
    """

    def __init__(self, control: Pipe) -> None:
        self._control = control
        self._dropped = 0

    def forward(self, line: LogLine) -> None:
        """Send a line, or drop it."""
        if self._control.unsent > _MOST_UNSENT:
            self._dropped += 1
            return
        if self._dropped:
            text = f'{self._dropped} lines of all pods were dropped: they came faster than this program took them'
            self._dropped = 0
            self._control.send(LogLine(line.pod, line.pid, 'stderr', 0, '', text))
        self._control.send(line)

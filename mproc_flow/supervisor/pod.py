"""One pod as the Guardian knows it: its life, its present process, and what that process says."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mproc_flow.errors import ErrorInfo, PodDied, PodFailure
from mproc_flow.model.schema import EndpointSchema
from mproc_flow.runtime.messages import DUMP_SIGNAL, BatchCounts, Batches, Phase, Report
from mproc_flow.supervisor import reaper
from mproc_flow.supervisor.control import PodStatus
from mproc_flow.supervisor.lifecycle import Life, Policy, State
from mproc_flow.topology.plan import GATEWAY, PodSpec
from mproc_flow.transport.pipe import Pipe

_LAST_LINES = 20
_LONGEST_LINE = 8192
_MOST_READS = 16
# As faulthandler writes it, most recent call first; a traceback of Python's has a comma before "in".
_STACK_FRAME = re.compile(r'  File ".*", line \d+ in ')
_FIRST_FRAME = os.path.join('mproc_flow', 'runtime', 'bootstrap.py')


class Output(msgspec.Struct, eq=False):
    """A stream the pod writes to, cut into lines."""

    fd: int
    stream: str
    _rest: bytearray = msgspec.field(default_factory=bytearray)

    def fileno(self) -> int:
        """Descriptor to read from."""
        return self.fd

    def lines(self) -> tuple[list[str], bool]:
        """Read what is there, without waiting; give complete lines, and whether the stream has ended."""
        ended = False
        for _ in range(_MOST_READS):  # there is more to do than to read what one of them writes
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                ended = True
                break
            self._rest += data
            if len(data) < 1 << 16:
                break
        return self._cut(), ended

    def all_lines(self) -> Iterator[str]:
        """Give all that is left, of a process that has ended."""
        for _ in range(_MOST_READS):
            lines, ended = self.lines()
            yield from lines
            if ended or not lines:
                break
        yield from self.rest()

    def rest(self) -> list[str]:
        """Give what was written after the last line end."""
        text, self._rest = bytes(self._rest), bytearray()
        return [text.decode(errors='replace')] if text else []

    def _cut(self) -> list[str]:
        *whole, self._rest = self._rest.split(b'\n')
        if len(self._rest) > _LONGEST_LINE:
            end = len(self._rest) - _cut_character(self._rest)
            whole.append(self._rest[:end])
            self._rest = self._rest[end:]
        return [line.decode(errors='replace').rstrip('\r') for line in whole]


class Pod(msgspec.Struct, eq=False):
    """A pod's life and its present process, if it has one."""

    spec: PodSpec
    life: Life
    generation: int = -1
    pid: int = 0
    phase: str = ''
    pipe: Pipe | None = None
    outputs: list[Output] = msgspec.field(default_factory=list)
    tail: deque[str] = msgspec.field(default_factory=lambda: deque(maxlen=_LAST_LINES))
    cause: str = ''
    traceback: str = ''
    failure: PodFailure | None = None
    stacks: list[str] | None = None
    killed_by_us: bool = False
    schemas: dict[str, EndpointSchema] | None = None
    batching: dict[str, BatchCounts] = {}
    _below_pod: bool = False

    @classmethod
    def of(cls, spec: PodSpec) -> Pod:
        """Make the pod of a spec, not started yet."""
        return cls(spec, Life(spec.name, Policy(restart=spec.restart)))

    @property
    def name(self) -> str:
        """Its name, e.g. ``encoder/rep-0``."""
        return self.spec.name

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self.life.state

    @property
    def status(self) -> PodStatus:
        """What the owner is told of it."""
        return PodStatus(self.name, self.pid, self.state.value, self.phase, self.life.restarts, self.batching)

    @property
    def is_gateway(self) -> bool:
        """True for the gateway."""
        return self.spec.deployment == GATEWAY

    def started(self, pid: int, pipe: Pipe, outputs: list[Output]) -> None:
        """A new process of this pod exists."""
        self.generation += 1
        self.pid, self.pipe, self.outputs = pid, pipe, outputs
        self.phase, self.cause, self.traceback = 'spawned', '', ''
        self.stacks, self.killed_by_us = None, False
        self.batching = {}
        self.tail.clear()

    def told(self, report: Phase | Batches) -> None:
        """Its process tells what it does."""
        if isinstance(report, Phase):
            self.phase = report.phase
        else:
            self.batching = report.endpoints

    def kill(self) -> None:
        """SIGKILL the process and its group."""
        if self.pid:
            self.killed_by_us = True
            reaper.kill_group(self.pid)

    def ask_for_stacks(self) -> None:
        """Let the process write the stacks of its threads to stderr, if it got far enough to know how."""
        self.stacks = []
        if self.pid and self.phase != 'spawned':
            os.kill(self.pid, DUMP_SIGNAL)

    def wrote(self, stream: str, line: str) -> bool:
        """Remember a line of its output; False if nobody wants to see it.

        The stack of a forked pod, as faulthandler writes it, goes on below the pod's first frame with those of the
        Guardian and of the user's program at the moment of the start: these are left out.
        """
        is_frame = _STACK_FRAME.match(line) is not None
        self._below_pod = is_frame and (self._below_pod or _FIRST_FRAME in line)
        if self._below_pod:
            return False
        if stream == 'stderr':
            if self.stacks is not None:
                self.stacks.append(line)
            self.tail.append(line)
        return stream != 'stderr' or self.stacks is None

    def drain(self, forward: Callable[[Pod, str, str], None], handle: Callable[[Pod, Report], None]) -> None:
        """Read all that an ended process left in its pipes."""
        for output in self.outputs:
            for line in output.all_lines():
                forward(self, output.stream, line)
        if self.pipe is not None:
            with contextlib.suppress(msgspec.DecodeError):
                for report in self.pipe.receive():
                    handle(self, report)

    def died(self, code: int) -> PodFailure:
        """Say why the process, which ended with this exit code, is gone."""
        cause = self.cause or reaper.cause_of(code, self.killed_by_us)
        lines = () if self.traceback else tuple(self.tail)
        self.failure = PodFailure(self.name, self.pid, self.phase, cause, self.traceback, lines)
        self.pid, self.pipe, self.outputs = 0, None, []
        return self.failure

    def is_stopped(self) -> bool:
        """True if the process is stopped by a signal (SIGSTOP), as the kernel tells."""
        try:
            return Path(f'/proc/{self.pid}/stat').read_text().rpartition(')')[2].split()[0] == 'T'
        except OSError:
            return False


def _cut_character(text: bytearray) -> int:
    """Give how many bytes at the end are the beginning of a UTF-8 character that goes on after them."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte & 0xC0 == 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0


def loss(failure: PodFailure) -> ErrorInfo:
    """Make the error for callers whose request a dead pod held."""
    return ErrorInfo(
        code=PodDied.code,
        message=f'the process that worked on this request is gone: {failure}',
        pod=failure.pod,
        failure=failure,
    )

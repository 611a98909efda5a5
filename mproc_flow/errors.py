"""Every error a user of mproc_flow can meet, in one tree under :class:`MprocFlowError`.

A class's docstring is its default message. ``code`` is what travels between processes: an error that
happened in a pod crosses the socket as an :class:`ErrorInfo`, see :mod:`mproc_flow.crossing`. Names that Jina 3.x
already gave are kept.
"""

from __future__ import annotations

import textwrap
from typing import ClassVar

import msgspec


class MprocFlowError(Exception):
    """Something in mproc_flow went wrong."""

    code: ClassVar[str] = 'error'

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _dedent(type(self).__doc__ or ''))


class RemoteTraceback(Exception):
    """The traceback of an error in another process, as text; the ``__cause__`` of what the caller sees."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text.rstrip()}\n"""'


# ---- building and configuring a Flow ----


class FlowTopologyError(MprocFlowError):
    """The Flow's Executors do not form a valid graph."""

    code = 'topology'


class FlowBuildLevelError(MprocFlowError):
    """This call does not fit the Flow's present state: for instance add() while it runs, or block() before start()."""

    code = 'build_level'


class BadConfigSource(MprocFlowError, FileNotFoundError):
    """The configuration cannot be read: give the path of a YAML file that exists, or YAML text."""

    code = 'config'


class BadYAMLVersion(MprocFlowError):
    """The YAML file has a version that is not supported: write version: '1'."""

    code = 'yaml_version'


class BadOption(MprocFlowError, ValueError, TypeError):
    """An option has a value it cannot take, or does not exist."""

    code = 'option'


# ---- starting and running processes ----


class RuntimeFailToStart(MprocFlowError):
    """The Flow did not start: at least one of its pods failed before it was ready."""

    code = 'start'

    def __init__(self, message: str | None = None, failures: tuple[PodFailure, ...] = ()) -> None:
        super().__init__(message)
        self.failures = failures


class MissingMainGuard(RuntimeFailToStart):
    """This program starts a Flow while a child process imports it.
    Put what runs it under the main guard:

        if __name__ == '__main__':
            main()
    """

    code = 'main_guard'


class PortAlreadyUsed(MprocFlowError, RuntimeError):
    """The port is taken by another program: choose another one, or none."""

    code = 'port_used'


class PodDied(MprocFlowError, ConnectionError):
    """The process that held the request died before it answered."""

    code = 'pod_died'

    def __init__(self, message: str | None = None, failure: PodFailure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class PoisonedRequest(MprocFlowError):
    """The request is not tried again: two processes died while they worked on it."""

    code = 'poisoned'

    def __init__(self, message: str | None = None, failure: PodFailure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class FlowFailed(MprocFlowError, RuntimeError):
    """The Flow can no longer serve: a pod kept dying and is not restarted any more, or its Guardian died."""

    code = 'flow_failed'


class InvalidTransition(MprocFlowError):
    """A pod met an event that its state does not allow: a bug in the supervisor."""

    code = 'invalid_transition'


class FlowClosed(MprocFlowError, ConnectionError):
    """The Flow is closed or closing and takes no new requests: start() it first."""

    code = 'closed'


class ForkWithThreadsWarning(RuntimeWarning):
    """fork was asked for while other threads run; a lock they hold stays locked in the child."""


# ---- requests ----


class BadClient(MprocFlowError):
    """The request could not be sent or its answer not be read."""

    code = 'client'


class BadClientInput(BadClient, ValueError):
    """The inputs cannot be turned into Documents."""

    code = 'input'


class BadClientCallback(BadClient):
    """A callback given to post() raised."""

    code = 'callback'


class SerializationError(BadClientInput, TypeError):
    """A value cannot travel between processes: only data can (numbers, text, bytes, lists, dicts, numeric arrays)."""

    code = 'serialization'


class BadServer(MprocFlowError):
    """An Executor's method raised; the remote traceback is the ``__cause__``."""

    code = 'executor'

    def __init__(self, message: str | None = None, info: ErrorInfo | None = None) -> None:
        super().__init__(message)
        self.info = info


class Overloaded(MprocFlowError):
    """The Flow has more to do than it can; try again later, in about ``retry_after`` seconds."""

    code = 'overloaded'

    def __init__(self, message: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(MprocFlowError, TimeoutError):
    """The request was not answered in the time the caller gave it."""

    code = 'deadline'


# ---- errors as data ----


class PodFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one pod is gone: what is known about a process that failed to start or died.

    Attributes:
        pod: Name of the pod, e.g. ``encoder/rep-0``.
        pid: Its process id, or 0 if there never was a process.
        phase: What it was doing last: ``spawned``, ``importing``, ``init``, ``ready``, ...
        cause: One sentence, e.g. ``killed by SIGKILL (possibly out of memory)``.
        traceback: The child's own traceback, or its stacks if it was silent; empty if there is none.
        last_lines: The last lines it wrote to stderr, oldest first.
    """

    pod: str
    pid: int
    phase: str
    cause: str
    traceback: str = ''
    last_lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        who = f'{self.pod} (pid {self.pid}, {self.phase})' if self.pid else f'{self.pod} (no process yet)'
        lines = ''.join(f'\n    | {line}' for line in self.last_lines)
        return f'{who}: {self.cause}{lines}'


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as data, the form in which it crosses a process border.

    Attributes:
        code: ``code`` of the class of :class:`MprocFlowError` to raise in the caller.
        message: One sentence for a person.
        name: Class name of the original exception, e.g. ``ValueError``.
        args: Its arguments, each as text.
        traceback: The remote traceback as text.
        executor: Class name of the Executor in which it happened.
        pod: Name of the pod in which it happened.
        failure: The pod that died, for ``pod_died`` and ``poisoned``.
        retry_after: Seconds after which it may go well, for ``overloaded``.
    """

    code: str
    message: str
    name: str = ''
    args: tuple[str, ...] = ()
    traceback: str = ''
    executor: str = ''
    pod: str = ''
    failure: PodFailure | None = None
    retry_after: float = 0.0


def _dedent(doc: str) -> str:
    first, _, rest = doc.strip().partition('\n')
    return f'{first}\n{textwrap.dedent(rest)}' if rest else first  # from 3.13 on the compiler did it already

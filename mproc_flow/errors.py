"""Every error a user of mproc_flow can meet, in one tree under :class:`MprocFlowError`.

A class's docstring is its default message. ``code`` is what travels between processes: an error that
happened in a pod crosses the socket as an :class:`ErrorInfo` and :func:`from_info` raises it again in the
caller, with the remote traceback as ``__cause__``. Names that Jina 3.x already gave are kept.
"""

from __future__ import annotations

import textwrap
import traceback
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
    """The Flow's queue is full; try again later."""

    code = 'overloaded'


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
        failure: The pod that died, for ``pod_died``.
    """

    code: str
    message: str
    name: str = ''
    args: tuple[str, ...] = ()
    traceback: str = ''
    executor: str = ''
    pod: str = ''
    failure: PodFailure | None = None


def describe(error: BaseException, *, executor: str = '', pod: str = '') -> ErrorInfo:
    """Turn an exception into data, to be raised again by :func:`from_info` in another process."""
    text = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    code = error.code if isinstance(error, MprocFlowError) else BadServer.code
    return ErrorInfo(
        code=code,
        message=f'{type(error).__name__}: {_as_text(error)}',
        name=type(error).__name__,
        args=tuple(_as_text(arg) for arg in error.args),
        traceback=sendable(text),
        executor=executor,
        pod=pod,
    )


def from_info(info: ErrorInfo) -> MprocFlowError:
    """Make the exception that the caller sees, its ``__cause__`` the remote traceback if there is one."""
    kind = _by_code().get(info.code, BadServer)
    where = f'{info.executor or "an Executor"} in pod {info.pod}' if info.pod else info.executor
    text = f'{where} raised {info.message}' if where else info.message
    if issubclass(kind, PodDied):
        error: MprocFlowError = PodDied(info.message, info.failure)
    elif issubclass(kind, BadServer):
        error = BadServer(text, info)
    else:
        error = kind(text if info.executor else info.message)
    if info.traceback:
        error.__cause__ = RemoteTraceback(info.traceback)
    return error


def fail_to_start(flow: str, failures: tuple[PodFailure, ...]) -> RuntimeFailToStart:
    """Make the error of a failed start: every failed pod in the message, the first traceback as ``__cause__``."""
    many = f'{len(failures)} pods' if len(failures) != 1 else '1 pod'
    lines = '\n'.join(f'  - {failure}' for failure in failures)
    error = RuntimeFailToStart(f'{flow} did not start, {many} failed:\n{lines}', failures)
    first = next((failure for failure in failures if failure.traceback), None)
    if first is not None:
        error.__cause__ = RemoteTraceback(f'in pod {first.pod} (pid {first.pid}):\n{first.traceback}')
    return error


def sendable(text: str) -> str:
    """Give a text that can be encoded as UTF-8: lone surrogates, as in odd file names, become escapes."""
    return text.encode('utf-8', 'backslashreplace').decode()


def _dedent(doc: str) -> str:
    first, _, rest = doc.strip().partition('\n')
    return f'{first}\n{textwrap.dedent(rest)}' if rest else first  # from 3.13 on the compiler did it already


def _as_text(value: object) -> str:
    try:
        return sendable(str(value))
    except Exception as error:  # an argument whose __str__ raises must not hide the error it belongs to
        return f'<{type(value).__name__}, whose __str__ raised {type(error).__name__}>'


def _by_code() -> dict[str, type[MprocFlowError]]:
    found: dict[str, type[MprocFlowError]] = {}
    waiting: list[type[MprocFlowError]] = [MprocFlowError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == __name__:  # a subclass of a user's may have the code of its base
            found[kind.code] = kind
            waiting.extend(kind.__subclasses__())
    return found

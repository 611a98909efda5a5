"""How an error crosses a process border: as data, never as a pickled exception, which would run code from bytes."""

from __future__ import annotations

import traceback

from mproc_flow.errors import (
    BadServer,
    ErrorInfo,
    MprocFlowError,
    Overloaded,
    PodDied,
    PodFailure,
    PoisonedRequest,
    RemoteTraceback,
    RuntimeFailToStart,
)


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
    if issubclass(kind, PodDied | PoisonedRequest):
        error: MprocFlowError = kind(info.message, info.failure)
    elif issubclass(kind, Overloaded):
        error = kind(info.message, info.retry_after)
    elif issubclass(kind, BadServer):
        error = BadServer(text, info)
    else:
        error = kind(text if info.executor else info.message)
    if info.traceback:
        error.__cause__ = RemoteTraceback(info.traceback)
    return error


def class_name(info: ErrorInfo) -> str:
    """Give the name of the original exception's class; where there was none, of the class that the caller sees."""
    return info.name or _by_code().get(info.code, BadServer).__name__


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
        if kind.__module__ == MprocFlowError.__module__:  # a subclass of a user's may have the code of its base
            found[kind.code] = kind
            waiting.extend(kind.__subclasses__())
    return found

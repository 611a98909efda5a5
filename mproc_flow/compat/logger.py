"""Jina's loggers, on top of Python's.

Records go where the application sends those of its own loggers, in a pod to the Guardian. If the application has not
set up its logging they are written to stderr, from level INFO up (``JINA_LOG_LEVEL`` changes that).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from types import TracebackType
from typing import Any, TypeVar

from mproc_flow.compat.enums import LogVerbosity
from mproc_flow.errors import BadOption
from mproc_flow.logs import CONFIG_VARIABLE, LEVEL_VARIABLE

_Self = TypeVar('_Self', bound='JinaLogger')


class JinaLogger(logging.LoggerAdapter):  # type: ignore[type-arg]  # takes none before Python 3.11
    """A logger for a context.

    Args:
        context: Name of the logger.
        name: What its lines begin with; the context unless given.
        log_config: Only None and ``'default'``: what becomes of records is set up with :mod:`logging`.
        quiet: Nothing below ERROR. Also set by ``JINA_LOG_CONFIG=QUIET``.

    Raises:
        BadOption: ``log_config`` is another one.
        ValueError: ``JINA_LOG_LEVEL`` is no level.
    """

    def __init__(
        self, context: str, name: str | None = None, log_config: str | None = None, quiet: bool = False
    ) -> None:
        if log_config not in (None, 'default'):
            raise BadOption(f'JinaLogger(log_config={log_config!r}): set up logs with the module logging instead')
        logging.addLevelName(LogVerbosity.SUCCESS, 'SUCCESS')
        super().__init__(logging.getLogger(context), {})
        self._prefix = '' if name in (None, context) else f'{name}: '
        silenced = quiet or os.environ.get(CONFIG_VARIABLE, '').upper() == 'QUIET'
        self.setLevel('ERROR' if silenced else os.environ.get(LEVEL_VARIABLE, 'INFO').upper())
        if not any(isinstance(handler, _LastResort) for handler in self.logger.handlers):
            self.logger.addHandler(_LastResort())

    @property
    def debug_enabled(self) -> bool:
        """Whether records of level DEBUG go anywhere."""
        return self.isEnabledFor(logging.DEBUG)

    def success(self, msg: object, *args: Any) -> None:
        """Log with level SUCCESS, between INFO and WARNING."""
        self.log(LogVerbosity.SUCCESS, msg, *args)

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return f'{self._prefix}{msg}', kwargs

    def close(self) -> None:
        """Nothing has to be closed."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


class TimeContext:
    """Times what is done within it: prints what begins, and how long it took.

    Args:
        task_name: What is done.
        logger: Says it instead of printing it.

    Attributes:
        duration: Seconds it took.
    """

    def __init__(self, task_name: str, logger: Any = None) -> None:
        self.task_name = task_name
        self.duration = 0.0
        self._logger = logger

    @property
    def readable_duration(self) -> str:
        """How long it took, in words."""
        return f'{self.duration:.2f} seconds'

    def __enter__(self) -> TimeContext:
        self._say(f'{self.task_name} ...')
        self._begin = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.duration = time.perf_counter() - self._begin
        self._say(f'{self.task_name} takes {self.readable_duration}')

    def _say(self, text: str) -> None:
        if self._logger is None:
            print(text)
        else:
            self._logger.info(text)


class _LastResort(logging.Handler):
    """Writes what would not be written by anybody else."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers and sys.stderr is not None:
            sys.stderr.write(f'{record.levelname} {record.name}: {record.getMessage()}\n')


default_logger = JinaLogger('JINA')

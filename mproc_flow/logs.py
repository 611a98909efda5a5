"""What a Flow says to a person, and the lines of its pods.

Everything goes through Python's logging if the application has set it up. If not, it is written plainly: what pods
print to stdout on stdout, all else on stderr, from level INFO up (``JINA_LOG_LEVEL`` changes that). Nothing here
changes the application's logging.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

LEVEL_VARIABLE = 'JINA_LOG_LEVEL'
CONFIG_VARIABLE = 'JINA_LOG_CONFIG'

_LOGGER = logging.getLogger('mproc_flow')
_POD_LOGGER = logging.getLogger('mproc_flow.pod')
_STREAM_LEVELS = {'stdout': logging.INFO, 'stderr': logging.WARNING}


class FlowLog:
    """The voice of one Flow.

    Args:
        quiet: Say nothing below ERROR. Also set by ``JINA_LOG_CONFIG=QUIET``.
    """

    def __init__(self, quiet: bool = False) -> None:
        silenced = quiet or os.environ.get(CONFIG_VARIABLE, '').upper() == 'QUIET'
        self._least = logging.ERROR if silenced else logging.NOTSET

    def say(self, level: int, text: str) -> None:
        """Say something about the Flow itself."""
        self._put(_LOGGER, level, text, to_stdout=False)

    def pod_line(self, pod: str, pid: int, stream: str, text: str) -> None:
        """Pass on a line that a pod wrote to ``stdout`` or ``stderr``."""
        self._put(_POD_LOGGER, _STREAM_LEVELS[stream], f'{pod}[{pid}] | {text}', to_stdout=stream == 'stdout')

    def pod_record(self, pod: str, pid: int, level: int, logger: str, text: str) -> None:
        """Pass on a record of a logger in a pod, to the logger of the same name here."""
        name = logging.getLevelName(level)
        plain = f'{pod}[{pid}] | {text}'
        if _is_set_up(logging.getLogger(logger)):
            self._put(logging.getLogger(logger), level, plain, to_stdout=False)
        else:
            self._put(_POD_LOGGER, level, f'{pod}[{pid}] | {name} {logger}: {text}', to_stdout=False)

    def _put(self, logger: logging.Logger, level: int, text: str, to_stdout: bool) -> None:
        if level < self._least:
            return
        if _is_set_up(logger):
            logger.log(level, '%s', text)
        elif level >= _plain_level():
            _write(text, to_stdout)


def _is_set_up(logger: logging.Logger) -> bool:
    return logger.hasHandlers()


def _plain_level() -> int:
    name = os.environ.get(LEVEL_VARIABLE, 'INFO').upper()
    level = logging.getLevelName(name)
    return level if isinstance(level, int) else logging.INFO


def _write(text: str, to_stdout: bool) -> None:
    stream = sys.stdout if to_stdout else sys.stderr
    if stream is None:
        return
    try:
        _write_line(stream, text)
        stream.flush()
    except (OSError, ValueError):  # closed: there is nobody left to read it
        return


def _write_line(stream: TextIO, text: str) -> None:
    try:
        stream.write(f'{text}\n')
    except UnicodeEncodeError:
        stream.write(f'{ascii(text)[1:-1]}\n')

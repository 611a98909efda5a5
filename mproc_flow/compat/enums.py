"""Words that options take, as Jina has them: members that are also text, so that every option understands them."""

from __future__ import annotations

from enum import Enum, IntEnum


class _Word(str, Enum):
    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_string(cls, text: str) -> _Word:
        """Return the member of this name, in any case.

        Raises:
            ValueError: There is none.
        """
        if text.upper() not in cls.__members__:
            raise ValueError(f'{cls.__name__} has no {text!r}: it has {", ".join(cls.__members__)}')
        return cls[text.upper()]


class PollingType(_Word):
    """Which shards get a request."""

    ANY = 'any'
    ALL = 'all'


class FlowInspectType(_Word):
    """What becomes of ``inspect()``."""

    HANG = 'hang'
    REMOVE = 'remove'
    COLLECT = 'collect'


class ProtocolType(_Word):
    """How clients talk to a Flow."""

    GRPC = 'grpc'
    HTTP = 'http'
    WEBSOCKET = 'websocket'


GatewayProtocolType = ProtocolType


class LogVerbosity(IntEnum):
    """Levels of logs."""

    DEBUG = 10
    INFO = 20
    SUCCESS = 25
    WARNING = 30
    ERROR = 40
    CRITICAL = 50

"""Errors of Jina that nothing here raises, so that programs that name them in ``except`` can be run."""

from __future__ import annotations

from mproc_flow.errors import MprocFlowError


class RuntimeTerminated(MprocFlowError):
    """Jina's own use: a runtime was told to end."""


class BadRequestType(MprocFlowError, TypeError):
    """A request was made of something else than data; here that is a BadClientInput."""


class NoContainerizedError(MprocFlowError):
    """An Executor is not in a container, and the Flow is to be exported."""


class NotSupportedError(MprocFlowError):
    """A decorator that Jina no longer had."""


class BadImageNameError(MprocFlowError):
    """There is no container image of that name."""


class DockerVersionError(MprocFlowError):
    """Docker is too old."""

"""A runtime for one host: a Flow of Executors, each a supervised process, connected by ZeroMQ.

::

    from mproc_flow import Document, DocumentArray, Executor, Flow, requests

What is imported here is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mproc_flow.version import __version__

if TYPE_CHECKING:
    from mproc_flow.async_client import AsyncClient
    from mproc_flow.async_flow import AsyncFlow
    from mproc_flow.binding import dynamic_batching, requests
    from mproc_flow.client import Client
    from mproc_flow.compat.install import install_as_jina
    from mproc_flow.deployment import Deployment
    from mproc_flow.executor import Executor
    from mproc_flow.flow import Flow
    from mproc_flow.model.array import DocumentArray
    from mproc_flow.model.document import Document

__all__ = [
    'AsyncClient',
    'AsyncFlow',
    'Client',
    'Deployment',
    'Document',
    'DocumentArray',
    'Executor',
    'Flow',
    '__version__',
    'dynamic_batching',
    'install_as_jina',
    'requests',
]

_HOMES = {
    'AsyncClient': 'mproc_flow.async_client',
    'AsyncFlow': 'mproc_flow.async_flow',
    'Client': 'mproc_flow.client',
    'Deployment': 'mproc_flow.deployment',
    'Document': 'mproc_flow.model.document',
    'DocumentArray': 'mproc_flow.model.array',
    'Executor': 'mproc_flow.executor',
    'Flow': 'mproc_flow.flow',
    'dynamic_batching': 'mproc_flow.binding',
    'install_as_jina': 'mproc_flow.compat.install',
    'requests': 'mproc_flow.binding',
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

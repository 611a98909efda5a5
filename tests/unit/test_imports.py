"""What is not used is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXTRAS = {'asyncio', 'rich', 'docarray', 'pydantic', 'yaml', 'starlette', 'grpc', 'cloudpickle', 'psutil'}

# What only mistakes, asynchronous inputs, typed documents, files and people who look at Documents need.
RARE = {
    'difflib',
    'base64',
    'concurrent.futures',
    'mproc_flow.model.typed',
    'mproc_flow.model.sources',
    'mproc_flow.model.show',
}


@pytest.mark.parametrize(
    ('code', 'not_loaded'),
    [
        ('import mproc_flow', EXTRAS | {'zmq', 'numpy', 'msgspec'}),
        ('from mproc_flow import Flow, Client, Document, Executor', EXTRAS - {'cloudpickle', 'psutil'}),
        ('from mproc_flow import Flow, Executor, Document, DocumentArray, requests', RARE),
        ('import mproc_flow.cli.main', EXTRAS | {'zmq', 'numpy'}),
    ],
)
def test_an_import_loads_no_more_than_it_needs(code: str, not_loaded: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, '-c', f'{code}\nimport sys\nprint(*sys.modules)'], capture_output=True, text=True, check=True
    )
    assert not_loaded & set(done.stdout.split()) == set()

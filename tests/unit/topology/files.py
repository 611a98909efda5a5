"""Flow files for tests, and how they are read."""

from __future__ import annotations

import os
from typing import Any

from mproc_flow.topology import flowfile
from mproc_flow.topology.configuration import Values
from mproc_flow.topology.flowfile import FlowFile

FULL = """\
jtype: Flow
version: '1'
with:
  name: shop
  port: 51000
  env: {A: 1}
executors:
  - name: encoder
    uses: shop.encode:Encoder
    replicas: 2
    uses_with: {path: model.bin, day: 2020-01-01}
  - name: ranker
    uses: Ranker
    py_modules: [ranker.py, ../lib/more.py, /abs.py]
    workspace: work
    needs: [encoder, gateway]
    timeout_ready: null
  - {}
"""


def load(source: object, **values: Any) -> FlowFile:
    """Read a Flow file as a program in the working directory does, with an environment of its own."""
    return flowfile.load(source, Values(**{'folder': os.getcwd(), 'environ': {}, **values}))


def options(source: object, **values: Any) -> list[dict[str, Any]]:
    """Options of the Executors in a Flow file."""
    return [step.arguments for step in load(source, **values).steps]

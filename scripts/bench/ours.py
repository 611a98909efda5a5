"""Our side of the comparison: ``python ours.py post hops=1 repeats=100``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import mproc_flow
from mproc_flow import Executor, requests
from scripts.bench import workload


class Echo(Executor):
    """Does nothing."""

    @requests
    def echo(self, docs: Any, **kwargs: Any) -> None:
        """Leave the Documents as they are."""


if __name__ == '__main__':
    workload.run(workload.Api(mproc_flow, Echo), sys.argv[1:])

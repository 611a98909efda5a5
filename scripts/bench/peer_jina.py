"""Jina's side of the comparison, for an interpreter that has jina: ``python peer_jina.py post hops=1 repeats=100``.

Jina 3.34.0 needs Python 3.10 and ``jina==3.34.0 'docarray<0.30' 'setuptools<80'``. Jina 3.6.16 needs Python 3.9 and
``jina==3.6.16 'docarray<0.16' 'numpy<2' 'protobuf<3.21' 'setuptools<70'``. Its telemetry should be off, as
``compare.py`` does, so that no figure depends on the network.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# Behind what is installed: only the work is ours here.
sys.path.append(str(Path(__file__).resolve().parents[2]))

import jina  # type: ignore[import-not-found,unused-ignore]
from jina import Executor, requests

from scripts.bench import workload


class Echo(Executor):  # type: ignore[misc,unused-ignore]
    """Does nothing."""

    @requests  # type: ignore[misc,untyped-decorator,unused-ignore]
    def echo(self, docs: Any, **kwargs: Any) -> None:
        """Leave the Documents as they are."""


if __name__ == '__main__':
    workload.run(workload.Api(jina, Echo), sys.argv[1:])

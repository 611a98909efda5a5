"""Notebook kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.notebook import IMPORTS, Kernel
from tests.support.programs import Programs


@pytest.fixture
def kernel(programs: Programs, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel with the usual imports."""
    started = Kernel(programs, tmp_path)
    started.run(IMPORTS)
    yield started
    started.end()


@pytest.fixture
def each_kernel(programs: Programs, tmp_path: Path, start_method: str) -> Iterator[Kernel]:
    """A kernel in which Flows use one of the start methods."""
    started = Kernel(programs, tmp_path, {'JINA_MP_START_METHOD': start_method})
    started.run(IMPORTS)
    yield started
    started.end()

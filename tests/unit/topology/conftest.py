"""What tests of the topology share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def nothing_is_imported() -> Iterator[None]:
    """A test after which no module of the user's is loaded, and none is gone."""
    before = dict(sys.modules)
    yield
    assert before.items() <= sys.modules.items()
    new = {name.partition('.')[0] for name in sys.modules.keys() - before.keys()}
    ours = {name for name in new if name.startswith(('numpy', '_cython'))}  # hypothesis seeds numpy's numbers
    assert new - ours <= {*sys.stdlib_module_names, 'hypothesis'}

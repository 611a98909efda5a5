"""Event loops."""

from __future__ import annotations

import pytest

from tests.support.loops import RUNNERS, Run


@pytest.fixture(params=RUNNERS)
def run(request: pytest.FixtureRequest) -> Run:
    """Each kind of event loop."""
    return RUNNERS[request.param]

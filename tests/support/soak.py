"""How much the long fault tests do: a part of it in the suite, all that the promises name in a soak run.

``MPROC_FLOW_TEST_SOAK=1 pytest tests/faults`` does all of it and takes some minutes.
"""

from __future__ import annotations

import os
from typing import TypeVar

SOAK = bool(os.environ.get('MPROC_FLOW_TEST_SOAK'))
LONGEST = 600 if SOAK else 60

Amount = TypeVar('Amount', int, float)


def amount(suite: Amount, soak: Amount) -> Amount:
    """Choose the amount for this test run."""
    return soak if SOAK else suite

"""How requests share calls, as an option."""

from __future__ import annotations

from typing import Any

import pytest

from mproc_flow.errors import BadOption
from mproc_flow.options.groups import EXECUTOR


@pytest.mark.parametrize(
    ('given', 'complaint'),
    [
        ({'/a': {'preferred_batch_sise': 3}}, "did you mean 'preferred_batch_size'?"),
        ({'/a': {'custom_metric': len, 'preferred_batch_size': 3}}, "there is no 'custom_metric'"),
        ({'/a': {'timeout': 3}}, 'preferred_batch_size is missing'),
        ({'/a': {'preferred_batch_size': 0}}, "['preferred_batch_size'] must be"),
        ({'/a': {'preferred_batch_size': 3, 'timeout': -1}}, "['timeout'] must be"),
        ({'/a': {'preferred_batch_size': 3, 'flush_all': 'maybe'}}, "['flush_all'] must be"),
        ({'/a': 3}, "uses_dynamic_batching['/a'] must be a dict such as"),
        ([], 'must be a dict such as'),
    ],
)
def test_what_cannot_be_is_refused(given: Any, complaint: str) -> None:
    with pytest.raises(BadOption) as caught:
        EXECUTOR.check({'uses_dynamic_batching': given}, 'Flow.add()')
    assert complaint in str(caught.value)


def test_a_flag_is_written_as_for_other_dicts() -> None:
    parsed = EXECUTOR['uses_dynamic_batching'].kind.parse('/a={"preferred_batch_size": 4}')
    assert parsed == {'/a': {'preferred_batch_size': 4}}

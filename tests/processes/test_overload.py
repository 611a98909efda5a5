"""What a Flow does with more requests than it can serve."""

from __future__ import annotations

import time

import pytest

from mproc_flow import Client, Document, Flow, errors
from tests.support.contexts import Task
from tests.support.executors import Slow, notes
from tests.support.waiting import eventually


def test_no_more_requests_are_under_way_than_max_in_flight_allows(record: str) -> None:
    """Those beyond are refused at once, with the time after which to try again; a newcomer finds room."""
    with Flow(port=0, max_in_flight=2).add(uses=Slow, uses_with={'seconds': 1.0, 'record': record}) as f:
        task = Task(lambda: f.post('/', [Document() for _ in range(2)], request_size=1))
        eventually(lambda: notes(record, 'begin'), 10, 'the first is begun')
        client = Client(port=int(f.address.rpartition(':')[2]))
        client.is_flow_ready()
        newcomer = Task(lambda: client.post('/', Document()))
        begun = time.monotonic()
        with pytest.raises(errors.Overloaded, match='max_in_flight=2') as caught:
            f.post('/', [Document() for _ in range(20)], request_size=1)
        assert time.monotonic() - begun < 0.5
        assert caught.value.retry_after > 0
        task.join(20)
        newcomer.join(20)
        client.close()


def test_what_cannot_be_done_in_time_is_refused_at_once(record: str) -> None:
    """Once the Flow knows how long its work takes."""
    with Flow().add(uses=Slow, uses_with={'seconds': 0.1, 'record': record}) as f:
        f.post('/', [Document() for _ in range(6)], request_size=1)
        task = Task(lambda: f.post('/', [Document() for _ in range(20)], request_size=1))
        eventually(lambda: len(notes(record, 'begin')) > 6, 10, 'the others are begun')
        begun = time.monotonic()
        with pytest.raises(errors.Overloaded, match='its deadline is in') as caught:
            f.post('/', Document(), timeout=0.25)
        assert time.monotonic() - begun < 0.2
        assert 0 < caught.value.retry_after < 5
        task.join(20)

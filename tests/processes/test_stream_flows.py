"""Streams through Flows of several Executors, and through deaths."""

from __future__ import annotations

import pytest

from mproc_flow import Deployment, Flow
from mproc_flow.errors import PodDied
from mproc_flow.transport.exchange import AHEAD
from tests.support.executors import Echo, notes
from tests.support.flows import kill_pod
from tests.support.streams import Teller, texts


def test_the_last_executor_yields_to_the_caller_and_others_to_the_next(start_method: str) -> None:
    with Flow(quiet=True, start_method=start_method).add(uses=Echo, uses_with={'mark': '-'}).add(uses=Teller) as f:
        assert texts(f.post('/count', 'a', stream=True)) == ['a-0', 'a-1', 'a-2']
    with Flow(quiet=True, start_method=start_method).add(uses=Teller).add(uses=Echo, uses_with={'mark': '-'}) as f:
        assert [texts([docs]) for docs in f.post('/count', 'a', stream=True)] == [['a0-', 'a1-', 'a2-']]


def test_a_deployment_streams_too(start_method: str) -> None:
    with Deployment(uses=Teller, quiet=True, start_method=start_method) as deployment:
        assert texts(deployment.post('/count', 'a', stream=True)) == ['a0', 'a1', 'a2']


def test_a_death_ends_the_stream_and_nothing_is_sent_again(start_method: str, record: str) -> None:
    with Flow(quiet=True, start_method=start_method).add(uses=Teller, name='teller') as f:
        items = f.post('/endless', 'a', parameters={'record': record}, stream=True, max_attempts=5)
        next(items)
        kill_pod(f, 'teller/rep-0')
        with pytest.raises(PodDied, match='teller/rep-0'):
            list(items)
        assert len(list(f.post('/whole', 'a', stream=True, max_attempts=5))) == 1
    assert len(notes(record, 'made')) <= 2 * AHEAD

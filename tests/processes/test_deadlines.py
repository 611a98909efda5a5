"""What becomes of work that nobody waits for any more."""

from __future__ import annotations

import signal

import pytest

from mproc_flow import Document, Flow, errors
from tests.support import proc
from tests.support.executors import Slow, notes
from tests.support.programs import Programs
from tests.support.waiting import eventually, let_pass, within

CLIENT = """
import sys
from mproc_flow import Client, Document
print('sending', flush=True)
Client(port=int(sys.argv[1])).post('/', [Document() for _ in range(20)], request_size=1)
"""


@pytest.mark.parametrize('whose', ['flow', 'executor'])
def test_a_process_that_takes_longer_than_timeout_send_fails_the_request(whose: str) -> None:
    """The error names the Executor and the process; the Flow inherits it to its Executors."""
    of_flow, of_executor = (200, None) if whose == 'flow' else (60_000, 200)
    f = Flow(timeout_send=of_flow).add(uses=Slow, name='slow', uses_with={'seconds': 1.0}, timeout_send=of_executor)
    text = 'Executor slow took longer than timeout_send=200 ms at pod slow/rep-0'
    with f, within(0.25, 'an error by timeout_send=200'), pytest.raises(errors.DeadlineExceeded, match=text):
        f.post('/', Document())


def test_what_a_killed_client_left_is_not_done(record: str, programs: Programs) -> None:
    """Of its twenty requests those that wait are dropped; others are served at once."""
    with Flow(port=0).add(uses=Slow, uses_with={'seconds': 0.3, 'record': record}) as f:
        port = f.address.rpartition(':')[2]
        client = programs.script(CLIENT, port)
        eventually(lambda: notes(record, 'begin'), 20, 'its first request is begun')
        proc.send(client.pid, signal.SIGKILL)
        let_pass(0.3)
        begun = len(notes(record, 'begin'))
        f.post('/', Document())
        assert len(notes(record, 'begin')) <= begun + 1
    assert begun <= 4

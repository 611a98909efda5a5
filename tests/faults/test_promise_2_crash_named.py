"""Promise 2: a crash is named fast. Callers in flight learn who died, of what, and what it said last."""

from __future__ import annotations

import random
import signal
import time

import numpy as np
import pytest

from mproc_flow import Document, DocumentArray, Executor, Flow, errors, requests
from tests.support import proc
from tests.support.contexts import Context, Task
from tests.support.executors import Echo, Returns, SlowAsync, notes
from tests.support.faulty import Crash
from tests.support.flows import pod, wait_until_restarted
from tests.support.waiting import eventually, took, wait_until, within

CAUSES = {
    'sigkill': 'SIGKILL',
    'sigsegv': 'SIGSEGV',
    'abort': 'SIGABRT',
    'exit-0': 'code 0',
    'exit-1': 'code 1',
    'sys-exit': 'code 3',
}


@pytest.mark.parametrize('how', CAUSES)
def test_a_death_in_a_call_is_named(start_method: str, record: str, how: str) -> None:
    """Whatever ends the process, the caller gets pod, pid, cause and last words within 0.1 s."""
    with Flow(start_method=start_method).add(uses=Crash, name='bad', uses_with={'how': how, 'record': record}) as f:
        error, moment = crash(f)
    check_named(error, record, CAUSES[how])
    took(f'error after a death by {how}', 0.1, moment - notes(record, 'crash')[0].moment)
    assert ('out of memory' in str(error)) == (how == 'sigkill')


def test_a_death_is_named_wherever_the_caller_is(start_method: str, context: Context, record: str) -> None:
    """The same from the main thread, from another thread, and inside a running asyncio loop."""

    def body() -> tuple[errors.PodDied, float]:
        with Flow(start_method=start_method).add(uses=Crash, name='bad', uses_with={'record': record}) as f:
            return crash(f)

    error, moment = context.run(body)
    check_named(error, record, 'SIGKILL')
    took('error after a death in any context', 0.1, moment - notes(record, 'crash')[0].moment)


def test_every_caller_in_flight_is_told(start_method: str, record: str) -> None:  # nesting: a bound on each of many
    """Eight calls run in one process when it is killed: eight errors, each naming it."""
    options = {'seconds': 60, 'record': record}
    with Flow(start_method=start_method).add(uses=SlowAsync, name='slow', uses_with=options) as f:
        tasks = [Task(lambda: f.post('/', Document())) for _ in range(8)]
        eventually(lambda: len(notes(record, 'begin')) == 8, 10, 'all eight are being worked on')
        proc.send(pid := pod(f, 'slow/rep-0').pid, signal.SIGKILL)
        with within(0.1, 'errors of all callers in flight'):
            for task in tasks:
                with pytest.raises(errors.PodDied, match=str(pid)):
                    task.join(5)


def test_the_replica_that_died_is_named_and_the_other_goes_on(record: str) -> None:
    """Of two replicas the error names the one that died; the other one serves without a pause."""
    with Flow(start_method='fork').add(uses=Crash, name='bad', replicas=2, uses_with={'record': record}) as f:
        error, _ = crash(f)
        died = notes(record, 'crash')[0]
        assert error.failure is not None
        assert (error.failure.pod, error.failure.pid) == (died.pod, died.pid)
        with within(0.1, 'an answer of the other replica'):
            answer = f.post('/', Document(), timeout=5)
        assert answer[0].tags['pid'] != died.pid


def test_memory_error_is_an_error_of_the_call(start_method: str) -> None:
    """A MemoryError ends the call, not the process; the caller gets it with the remote traceback."""
    with Flow(start_method=start_method).add(uses=OutOfMemory) as f:
        before = pod(f, 'executor0/rep-0').pid
        with pytest.raises(errors.BadServer, match='MemoryError') as caught:
            f.post('/', Document())
        assert pod(f, 'executor0/rep-0').pid == before
    assert 'in allocate' in str(caught.value.__cause__)


class OutOfMemory(Executor):
    """Asks for more memory than there is."""

    @requests
    def work(self, **kwargs: object) -> None:
        """Let numpy raise it."""
        self.allocate()

    def allocate(self) -> None:
        """Where it happens."""
        np.empty(1 << 60, dtype=np.uint8)


def test_a_value_that_cannot_be_encoded_is_an_error_of_the_call(start_method: str, record: str) -> None:
    """While encoding the answer: the caller is told which field it is, and the process lives on."""
    with Flow(start_method=start_method).add(uses=Returns, name='odd', uses_with={'record': record}) as f:
        before = pod(f, 'odd/rep-0')
        with pytest.raises((errors.SerializationError, errors.BadServer), match='lock'):
            f.post('/unencodable', Document())
        assert f.post('/none', Document())[0].text == 'in place'
        assert pod(f, 'odd/rep-0').pid == before.pid


def test_a_death_while_a_large_message_is_decoded_or_encoded() -> None:
    """Killed at any moment of a large request, its decoding and encoding included: an error or a result, in time."""
    moments = random.Random(2)
    docs = DocumentArray(Document(text='x' * 200_000) for _ in range(100))
    outcomes = []
    for _ in range(3):  # a pod that dies six times in a minute is given up: a new Flow for each four deaths
        with Flow(start_method='fork').add(uses=Echo, name='echo', uses_with={'mark': 'y'}) as f:
            begun = time.monotonic()
            assert f.post('/', docs)[0].text.endswith('y')
            usual = time.monotonic() - begun
            for _ in range(4):
                outcomes.append(kill_during_post(f, docs, moments.uniform(0, usual)))
    assert 'died' in outcomes, outcomes


def kill_during_post(f: Flow, docs: DocumentArray, moment: float) -> str:
    """Kill the Executor ``moment`` seconds after the request was given."""
    pid = pod(f, 'echo/rep-0').pid
    end = time.monotonic() + moment
    task = Task(lambda: f.post('/', docs, timeout=20))
    wait_until(end)
    proc.send(pid, signal.SIGKILL)
    try:
        task.join(10)
        outcome = 'answered'
    except errors.PodDied as error:
        assert error.failure is not None
        assert error.failure.pid == pid
        outcome = 'died'
    wait_until_restarted(f, 'echo/rep-0', pid)
    return outcome


def test_a_death_while_idle_is_noticed_and_the_next_call_served(start_method: str, record: str) -> None:
    """Killed while idle: the process table tells the truth at once, and the next request waits for the new process."""
    with Flow(start_method=start_method).add(uses=Echo, name='echo', uses_with={'record': record}) as f:
        pid = pod(f, 'echo/rep-0').pid
        proc.send(pid, signal.SIGKILL)
        with within(0.1, 'notice of a death while idle'):
            eventually(lambda: pod(f, 'echo/rep-0').pid != pid, 5, 'the dead process is not shown any more')
        answer = f.post('/', Document(), timeout=20)
        assert answer[0].tags['pid'] not in (None, pid)
        assert pod(f, 'echo/rep-0').restarts == 1


def crash(f: Flow) -> tuple[errors.PodDied, float]:
    """Post to the endpoint that kills; give the error and the moment it came."""
    with pytest.raises(errors.PodDied) as caught:
        f.post('/crash', Document(), timeout=30)
    return caught.value, time.monotonic()


def check_named(error: errors.PodDied, record: str, cause: str) -> None:
    """The error must hold what the dead process itself wrote down."""
    died = notes(record, 'crash')[0]
    failure = error.failure
    assert failure is not None
    assert (failure.pod, failure.pid) == (died.pod, died.pid)
    assert cause in failure.cause
    assert any('these are my last words' in line for line in failure.last_lines), failure
    for word in (died.pod, str(died.pid), cause):
        assert word in str(error)

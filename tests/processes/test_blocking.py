"""``block()`` and what a Flow does to the process it lives in: nothing that stays."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mproc_flow import Document, DocumentArray, Executor, Flow, errors, requests
from tests.support import proc
from tests.support.contexts import Context, Task
from tests.support.executors import Echo
from tests.support.waiting import eventually, let_pass, took

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM)

EVENTS: dict[str, Callable[[], Any]] = {
    'threading': threading.Event,
    'fork': lambda: multiprocessing.get_context('fork').Event(),
    'spawn': lambda: multiprocessing.get_context('spawn').Event(),
}


@pytest.mark.parametrize('kind', EVENTS)
def test_block_returns_soon_after_the_event(context: Context, kind: str) -> None:
    """At most 0.2 s after ``set()``, for events of threads and of processes, wherever ``block()`` is called."""
    event = EVENTS[kind]()

    def body() -> float:
        with Flow() as f:
            setter = Task(lambda: (let_pass(0.2), event.set(), time.monotonic())[-1])
            f.block(stop_event=event)
            return time.monotonic() - float(setter.join(5))  # type: ignore[arg-type]

    took(f'block() after set() of a {kind} Event', 0.2, context.run(body))


def test_block_with_an_event_that_is_set_returns_at_once() -> None:
    """No wait, and the Flow still serves."""
    event = threading.Event()
    event.set()
    with Flow().add(uses=Echo) as f:
        f.block(event)
        assert len(f.post('/', Document())) == 1


def test_posts_are_answered_while_another_thread_blocks() -> None:
    """``block()`` in one thread takes nothing from the others."""
    event = threading.Event()
    with Flow().add(uses=Echo) as f:
        blocking = Task(lambda: f.block(event))
        for _ in range(20):
            assert len(f.post('/', Document())) == 1
        assert blocking.running
        event.set()
        blocking.join(5)


@pytest.mark.parametrize('wrong', [object(), 5, 'event'], ids=repr)
def test_block_refuses_what_is_no_event(wrong: object) -> None:
    """A clear error instead of a wait for ever or an AttributeError from inside."""
    with Flow() as f, pytest.raises(TypeError, match='Event'):
        f.block(wrong)


def test_block_needs_a_running_flow() -> None:
    """Before the start and after the end it is an error."""
    f = Flow()
    with pytest.raises(errors.FlowBuildLevelError):
        f.block()


def test_a_blocked_flow_uses_no_cpu() -> None:
    """``block(event)`` with a process event, which has to be looked at: the whole Flow stays below 0.5 % of a core."""
    event = multiprocessing.get_context('fork').Event()
    with Flow().add(uses=Echo) as f:
        blocking = Task(lambda: f.block(event))
        everyone = [os.getpid(), f.guardian_pid, *(status.pid for status in f.pods)]
        let_pass(0.3)
        before = sum(map(proc.cpu_seconds, everyone))
        let_pass(3)
        used = sum(map(proc.cpu_seconds, everyone)) - before
        event.set()
        blocking.join(5)
    assert used <= 0.005 * 3 + 0.005, f'{used * 1000:.1f} ms of CPU in 3 s'


def test_signal_handlers_are_the_same_objects(start_method: str, context: Context) -> None:
    """Before, while it runs, and after: the application's handlers, its mask and its wake-up descriptor."""

    def mine(number: int, frame: object) -> None:
        """The application's own handler."""

    old = signal.signal(signal.SIGHUP, mine)
    try:
        before = state()

        def body() -> list[object]:
            with Flow(start_method=start_method).add(uses=Echo) as f:
                f.post('/', Document())
                during = state()
                closing = Task(lambda: (let_pass(0.1), stop.set()))
                f.block(stop)
                closing.join(5)
            return during

        stop = threading.Event()
        during = context.run(body)
        assert state() == before
        if context.name != 'asyncio':  # a running loop has a wake-up descriptor of its own
            assert during == before
    finally:
        signal.signal(signal.SIGHUP, old)


def state() -> list[object]:
    """What of the process's signals a library could change."""
    handlers: list[object] = [signal.getsignal(number) for number in SIGNALS]
    return [*handlers, signal.pthread_sigmask(signal.SIG_BLOCK, ())]


def test_a_forked_child_does_not_run_the_applications_handler() -> None:
    """SIGTERM to a pod is the pod's business: the handler that the application set is not called in it."""
    told = []
    old = signal.signal(signal.SIGTERM, lambda *_: told.append(os.write(2, b'the application\n')))
    try:
        with Flow(start_method='fork').add(uses=HandlerShower, name='it') as f:
            shown = f.post('/', Document())[0].text
        assert 'lambda' not in shown
        assert not told
    finally:
        signal.signal(signal.SIGTERM, old)


class HandlerShower(Executor):
    """Tells which handler its process has for SIGTERM."""

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Look it up."""
        docs[0].text = repr(signal.getsignal(signal.SIGTERM))


def test_an_applications_own_handler_is_respected_in_block() -> None:
    """A program that handles SIGTERM itself keeps doing so while ``block()`` runs; Ctrl-C still ends it."""
    told: list[int] = []
    old = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        with Flow() as f:
            sender = Task(lambda: send_both(told))
            f.block()
            sender.join(5)
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, old)


def send_both(told: list[int]) -> None:
    """SIGTERM first; when the application has handled it, SIGINT."""
    let_pass(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    eventually(lambda: told, 5, 'the application has handled SIGTERM')
    let_pass(0.1)
    os.kill(os.getpid(), signal.SIGINT)

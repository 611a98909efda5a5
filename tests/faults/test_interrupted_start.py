"""What comes at a bad moment of a start: nothing is left, and nothing hangs."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mproc_flow import AsyncFlow, Document, Flow
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.topology.plan import GATEWAY
from tests.support import proc
from tests.support.contexts import Task
from tests.support.executors import Echo, notes, write_note
from tests.support.flows import kill_pod, wait_until_restarted
from tests.support.waiting import eventually, let_pass


class Broken(logging.Handler):
    """The logging of a program, which fails where a Flow says that it is ready."""

    def handle(self, record: logging.LogRecord) -> Any:
        if 'is ready after' in record.getMessage():
            raise OSError('the disk is full')


@pytest.fixture
def broken_logging() -> Iterator[None]:
    logger, handler = logging.getLogger('mproc_flow'), Broken()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_ctrl_c_while_a_flow_is_launched(start_method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes when the Guardian runs already, and the Flow does not know it yet."""
    began = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        began(thread)
        signal.raise_signal(signal.SIGINT)

    f = Flow(start_method=start_method).add(uses=Echo)
    before = proc.ours().keys()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(threading.Thread, 'start', start)
        f.start()
    assert not f.is_running
    assert proc.ours().keys() == before


@pytest.mark.usefixtures('broken_logging')
def test_the_logging_of_the_program_fails() -> None:
    f = Flow().add(uses=Echo)
    before = proc.ours().keys()
    with pytest.raises(OSError, match='the disk is full'):
        f.start()
    assert not f.is_running
    assert proc.ours().keys() == before


@pytest.mark.usefixtures('broken_logging')
def test_the_logging_of_a_program_with_a_loop_fails() -> None:
    f = AsyncFlow().add(uses=Echo)
    before = proc.ours().keys()
    with pytest.raises(OSError, match='the disk is full'):
        asyncio.run(f.__aenter__())
    assert not f.is_running
    assert proc.ours().keys() == before


def test_the_gateway_dies_between_hello_and_ready(record: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod said Hello to a gateway that is gone when the Guardian hears that the pod is ready."""
    go = tmp_path / 'go'

    def slow(dispatcher: Dispatcher) -> dict[str, Any]:
        write_note(record, 'greeted')
        eventually(go.exists, 20, 'the pod may go on')
        return {}

    monkeypatch.setattr(Dispatcher, 'schemas', property(slow))
    f = Flow(start_method='fork').add(uses=Echo)
    starting = Task(f.start)
    eventually(lambda: notes(record, 'greeted'), 10, 'the pod has said Hello')
    let_pass(0.1)  # until the gateway has it
    wait_until_restarted(f, GATEWAY, kill_pod(f, GATEWAY))
    go.touch()
    try:
        starting.join(5)
        assert len(f.post('/', Document(), timeout=5)) == 1
    finally:
        f.close()

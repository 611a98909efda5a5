"""Signals taken over for a while, and put back as they were."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from mproc_flow.supervisor.signals import ending

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OTHERS = (signal.SIGUSR1, signal.SIGCHLD, signal.SIGALRM, signal.SIGPIPE)


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    """Python's own handlers, and afterwards those of the test run."""
    old = {number: signal.getsignal(number) for number in ENDS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in old.items():
        signal.signal(number, handler)


def handlers() -> dict[signal.Signals, Any]:
    """The handlers as they are now."""
    return {number: signal.getsignal(number) for number in (*ENDS, *OTHERS)}


def mine(number: int, frame: FrameType | None) -> None:
    """A handler of the program's own."""


@pytest.mark.parametrize('number', ENDS)
def test_each_of_these_signals_calls_back(number: signal.Signals) -> None:
    called: list[str] = []
    with ending(lambda: called.append('now')):
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert called
    assert set(called) == {'now'}


def test_the_same_handler_objects_are_put_back() -> None:
    before = handlers()
    with ending(lambda: None):
        during = handlers()
    after = handlers()
    assert all(after[number] is before[number] for number in before)
    assert all(during[number] is not before[number] for number in ENDS)
    assert all(during[number] is before[number] for number in OTHERS)


def test_they_are_put_back_after_an_error() -> None:
    before = handlers()
    with pytest.raises(KeyError), ending(lambda: None):
        raise KeyError
    assert handlers() == before


def test_an_error_of_the_callback_comes_out_and_everything_is_put_back() -> None:
    before = handlers()

    def bad() -> None:
        raise KeyError

    with pytest.raises(KeyError), ending(bad):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.getsignal(signal.SIGTERM)  # the handler runs between two instructions
    assert handlers() == before


@pytest.mark.parametrize('handler', [mine, signal.SIG_IGN])
def test_handlers_the_program_set_stay(handler: Any) -> None:
    for number in ENDS:
        signal.signal(number, handler)
    with ending(lambda: pytest.fail('called')):
        assert all(signal.getsignal(number) is handler for number in ENDS)
        for number in ENDS:
            os.kill(os.getpid(), number)
    assert all(signal.getsignal(number) is handler for number in ENDS)


def test_one_handler_of_the_program_does_not_keep_the_others_from_being_taken() -> None:
    signal.signal(signal.SIGTERM, mine)
    called: list[str] = []
    with ending(lambda: called.append('now')):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert called == ['now']


def test_in_another_thread_nothing_is_taken_over() -> None:
    before = handlers()
    seen: list[dict[signal.Signals, Any]] = []

    def run() -> None:
        with ending(lambda: None):
            seen.append(handlers())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
    assert handlers() == before


def test_one_within_another() -> None:
    before = handlers()
    outer: list[str] = []
    inner: list[str] = []
    with ending(lambda: outer.append('outer')):
        with ending(lambda: inner.append('inner')):
            os.kill(os.getpid(), signal.SIGTERM)
            assert outer == ['outer']  # the outer one's handlers are not defaults any more
        os.kill(os.getpid(), signal.SIGTERM)
        assert outer == ['outer', 'outer']
    assert not inner
    assert handlers() == before


def test_signals_make_a_descriptor_readable_and_are_handed_on() -> None:
    (reader, writer), (others, other) = os.pipe(), os.pipe()
    for fd in (writer, other):
        os.set_blocking(fd, False)
    before = signal.set_wakeup_fd(other)
    try:
        with ending(lambda: None, writer) as heard:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)
            heard += os.read(reader, 100)
        assert heard == bytes([signal.SIGTERM, signal.SIGHUP])
        assert os.read(others, 100) == heard
        assert signal.set_wakeup_fd(other) == other
    finally:
        signal.set_wakeup_fd(before)
        for fd in (reader, writer, others, other):
            os.close(fd)


def test_a_handler_that_only_tells_an_event_loop_is_taken_over() -> None:
    """The loop cannot run while somebody waits here; it hears of the signal when it goes on."""
    called: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, called.append, 'by the loop')
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = handlers()
        with ending(lambda: called.append('here'), writer) as heard:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            heard += os.read(reader, 100)
            assert called == ['here', 'here']
        assert handlers() == before
        os.close(reader)
        os.close(writer)
        while 'by the loop' not in called:
            await asyncio.sleep(0.001)

    asyncio.run(main())


def test_a_ctrl_c_while_they_are_put_back_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a later signal would be written to a descriptor that is closed, or somebody else's, by then."""
    before, put = handlers(), signal.signal
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def interrupted(number: signal.Signals, handler: Any) -> Any:
        put(number, handler)
        signal.raise_signal(signal.SIGINT)

    def enter_and_leave() -> None:
        with ending(lambda: None, writer):
            monkeypatch.setattr(signal, 'signal', interrupted)

    with pytest.raises(KeyboardInterrupt):
        enter_and_leave()
    monkeypatch.undo()
    left = signal.set_wakeup_fd(-1)
    os.close(reader)
    os.close(writer)
    assert left == -1
    assert handlers() == before

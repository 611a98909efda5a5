"""Deadlines: in order of time, once each, on a clock that the tests hold."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mproc_flow.supervisor import timers as module
from mproc_flow.supervisor.timers import Timers


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the timers."""
    held = Clock()
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: held.now))
    return held


def test_in_order_of_time_and_then_of_setting(clock: Clock) -> None:
    timers, called = Timers(), []
    for seconds, name in ((2.0, 'c'), (1.0, 'a'), (1.0, 'b'), (3.0, 'd')):
        timers.after(seconds, lambda name=name: called.append(name))
    clock.now += 2.0
    timers.run_due()
    assert called == ['a', 'b', 'c']
    clock.now += 1.0
    timers.run_due()
    timers.run_due()
    assert called == ['a', 'b', 'c', 'd']


def test_how_long_to_wait(clock: Clock) -> None:
    timers = Timers()
    assert timers.wait() is None
    timers.after(5.0, lambda: None)
    timers.after(3.0, lambda: None)
    assert timers.wait() == 3.0
    clock.now += 1.0
    assert timers.wait() == 2.0
    clock.now += 10.0
    assert timers.wait() == 0.0
    timers.run_due()
    assert timers.wait() is None


def test_nothing_runs_early(clock: Clock) -> None:
    timers, called = Timers(), []
    timers.after(1.0, lambda: called.append('early'))
    clock.now += 0.999
    timers.run_due()
    assert not called


def test_a_callback_may_set_another_that_is_due_at_once(clock: Clock) -> None:
    timers, called = Timers(), []
    timers.after(0.0, lambda: timers.after(0.0, lambda: called.append('second')))
    timers.run_due()
    assert called == ['second']
    timers.after(0.0, lambda: timers.after(1.0, lambda: called.append('third')))
    timers.run_due()
    assert called == ['second']
    assert timers.wait() == 1.0


def test_a_callback_that_raises_is_not_called_again(clock: Clock) -> None:
    timers, called = Timers(), []

    def bad() -> None:
        called.append('bad')
        raise ZeroDivisionError

    timers.after(0.0, bad)
    timers.after(0.0, lambda: called.append('good'))
    with pytest.raises(ZeroDivisionError):
        timers.run_due()
    timers.run_due()
    assert called == ['bad', 'good']

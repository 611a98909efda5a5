"""Beside which threads a fork is warned of."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mproc_flow.supervisor.launch import may_hold_locks


class KernelThread(threading.Thread):
    """As a notebook's kernel has some."""


KernelThread.__module__ = 'ipykernel.heartbeat'


def of_the_kernel(event: threading.Event) -> None:
    """What a thread of the kernel runs."""
    event.wait(10)


of_the_kernel.__module__ = 'ipykernel.iostream'


@pytest.mark.parametrize(
    ('make', 'expected'),
    [
        (lambda event: threading.Thread(target=event.wait, args=(10,)), True),
        (lambda event: threading.Thread(target=event.wait, args=(10,), name='mproc_flow-background'), False),
        (lambda event: threading.Thread(target=of_the_kernel, args=(event,), name='IOPub'), False),
        (lambda event: KernelThread(target=event.wait, args=(10,)), True),
    ],
    ids=['user', 'ours', 'kernel', 'user function in a class of the kernel'],
)
def test_threads(make: Callable[[threading.Event], threading.Thread], expected: bool) -> None:
    """Ours and those of a notebook's kernel hold nothing that an Executor could want."""
    event = threading.Event()
    thread = make(event)
    thread.start()
    try:
        assert may_hold_locks(thread) is expected
    finally:
        event.set()
        thread.join()


def test_a_class_of_the_kernel_without_a_function() -> None:
    """Its module is the one that counts."""
    assert not may_hold_locks(KernelThread())
    assert may_hold_locks(threading.Thread())
    assert not may_hold_locks(threading.current_thread())

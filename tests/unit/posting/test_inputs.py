"""Inputs that have to be awaited, with a loop and without one."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mproc_flow.errors import BadClientInput
from mproc_flow.posting.inputs import async_batches, sync_batches
from tests.support.waiting import within

ENDED = []


async def numbers(count: int = 5) -> AsyncIterator[str]:
    try:
        for number in range(count):
            await asyncio.sleep(0)
            yield str(number)
    finally:
        ENDED.append(count)


class Endless:
    """An asynchronous iterable that is no generator."""

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> str:
        return 'x'


def texts(found: Any) -> list[list[str | None]]:
    return [[doc.text for doc in batch] for batch in found]


def in_thread(function: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join(10)
    return found[0]


@pytest.mark.parametrize('inputs', [numbers, numbers(), lambda: numbers()], ids=['function', 'generator', 'lambda'])
def test_they_are_read_without_a_loop(inputs: Any) -> None:
    assert texts(sync_batches(inputs, 2)) == [['0', '1'], ['2', '3'], ['4']]


def test_they_are_read_while_a_loop_runs_in_this_thread() -> None:
    async def main() -> list[list[str | None]]:
        return texts(sync_batches(numbers(), 2))

    assert asyncio.run(main()) == [['0', '1'], ['2', '3'], ['4']]


def test_no_more_is_read_than_asked_for_and_the_generator_is_closed() -> None:
    ENDED.clear()
    found = sync_batches(numbers(1000), 2)
    assert texts([next(found)]) == [['0', '1']]
    found.close()  # type: ignore[attr-defined]
    assert ENDED == [1000]
    endless = sync_batches(Endless(), 3)
    assert texts([next(endless)]) == [['x', 'x', 'x']]
    endless.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if 'inputs' in thread.name]


def test_what_they_raise_goes_to_the_caller_as_it_is() -> None:
    problem = KeyError('mine')

    async def produce() -> AsyncIterator[str]:
        yield 'a'
        raise problem

    found = sync_batches(produce, 1)
    next(found)
    with pytest.raises(KeyError) as caught:
        next(found)
    assert caught.value is problem


def test_a_coroutine_is_no_input() -> None:
    async def produce() -> list[str]:
        return ['a']

    with pytest.raises(BadClientInput, match=r'a coroutine .await it first. cannot be turned'):
        next(sync_batches(produce, 1))


async def collect(found: AsyncIterator[Any]) -> list[list[str | None]]:
    return texts([batch async for batch in found])


@pytest.mark.parametrize(
    ('count', 'size', 'expected'),
    [
        (5, 2, [['0', '1'], ['2', '3'], ['4']]),
        (4, 2, [['0', '1'], ['2', '3']]),
        (2, 0, [['0', '1']]),
        (2, -1, [['0', '1']]),
        (0, 2, [[]]),
    ],
)
def test_in_a_loop(count: int, size: int, expected: list[list[str]]) -> None:
    assert asyncio.run(collect(async_batches(numbers(count), size))) == expected
    assert texts(sync_batches(numbers(count), size)) == expected


def test_an_item_of_no_use_is_named() -> None:
    async def produce() -> AsyncIterator[Any]:
        yield 'a'
        yield 5

    with pytest.raises(BadClientInput, match=r'inputs\[1\]: a value of type int'):
        asyncio.run(collect(async_batches(produce(), 1)))
    with pytest.raises(BadClientInput, match=r'inputs\[1\]: a value of type int'):
        list(sync_batches(produce, 1))


def test_ctrl_c_ends_the_wait_for_the_next_one() -> None:
    """Whatever the inputs wait for: they are cancelled, and end before the call does."""
    main = threading.main_thread().ident
    assert main is not None
    ends: list[str] = []

    async def produce() -> AsyncIterator[str]:
        yield 'a'
        try:
            signal.pthread_kill(main, signal.SIGINT)
            await asyncio.sleep(20)
            yield 'b'
        except asyncio.CancelledError:
            ends.append('cancelled')
            raise

    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with within(5, 'Ctrl-C while an input is awaited'), pytest.raises(KeyboardInterrupt):
            list(sync_batches(produce, 1))
    finally:
        signal.signal(signal.SIGINT, old)
    assert ends == ['cancelled']
    assert not [thread for thread in threading.enumerate() if 'inputs' in thread.name]

"""Messages on a stream socket, however the kernel cuts the stream."""

from __future__ import annotations

import fcntl
import itertools
import resource
import socket
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from mproc_flow.transport.pipe import Pipe, pair

HUGE = 'x' * (3 << 20)


class Text(msgspec.Struct, frozen=True, tag='text'):
    """A message."""

    text: str


class Number(msgspec.Struct, frozen=True, tag='number'):
    """Another message."""

    number: int


class Other(msgspec.Struct, frozen=True, tag='other'):
    """A message that nobody here takes."""


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    ours, theirs = pair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def pipes(sockets: tuple[socket.socket, socket.socket]) -> tuple[Pipe, Pipe]:
    """Two connected Pipes."""
    return Pipe(sockets[0], Text | Number), Pipe(sockets[1], Text | Number)


def raw(*messages: msgspec.Struct) -> bytes:
    """Messages as they stand on the socket."""
    ours, theirs = pair()
    pipe = Pipe(ours, Text)
    for message in messages:
        pipe.send(message)
    data = theirs.recv(1 << 20)
    ours.close()
    theirs.close()
    return data


def received(pipe: Pipe) -> list[Any]:
    """What a Pipe gives now."""
    return list(pipe.receive())


def test_messages_arrive_in_order_both_ways(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    ours.send(Text('a'))
    ours.send(Number(2))
    theirs.send(Text('back'))
    assert received(theirs) == [Text('a'), Number(2)]
    assert received(ours) == [Text('back')]
    assert received(ours) == received(theirs) == []
    assert not ours.ended


def test_one_byte_at_a_time(sockets: tuple[socket.socket, socket.socket]) -> None:
    pipe = Pipe(sockets[0], Text | Number)
    data = raw(Text('one'), Number(2), Text(''))
    found = []
    for position in range(len(data)):
        assert not pipe.ended
        sockets[1].send(data[position : position + 1])
        found.append(received(pipe))
    assert [message for messages in found for message in messages] == [Text('one'), Number(2), Text('')]
    assert found[-1] == [Text('')]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=20), max_size=8), cuts=st.lists(st.integers(0, 200), max_size=8))
def test_any_cuts(texts: list[str], cuts: list[int]) -> None:
    ours, theirs = pair()
    pipe = Pipe(ours, Text)
    data = raw(*map(Text, texts)) if texts else b''
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = []
    for begin, end in itertools.pairwise(edges):
        theirs.sendall(data[begin:end])
        found += received(pipe)
    assert [message.text for message in found] == texts
    pipe.close()
    theirs.close()


def test_what_the_socket_does_not_take_is_kept_for_flush(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    ours.send(Text(HUGE))
    ours.send(Number(1))
    assert ours.unsent > 1 << 20
    found: list[object] = []
    while ours.unsent:
        before = ours.unsent
        found += received(theirs)
        ours.flush()
        assert ours.unsent < before
    while len(found) < 2:
        found += received(theirs)
    assert found == [Text(HUGE), Number(1)]


def test_flush_with_nothing_to_send_and_with_a_full_socket_does_nothing(pipes: tuple[Pipe, Pipe]) -> None:
    ours, _ = pipes
    ours.flush()
    ours.send(Text(HUGE))
    unsent = ours.unsent
    ours.flush()
    assert ours.unsent == unsent


def test_send_all_waits_until_everything_is_taken(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    found: list[object] = []

    def read() -> None:
        while not found:
            theirs.wait(None)
            found.extend(received(theirs))

    reader = threading.Thread(target=read)
    reader.start()
    ours.send_all(Text(HUGE))
    assert not ours.unsent
    reader.join()
    assert found == [Text(HUGE)]


def test_send_all_gives_up_when_nothing_is_taken_for_too_long(pipes: tuple[Pipe, Pipe]) -> None:
    ours, _ = pipes
    ours.send_all(Text(HUGE), timeout=0.01)
    assert ours.unsent


def test_many_threads_may_send(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    counts = range(4)

    def send(number: int) -> None:
        for _ in range(200):
            ours.send_all(Text(str(number) * 1000))

    threads = [threading.Thread(target=send, args=(number,)) for number in counts]
    for thread in threads:
        thread.start()
    found: list[Text] = []
    while len(found) < 200 * len(counts):
        theirs.wait(None)
        found += received(theirs)
    for thread in threads:
        thread.join()
    assert sorted(message.text for message in found) == sorted(
        str(number) * 1000 for number in counts for _ in range(200)
    )


def test_end_of_file_after_the_last_message(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    theirs.send(Text('last words'))
    theirs.close()
    found: list[object] = []
    while not ours.ended:
        assert ours.wait(5.0)
        found += received(ours)
    assert found == [Text('last words')]
    assert received(ours) == []


def test_half_a_message_before_the_end_is_dropped(sockets: tuple[socket.socket, socket.socket]) -> None:
    pipe = Pipe(sockets[0], Text)
    sockets[1].send(raw(Text('whole')) + raw(Text('half'))[:-1])
    sockets[1].close()
    assert received(pipe) + received(pipe) == [Text('whole')]
    assert pipe.ended


def test_a_long_message_just_before_the_end(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    found: list[object] = []
    theirs.send(Text(HUGE))
    while theirs.unsent:
        found += received(ours)
        theirs.flush()
    theirs.close()
    while not ours.ended:
        found += received(ours)
    assert found == [Text(HUGE)]


def test_sending_to_one_that_is_gone_breaks_the_pipe_raises_nothing_and_keeps_nothing(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    theirs.close()
    ours.send(Text('a'))
    assert ours.broken
    ours.send_all(Text('b'))
    ours.flush()
    for _ in range(100):
        ours.send(Text('x' * 1000))
    assert ours.unsent < 10_000


def test_the_other_end_may_die_while_much_is_unsent(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    ours.send(Text(HUGE))
    theirs.close()
    ours.send_all(Text('never arrives'))
    assert ours.broken


NO_MESSAGES = {
    'another': Other(),
    'reserved byte': msgspec.Raw(b'\xc1'),
    'empty': msgspec.Raw(b''),
    'text that is none': msgspec.Raw(b'\x82\xa4type\xa4text\xa4text\xa1\xff'),
    'wrong type': msgspec.Raw(msgspec.msgpack.encode({'type': 'text', 'text': 5})),
    'too deep': msgspec.Raw(b'\x83\xa4type\xa4text\xa4text\xa1x\xa4more' + b'\x91' * 100_000 + b'\x00'),
}


@pytest.mark.parametrize('message', NO_MESSAGES.values(), ids=NO_MESSAGES.keys())
def test_what_is_no_message_raises_an_error_of_decoding(pipes: tuple[Pipe, Pipe], message: msgspec.Struct) -> None:
    ours, theirs = pipes
    ours.send(message)
    with pytest.raises(msgspec.DecodeError):
        received(theirs)


def test_messages_before_one_that_cannot_be_read_are_not_lost(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    found: list[object] = []
    for message in (Text('last words'), Other()):
        ours.send(message)
    with pytest.raises(msgspec.DecodeError):
        for message in theirs.receive():
            found.append(message)
    assert found == [Text('last words')]


def test_what_was_read_from_the_socket_but_not_taken_needs_no_waiting(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    ours.send(Text('a'))
    ours.send(Number(2))
    for message in theirs.receive():
        assert message == Text('a')
        break
    assert theirs.wait(0.0)
    assert received(theirs) == [Number(2)]


def test_wait(pipes: tuple[Pipe, Pipe]) -> None:
    ours, theirs = pipes
    assert not ours.wait(0.0)
    theirs.send(Number(1))
    assert ours.wait(5.0)


def test_neither_end_is_inherited_by_programs() -> None:
    for end in pair():
        assert not end.get_inheritable()
        end.close()


def test_a_pipe_works_in_a_program_with_very_many_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip('this system allows too few open files')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    ours, theirs = pair()
    pipes = [Pipe(socket.socket(fileno=fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 1100)), Text) for end in (ours, theirs)]
    try:
        pipes[0].send_all(Text('a'))
        assert pipes[1].wait(5.0)
        assert received(pipes[1]) == [Text('a')]
        pipes[0].send_all(Text(HUGE), timeout=0.01)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for end in (ours, theirs, *pipes):
            end.close()

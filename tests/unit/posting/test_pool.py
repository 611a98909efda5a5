"""Connections that are used again, and those that are not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from mproc_flow.client import Client
from mproc_flow.options.groups import CLIENT
from mproc_flow.transport import channel
from mproc_flow.transport.frames import Frame, Submit
from tests.unit.transport.fake_gateway import BOUND, FakeGateway, Wire


@pytest.fixture
def client(wire: Wire) -> Iterator[Client]:
    options = CLIENT.with_defaults({})
    with Client.at(wire.address, options, lambda: None, lambda seconds: seconds > BOUND) as made:
        yield made


DEALER = 5  # and no monitor


class Alarm(Exception):
    """What a handler of the program's raises at a signal."""


def echo(gateway: FakeGateway, submit: Submit, payload: list[Frame]) -> None:
    gateway.answer(submit, payload)


def interrupted(error: type[BaseException]) -> Any:
    """What takes a message from a socket, in the midst of which a signal comes."""

    def receive(socket: channel.Socket, copied: int = 2) -> None:
        if channel.is_readable(socket):
            socket.recv()
            raise error

    return receive


@pytest.mark.parametrize('error', [KeyboardInterrupt, Alarm])
def test_a_connection_with_half_a_message_is_not_used_again(
    wire: Wire, client: Client, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    gateway = wire.gateway(echo)
    assert client.post('/', 'a')[0].text == 'a'
    take = channel.receive

    def receive(socket: channel.Socket, copied: int = 2) -> Any:
        from_client = socket.context is not gateway.context and socket.type == DEALER
        return (interrupted(error) if from_client else take)(socket, copied)

    with monkeypatch.context() as patched, pytest.raises(error):
        patched.setattr(channel, 'receive', receive)
        client.post('/', 'b')
    assert client.post('/', 'c')[0].text == 'c'


def test_a_connection_is_used_again_after_an_error_between_messages(wire: Wire, client: Client) -> None:
    gateway = wire.gateway(echo)

    def callback(response: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.post('/', ['a', 'b'], request_size=1, on_done=callback)
    assert client.post('/', 'c')[0].text == 'c'
    assert [submit.request for submit in gateway.submitted] == [0, 1, 2], 'one connection counts on'


def test_a_fork_does_not_wait_for_a_thread_that_did_not_come_along(wire: Wire, client: Client) -> None:
    """Another thread was about to take a connection when the program was forked."""
    wire.gateway(echo)
    with client._pool._lock:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(5)
            answered = client.post('/', 'a')[0].text == 'a'
            client.close()
            os._exit(0 if answered else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

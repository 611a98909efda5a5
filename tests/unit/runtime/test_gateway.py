"""What the gateway makes of messages that no client and no pod of ours would send, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from mproc_flow.errors import ErrorInfo, FlowClosed, FlowFailed, PodDied
from mproc_flow.runtime.bootstrap import Pod
from mproc_flow.runtime.gateway import Gateway
from mproc_flow.runtime.ledger import Ledger
from mproc_flow.runtime.messages import Assignment, Command, Drain, Report, Stop
from mproc_flow.runtime.router import Router
from mproc_flow.runtime.sends import Send
from mproc_flow.topology.plan import GATEWAY, Plan, PodSpec, Route
from mproc_flow.transport import channel, frames
from mproc_flow.transport.exchange import Call, Connection
from mproc_flow.transport.frames import Answer, Cancel, Done, Failed, Frame, Hello, Leaving, Ref, Submit, Work
from mproc_flow.transport.pipe import Pipe

BLOCK = '0123456789abcdef-1'
DEEP = b'\x91' * 100_000 + b'\x00'


def laid_out(header: msgspec.Struct, sizes: tuple[int, ...], *payload: bytes, refs: Any = ()) -> list[Frame]:
    """Lay a message out as nobody should."""
    head = msgspec.msgpack.encode((header, sizes, refs))
    return [len(head).to_bytes(4, 'little') + head, *payload]


def framed(header: bytes, *payload: bytes) -> list[Frame]:
    """Lay out these bytes as if they were a header, with one part."""
    head = b'\x93' + header + b'\x91\x01\x90'
    return [len(head).to_bytes(4, 'little') + head, *payload]


HOSTILE: dict[str, list[Frame]] = {
    'nothing': [],
    'an empty frame': [b''],
    'no msgpack': framed(b'\xc1'),
    'a number': framed(b'\x05'),
    'an unknown tag': framed(msgspec.msgpack.encode(['?', 1])),
    'the header of a gateway': [*frames.message(Answer(1), [[b'x']])],
    'work': [*frames.message(Work(1, '/'), [[b'x']])],
    'too few fields': framed(msgspec.msgpack.encode(['s', 1])),
    'wrong types': framed(msgspec.msgpack.encode(['s', 'one', 2, 3])),
    'text that is none': framed(b'\x94\xa1s\x01\xa1\xff\xa0', b'x'),
    'a tag that is no text': framed(b'\x91\xa1\xff'),
    'an array longer than the message': framed(b'\xdd\xff\xff\xff\xff\xa1s'),
    'no payload': laid_out(Submit(1, '/'), (1,)),
    'more payload than told': laid_out(Submit(1, '/'), (1,), b'x', b'y'),
    'an empty part': laid_out(Submit(1, '/'), (0, 1), b'x'),
    'a negative part': laid_out(Submit(1, '/'), (2, -1), b'x'),
    'enormous parts': laid_out(Submit(1, '/'), (1 << 62, 1 << 62), b'x'),
    'a first frame in a block': laid_out(Submit(1, '/'), (1,), refs=((0, Ref('b', 0, 1)),)),
    'a frame in a block, from a client that has none': frames.message(Submit(1, '/'), [[b'x', Ref(BLOCK, 0, 1)]]),
    'a frame in a block far away': laid_out(Submit(1, '/'), (2,), b'x', refs=((7, Ref('b', 0, 1)),)),
    'a header longer than its frame': [b'\xff\xff\xff\x7f' + laid_out(Submit(1, '/'), (1,), b'x')[0][4:], b'x'],
    'numbers beyond the format': framed(b'\x94\xa1s\xcf' + b'\xff' * 8 + b'\xa1/\xa0', b'x'),
    'more fields than there are, nested deep': framed(b'\x95\xa1s\x01\xa1/\xa0' + DEEP, b'x'),
    'fields nested deep': framed(b'\x94\xa1s' + DEEP, b'x'),
}


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Let a gateway without sockets take one message; nothing may be sent about it."""
    gateway = Gateway.__new__(Gateway)
    gateway._ledger = Ledger('')
    gateway._router = Router([Route('a', (GATEWAY,), (('a/rep-0',),))], ('a',), 100)
    gateway._outbox = []
    arrived: list[list[Frame]] = []
    monkeypatch.setattr(channel, 'receive', lambda socket, copied: arrived.pop(0) if arrived else None)
    monkeypatch.setattr(channel, 'send', lambda *args, **options: pytest.fail('it was answered'))

    def run(handle: str, message: list[Frame]) -> int:
        arrived.append([b'peer', *message])
        taken = gateway._take(Any, getattr(gateway, handle))  # type: ignore[arg-type]
        gateway._flush()
        return taken

    return run


@pytest.mark.parametrize('message', HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize('handle', ['_from_client', '_from_pod'])
def test_such_a_message_is_dropped(take: Callable[..., int], handle: str, message: list[Frame]) -> None:
    assert take(handle, message) == 1


@pytest.mark.parametrize(
    'header',
    [
        Done(0, 2),
        Done(-1, 2),
        Failed(7, ErrorInfo('executor', 'm')),
        Hello('nobody/rep-0', 0, (), 1),
        Hello('a/rep-0', -5, (), 1),
    ],
    ids=repr,
)
def test_what_strangers_say_as_pods_is_dropped(take: Callable[..., int], header: msgspec.Struct) -> None:
    assert take('_from_pod', [*frames.message(header, [[b'x']])]) == 1


@pytest.mark.parametrize('header', [Done(0, 2), Leaving(), Hello('a/rep-0', 0, (), 1)], ids=repr)
def test_clients_cannot_speak_as_pods(take: Callable[..., int], header: msgspec.Struct) -> None:
    assert take('_from_client', [*frames.message(header, [[b'x']])]) == 1


def test_a_cancel_of_what_was_never_sent_is_nothing(take: Callable[..., int]) -> None:
    assert take('_from_client', frames.message(Cancel((1, -2, 1 << 60)))) == 1


def test_no_message_is_none(take: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, 'receive', lambda socket, copied: None)
    assert take('_from_client', []) == 0


ENDS: dict[str, Callable[[Pipe], object]] = {
    FlowClosed.code: lambda guardian: [guardian.send(Drain()), guardian.send(Stop())],
    FlowFailed.code: lambda guardian: guardian.close(),
    PodDied.code: lambda guardian: [os.kill(os.getpid(), signal.SIGTERM), os.kill(os.getpid(), signal.SIGINT)],
}


@pytest.mark.parametrize('code', ENDS)
def test_what_is_under_way_hears_why_the_gateway_ends(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    ours, theirs = socket.socketpair()
    guardian, pipe = Pipe(ours, Report), Pipe(theirs, Command)
    spec = PodSpec(GATEWAY, GATEWAY, 'fork')
    plan = Plan('Flow', (spec,), (Route('a', (GATEWAY,), (('a/rep-0',),)),), ('a',), 'fork')
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor() as threads:
        gateway = Gateway(Pod(Assignment(spec, plan, 0, directory), pipe))
        submit = gateway._router.submit

        def submit_and_end(*args: Any) -> list[Send]:
            sends = submit(*args)
            ENDS[code](guardian)
            return sends

        monkeypatch.setattr(gateway._router, 'submit', submit_and_end)
        context = channel.context()
        client = Connection(context, channel.address(directory, channel.CLIENTS), lambda seconds: False)
        replies = threads.submit(lambda: list(client.exchange(Call('/'), [[b'x']], lambda: 1)))
        asyncio.run(gateway.run())
        gateway.close()
        (reply,) = replies.result()
        client.close()
        context.term()
    guardian.close()
    pipe.close()
    assert isinstance(reply.outcome, ErrorInfo)
    assert reply.outcome.code == code

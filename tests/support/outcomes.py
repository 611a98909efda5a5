"""How requests ended, told by clients of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mproc_flow import AsyncClient, Document, Flow, errors
from mproc_flow.model.codec import decode, encode
from mproc_flow.transport import channel, frames
from tests.support.programs import Program

RESULT = 'result'
TYPES = {
    kind.code: name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MprocFlowError)
}
# What a request may end with when processes die: each is typed, and names its cause.
OF_DEATHS = frozenset({RESULT, 'PodDied', 'PoisonedRequest', 'DeadlineExceeded'})


class Outcome(NamedTuple):
    """How one request ended.

    Attributes:
        sent: The text of its only Document.
        got: The text that came back, empty if none did.
        what: ``result`` or the name of the error.
        late: Seconds after its deadline; negative if before.
    """

    sent: str
    got: str
    what: str
    late: float


def named(client: int, count: int) -> list[str]:
    """The texts of a client's requests: no other client has the same."""
    return [f'{client}-{number}' for number in range(count)]


def posted(post: Callable[..., Any], text: str, timeout: float, on: str = '/') -> Outcome:
    """Post one request and wait for it."""
    deadline = time.monotonic() + timeout
    try:
        docs = post(on, Document(text=text), timeout=timeout)
    except errors.MprocFlowError as error:
        return Outcome(text, '', type(error).__name__, time.monotonic() - deadline)
    return Outcome(text, docs[0].text, RESULT, time.monotonic() - deadline)


def one_by_one(f: Flow, texts: Iterable[str], timeout: float) -> list[Outcome]:
    """A thread that waits for each answer before it sends the next."""
    return [posted(f.post, text, timeout) for text in texts]


def in_bulk(f: Flow, texts: Sequence[str], timeout: float) -> list[Outcome]:
    """One call of post() for all of them, some under way at a time; the callbacks tell."""
    found: list[Outcome] = []
    deadline = time.monotonic() + timeout

    def take(response: Any) -> None:
        doc, status = response.docs[0], response.header.status
        if status.code == 0:
            found.append(Outcome(doc.id, doc.text, RESULT, time.monotonic() - deadline))
        else:
            name = status.exception.name if status.exception else 'untyped'
            found.append(Outcome(doc.id, '', name, time.monotonic() - deadline))

    docs = (Document(id=text, text=text) for text in texts)
    f.post('/', docs, request_size=1, prefetch=8, on_always=take, on_error=lambda _: None, timeout=timeout)
    return found


def asynchronous(port: int, texts: Sequence[str], timeout: float, tasks: int = 4) -> list[Outcome]:
    """An AsyncClient with some tasks, in a loop of this thread."""
    return asyncio.run(_asynchronous(port, texts, timeout, tasks))


async def _asynchronous(port: int, texts: Sequence[str], timeout: float, tasks: int) -> list[Outcome]:
    async with AsyncClient(port=port) as client:
        waiting = iter(texts)
        return list(itertools.chain(*await asyncio.gather(*(_task(client, waiting, timeout) for _ in range(tasks)))))


async def _task(client: AsyncClient, texts: Iterable[str], timeout: float) -> list[Outcome]:
    return [await posted_async(client, text, timeout) for text in texts]


async def posted_async(client: AsyncClient, text: str, timeout: float, on: str = '/') -> Outcome:
    """Post one request and await it."""
    deadline = time.monotonic() + timeout
    try:
        docs = await client.post(on, Document(text=text), timeout=timeout)
    except errors.MprocFlowError as error:
        return Outcome(text, '', type(error).__name__, time.monotonic() - deadline)
    return Outcome(text, docs[0].text, RESULT, time.monotonic() - deadline)


def on_the_wire(address: str, texts: Sequence[str], timeout: float, ahead: int = 8) -> list[Outcome]:
    """A client without mproc_flow's own: every message of the gateway is seen, also a second answer.

    Args:
        address: Where the gateway listens.
        texts: One for each request.
        timeout: Seconds for each.
        ahead: How many are under way at a time.
    """
    with wire(address) as socket:
        found: list[Outcome] = []
        deadlines: list[float] = []
        while len(found) < len(texts):
            while len(deadlines) - len(found) < ahead and len(deadlines) < len(texts):
                deadlines.append(time.monotonic() + timeout)
                submit(socket, len(deadlines) - 1, texts[len(deadlines) - 1], deadlines[-1])
            if not socket.poll(int(1000 * (timeout + 2))):
                break  # what is missing is found by who counts
            found += received(socket, texts, deadlines)
        return found + latecomers(socket, texts, deadlines)


def all_at_once(address: str, deadlines: Mapping[str, float]) -> list[Outcome]:
    """The same for requests that are sent together, each with a deadline of its own."""
    with wire(address) as socket:
        texts, moments = list(deadlines), list(deadlines.values())
        for number, text in enumerate(texts):
            submit(socket, number, text, moments[number])
        found: list[Outcome] = []
        while len(found) < len(texts) and socket.poll(int(1000 * max(0.0, max(moments) + 2 - time.monotonic()))):
            found += received(socket, texts, moments)
        return found + latecomers(socket, texts, moments)


@contextlib.contextmanager
def wire(address: str) -> Iterator[channel.Socket]:
    """A socket that is connected to a gateway."""
    context = channel.context()
    socket = channel.dealer(context, address)
    try:
        yield socket
    finally:
        socket.close(0)
        context.term()


def submit(socket: channel.Socket, number: int, text: str, deadline: float) -> None:
    """Send a request with one Document."""
    header = frames.Submit(number, '/', '', deadline)
    socket.send_multipart(frames.message(header, [encode([Document(text=text)], {})]))


def latecomers(socket: channel.Socket, texts: Sequence[str], deadlines: Sequence[float]) -> list[Outcome]:
    """Wait for second answers, which would come soon after the first."""
    socket.poll(200)
    return received(socket, texts, deadlines)


def received(socket: channel.Socket, texts: Sequence[str], deadlines: Sequence[float]) -> list[Outcome]:
    """Every answer that has arrived."""
    found = []
    while (message := channel.receive(socket)) is not None:
        header, parts = frames.read(frames.decode_to_client, message)
        late = time.monotonic() - deadlines[header.request]
        if isinstance(header, frames.Answer):
            found.append(Outcome(texts[header.request], decode(parts[0])[0][0].text, RESULT, late))
        elif isinstance(header, frames.Refusal):
            found.append(Outcome(texts[header.request], '', TYPES[header.info.code], late))
    return found


def of_program(program: Program, deadline: float) -> list[Outcome]:
    """Wait for a client process, and read what it printed."""
    assert program.wait(deadline) == 0, program.text
    return printed(program.texts('out'))


def as_program(port: int, texts: Sequence[str], timeout: float) -> None:
    """Be a client process: print each outcome."""
    for outcome in asynchronous(port, texts, timeout):
        sys.stdout.write('outcome ' + ' '.join(map(str, (outcome.sent, outcome.got or '-', *outcome[2:]))) + '\n')


def printed(lines: Iterable[str]) -> list[Outcome]:
    """Read what :func:`as_program` printed."""
    found = []
    for line in lines:
        if line.startswith('outcome '):
            _, sent, got, what, late = line.split()
            found.append(Outcome(sent, '' if got == '-' else got, what, float(late)))
    return found


def check_exactly_once(found: Sequence[Outcome], texts: Iterable[str], allowed: frozenset[str] = OF_DEATHS) -> None:
    """Every request ended exactly once, with its own answer or with an error of these types."""
    ends = Counter(outcome.sent for outcome in found)
    wanted = list(texts)
    missing = [text for text in wanted if text not in ends]
    assert not missing, f'{len(missing)} requests have no end, the first are {missing[:5]}'
    twice = {text: count for text, count in ends.items() if count > 1}
    assert not twice, f'{len(twice)} requests ended more than once: {list(twice.items())[:5]}'
    assert len(found) == len(wanted)
    strange = [outcome for outcome in found if outcome.what not in allowed]
    assert not strange, f'{Counter(outcome.what for outcome in strange)}, the first is {strange[0]}'
    wrong = [outcome for outcome in found if outcome.what == RESULT and outcome.got != outcome.sent]
    assert not wrong, f'{len(wrong)} got the answer of another request, the first is {wrong[0]}'

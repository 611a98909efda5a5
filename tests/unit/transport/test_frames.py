"""Headers, and how a message is cut into frames."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, strategies as st

from mproc_flow.errors import ErrorInfo, PodFailure
from mproc_flow.transport import frames
from mproc_flow.transport.frames import (
    Answer,
    Cancel,
    Done,
    Failed,
    Farewell,
    Hello,
    Leaving,
    Ref,
    Refusal,
    Submit,
    Work,
)

INFO = ErrorInfo('executor', 'bad', 'ValueError', ('bad',), 'Traceback', 'Encoder', 'encoder/rep-0')
DEATH = ErrorInfo('pod_died', 'gone', failure=PodFailure('a/rep-0', 7, 'ready', 'exited', last_lines=('one', 'two')))

parts_of_frames = st.lists(st.lists(st.binary(max_size=5), min_size=1, max_size=4), max_size=6)


def sent(header: msgspec.Struct, parts: list[list[frames.Frame]]) -> list[frames.Frame]:
    """The frames of a message as they arrive."""
    return [bytes(frame) for frame in frames.message(header, parts)]


@given(parts=parts_of_frames)
def test_a_message_arrives_as_it_was_sent(parts: list[list[bytes]]) -> None:
    assert frames.read(frames.decode_to_client, sent(Answer(7), parts)) == (Answer(7), parts)


@pytest.mark.parametrize('size', [1, 1 << 14, (1 << 14) + 1, 1 << 20])
def test_a_part_of_any_size_arrives(size: int) -> None:
    part = [b'b' * size, b'raw', b'']
    assert frames.read(frames.decode_to_client, sent(Answer(7), [part])) == (Answer(7), [part])


def test_a_small_message_is_one_frame() -> None:
    assert len(frames.message(Answer(7), [[b'x' * 1000]])) == 1


def test_what_lies_in_a_block_is_not_sent() -> None:
    parts = [[b'one', Ref('b-1', 0, 100), b'two', Ref('b-1', 128, 5)], [b'three', Ref('b-2', 0, 7)]]
    message = sent(Answer(7), parts)
    assert message[1:] == [b'two', b'three']
    assert frames.read(frames.decode_to_client, message) == (Answer(7), parts)


@pytest.mark.parametrize(
    ('count', 'sizes'),
    [
        (0, (1,)),
        (1, ()),
        (2, (1,)),
        (2, (3,)),
        (2, (1, 1, 1)),
        (2, (2, 0)),
        (2, (0, 2)),
        (2, (3, -1)),
        (0, (1, -1)),
        (1, (0,)),
    ],
)
def test_sizes_that_do_not_fit_are_refused(count: int, sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f'{count} came'):
        frames.split([b'x'] * count, sizes)


def test_frames_are_not_copied() -> None:
    frame = memoryview(b'large')
    ((same,),) = frames.split([frame], (1,))
    assert same is frame


@pytest.mark.parametrize(
    ('header', 'decode'),
    [
        (Submit(5, '/index', 'enc.*'), frames.decode_from_client),
        (Cancel((1, 2, 1 << 40)), frames.decode_from_client),
        (Answer(5, True), frames.decode_to_client),
        (Refusal(5, INFO), frames.decode_to_client),
        (Refusal(5, DEATH), frames.decode_to_client),
        (Hello('a/rep-0', 3, ('/default', '/x'), 2), frames.decode_from_pod),
        (Leaving(), frames.decode_from_pod),
        (Done(9, 2), frames.decode_from_pod),
        (Failed(9, INFO), frames.decode_from_pod),
        (Work(9, '/index', (1, 1), (0, 2)), frames.decode_to_pod),
        (Farewell(), frames.decode_to_pod),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_header_arrives_as_it_was_sent(header: msgspec.Struct, decode: frames.Decode) -> None:
    assert frames.read(decode, sent(header, [])) == (header, [])


@pytest.mark.parametrize('bad', [b'', b'\xc1', b'\x80', b'\x91\xa1s', frames.message(Answer(1))[0], b'x' * 1000])
def test_what_is_no_header_of_a_client_is_refused(bad: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        frames.read(frames.decode_from_client, [bad])


@pytest.mark.parametrize(
    ('header', 'decode'),
    [
        (Submit(1, '/x'), frames.decode_from_pod),
        (Done(1, 2), frames.decode_from_client),
        (Work(1, '/x'), frames.decode_to_client),
        (Refusal(1, INFO), frames.decode_to_pod),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nobody_may_say_what_is_for_others_to_say(header: msgspec.Struct, decode: frames.Decode) -> None:
    with pytest.raises(msgspec.ValidationError):
        frames.read(decode, sent(header, []))


@given(data=st.binary(max_size=40))
def test_any_bytes_are_a_header_or_refused(data: bytes) -> None:
    for decode in (frames.decode_from_client, frames.decode_from_pod):
        try:
            frames.read(decode, [data])
        except ValueError:
            continue

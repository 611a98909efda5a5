"""Headers, and how a message is cut into frames."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, strategies as st

from mproc_flow.errors import ErrorInfo, PodFailure
from mproc_flow.transport import frames
from mproc_flow.transport.frames import Answer, Cancel, Done, Failed, Farewell, Hello, Leaving, Refusal, Submit, Work

INFO = ErrorInfo('executor', 'bad', 'ValueError', ('bad',), 'Traceback', 'Encoder', 'encoder/rep-0')
DEATH = ErrorInfo('pod_died', 'gone', failure=PodFailure('a/rep-0', 7, 'ready', 'exited', last_lines=('one', 'two')))

parts_of_frames = st.lists(st.lists(st.binary(max_size=5), min_size=1, max_size=4), max_size=6)


@given(parts=parts_of_frames)
def test_split_undoes_join(parts: list[list[bytes]]) -> None:
    sizes, joined = frames.join(parts)
    assert frames.split(joined, sizes) == parts
    assert sum(sizes) == len(joined)


@given(sizes=st.lists(st.integers(1, 5), max_size=6))
def test_join_undoes_split(sizes: list[int]) -> None:
    given_frames = [bytes([number]) for number in range(sum(sizes))]
    assert frames.join(frames.split(given_frames, sizes)) == (tuple(sizes), given_frames)


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
        (Submit(5, '/index', (1, 2)), frames.decode_from_client),
        (Cancel((1, 2, 1 << 40)), frames.decode_from_client),
        (Answer(5, (1,)), frames.decode_to_client),
        (Refusal(5, INFO), frames.decode_to_client),
        (Refusal(5, DEATH), frames.decode_to_client),
        (Hello('a/rep-0', 3, ('/default', '/x'), 2), frames.decode_from_pod),
        (Leaving(), frames.decode_from_pod),
        (Done(9, 2), frames.decode_from_pod),
        (Failed(9, INFO), frames.decode_from_pod),
        (Work(9, '/index', (1, 1)), frames.decode_to_pod),
        (Farewell(), frames.decode_to_pod),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_header_arrives_as_it_was_sent(header: msgspec.Struct, decode: object) -> None:
    assert callable(decode)
    assert decode(frames.encode(header)) == header


@pytest.mark.parametrize('bad', [b'', b'\xc1', b'\x80', b'\x91\xa1s', frames.encode(Answer(1, (1,))), b'x' * 1000])
def test_what_is_no_header_of_a_client_is_refused(bad: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        frames.decode_from_client(bad)


@pytest.mark.parametrize(
    ('header', 'decode'),
    [
        (Submit(1, '/x', (1,)), frames.decode_from_pod),
        (Done(1, 2), frames.decode_from_client),
        (Work(1, '/x', (1,)), frames.decode_to_client),
        (Refusal(1, INFO), frames.decode_to_pod),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nobody_may_say_what_is_for_others_to_say(header: msgspec.Struct, decode: object) -> None:
    assert callable(decode)
    with pytest.raises(msgspec.ValidationError):
        decode(frames.encode(header))


@given(data=st.binary(max_size=40))
def test_any_bytes_are_a_header_or_refused(data: bytes) -> None:
    for decode in (frames.decode_from_client, frames.decode_from_pod):
        try:
            decode(data)
        except ValueError:
            continue

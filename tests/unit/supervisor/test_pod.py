"""A pod as the Guardian sees it: its output cut into lines, and the story of its death."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from mproc_flow.crossing import from_info
from mproc_flow.errors import PodDied
from mproc_flow.runtime.messages import Phase, Report
from mproc_flow.supervisor import pod as module
from mproc_flow.supervisor.lifecycle import State
from mproc_flow.supervisor.pod import Output, Pod, loss
from mproc_flow.topology.plan import GATEWAY, PodSpec
from mproc_flow.transport.pipe import Pipe, pair


class Stream:
    """A pod's end of a stream, and the Output that reads the other."""

    def __init__(self) -> None:
        reader, self.writer = os.pipe()
        os.set_blocking(reader, False)
        self.output = Output(reader, 'stderr')

    def lines(self, data: bytes) -> list[str]:
        """Write, and read complete lines."""
        os.write(self.writer, data)
        found, ended = self.output.lines()
        assert not ended
        return found

    def close(self) -> None:
        """Close both ends."""
        os.close(self.output.fileno())
        os.close(self.writer)


@pytest.fixture
def stream() -> Iterator[Stream]:
    """An open stream."""
    opened = Stream()
    yield opened
    opened.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The Guardian's end of a pod's pipe."""
    ours, theirs = pair()
    yield Pipe(ours, Report)
    ours.close()
    theirs.close()


@pytest.fixture
def pod(pipe: Pipe) -> Pod:
    """A pod with a process that wrote nothing yet."""
    made = Pod.of(PodSpec('a/rep-0', 'a', 'fork'))
    made.started(4242, pipe, [])
    return made


def test_lines_are_given_when_they_are_complete(stream: Stream) -> None:
    assert stream.lines(b'one\ntwo\nthr') == ['one', 'two']
    assert stream.lines(b'ee\n') == ['three']
    assert stream.lines(b'\n\n') == ['', '']
    assert stream.output.rest() == []


def test_nothing_to_read_is_nothing(stream: Stream) -> None:
    assert stream.output.lines() == ([], False)


def test_the_end_and_what_was_written_without_a_line_end(stream: Stream) -> None:
    assert stream.lines(b'last') == []
    os.close(stream.writer)
    assert stream.output.lines() == ([], True)
    assert stream.output.rest() == ['last']
    assert stream.output.rest() == []
    stream.writer = os.dup(stream.output.fd)  # for the fixture to close


def test_a_character_may_be_cut_by_the_kernel(stream: Stream) -> None:
    data = 'grüße 🙂\n'.encode()
    found = [line for position in range(len(data)) for line in stream.lines(data[position : position + 1])]
    assert found == ['grüße 🙂']


def test_bytes_that_are_no_text_are_shown_somehow(stream: Stream) -> None:
    assert stream.lines(b'a\xff\xfeb\n') == ['a��b']


def test_line_ends_of_other_systems(stream: Stream) -> None:
    assert stream.lines(b'one\r\ntwo\r\n') == ['one', 'two']


def test_a_line_without_an_end_is_given_in_pieces(stream: Stream) -> None:
    assert stream.lines(b'x' * 8192) == []
    assert stream.lines(b'y') == ['x' * 8192 + 'y']
    assert stream.output.rest() == []


def test_the_pieces_of_a_long_line_are_whole_characters(stream: Stream) -> None:
    data = ('ü' * 20_000).encode()
    pieces: list[str] = []
    step = 8193
    for begin in range(0, len(data), step):
        pieces += stream.lines(data[begin : begin + step])
    text = ''.join(pieces + stream.output.rest())
    assert (len(text), set(text)) == (20_000, {'ü'})


def test_much_at_once(stream: Stream) -> None:
    os.set_blocking(stream.writer, False)
    text = ''.join(f'line {number}\n' for number in range(5000))
    assert stream.lines(text.encode()) == text.split('\n')[:-1]


def test_any_cuts_give_the_same_lines() -> None:
    data = b''.join(bytes([random.Random(number).randrange(97, 123)]) * (number % 50) + b'\n' for number in range(200))
    for seed in range(20):
        stream, chance, found = Stream(), random.Random(seed), []
        position = 0
        while position < len(data):
            size = chance.randrange(1, 300)
            found += stream.lines(data[position : position + size])
            position += size
        assert '\n'.join(found).encode() + b'\n' == data
        stream.close()


def test_one_who_writes_without_a_pause_does_not_keep_the_guardian_for_ever(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0

    def always_full(fd: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        assert reads < 1000, 'it reads on and on'
        return b'x\n' * (size // 2)

    monkeypatch.setattr(module.os, 'read', always_full)
    assert not stream.output.lines()[1]


def test_the_last_lines_on_stderr_are_remembered(pod: Pod) -> None:
    pod.wrote('stdout', 'not this')
    for number in range(50):
        pod.wrote('stderr', str(number))
    failure = pod.died(-11)
    assert failure.last_lines == tuple(map(str, range(30, 50)))
    assert (failure.pod, failure.pid, failure.phase, failure.cause) == ('a/rep-0', 4242, 'spawned', 'killed by SIGSEGV')
    assert pod.pid == 0


def test_a_traceback_makes_the_last_lines_superfluous(pod: Pod) -> None:
    pod.wrote('stderr', 'noise')
    pod.cause, pod.traceback = 'raised ValueError: x', 'Traceback ...'
    failure = pod.died(1)
    assert (failure.cause, failure.traceback, failure.last_lines) == ('raised ValueError: x', 'Traceback ...', ())


def test_a_kill_of_ours_is_not_taken_for_lack_of_memory(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(module.reaper, 'kill_group', killed.append)
    pod.kill()
    assert killed == [4242]
    assert pod.died(-9).cause == 'killed by SIGKILL'
    pod.kill()
    assert killed == [4242]


def test_a_new_process_begins_without_the_old_ones_story(pod: Pod, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.reaper, 'kill_group', lambda group: None)
    pod.wrote('stderr', 'old')
    pod.cause, pod.traceback, pod.phase = 'old', 'old', 'ready'
    pod.kill()
    pod.died(1)
    pod.started(4243, pipe, [])
    assert pod.generation == 1
    failure = pod.died(-9)
    assert (failure.cause, failure.traceback) == ('killed by SIGKILL (possibly out of memory)', '')
    assert (failure.phase, failure.last_lines) == ('spawned', ())


def test_what_an_ended_process_left_in_its_pipes_is_read(stream: Stream) -> None:
    pod = Pod.of(PodSpec('a/rep-0', 'a', 'fork'))
    ours, theirs = pair()
    pod.started(4242, Pipe(ours, Report), [stream.output])
    Pipe(theirs, Report).send(Phase('init'))
    os.write(stream.writer, b'whole\nhalf')
    lines: list[tuple[str, str]] = []
    reports: list[Report] = []
    pod.drain(lambda _, name, line: lines.append((name, line)), lambda _, report: reports.append(report))
    assert lines == [('stderr', 'whole'), ('stderr', 'half')]
    assert reports == [Phase('init')]
    theirs.close()
    ours.close()


def test_stacks_are_asked_for_only_from_one_that_can_give_them(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(module.os, 'kill', lambda pid, number: asked.append((pid, number)))
    pod.ask_for_stacks()
    assert asked == []
    pod.phase = 'init'
    pod.ask_for_stacks()
    assert asked == [(4242, module.DUMP_SIGNAL)]
    pod.wrote('stderr', 'Thread 1')
    assert pod.stacks == ['Thread 1']


DUMP = """\
Current thread 0x00007f (most recent call first):
  File "/home/me/executors.py", line 3 in work
  File "/lib/mproc_flow/runtime/worker.py", line 90 in _do
  File "/lib/mproc_flow/runtime/bootstrap.py", line 95 in _run
  File "/lib/mproc_flow/supervisor/process.py", line 9 in spawn
  File "/home/me/program.py", line 9 in <module>

Thread 0x00008f (most recent call first):
  File "/lib/threading.py", line 9 in wait
""".splitlines()


def test_stacks_end_where_the_pod_begins(pod: Pod) -> None:
    pod.phase, pod.stacks = 'ready', []
    shown = [line for line in DUMP if pod.wrote('stderr', line)]
    assert pod.stacks == [*DUMP[:3], *DUMP[6:]]
    assert shown == []


TRACEBACK = """\
Traceback (most recent call last):
  File "/lib/mproc_flow/runtime/bootstrap.py", line 95, in _run
    main(pod)
  File "/home/me/executors.py", line 3, in work
    raise ValueError
ValueError
""".splitlines()


def test_a_traceback_is_passed_on_whole(pod: Pod) -> None:
    assert [line for line in TRACEBACK if pod.wrote('stderr', line)] == TRACEBACK
    assert pod.died(1).last_lines == tuple(TRACEBACK)


def test_lines_are_shown_unless_they_are_stacks_that_were_asked_for(pod: Pod) -> None:
    assert pod.wrote('stdout', 'a')
    assert pod.wrote('stderr', 'b')
    pod.stacks = []
    assert pod.wrote('stdout', 'c')
    assert not pod.wrote('stderr', 'd')
    assert pod.stacks == ['d']


def test_who_it_is(pod: Pod) -> None:
    assert Pod.of(PodSpec('gateway', GATEWAY, 'fork')).is_gateway
    assert (pod.is_gateway, pod.name, pod.state) == (False, 'a/rep-0', State.PLANNED)


def test_this_process_is_not_stopped_by_a_signal(pod: Pod) -> None:
    pod.pid = os.getpid()
    assert not pod.is_stopped()
    pod.pid = 0
    assert not pod.is_stopped()


def test_the_error_for_those_whose_request_it_held(pod: Pod) -> None:
    failure = pod.died(-9)
    error = from_info(loss(failure))
    assert isinstance(error, PodDied)
    assert error.failure == failure
    assert 'a/rep-0 (pid 4242, spawned): killed by SIGKILL (possibly out of memory)' in str(error)

"""Weaknesses of Jina's process control while a Flow stops, by their numbers in the reference; here they are gone."""

from __future__ import annotations

import signal
import threading

from mproc_flow import Document, Flow
from tests.support import audit, proc
from tests.support.contexts import Task
from tests.support.executors import Slow, SlowToClose, notes
from tests.support.faulty import Family
from tests.support.programs import Programs
from tests.support.waiting import eventually, within

SPIN = """\
import sys
import threading

from mproc_flow import Document, Flow
from tests.support.faulty import Stuck

if __name__ == '__main__':
    options = {'how': 'spin', 'record': sys.argv[1]}
    with Flow(timeout_ctrl=2).add(uses=Stuck, uses_with=options, timeout_ctrl=2) as f:
        threading.Thread(target=f.post, args=('/stick', Document()), daemon=True).start()
        print('serving', flush=True)
        f.block()
"""

NEVER_CLOSED = """\
from mproc_flow import Document, Flow

if __name__ == '__main__':
    f = Flow()
    f.start()
    f.post('/', Document())
    print('last line', flush=True)
"""

THREADED = """\
import threading

from mproc_flow import Flow
from tests.support.executors import Echo


def serve():
    with Flow().add(uses=Echo) as f:
        print('serving', flush=True)
        f.block()


if __name__ == '__main__':
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
"""


def test_w08_ctrl_c_with_a_stuck_handler(programs: Programs, record: str) -> None:
    """Jina: hangs for ever, also after a second Ctrl-C; never SIGKILL. Here: over after the grace and a second."""
    program = programs.script(SPIN, record)
    program.wait_until_blocking()
    eventually(lambda: notes(record, 'stuck'), 10, 'the handler is stuck')
    with within(2.0 + 1, 'Ctrl-C with a stuck handler'):
        program.send_group(signal.SIGINT)
        assert program.wait_exit(20) == 0, program.text
    assert not program.descendants()


def test_w16_grandchildren_end_with_a_clean_close(record: str) -> None:
    """Jina: what an Executor started goes on running. Here: it is gone, even after it left for its own session."""
    with Flow().add(uses=Family, uses_with={'record': record}):
        eventually(lambda: len(notes(record, 'child')) == 2, 10, 'both children run')
    assert not any(proc.alive(note.pid) for note in notes(record, 'child'))


def test_w17_executors_close_at_the_same_time(record: str) -> None:
    """Jina: three Executors that need 2 s each need 6 s. Here: they close side by side."""
    f = Flow()
    for _ in range(3):
        f = f.add(uses=SlowToClose, uses_with={'seconds': 0.5, 'record': record})
    f.start()
    f.post('/', Document())
    f.close()
    begins, ends = notes(record, 'close-begin'), notes(record, 'close')
    assert len(begins) == len(ends) == 3
    assert max(note.moment for note in begins) < min(note.moment for note in ends)


def test_w25_a_flow_that_is_never_closed_does_not_hang_the_exit(programs: Programs) -> None:
    """Jina: the interpreter hangs at its exit. Here: the Flow is closed then, and the exit code is the script's."""
    program = programs.script(NEVER_CLOSED)
    program.wait_line('^last line')
    with within(2.0, 'exit with a Flow that was never closed'):
        assert program.wait_exit(20) == 0, program.text
    assert not program.descendants()


def test_w31_sigint_ends_a_flow_in_a_thread(programs: Programs) -> None:
    """Jina: the main thread leaves, process and children stay for ever. Here: the Flow ends with the main thread."""
    program = programs.script(THREADED)
    program.wait_line('^serving')
    with within(2.0, 'end of a threaded Flow by SIGINT'):
        program.send(signal.SIGINT)
        program.wait_exit(20)
        audit.gone(program.descendants, 5, 'processes of a threaded Flow')


def test_w32_close_releases_a_block_with_an_event() -> None:
    """Jina: ``block(stop_event)`` stays blocked on a Flow that another thread closed. Here: it returns."""
    f = Flow()
    f.start()
    blocking = Task(lambda: f.block(stop_event=threading.Event()))
    f.close()
    with within(0.2, 'block(stop_event) after close()'):
        blocking.join(5)


def test_w34_requests_in_flight_are_answered_at_close(record: str) -> None:
    """Jina: cancelled at once. Here: the call that runs and those that wait behind it come back with results."""
    f = Flow().add(uses=Slow, uses_with={'seconds': 0.2, 'record': record})
    f.start()
    calls = [Task(lambda: f.post('/', Document())) for _ in range(4)]
    eventually(lambda: len(notes(record, 'begin')) >= 2, 10, 'calls run, and others wait')
    f.close()
    for call in calls:
        assert len(call.join(2)) == 1  # type: ignore[arg-type]

"""Measure what becomes of ten times as many requests as the Executor can do.

::

    python scripts/bench/overload.py --quick
    python scripts/bench/overload.py --seconds 30

The Executor does 100 requests in a second. Several programs with many threads each send 1,200 in a second on a fixed
timetable, whatever becomes of them, each with a deadline. A thread that waits for an answer leaves out what it misses,
so a little more than 1,000 are sent. The Flow takes no more than can be done before the deadline, and is to refuse the
rest at once. The moment the load ends, one client begins to ask alone: recovered is when it is answered about as fast
as before the load.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mproc_flow import Client, Document, Executor, requests
from mproc_flow.errors import DeadlineExceeded, MprocFlowError, Overloaded
from scripts.bench import sides
from scripts.bench.jobs import OURS, Target, job
from scripts.bench.workload import Api, Figures, expect, numbers, times

CALL = 0.01
CAPACITY = 1 / CALL
TIMETABLE = 12 * CAPACITY
DEADLINE = 0.5
# What can be done before the deadline, with some air.
IN_FLIGHT = 40
PROGRAMS, THREADS = 4, 64
# Answered about as fast as before: at most so many times as slow, and so much slower.
_FACTOR, _AIR = 2, 0.005
_GIVE_UP = 30.0

Outcomes = dict[str, list[float]]


class Limited(Executor):
    """Does so much and no more."""

    @requests
    def work(self, docs: Any, **kwargs: Any) -> None:
        """Take the time of one request."""
        time.sleep(CALL)


def refusals(api: Api, seconds: int) -> Figures:
    """Offer too much for so long; say how long refusals, answers and the recovery took, in ms and s."""
    with api.package.Flow(port=0, max_in_flight=IN_FLIGHT).add(uses=Limited) as flow:

        def lone() -> None:
            flow.post('/', Document(text='a'), timeout=DEADLINE)

        usual = statistics.median(times(lone, 20))
        with _programs(int(flow.address.rpartition(':')[2])) as programs:
            end = time.monotonic() + seconds
            for program in programs:
                _tell(program, f'{end}')
            time.sleep(max(0.0, end - time.monotonic()))
            recovery = _recovery(lone, usual, end)
            outcomes = [json.loads(_line(program)) for program in programs]
    found = {kind: [value for part in outcomes for value in part[kind]] for kind in outcomes[0]}
    return {**_figures(found, seconds), 'recovery_s': recovery}


def load(port: int, number: int) -> None:
    """Be one of the programs: send on a timetable until the time that comes as a line, and print what became of it."""
    outcomes: Outcomes = {kind: [] for kind in ('answered', 'refused', 'late', 'failed')}
    every = PROGRAMS * THREADS / TIMETABLE
    with Client(port=port) as client:
        _connect(client)
        print('ready', flush=True)
        end = float(sys.stdin.readline())
        begin = time.monotonic()
        shifts = [begin + every * (number * THREADS + thread) / (PROGRAMS * THREADS) for thread in range(THREADS)]
        _in_threads(lambda thread: _send(client, _timetable(shifts[thread], every, end), outcomes))
    print(json.dumps(outcomes))


def main(words: Sequence[str]) -> int:
    """Measure, print the table, and return the exit code."""
    parser = sides.parser(__doc__, rounds=1, jina=False)
    parser.add_argument('--seconds', type=int, help='duration of the load (30; with --quick 2)')
    arguments = parser.parse_args(words)
    seconds = arguments.seconds or (2 if arguments.quick else 30)
    label = 'overload'
    targets = (
        Target(label, 'offered_per_s', '', 10 * CAPACITY),
        Target(label, 'refused_ms_p99', '', 20),
        Target(label, 'refused_ms_worst', '', 20),
        Target(label, 'answered_ms_worst', '', DEADLINE * 1e3),
        Target(label, 'late', '', 0),
        Target(label, 'failed', '', 0),
        Target(label, 'recovery_s', '', 1),
    )
    return sides.run(arguments, [job(label, 'overload.refusals', {'seconds': f'{seconds}'}, [OURS])], targets)


def _in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _connect(client: Client) -> None:
    """Let the client have a connection for each thread: to make them is no part of what is measured."""
    barrier = threading.Barrier(THREADS)

    def inputs() -> Iterator[Document]:
        barrier.wait()
        yield Document(text='a')

    def connect(number: int) -> None:
        with contextlib.suppress(Overloaded):
            client.post('/', inputs())

    _in_threads(connect)


def _timetable(first: float, every: float, end: float) -> Iterator[float]:
    """Give the moments at which to send, each when it has come."""
    moment = first
    while moment < end:
        time.sleep(max(0.0, moment - time.monotonic()))
        yield moment
        moment += every * max(1, -(-(time.monotonic() - moment) // every))


def _send(client: Client, timetable: Iterator[float], outcomes: Outcomes) -> None:
    for _ in timetable:
        begin = time.monotonic()
        try:
            client.post('/', Document(text='a'), timeout=DEADLINE)
            kind = 'answered'
        except Overloaded:
            kind = 'refused'
        except DeadlineExceeded:
            kind = 'late'
        except MprocFlowError:
            kind = 'failed'
        outcomes[kind].append((time.monotonic() - begin) * 1e3)


def _recovery(lone: Callable[[], None], usual: float, end: float) -> float:
    """Ask until a request is answered about as fast as usual; give the seconds since the end of the load."""
    while time.monotonic() < end + _GIVE_UP:
        begin = time.monotonic()
        try:
            lone()
        except (Overloaded, DeadlineExceeded):
            continue
        if time.monotonic() - begin < usual * _FACTOR + _AIR:
            return time.monotonic() - end
    return _GIVE_UP


def _figures(outcomes: Outcomes, seconds: int) -> Figures:
    figures = {'offered_per_s': sum(map(len, outcomes.values())) / seconds}
    figures['answered_per_s'] = len(outcomes['answered']) / seconds
    for kind in ('refused', 'answered'):
        sizes = sorted(outcomes[kind])
        expect(len(sizes) > 0)
        for name, share in (('median', 0.5), ('p95', 0.95), ('p99', 0.99), ('p999', 0.999), ('worst', 1.0)):
            figures[f'{kind}_ms_{name}'] = sizes[min(len(sizes) - 1, int(share * len(sizes)))]
    return {**figures, 'late': float(len(outcomes['late'])), 'failed': float(len(outcomes['failed']))}


@contextmanager
def _programs(port: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the programs that make the load, and wait until each is ready."""
    words = [sys.executable, __file__, 'load', f'port={port}']
    programs = [
        subprocess.Popen([*words, f'number={number}'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(PROGRAMS)
    ]
    try:
        for program in programs:
            expect(_line(program) == 'ready')
        yield programs
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def _tell(program: subprocess.Popen[str], line: str) -> None:
    if program.stdin is not None:
        program.stdin.write(f'{line}\n')
        program.stdin.flush()


def _line(program: subprocess.Popen[str]) -> str:
    return program.stdout.readline().strip() if program.stdout is not None else ''


if __name__ == '__main__':
    if sys.argv[1:2] == ['load']:
        load(**numbers(sys.argv[2:]))
    else:
        sys.exit(main(sys.argv[1:]))

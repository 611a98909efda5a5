"""Promise 12: payloads arrive intact and leak-free, whoever dies; what a user holds never changes; no SIGBUS."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mproc_flow import Document, Flow, errors
from mproc_flow.transport.blocks import is_unused
from tests.support.contexts import Context, Task
from tests.support.executors import Slow, notes
from tests.support.flows import kill_pod, pod, wait_until_restarted
from tests.support.killer import Killer
from tests.support.payloads import Inverting, Keeping, blocks, check_answer, digest, made, owners, run_directory
from tests.support.programs import Program, Programs
from tests.support.soak import LONGEST, amount
from tests.support.waiting import eventually

TIMEOUT = 30.0
CLIENTS = 4
REPLICAS = 4
# Each process keeps some blocks to use them again.
POOLED = 64 << 20

SMALL = """\
import os
import sys

import numpy as np

from mproc_flow import Document, Flow
from tests.support.payloads import Inverting, check_answer, made

if __name__ == '__main__':
    base = os.environ['MPROC_FLOW_RUN_DIR']
    with Flow(start_method=sys.argv[1]).add(uses=Inverting, name='first').add(uses=Inverting, name='second') as f:

        def run(word):
            for number in range(60):
                check_answer(f.post('/', made(number), timeout=30)[0], number, 2)
            docs = (made(number) for number in range(60))
            answers = f.post('/', docs, request_size=1, results_in_order=True, timeout=30)
            for number, doc in enumerate(answers):
                check_answer(doc, number, 2)
            print(word, flush=True)

        run('right')
        with open(os.path.join(base, 'ballast'), 'wb', buffering=0) as ballast:
            try:
                while ballast.write(bytes(4096)):
                    pass
            except OSError:
                print('full', flush=True)
        run('right while full')
        os.unlink(os.path.join(base, 'ballast'))
        run('right after it')
        print('restarts', sum(status.restarts for status in f.pods), flush=True)
"""


def post_some(f: Flow, numbers: Iterator[int], steps: int) -> Counter[str]:
    """Be a client: check every answer, count how the requests ended."""
    ends: Counter[str] = Counter()
    for number in numbers:
        try:
            docs = f.post('/', made(number), timeout=TIMEOUT)
        except errors.MprocFlowError as error:
            ends[type(error).__name__] += 1
        else:
            check_answer(docs[0], number, steps)
            ends['result'] += 1
    return ends


def post_all(f: Flow, count: int, steps: int) -> Counter[str]:
    """Let some clients post so many messages."""
    numbers = range(count)
    tasks = [Task(partial(post_some, f, iter(numbers[n::CLIENTS]), steps)) for n in range(CLIENTS)]
    return sum((task.join(LONGEST) for task in tasks), Counter[str]())  # type: ignore[misc]


def check_no_leak(f: Flow) -> None:
    """Nobody reads a block any more, none belongs to a dead process, and those that are kept are few."""
    gc.collect()
    directory = str(run_directory(f) / 'blocks')
    eventually(
        lambda: all(is_unused(directory, name) for name in blocks(f)), 5, lambda: f'no block is read: {blocks(f)}'
    )
    processes = 1 + len([status for status in f.pods if status.name != 'gateway'])
    eventually(lambda: len(owners(f)) <= processes, 5, lambda: f'{len(owners(f))} have blocks, {processes} live')
    assert sum(blocks(f).values()) <= processes * POOLED, blocks(f)


@pytest.mark.timeout(LONGEST)
@pytest.mark.parametrize('number', range(amount(1, 5)))
def test_kills_at_random_moments_change_and_leak_nothing(number: int) -> None:
    """24 kills of 8 pods, 1,000 messages; in a soak run five times 40 kills and 2,000 messages."""
    most = amount(3, 5)
    f = (
        Flow()
        .add(uses=Inverting, name='first', replicas=REPLICAS)
        .add(uses=Inverting, name='second', replicas=REPLICAS)
    )
    with f:
        with Killer(f, 0.07, most=most, seed=number) as killer:
            ends = post_all(f, amount(1000, 2000), 2)
            eventually(lambda: killer.spent, 20, lambda: f'all kills are done: {len(killer.kills)}')
        assert len(killer.kills) == 2 * REPLICAS * most
        assert set(ends) <= {'result', 'PoisonedRequest'}, ends
        assert ends['result'] >= 0.99 * ends.total(), ends
        check_no_leak(f)


def test_kills_change_and_leak_nothing_anywhere(start_method: str, context: Context) -> None:
    """Fewer of them, under every start method and from every context."""

    def body() -> None:
        with Flow(start_method=start_method).add(uses=Inverting, name='it', replicas=3) as f:
            with Killer(f, 0.1) as killer:
                ends = post_all(f, 200, 1)
            assert killer.kills
            assert set(ends) <= {'result', 'PoisonedRequest'}, ends
            assert ends['PoisonedRequest'] <= len(killer.kills) // 2, (ends, killer.kills)  # each takes two kills
            check_no_leak(f)

    context.run(body)


def test_a_killed_client_leaks_nothing(programs: Programs, record: str) -> None:
    """It had sent large arrays that wait, and held answers."""
    script = (
        'import sys\n\nfrom mproc_flow.client import Client\n'
        'from tests.support.payloads import made\n\n'
        "client = Client.at(sys.argv[1], {'prefetch': 0, 'return_responses': False}, lambda: None, lambda _: False)\n"
        "held = client.post('/', made(4))\n"
        "client.post('/', (made(number) for number in range(200)), request_size=1)\n"
    )
    with Flow().add(uses=Slow, name='it', uses_with={'seconds': 0.05, 'record': record}) as f:
        program = programs.script(script, f.address)
        eventually(lambda: len(notes(record, 'begin')) >= 3, 20, lambda: f'it posts: {program.text}')
        program.send(signal.SIGKILL)
        program.wait_exit(5)
        check_answer_of_slow(f)
        check_no_leak(f)


def check_answer_of_slow(f: Flow) -> None:
    """Others are served right."""
    for number in range(5):
        assert digest(f.post('/', made(number), timeout=TIMEOUT)[0].tensor) == made(number).tags['hash']


def test_expired_work_gives_its_blocks_back(record: str) -> None:
    """What was never executed leaks nothing either."""
    with Flow().add(uses=Slow, name='it', uses_with={'seconds': 0.1, 'record': record}) as f:
        for _ in range(3):
            with pytest.raises(errors.DeadlineExceeded):
                f.post('/', (made(4) for _ in range(50)), request_size=1, prefetch=0, timeout=0.2)
        check_answer_of_slow(f)
        check_no_leak(f)


def test_an_array_that_a_user_holds_never_changes(start_method: str) -> None:
    """Across a thousand later messages, the death of who made it, and the end of the Flow."""
    f = Flow(start_method=start_method).add(uses=Inverting, name='it')
    with f:
        held = [f.post('/', made(number), timeout=TIMEOUT)[0] for number in range(20)]
        hashes = [doc.tags['hash'] for doc in held]
        for number in range(20, 1020):
            doc = f.post('/', made(number), timeout=TIMEOUT)[0]
            assert digest(doc.tensor) == doc.tags['hash']
        assert [digest(doc.tensor) for doc in held] == hashes
        wait_until_restarted(f, 'it/rep-0', kill_pod(f, 'it/rep-0'))
        for number in range(10):
            check_answer(f.post('/', made(number), timeout=TIMEOUT)[0], number)
        assert [digest(doc.tensor) for doc in held] == hashes
    assert [digest(doc.tensor) for doc in held] == hashes


def test_an_array_that_an_executor_holds_never_changes(start_method: str) -> None:
    """It keeps arrays of requests that are long answered."""
    with Flow(start_method=start_method).add(uses=Keeping, name='it') as f:
        numbers = itertools.count()
        docs = (made(next(numbers)) for _ in range(1020))
        answers = f.post('/', docs, request_size=1, prefetch=10, timeout=LONGEST, on_done=lambda response: None)
        assert answers is None
        tags = f.post('/kept', Document(), timeout=TIMEOUT)[0].tags
    assert (tags['kept'], tags['changed']) == (20, 0)


def test_what_was_sent_may_be_changed_after_the_answer() -> None:
    """And while it is under way nobody sees half of a change: it was copied when it was sent."""
    with Flow(prefetch=2).add(uses=Inverting, name='it') as f:
        array = np.zeros(1_000_000, dtype='uint8')
        for number in range(100):
            array[:] = number
            doc = Document(tensor=array, blob=b'', tags={'hash': digest(array), 'blob': digest(np.zeros(0, 'uint8'))})
            assert int(f.post('/', doc, timeout=TIMEOUT)[0].tensor[-1]) == 255 - number


@pytest.fixture
def small() -> Iterator[str]:
    """A directory with a short name, as sockets need it, on which a program may mount a small tmpfs."""
    path = tempfile.mkdtemp(prefix='mft-')
    yield path
    os.rmdir(path)


def in_small_memory(programs: Programs, small: str, size: str, *words: str) -> Program:
    """Run the script with a small tmpfs as the base of run directories, which only it sees."""
    script = programs.save('small.py', SMALL)
    mount = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    arguments = ['unshare', '-Urm', 'sh', '-c', mount, small, sys.executable, str(script)]
    return programs.run([*arguments, *words], env={'MPROC_FLOW_RUN_DIR': small})


def may_mount() -> bool:
    """This system lets a user have mounts of his own."""
    return subprocess.run(['unshare', '-Urm', 'true'], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason='needs user namespaces')
@pytest.mark.parametrize('size', ['256k', '4m'])
def test_a_small_shared_memory_is_no_sigbus(programs: Programs, small: str, start_method: str, size: str) -> None:
    """It is full from the beginning, or between two requests: everything arrives, nobody dies."""
    program = in_small_memory(programs, small, size, start_method)
    assert program.wait(50) == 0, program.text
    wanted = ['right', 'full', 'right while full', 'right after it', 'restarts 0']
    assert program.texts('out') == wanted, program.text


def test_a_run_directory_on_a_disk_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files are not memory, arrays travel as before."""
    monkeypatch.setenv('MPROC_FLOW_RUN_DIR', str(tmp_path))
    with Flow().add(uses=Inverting, name='it') as f:
        assert post_all(f, 100, 1) == {'result': 100}
        assert pod(f, 'it/rep-0').restarts == 0

"""Clients outside the process of the Flow, or in it: many at once, shared by threads, and after a gateway died."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest

from mproc_flow import AsyncClient, Client, Document, DocumentArray, Executor, Flow, requests
from mproc_flow.errors import BadOption, DeadlineExceeded, FlowClosed, PodDied
from mproc_flow.model.request import Response
from tests.support.executors import Echo, Slow, notes
from tests.support.flows import kill_pod, wait_for_state, wait_until_restarted
from tests.support.programs import Programs
from tests.support.waiting import eventually, within

GATEWAY = 'gateway'

SENDER = """
import sys
from mproc_flow import Client

port, name = int(sys.argv[1]), sys.argv[2]
client = Client(port=port)
for number in range(50):
    (doc,) = client.post('/', f'{name}-{number}')
    assert doc.text == f'{name}-{number}!', doc.text
client.close()
print('all were mine')
"""


def port_of(f: Flow) -> int:
    """The port of a Flow that listens on TCP."""
    return int(f.address.rpartition(':')[2])


def echo(**options: Any) -> Flow:
    return Flow(port=0, quiet=True).add(uses=Echo, uses_with={'mark': '!'}, **options)


class Twice(Executor):
    """Ends its process in the first call that finds no file."""

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Die, or work."""
        with open(self.path, 'a') as file:
            file.write('.')
        if os.path.getsize(self.path) < 3:
            os._exit(7)
        for doc in docs:
            doc.text = f'{doc.text} done'


def test_threads_share_one_client() -> None:
    """Each gets its own answers."""

    def ask(name: str) -> list[str | None]:
        return [client.post('/', f'{name}-{number}')[0].text for number in range(25)]

    with echo(replicas=2) as f, Client(port=port_of(f)) as client, ThreadPoolExecutor(16) as threads:
        names = [f't{number}' for number in range(16)]
        assert list(threads.map(ask, names)) == [[f'{name}-{n}!' for n in range(25)] for name in names]


def test_tasks_share_one_client() -> None:
    """A hundred posts overlap, and each gets its own answers."""

    async def main(port: int) -> list[str | None]:
        async with AsyncClient(port=port) as client:
            found = await asyncio.gather(*(client.post('/', str(number)) for number in range(100)))
            return [doc.text for doc in chain(*found)]

    with echo() as f:
        assert asyncio.run(main(port_of(f))) == [f'{number}!' for number in range(100)]


def test_programs_at_once(programs: Programs) -> None:
    """Four programs with a client each."""
    script = str(programs.save('sender.py', SENDER))
    with echo() as f:
        senders = [programs.run([sys.executable, script, str(port_of(f)), f'p{number}']) for number in range(4)]
        for sender in senders:
            assert sender.wait(30) == 0, sender.text
            assert sender.texts('out') == ['all were mine']


@pytest.mark.parametrize('kind', ['own', 'outside'])
def test_a_client_connects_again_when_the_gateway_was_restarted(kind: str) -> None:
    """The next call finds the new one by itself."""
    with echo() as f, Client(port=port_of(f)) if kind == 'outside' else f.client as client:
        assert client.post('/', 'a')[0].text == 'a!'
        old = kill_pod(f, GATEWAY)
        wait_until_restarted(f, GATEWAY, old)
        assert client.post('/', 'b')[0].text == 'b!'
        assert client.is_flow_ready()


@pytest.mark.parametrize('kind', ['sync', 'async'])
def test_attempts_survive_the_death_of_the_gateway(record: str, kind: str) -> None:
    """What was under way is sent again to the new one; a call that is not to do so fails at once."""
    slow = Flow(port=0, quiet=True).add(uses=Slow, uses_with={'record': record, 'seconds': 0.5})
    with slow as f, Client(port=port_of(f), asyncio=kind == 'async') as client:

        def post(**options: Any) -> list[Document]:
            found = client.post('/', ['a', 'b'], request_size=1, **options)
            return list(asyncio.run(_all(found)) if kind == 'async' else found)

        with ThreadPoolExecutor(1) as threads:
            failing = threads.submit(post)
            eventually(lambda: notes(record, 'begin'), 10, 'work has begun')
            old = kill_pod(f, GATEWAY)
            with within(0.5, 'the error of a client whose gateway died'), pytest.raises(PodDied):
                failing.result(20)
            wait_until_restarted(f, GATEWAY, old)
            seen = len(notes(record, 'begin'))
            going_on = threads.submit(lambda: post(max_attempts=5, initial_backoff=0.1))
            eventually(lambda: len(notes(record, 'begin')) > seen, 10, 'work has begun')
            kill_pod(f, GATEWAY)
            assert len(going_on.result(30)) == 2


async def _all(answers: Any) -> Any:
    return await answers


def test_attempts_survive_the_death_of_a_pod(tmp_path: Any) -> None:
    """Sent again with a pause, each request at most so often; an error after that names the pod."""
    path = str(tmp_path / 'calls')
    with Flow(quiet=True).add(uses=Twice, uses_with={'path': path}) as f:
        with pytest.raises(PodDied, match='exited with code 7'):
            f.post('/', 'a')
        wait_for_state(f, 'executor0/rep-0', 'ready')
        assert f.post('/', 'a', max_attempts=9, initial_backoff=0.05)[0].text == 'a done'
        assert (tmp_path / 'calls').stat().st_size == 3


def test_the_time_of_a_call_ends_its_attempts() -> None:
    """A pause before the next attempt is no longer than what is left."""
    with Flow(quiet=True).add(uses=Twice, uses_with={'path': '/dev/null'}) as f:
        with within(1.05, 'a call whose time is over'), pytest.raises(DeadlineExceeded):
            f.post('/', 'a', max_attempts=1000, initial_backoff=30.0, max_backoff=30.0, timeout=1.0)


def test_errors_are_collected_with_their_documents_when_a_pod_dies() -> None:
    """One request kills its pod; what was sent is in the Response, with the cause."""
    failed: list[Response] = []
    with Flow(quiet=True).add(uses=Twice, uses_with={'path': '/dev/null'}) as f:
        f.post('/', [Document(id='poison', text='x')], on_error=failed.append)
    (response,) = failed
    assert [doc.id for doc in response.docs] == ['poison']
    assert 'executor0/rep-0' in response.header.status.description
    assert 'exited with code 7' in response.header.status.description


def test_nobody_listens() -> None:
    """Told within the bound of a connection, naming the address; without a port at once."""
    client = Client(port=1)
    with within(5.5, 'nobody listens'), pytest.raises(PodDied, match=r'tcp://127.0.0.1:1\b'):
        client.post('/', timeout=20.0)
    assert not client.is_flow_ready(0.2)
    client.close()
    with pytest.raises(BadOption, match='port'):
        Client()


def test_a_closed_client_says_so() -> None:
    """Also when threads are in a call."""
    with Flow(port=0, quiet=True).add(uses=Slow, uses_with={'seconds': 0.5}) as f:
        client = Client(port=port_of(f))
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(client.post('/', 'a')))
        thread.start()
        eventually(lambda: client._pool._count, 5, 'the call has its connection')
        client.close()
        thread.join(10)
        assert len(answers) == 1, 'a call that is under way ends as it would have'
        with pytest.raises(FlowClosed, match='this client was closed'):
            client.post('/', 'a')


def test_a_fork_of_the_program_uses_its_own_connections() -> None:
    """Two processes on one socket would mix their messages up."""
    with echo() as f:
        client = Client(port=port_of(f))
        assert client.post('/', 'a')[0].text == 'a!'
        child = os.fork()
        if child == 0:
            good = False
            try:
                good = client.post('/', 'child')[0].text == 'child!'
                client.close()
            finally:
                os._exit(0 if good else 1)
        assert client.post('/', 'parent')[0].text == 'parent!'
        assert os.waitpid(child, 0)[1] == 0
        client.close()


def test_is_flow_ready_tells_the_truth() -> None:
    """Not while an Executor has no process, and again when it has."""
    with echo(name='one') as f, Client(port=port_of(f)) as client:
        assert client.is_flow_ready()
        old = kill_pod(f, 'one/rep-0', signal.SIGKILL)
        eventually(lambda: not client.is_flow_ready(), 2, 'not ready after the death')
        wait_until_restarted(f, 'one/rep-0', old)
        eventually(client.is_flow_ready, 2, 'ready again')


FORGOTTEN = """\
import asyncio
import gc

from mproc_flow import AsyncClient, Client


class Holder:
    def __init__(self, client):
        self.client = client
        self.itself = self


async def ask(client):
    await client.is_flow_ready(0.05)


client = Client(port=1)
client.is_flow_ready(0.05)
holder = Holder(client)
del client, holder
client = AsyncClient(port=1)
asyncio.run(ask(client))
holder = Holder(client)
del client, holder
gc.collect()
print('collected')
"""


def test_a_client_that_is_forgotten_does_not_stop_the_program(programs: Programs) -> None:
    """In a cycle, where the collector could end the context before the sockets in it, and wait for these."""
    program = programs.script(FORGOTTEN)
    assert program.wait(10) == 0, program.text
    assert program.texts('out') == ['collected']

"""Executors that run already: a Deployment served alone, one pod in the foreground, a gateway for others."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mproc_flow import Client, Deployment, Document, Flow
from mproc_flow.compat.helper import random_port
from mproc_flow.errors import BadOption, FlowClosed, PodDied
from tests.support.executors import Echo
from tests.support.flows import kill_pod, wait_until_restarted
from tests.support.programs import Program, Programs
from tests.support.waiting import eventually, within

EXECUTOR = ('executor', '--uses')

MODULE = """
from mproc_flow import Executor, requests


class Plain(Executor):
    def __init__(self, mark='!', **kwargs):
        super().__init__(**kwargs)
        self.mark = mark

    @requests
    def work(self, docs, **kwargs):
        for doc in docs:
            doc.text += self.mark

    @requests(on='/raise')
    def fail(self, **kwargs):
        raise ValueError('on purpose')

    def close(self):
        print('closed', flush=True)


class Awaiting(Plain):
    @requests
    async def work(self, docs, **kwargs):
        for doc in docs:
            doc.text += '?'
"""


@pytest.fixture
def module(tmp_path: Path) -> str:
    """Path of a file with Executors."""
    path = tmp_path / 'executors_of_the_test.py'
    path.write_text(MODULE)
    return str(path)


@pytest.fixture
def deployment(start_method: str) -> Iterator[Deployment]:
    """A Deployment that runs and listens."""
    with Deployment(start_method=start_method, uses=Echo, uses_with={'mark': 'D'}, replicas=2, port=0) as running:
        yield running


def port_of(address: str) -> int:
    """The port in an address."""
    return int(address.rpartition(':')[2])


def test_a_deployment_is_served_alone(deployment: Deployment) -> None:
    """It is asked like a Flow, from inside and from outside."""
    assert [status.name for status in deployment.pods] == ['executor/rep-0', 'executor/rep-1', 'gateway']
    assert deployment.post('/', Document(text='a'))[0].text == 'aD'
    client = Client(port=port_of(deployment.address))
    assert client.is_flow_ready()
    assert client.post('/', Document(text='b'))[0].text == 'bD'
    client.close()


def test_a_deployment_recovers_and_closes(deployment: Deployment) -> None:
    """It is supervised like a Flow; closed it says so."""
    old = kill_pod(deployment, 'executor/rep-0')  # type: ignore[arg-type]
    wait_until_restarted(deployment, 'executor/rep-0', old)  # type: ignore[arg-type]
    deployment.close()
    with pytest.raises(FlowClosed):
        deployment.post('/')


def test_a_deployment_is_given_to_a_flow() -> None:
    """Its options become those of an Executor; others override them."""
    echo = Deployment(uses=Echo, name='echo', uses_with={'mark': 'D'}, replicas=2)
    f = Flow().add(echo).add(echo, name='again', replicas=1)
    with f:
        assert [status.name for status in f.pods] == ['echo/rep-0', 'echo/rep-1', 'again/rep-0', 'gateway']
        assert f.post('/', Document(text='a'))[0].text == 'aDD'


def test_an_external_executor_does_its_part(deployment: Deployment) -> None:
    """It is a node like others, but no process of this Flow."""
    f = Flow().add(name='a', uses=Echo, uses_with={'mark': 'A'})
    f = f.add(name='e', external=True, port=port_of(deployment.address))
    f = f.add(name='b', uses=Echo, uses_with={'mark': 'B'})
    with f:
        assert [status.name for status in f.pods] == ['a/rep-0', 'b/rep-0', 'gateway']
        docs = f.post('/', [Document(text=str(number)) for number in range(50)], request_size=5)
        assert sorted(doc.text for doc in docs) == sorted(f'{number}ADB' for number in range(50))
    assert deployment.post('/', Document(text='still'))[0].text == 'stillD'


def test_the_loss_of_an_external_executor_is_named_at_once_and_ends_when_it_is_back() -> None:
    """Requests fail while there is no connection, and work again afterwards."""
    deployment = Deployment(uses=Echo, uses_with={'mark': 'D'}, port=0).start()
    port = port_of(deployment.address)
    with Flow().add(name='e', external=True, port=port) as f:
        assert f.post('/', Document(text='a'))[0].text == 'aD'
        deployment.close()
        with within(0.5, 'error when an external Executor is gone'), pytest.raises(PodDied, match=f'e at tcp.*{port}'):
            f.post('/', Document())
        with Deployment(uses=Echo, uses_with={'mark': 'E'}, port=port):
            eventually(lambda: works(f), 10, 'the connection is made again')


def test_an_external_executor_that_is_not_there(unused_port: int) -> None:
    """The Flow starts; requests fail with the address."""
    with Flow().add(external=True, port=unused_port) as f:
        with within(1.0, 'error when an external Executor is not there'):
            with pytest.raises(PodDied, match=str(unused_port)):
                f.post('/', Document())


@pytest.fixture
def unused_port() -> int:
    """A port on which nothing listens."""
    with Deployment(uses=Echo, port=0) as deployment:
        return port_of(deployment.address)


def works(f: Flow) -> bool:
    """True if a request has an answer."""
    try:
        f.post('/', Document())
    except PodDied:
        return False
    return True


def test_an_external_executor_says_no_more_than_where_it_is() -> None:
    """What would have to be done here cannot be asked of it."""
    for options in ({'uses': Echo}, {'replicas': 2}, {'when': {'text': {'$eq': 'a'}}}):
        with pytest.raises(BadOption, match='external'):
            Flow().add(external=True, port=1, **options)  # type: ignore[arg-type]


def serve(programs: Programs, *words: str) -> tuple[Program, str]:
    """Run a pod in the foreground and give its address."""
    program = programs.module('mproc_flow', *words)
    return program, program.wait_line(r'is ready at (\S+)')[1]


@pytest.mark.parametrize(('name', 'mark'), [('Plain', 'x'), ('Awaiting', '?')])
def test_one_executor_in_the_foreground(programs: Programs, module: str, name: str, mark: str) -> None:
    """It answers everybody, and a signal ends it in order."""
    program, address = serve(
        programs,
        'executor',
        '--uses',
        name,
        '--py-modules',
        module,
        '--port',
        '0',
        '--uses-with',
        'mark=x',
        '--env',
        'A=b',
    )
    client = Client(port=port_of(address))
    assert client.is_flow_ready()
    assert client.post('/', Document(text='a'))[0].text == f'a{mark}'
    with pytest.raises(Exception, match='on purpose'):
        client.post('/raise')
    client.close()
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0
    assert 'closed' in program.text


@pytest.fixture
def one_core() -> Iterator[None]:
    """This process and its children have to share one CPU."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


def test_a_signal_that_comes_while_it_goes_to_sleep_is_heard(programs: Programs, module: str, one_core: None) -> None:
    """On one CPU it often comes between the last instruction of Python and the wait."""
    for _ in range(8):
        program, address = serve(programs, 'executor', '--uses', 'Plain', '--py-modules', module, '--port', '0')
        client = Client(port=port_of(address))
        client.post('/', Document(text='a'))
        client.close()
        program.send(signal.SIGTERM)
        assert program.wait(5) == 0
        assert 'closed' in program.text


def test_one_executor_in_the_foreground_without_standard_streams(programs: Programs, module: str) -> None:
    """Its sockets do not get their numbers, and a signal ends it in order."""
    port = random_port()
    words = f'-m mproc_flow executor --uses Plain --py-modules {module} --port {port} --uses-with mark=x'
    program = programs.run(['bash', '-c', f'exec {sys.executable} {words} <&- >&- 2>&-'])
    with Client(port=port) as client:
        eventually(lambda: client.is_flow_ready(0.5), 20, 'it answers')
        assert client.post('/', Document(text='a'))[0].text == 'ax'
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0, program.text


def test_a_gateway_in_the_foreground(programs: Programs, module: str) -> None:
    """It brings Executors together that run elsewhere."""
    one, first = serve(programs, 'executor', '--uses', 'Plain', '--py-modules', module, '--port', '0')
    two, second = serve(programs, 'executor', '--uses', 'Awaiting', '--py-modules', module, '--port', '0')
    graph = '{"start-gateway": ["a"], "a": ["b"], "b": ["end-gateway"]}'
    addresses = f'{{"a": ["{first}"], "b": "{second}"}}'
    gateway, address = serve(
        programs, 'gateway', '--graph-description', graph, '--deployments-addresses', addresses, '--port', '0'
    )
    client = Client(port=port_of(address))
    eventually(client.is_flow_ready, 10, 'the gateway reached both')
    assert client.post('/', Document(text='a'))[0].text == 'a!?'
    client.close()
    for program in (gateway, one, two):
        program.send(signal.SIGTERM)
        assert program.wait(10) == 0


def test_what_cannot_be_served_in_the_foreground_is_said(programs: Programs, module: str) -> None:
    """Exit code 2 for what the user must correct, 1 for what fails."""
    for words, code, text in [
        (['executor', '--uses', 'Nope', '--py-modules', module, '--port', '0'], 2, 'Nope'),
        (['executor', '--uses', 'Plain', '--py-modules', module], 2, '--port'),
        (['executor', '--uses', 'Plain', '--py-modules', module, '--port', '0', '--replicas', '2'], 2, 'deployment'),
        (['gateway', '--graph-description', '{"start-gateway": ["a"]}', '--port', '0'], 2, "'a' needs one address"),
        (['executor', '--uses', 'Plain', '--py-modules', module, '--port', '0', '--uses-with', 'no=1'], 1, 'no'),
    ]:
        program = programs.module('mproc_flow', *words)
        assert program.wait(20) == code, program.text
        assert text in program.text

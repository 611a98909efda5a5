"""What the project was asked for, as it was printed: with the names of jina."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.test_scripts import BLOCK, GUARDED, METHODS, PROCESS_EVENT, START_CLOSE, THREAD_EVENT, WITH_PASS
from tests.support.programs import Program, Programs

NEEDS_AND_YAML = """\
from jina import Flow

f = Flow().add(name='e1').add(needs='e1').add(needs='e1')
f.save_config('flow.yml')
g = Flow.load_config('flow.yml')
print(f == g, g.num_deployments)
with g:
    print(g.post('/', 'through')[0].text)
"""

ASYNC = """\
import asyncio

import numpy as np
from jina import AsyncFlow
from jina.types.document.generators import from_ndarray


async def index():
    with AsyncFlow().add() as f:
        await f.index(from_ndarray(np.random.random([5, 4])), on_done=print)


async def heartbeat():
    for _ in range(5):
        await asyncio.sleep(0)
    print('heartbeat')


async def both():
    await asyncio.gather(index(), heartbeat())


if __name__ == '__main__':
    asyncio.run(both())
"""


def run(programs: Programs, text: str, method: str | None = None) -> Program:
    """Run a script through the names of jina."""
    path = programs.save('app.py', text.replace('from mproc_flow import', 'from jina import'))
    return programs.module('mproc_flow', 'run', str(path), env={'JINA_MP_START_METHOD': method})


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize(
    ('text', 'line'),
    [(WITH_PASS, None), (START_CLOSE, None), (GUARDED, 'hello world'), (THREAD_EVENT, 'joined')],
    ids=['with', 'start-close', 'guarded', 'thread-event'],
)
def test_it_works_as_printed(programs: Programs, text: str, line: str | None, method: str | None) -> None:
    """The short programs, under every start method."""
    program = run(programs, text, method)
    assert program.wait(20) == 0, program.text
    assert line is None or line in program.texts('out'), program.text
    assert 'Traceback' not in program.text


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_an_event_of_another_process_stops_it(programs: Programs, method: str) -> None:
    """``f.block(stop_event=e)`` with a ``multiprocessing.Event`` that a child sets; spawn imports the script again."""
    program = run(programs, PROCESS_EVENT.format(method=method))
    assert program.wait(20) == 0, program.text
    assert 'joined 0' in program.texts('out'), program.text


def test_it_blocks_until_a_signal(programs: Programs) -> None:
    """``with f: f.block()``."""
    program = run(programs, BLOCK)
    program.wait_until_blocking()
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0, program.text
    assert 'after the with' in program.texts('out')


@pytest.mark.parametrize('method', METHODS)
def test_needs_and_yaml(programs: Programs, method: str | None) -> None:
    """A Flow of three, written to a file, read from it, equal, and at work."""
    program = run(programs, NEEDS_AND_YAML, method)
    assert program.wait(20) == 0, program.text
    assert program.texts('out') == ['True 3', 'through'], program.text


def test_an_asynchronous_flow(programs: Programs) -> None:
    """``await f.index(from_ndarray(...), on_done=print)``, beside another coroutine."""
    program = run(programs, ASYNC)
    assert program.wait(20) == 0, program.text
    assert 'heartbeat' in program.texts('out')
    assert '<Response of /index: 5 Documents, ok>' in program.texts('out'), program.text

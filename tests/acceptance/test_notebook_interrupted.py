"""The kernel of a notebook is interrupted, killed and restarted: nothing is left, and what should serve still does."""

from __future__ import annotations

import signal

import pytest

from tests.support.notebook import ECHO, IMPORTS, Kernel, nothing_left, quiet
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.timeout(120)


# ---- interrupts ----


def test_block_is_interrupted(each_kernel: Kernel) -> None:
    """It ends; the processes do not hear of it; the Flow serves until it is closed."""
    each_kernel.run(f'{ECHO}\nf = Flow().add(uses=Echo).start()')
    pids = each_kernel.run('[pod.pid for pod in f.pods]').result
    cell = each_kernel.begin('print("blocking", flush=True)\nf.block()\nprint("ended")')
    each_kernel.wait_text(cell, 'blocking')
    each_kernel.interrupt_when_blocking()
    each_kernel.wait(cell)
    assert cell.stdout == 'blocking\nended\n'
    quiet(cell)
    assert each_kernel.run('[pod.pid for pod in f.pods]').result == pids
    assert each_kernel.run("f.post('/', Document(text='a'))[0].text").result == "'a!'"
    quiet(each_kernel.run('f.close()'))


@pytest.mark.parametrize('form', ['with Flow()', 'with AsyncFlow()', 'async with AsyncFlow()'])
def test_block_is_interrupted_in_its_with(kernel: Kernel, form: str) -> None:
    """The Flow is closed, also where a task of the loop that block() holds up would be cancelled instead."""
    kernel.run(ECHO)
    cell = kernel.begin(f'{form}.add(uses=Echo) as f:\n    print("blocking", flush=True)\n    f.block()')
    kernel.wait_text(cell, 'blocking')
    kernel.interrupt_when_blocking()
    with within(2.0, 'an interrupted block() in a cell'):
        kernel.wait(cell)
    nothing_left(kernel, 1.0, 'after the interrupt')
    assert not cell.error
    assert kernel.run('f.is_running').result == 'False'


SLOW_START = """\
class SlowStart(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        print('constructing', flush=True)
        time.sleep(30)

    @requests
    def work(self, **kwargs):
        pass
"""

SLOW_WORK = """\
class SlowWork(Executor):
    @requests
    def work(self, **kwargs):
        print('working', flush=True)
        time.sleep(2)
"""


@pytest.mark.parametrize('start', ['f.start()', 'async with f:\n    pass'], ids=['start', 'async with'])
def test_start_is_interrupted(each_kernel: Kernel, start: str) -> None:
    """KeyboardInterrupt in the cell, nothing left, and the kernel goes on."""
    each_kernel.run(SLOW_START)
    cell = each_kernel.begin(f'f = AsyncFlow().add(uses=SlowStart)\n{start}')
    each_kernel.wait_text(cell, 'constructing')
    each_kernel.interrupt()
    with within(2.0, 'an interrupted start in a cell'):
        each_kernel.wait(cell)
    assert cell.error in ('KeyboardInterrupt', 'CancelledError')
    nothing_left(each_kernel, 1.0, 'after an interrupted start')
    assert each_kernel.run('f.is_running').result == 'False'


@pytest.mark.parametrize('kind', ['Flow', 'AsyncFlow'])
def test_post_is_interrupted(each_kernel: Kernel, kind: str) -> None:
    """KeyboardInterrupt in the cell; the Flow still serves; with a ``with`` it is closed."""
    wait = 'await ' if kind == 'AsyncFlow' else ''
    each_kernel.run(f'{SLOW_WORK}\nf = {kind}().add(uses=SlowWork).start()')
    cell = each_kernel.begin(f'{wait}f.post("/")')
    each_kernel.wait_text(cell, 'working')
    each_kernel.interrupt()
    with within(0.7, 'an interrupted post() in a cell'):
        each_kernel.wait(cell)
    assert cell.error in ('KeyboardInterrupt', 'CancelledError')
    assert each_kernel.run(f'len({wait}f.post("/", Document()))').result == '1'
    each_kernel.run('f.close()')
    cell = each_kernel.begin(f'{wait and "async "}with f:\n    {wait}f.post("/")')
    each_kernel.wait_text(cell, 'working')
    each_kernel.interrupt()
    with within(3.0, 'an interrupted post() in a with'):
        each_kernel.wait(cell)
    assert cell.error in ('KeyboardInterrupt', 'CancelledError')
    nothing_left(each_kernel, 1.0, 'after an interrupted post() in a with')


# ---- the end of the kernel ----


@pytest.mark.parametrize('moment', ['idle', 'starting', 'serving'])
def test_the_kernel_is_killed(each_kernel: Kernel, moment: str) -> None:
    """No process, no run directory and nothing in /dev/shm after 2 s (see also the audit)."""
    each_kernel.run(SLOW_START + SLOW_WORK)
    if moment == 'idle':
        each_kernel.run('f = Flow().add(uses=SlowWork).start()')
    elif moment == 'starting':
        each_kernel.wait_text(each_kernel.begin('Flow().add(uses=SlowStart).start()'), 'constructing')
    else:
        each_kernel.wait_text(each_kernel.begin('Flow().add(uses=SlowWork).start().post("/")'), 'working')
    each_kernel.program.send(signal.SIGKILL)
    each_kernel.program.wait_exit(2.0)
    nothing_left(each_kernel, 2.0, 'after the kernel was killed')


@pytest.mark.parametrize('how', ['shut down', 'killed'])
def test_the_kernel_is_restarted(each_kernel: Kernel, how: str) -> None:
    """While a Flow runs: the new kernel listens where the old one did, and Flows work in it."""
    each_kernel.run(f'{ECHO}\nf = Flow().add(uses=Echo).start()')
    if how == 'killed':
        each_kernel.program.send_group(signal.SIGKILL)
    else:
        each_kernel.shut_down(restart=True)
    assert (each_kernel.program.wait_exit(5.0) == 0) is (how == 'shut down')
    each_kernel.restart()
    eventually(lambda: not each_kernel.old_descendants(), 2.0, 'the old processes are gone')
    each_kernel.run(f'{IMPORTS}{ECHO}')
    cell = each_kernel.run("with Flow().add(uses=Echo) as f:\n    print(f.post('/', Document(text='a'))[0].text)")
    assert cell.stdout == 'a!\n'

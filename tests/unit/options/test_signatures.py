"""What editors and type checkers know of the options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

RIGHT = """
from pathlib import Path
from mproc_flow import AsyncFlow, Client, Deployment, Executor, Flow

class Own(Executor): ...

f = Flow(name='a', port=0, timeout_ready=5, env={'A': 1}, workspace=Path('w'), cors=False)
f = f.add(uses=Own, name='b', needs=['gateway'], replicas=2, polling={'/a': 'ALL'}, when={'text': {'$eq': 'a'}})
f = f.add(uses='package.Own', needs='b', py_modules=['a.py', Path('b.py')], no_reduce=True).needs_all()
f = f.inspect(name='i', uses=Own, needs='b').gather_inspect(uses=Own).needs(['a', 'b'], 'j', replicas=2)
f = Flow.load_config('flow.yml', context={'a': 1}, name='b')
d = Deployment(uses=Own, shards=2, port=5)
d = Deployment.load_config('deployment.yml', context={'a': 1}, uses=Own, when={}, extra_search_paths='a')
f.add(d, replicas=2)
Client(port=5, prefetch=3)

async def main() -> None:
    a: AsyncFlow = AsyncFlow.load_config('flow.yml').add(uses=Own).needs_all().inspect().gather_inspect().build()
    async with AsyncFlow(port=5).add(uses=Own) as running:
        b: AsyncFlow = running
        await running.post('/')
"""
WRONG = [
    ("Flow(prot=5)", 'Unexpected keyword argument "prot"'),
    ("Flow(port='5')", 'incompatible type'),
    ("Flow().add(replica=5)", 'Unexpected keyword argument "replica"'),
    ("Flow().add(replicas='5')", 'incompatible type'),
    ("Flow().add(needs=5)", 'incompatible type'),
    ("Flow.load_config('f.yml', contxt={})", 'Unexpected keyword argument "contxt"'),
    ("Flow().needs(['a', 'b'], replica=5)", 'Unexpected keyword argument "replica"'),
    ("Flow().needs_all(needs=['a'])", 'Unexpected keyword argument "needs"'),
    ("Flow().inspect(use=Own)", 'Unexpected keyword argument "use"'),
    ("Flow().gather_inspect(replica=5)", 'Unexpected keyword argument "replica"'),
    ("Deployment.load_config('d.yml', inspect='hang')", 'Unexpected keyword argument "inspect"'),
    ("Deployment(needs='a')", 'Unexpected keyword argument "needs"'),
    ("Client(port=5, prefech=3)", 'Unexpected keyword argument "prefech"'),
]  # fmt: skip


@pytest.fixture(scope='module')
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of a program, of which only the last lines are wrong."""
    folder = tmp_path_factory.mktemp('typed')
    program = folder / 'program.py'
    program.write_text(RIGHT + '\n'.join(line for line, _ in WRONG))
    options = ['--strict', '--cache-dir', str(folder / 'cache'), '--follow-imports', 'silent', '--no-pretty']
    command = [sys.executable, '-m', 'mypy', *options, str(program)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_right_options_are_accepted(said: str) -> None:
    last_right = RIGHT.count('\n')
    lines = [int(line.split(':')[1]) for line in said.splitlines() if 'program.py:' in line]
    assert lines
    assert min(lines) > last_right


@pytest.mark.parametrize(('number', 'message'), [(at, message) for at, (_, message) in enumerate(WRONG, 1)])
def test_wrong_options_are_found(number: int, message: str, said: str) -> None:
    line = RIGHT.count('\n') + number
    assert any(f':{line}: error:' in found and message in found for found in said.splitlines()), said

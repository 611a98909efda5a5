"""What is done from the terminal beside serving a Flow file."""

from __future__ import annotations

import signal
import sys

from tests.support.programs import Program, Programs

EXECUTOR = """
from mproc_flow import Executor, requests

class Own(Executor):
    def __init__(self, mark='o', **kwargs):
        super().__init__(**kwargs)
        self.mark = mark

    @requests
    def work(self, docs, **kwargs):
        for doc in docs:
            doc.text += self.mark
"""
DEPLOYMENT = 'jtype: Deployment\nwith: {uses: own.yml, replicas: 2, port: 0, name: "${{ name }}"}'


def test_a_new_project_runs(programs: Programs) -> None:
    """The program that it is, its tests, and the Flow of its file."""
    made = programs.module('mproc_flow', 'new', 'shop')
    assert made.wait(20) == 0, made.text
    python = f'"{sys.executable}"'
    in_project = f'cd shop && {python} -m mproc_flow check flow.yml && {python} app.py && {python} -m pytest -q'
    program = programs.run(['bash', '-c', in_project])
    assert program.wait(60) == 0, program.text
    assert 'Hello, world!\n' in program.text
    assert '1 passed' in program.text


def test_this_machine_is_checked(programs: Programs) -> None:
    """With every start method."""
    program = programs.module('mproc_flow', 'check')
    assert program.wait(60) == 0, program.text
    for method in ('fork', 'spawn', 'forkserver'):
        assert f'start method {method}: works' in program.text


def ask(programs: Programs, port: str, *words: str) -> Program:
    """Send something to what is served, and wait for its answer."""
    program = programs.module('mproc_flow', 'client', '--port', port, *words)
    assert program.wait(20) == 0, program.text
    return program


def test_a_deployment_is_served(programs: Programs) -> None:
    """Of an Executor's file with flags, and of a file of its own; Documents come from arguments and from a file."""
    programs.save('own.py', EXECUTOR)
    programs.save('own.yml', 'jtype: Own\npy_modules: own.py\nwith: {mark: file}')
    programs.save('deployment.yml', DEPLOYMENT)
    programs.save('docs.jsonl', '{"id": "1", "text": "a", "tags": {"n": 1}}\n\n"b"\n')
    for words, mark in [
        (['--uses', 'own.yml', '--port', '0', '--replicas', '2', '--uses-with', 'mark=flag', '--name', 'mine'], 'flag'),
        (['--uses', 'deployment.yml', '--context', 'name=mine'], 'file'),
    ]:
        serving = programs.module('mproc_flow', 'deployment', *words)
        port = serving.wait_line(r'mine is ready .*:(\d+)')[1]
        assert f'"text": "a{mark}"' in ask(programs, port, '--text', 'a').text
        answer = ask(programs, port, '--input', 'docs.jsonl').text
        assert f'{{"id": "1", "text": "a{mark}", "tags": {{"n": 1}}}}' in answer
        assert f'"text": "b{mark}"' in answer
        serving.wait_line('mine/rep-1')
        serving.send(signal.SIGTERM)
        assert serving.wait(10) == 0


def test_what_cannot_be_sent_is_said(programs: Programs) -> None:
    """A file that is not there, and one with a line that is no JSON, end with 2 and name it; nobody there is 1."""
    programs.save('bad.jsonl', '{"text": "a"}\nnonsense\n')
    programs.save('flow.yml', 'jtype: Flow\nwith: {port: 0}')
    serving = programs.module('mproc_flow', 'flow', '--uses', 'flow.yml')
    port = serving.wait_line(r'is ready .*:(\d+)')[1]
    for words, code, text in [
        (['--port', port, '--input', 'gone.jsonl'], 2, '--input gone.jsonl: No such file'),
        (['--port', port, '--input', 'bad.jsonl'], 2, 'bad.jsonl, line 2: not JSON'),
        (['--text', 'a'], 2, 'port'),
        (['--port', '1', '--text', 'a'], 1, 'there is no connection'),
    ]:
        program = programs.module('mproc_flow', 'client', *words)
        assert program.wait(20) == code, program.text
        assert text in program.text
        assert 'Traceback' not in program.text
    serving.send(signal.SIGINT)
    assert serving.wait(10) == 0

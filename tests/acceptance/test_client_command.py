"""``mproc-flow client``: lines or files in, answers out as text or lines of JSON, and a true exit code."""

from __future__ import annotations

import base64
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import Program, Programs

FLOW = """
jtype: Flow
with: {port: 0}
executors:
  - uses: Shout
    py_modules: shout.py
"""
EXECUTOR = """
import os
import time
from mproc_flow import Executor, requests

class Shout(Executor):
    @requests
    def shout(self, docs, parameters, **kwargs):
        for doc in docs:
            if doc.text == 'bad':
                raise ValueError('cannot shout that')
            if doc.text is not None:
                doc.text = doc.text.upper() + parameters.get('mark', '')

    @requests(on='/tell')
    def tell(self, docs, parameters, **kwargs):
        yield docs
        while not os.path.exists(parameters['file']):
            time.sleep(0.01)
        yield docs
"""


class Terminal:
    """Asks a served Flow from the terminal."""

    def __init__(self, programs: Programs, port: str, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.port = port

    def ask(self, *words: str, code: int = 0) -> Program:
        """Run the client to its end."""
        program = self.programs.module('mproc_flow', 'client', '--port', self.port, *words)
        assert program.wait(30) == code, program.text
        return program

    def shell(self, redirections: str, *words: str) -> tuple[int, str]:
        """Run it in a shell that changes what it is connected to; give its exit code and what was printed."""
        command = shlex.join([sys.executable, '-m', 'mproc_flow', 'client', '--port', self.port, *words])
        text = f'{command} {redirections}; echo "code ${{PIPESTATUS[0]}}"'
        done = subprocess.run(['bash', '-c', text], capture_output=True, text=True, timeout=30, cwd=self.folder)
        printed, _, code = done.stdout.rpartition('code ')
        return int(code), printed + done.stderr

    def pipe(self, text: str, *words: str) -> str:
        """Run it with this on its standard input."""
        command = [sys.executable, '-m', 'mproc_flow', 'client', '--port', self.port, *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def terminal(programs: Programs, tmp_path: Path) -> Iterator[Terminal]:
    programs.save('shout.py', EXECUTOR)
    programs.save('flow.yml', FLOW)
    serving = programs.module('mproc_flow', 'flow', '--uses', 'flow.yml')
    yield Terminal(programs, serving.wait_line(r'is ready .*:(\d+)')[1], tmp_path)
    serving.send(signal.SIGTERM)
    assert serving.wait(10) == 0


def fields(program: Program) -> list[dict[str, Any]]:
    """The lines of JSON it printed."""
    return [json.loads(line) for line in program.texts('out')]


def test_every_way_in_and_out(terminal: Terminal) -> None:
    """Texts, lines, lines of JSON, files; answers in the order of the inputs, whatever the size of a request."""
    programs, lines = terminal.programs, [f'line {number}' for number in range(250)]
    programs.save('lines.txt', '\n'.join(lines))
    programs.save('docs.jsonl', '{"id": "1", "text": "a", "tags": {"n": 1}}\n\n"b"\n')
    (terminal.folder / 'picture.png').write_bytes(b'\x89PNG\xff')
    upper = [line.upper() for line in lines]
    assert terminal.ask('--output', 'text', '--text', 'a', 'b').texts('out') == ['A', 'B']
    assert terminal.ask('--output', 'text', '--lines', 'lines.txt', '--request-size', '7').texts('out') == upper
    assert terminal.pipe('\n'.join(lines), '--lines', '-', '--output', 'text').splitlines() == upper
    first, second = fields(terminal.ask('--input', 'docs.jsonl', '--parameters', 'mark=!'))
    assert (first, second['text']) == ({'id': '1', 'text': 'A!', 'tags': {'n': 1}}, 'B!')
    assert json.loads(terminal.pipe('{"text": "piped"}\n', '--input', '-'))['text'] == 'PIPED'
    picture, text = fields(terminal.ask('--files', '*.png', 'lines.*'))
    assert (picture['uri'], picture['mime_type'], 'text' in picture) == ('picture.png', 'image/png', False)
    assert base64.b64decode(picture['blob']) == b'\x89PNG\xff'
    assert (text['uri'], text['mime_type'], text['text'][:6]) == ('lines.txt', 'text/plain', 'LINE 0')


def test_what_an_executor_yields_is_printed_as_it_comes(terminal: Terminal) -> None:
    words = ('--on', '/tell', '--parameters', 'file=told', '--output', 'text', '--text', 'a story')
    program = terminal.programs.module('mproc_flow', 'client', '--port', terminal.port, *words)
    program.wait_line('a story')
    assert program.texts('out') == ['a story']
    (terminal.folder / 'told').touch()
    assert program.wait(10) == 0
    assert program.texts('out') == ['a story'] * 2


def test_a_request_that_fails(terminal: Terminal) -> None:
    """Ends it with 1 and the remote traceback, or with the last answer and 1."""
    ended = terminal.ask('--output', 'text', '--text', 'a', 'bad', 'c', '--request-size', '1', code=1)
    assert ended.texts('out') == ['A']
    assert any('mproc-flow: error: ' in line and 'cannot shout that' in line for line in ended.texts('err'))
    assert any('in shout' in line for line in ended.texts('err')), 'the traceback of the Executor is shown'
    words = ['--text', 'a', 'bad', 'c', '--request-size', '1', '--continue-on-error', '--show-progress']
    program = terminal.ask('--output', 'text', *words, code=1)
    assert program.texts('out') == ['A', 'C']
    assert any("'bad' (id " in line and 'cannot shout that' in line for line in program.texts('err'))
    assert any('3 Documents' in line or '3/?' in line for line in program.texts('err'))


def test_what_it_is_connected_to(terminal: Terminal) -> None:
    """A reader who has enough ends it in peace; what cannot be read or written is one sentence."""
    terminal.programs.save('many.txt', '\n'.join('line' for _ in range(20_000)))
    many = ['--output', 'text', '--lines', 'many.txt']
    assert terminal.shell('| head -1', *many) == (0, 'LINE\n')
    code, printed = terminal.shell('> /dev/full', *many)
    assert (code, printed) == (1, 'mproc-flow: error: standard output: No space left on device\n')
    code, printed = terminal.shell('<&-', '--lines', '-')
    assert (code, printed) == (2, 'mproc-flow: error: --lines -: standard input is closed\n')
    assert terminal.shell('2>&-', '--output', 'text', '--text', 'a', '--show-progress') == (0, 'A\n')
    assert terminal.shell('</dev/null', '--lines', '-') == (0, '')
    terminal.programs.save('mark.jsonl', '\ufeff"a"\n')
    assert terminal.shell('', '--output', 'text', '--input', 'mark.jsonl') == (0, 'A\n')


def test_an_output_that_cannot_show_an_answer(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PYTHONIOENCODING', 'ascii')
    code, printed = terminal.shell('', '--output', 'text', '--text', 'é')
    assert (code, 'Traceback' in printed) == (1, False)
    assert "standard output takes ascii only, an answer has '\\xc9': set PYTHONIOENCODING=utf-8" in printed


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--lines', 'gone.txt'], '--lines gone.txt: No such file'),
        (['--lines', 'latin.txt'], '--lines latin.txt, line 2: it is no UTF-8 text'),
        (['--input', 'number.jsonl'], 'number.jsonl, line 2: a Document is {"text": "..."} or a text, not 5'),
        (['--input', 'field.jsonl'], "field.jsonl, line 2: Document has no field 'txt'; did you mean 'text'?"),
        (['--files', 'gone*'], '--files gone*: there is no such file'),
        (['--text', 'a', '--request-size', 'many'], '--request-size'),
        (['--text', 'a', '--max-attempts', '0'], 'max_attempts'),
        (['--text', 'a', '--lines', 'x'], 'not allowed with argument'),
    ],
)
def test_what_cannot_be_sent_is_said(programs: Programs, tmp_path: Path, words: list[str], message: str) -> None:
    """With 2, before anything is sent."""
    programs.save('number.jsonl', '"a"\n5\n')
    programs.save('field.jsonl', '"a"\n{"txt": "b"}\n')
    (tmp_path / 'latin.txt').write_bytes('a\ncafé\n'.encode('latin1'))
    program = programs.module('mproc_flow', 'client', '--port', '1', *words)
    assert program.wait(20) == 2, program.text
    assert message in program.text
    assert 'Traceback' not in program.text

"""What stands in the README works as it is printed there."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from mproc_flow import Client, Deployment, Document, Flow
from tests.support import pages
from tests.support.programs import Programs

README = pages.read('README.md')


def block(heading: str, language: str = 'python', number: int = 0) -> str:
    """A code block below a heading."""
    section = README.partition(f'\n## {heading}\n')[2].partition('\n## ')[0]
    return pages.blocks(section, language)[number]


TWENTY_LINES = block('Twenty lines')
SCALE = TWENTY_LINES.partition('if __name__')[0]
EXECUTORS = """
from mproc_flow import Executor, Flow, requests

class Text(Executor):
    @requests
    def work(self, docs, **kwargs):
        for doc in docs:
            doc.text = f'{doc.text} of {self.runtime_args.name}'

class Image(Text): ...
class Merge(Text): ...
class Monitor(Text): ...
"""


def test_the_twenty_lines(programs: Programs) -> None:
    """They are about twenty."""
    assert len([line for line in TWENTY_LINES.splitlines() if line.strip()]) <= 20
    program = programs.script(TWENTY_LINES)
    assert program.wait(20) == 0, program.text
    assert program.texts('out')[-3:] == ['[0 3]', '[3 6]', '[6 9]']


def test_the_graph_and_every_line_of_the_table() -> None:
    """Each can be built with what stands there."""
    names: dict[str, object] = {}
    exec(EXECUTORS + block('Graphs'), names)
    flow = names['flow']
    assert isinstance(flow, Flow)
    assert flow.build(copy_flow=True).num_pods == 4
    table = README.partition('| to | write |')[2].partition('\n\n')[0]
    lines = re.findall(r'`(\.?\w+[(=][^`]+)`', table)
    assert len(lines) >= 9
    for line in lines:
        line = line.replace('[...]', "['text', 'image']")
        if line.startswith('.'):
            made = eval(f'flow{line}', {**names, 'flow': flow.add(name='other', needs='gateway')})
        else:
            made = eval(f'flow.add(uses=Text, {line.removesuffix("uses_before=")})', dict(names))
        assert made.build().num_pods >= 4, line


def test_serving_until_an_event(programs: Programs) -> None:
    """It ends, with 0, and says nothing of forks and threads."""
    program = programs.script(SCALE + block('Serving until an event'))
    assert program.wait(20) == 0, program.text
    assert 'Warning' not in program.text


def test_from_a_file(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked, served and loaded."""
    path: Path = programs.save('flow.yml', block('From a file', 'yaml'))
    programs.save('scale.py', SCALE)
    check, serve = block('From a file', 'bash').splitlines()
    around = {'FACTOR': '3', 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    checked = programs.run(['bash', '-c', check], around)
    assert checked.wait(20) == 0, checked.text
    serving = programs.run(['bash', '-c', f'exec {serve.partition("#")[0]} --port 0'], around)
    port = serving.wait_line(r'is ready .*:(\d+)')[1]
    client = Client(port=int(port))
    assert client.post('/scale', Document(tensor=[1, 2]))[0].tensor.tolist() == [3, 6]
    client.close()
    serving.send(signal.SIGTERM)
    assert serving.wait(10) == 0
    monkeypatch.setenv('FACTOR', '3')
    flow = Flow.load_config(path)
    flow.save_config(path.with_name('copy.yml'))
    assert Flow.load_config(path.with_name('copy.yml')) == flow


def test_one_executor() -> None:
    """Served, and part of a Flow."""
    names: dict[str, object] = {}
    exec(f'{SCALE}\ndocs = DocumentArray(Document(tensor=[n]) for n in range(3))\n{block("One Executor")}', names)
    assert [doc.tensor.tolist() for doc in names['docs']] == [[0], [3], [6]]  # type: ignore[attr-defined]
    assert isinstance(names['scale'], Deployment)
    assert len(Flow().add(names['scale'])) == 1

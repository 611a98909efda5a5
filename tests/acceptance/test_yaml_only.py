"""A Flow that is defined in YAML only, started from the terminal."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from mproc_flow import Client, Document, Flow
from tests.support.programs import Programs

ENCODER = """
from mproc_flow import Executor, requests
from shop.words import WORD

class Encoder(Executor):
    @requests
    def encode(self, docs, **kwargs):
        for doc in docs:
            doc.text = f'{doc.text} {WORD}'
"""
RANKER = """
from mproc_flow import Executor, requests

class Ranker(Executor):
    def __init__(self, mark, **kwargs):
        super().__init__(**kwargs)
        self.mark = mark

    @requests
    def rank(self, docs, **kwargs):
        for doc in docs:
            doc.text = f'{doc.text} {self.mark} {self.runtime_args.name}'
"""
FLOW = """
jtype: Flow
version: '1'
with:
  name: ${{ ENV.SHOP }}
  port: 0
executors:
  - name: encoder
    uses: shop.encode.Encoder
    replicas: ${{ replicas }}
  - name: ranker
    uses: Ranker
    py_modules: lib/ranker.py
    uses_with:
      mark: by ${{ root.executors[0].name }}
  - name: again
    uses: ranker.yml
    needs: ranker
"""


@pytest.fixture
def project(programs: Programs) -> Path:
    """A folder with a package, a file of an Executor, and a Flow file."""
    path: Path = programs.save('flow.yml', FLOW)
    for folder in ('shop', 'lib'):
        (path.parent / folder).mkdir()
    programs.save('shop/__init__.py', '')
    programs.save('shop/words.py', 'WORD = "encoded"')
    programs.save('shop/encode.py', ENCODER)
    programs.save('lib/ranker.py', RANKER)
    programs.save('ranker.yml', 'jtype: Ranker\npy_modules: lib/ranker.py\nwith: {mark: again}')
    return path.parent


def test_it_is_checked_started_asked_and_ended_from_the_terminal(programs: Programs, project: Path) -> None:
    """With the installed program, in the folder of the file."""
    program = str(Path(sys.executable).with_name('mproc-flow'))
    words = ['--context', 'replicas=2']
    checked = programs.run([program, 'check', 'flow.yml', *words], {'SHOP': 'corner'})
    assert checked.wait(20) == 0, checked.text
    assert "flow.yml is right: Flow 'corner' starts 5 processes." in checked.text
    serving = programs.run([program, 'flow', '--uses', 'flow.yml', *words], {'SHOP': 'corner'})
    port = serving.wait_line(r'corner is ready .*:(\d+)')[1]
    asked = programs.run([program, 'client', '--port', port, '--text', 'one', 'two'])
    assert asked.wait(20) == 0, asked.text
    assert '"text": "one encoded by encoder ranker/rep-0 again again/rep-0"' in asked.text
    pinged = programs.run([program, 'ping', 'flow', '127.0.0.1', port])
    assert pinged.wait(20) == 0, pinged.text
    client = Client(port=int(port))
    assert str(client.post('/', Document(text='x'))[0].text).startswith('x encoded')
    client.close()
    serving.send(signal.SIGTERM)
    assert serving.wait(10) == 0


def test_the_same_file_from_python(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From anywhere, with the package on the path, and saved again."""
    monkeypatch.setenv('SHOP', 'corner')
    monkeypatch.syspath_prepend(project)
    f = Flow.load_config(project / 'flow.yml', context={'replicas': 1}, name='street')
    assert f.name == 'street'
    f.save_config(project / 'copy.yml')
    copy = Flow.load_config(project / 'copy.yml')
    assert copy == f == Flow.load_config(f.save_config())
    with copy:
        assert copy.post('/', Document(text='x'))[0].text == 'x encoded by encoder ranker/rep-0 again again/rep-0'

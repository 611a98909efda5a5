"""Options that no other test of processes shows in effect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mproc_flow import Client, Document, Flow
from mproc_flow.errors import PodDied
from tests.support.executors import Echo

MODULE = """
import os
from mproc_flow import Executor, requests

class Own(Executor):
    def __init__(self, mark='o', **kwargs):
        super().__init__(**kwargs)
        self.mark = mark

    @requests
    def work(self, docs, **kwargs):
        for doc in docs:
            doc.text += self.mark + self.metas.name

    @requests(on='/other')
    def other(self, docs, **kwargs):
        for doc in docs:
            doc.text += '/other'
"""


def text_of(f: Flow, endpoint: str = '/') -> str | None:
    """What becomes of a text."""
    text: str | None = f.post(endpoint, Document(text='a'))[0].text
    return text


def test_a_flow_listens_where_it_is_told() -> None:
    """Only on that address, at that port; without a port or a protocol on none."""
    with Flow(host='127.0.0.2', port=0).add(uses=Echo, uses_with={'mark': 'x'}) as f:
        assert f.address.startswith('tcp://127.0.0.2:')
        port = int(f.address.rpartition(':')[2])
        client = Client(host='127.0.0.2', port=port, protocol='zmq')
        assert client.post('/', Document(text='a'))[0].text == 'ax'
        client.close()
        stranger = Client(port=port)
        with pytest.raises(PodDied):
            stranger.post('/', timeout=5.0)
        stranger.close()
    with Flow(protocol='ZMQ') as f:
        assert f.address.startswith('tcp://127.0.0.1:')
    with Flow() as f:
        assert f.address.startswith('ipc://')


@pytest.mark.parametrize('whose', ['flow', 'client'])
def test_no_more_requests_are_in_flight_than_prefetch_allows(whose: str) -> None:
    """Inputs are read only when there is room for their request."""
    read: list[int] = []
    ahead: list[int] = []

    def inputs() -> Iterator[Document]:
        for number in range(20):
            read.append(number)
            yield Document(text=str(number))

    answers: list[object] = []

    def on_done(response: object) -> None:
        answers.append(response)
        ahead.append(len(read) - len(answers))

    with Flow(prefetch=2 if whose == 'flow' else 1000, port=0).add(uses=Echo) as f:
        sender = f if whose == 'flow' else Client(port=int(f.address.rpartition(':')[2]), prefetch=2)
        sender.post('/', inputs, request_size=1, on_done=on_done)
        if isinstance(sender, Client):
            sender.close()
    assert len(answers) == 20
    assert max(ahead) <= 2


def test_a_forkserver_imports_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is preloaded is there in every process, and was imported by none of them."""
    record = tmp_path / 'imports'
    code = f'import os\nwith open({str(record)!r}, "a") as file: file.write(f"{{os.getpid()}}\\n")\n'
    (tmp_path / 'preloaded_by_the_test.py').write_text(code)
    (tmp_path / 'own.py').write_text(f'import preloaded_by_the_test\n{MODULE}')
    monkeypatch.syspath_prepend(tmp_path)
    f = Flow(start_method='forkserver', preload='preloaded_by_the_test')
    with f.add(uses='Own', py_modules=tmp_path / 'own.py', replicas=3) as f:
        assert text_of(f) == 'aoOwn'
        pids = {status.pid for status in f.pods}
    importers = [int(line) for line in record.read_text().splitlines()]
    assert len(importers) == 1
    assert not pids & set(importers)


def test_only_documents_that_meet_a_condition_go_on(start_method: str) -> None:
    """In a chain the others end here; in branches each goes its own way, and the answer has the order of the input."""
    docs = [Document(text=str(number), tags={'n': number}) for number in range(6)]
    chain = Flow(start_method=start_method).add(uses=Echo, uses_with={'mark': 'x'}, when={'tags__n': {'$lt': 3}})
    with chain as f:
        assert [doc.text for doc in f.post('/', docs)] == ['0x', '1x', '2x']
    f = Flow(start_method=start_method)
    f = f.add(name='few', needs='gateway', uses=Echo, uses_with={'mark': 'f'}, when={'tags__n': {'$lt': 3}})
    f = f.add(name='many', needs='gateway', uses=Echo, uses_with={'mark': 'm'}, when={'$not': {'tags__n': {'$lt': 3}}})
    with f.needs(['few', 'many']) as f:
        assert [doc.text for doc in f.post('/', docs)] == ['0f', '1f', '2f', '3m', '4m', '5m']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an Executor in its usual form."""
    (tmp_path / 'box').mkdir()
    (tmp_path / 'box' / 'executor.py').write_text(MODULE)
    (tmp_path / 'box' / 'config.yml').write_text('jtype: Own\nwith: {mark: $MARK}\nmetas: {name: boxed}')
    return tmp_path


def test_an_executor_in_every_form(folder: Path, start_method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a folder, a text, a dict, an import path: the same Executor, and what is given beside it wins."""
    monkeypatch.setenv('MARK', 'm')
    monkeypatch.syspath_prepend(folder / 'box')
    file = str(folder / 'box' / 'executor.py')
    f = Flow(start_method=start_method)
    f = f.add(uses='config.yml', extra_search_paths=folder / 'box', py_modules=file)
    f = f.add(uses=f'{folder}/box', uses_with={'mark': '2'}, uses_metas={'name': 'named'})
    f = f.add(uses=f'jtype: Own\nwith: {{mark: 3}}\npy_modules: {file}', uses_with={'mark': 'three'})
    f = f.add(uses={'jtype': 'Own', 'with': {'mark': '4'}, 'py_modules': [file]})
    f = f.add(uses='executor:Own', uses_with={'mark': '5'}, uses_requests={'/': 'other'})
    f = f.add(uses='Own', py_modules=file)
    with f:
        assert text_of(f) == 'amboxed2namedthreeOwn4Own/otheroOwn'
        assert text_of(f, '/other') == 'a/other/other/other/other5Own/other'


def test_relative_files_belong_to_the_directory_in_which_they_were_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the program goes afterwards does not matter."""
    monkeypatch.setenv('MARK', 'm')
    monkeypatch.chdir(folder)
    f = (
        Flow()
        .add(uses='./box')
        .add(uses='Own', py_modules='box/executor.py')
        .add(uses='box/config.yml', py_modules=os.path.join('box', 'executor.py'))
    )
    monkeypatch.chdir('/')
    with f:
        assert text_of(f) == 'amboxedoOwnmboxed'


def test_a_file_that_is_wrong_is_found_before_anything_starts(folder: Path) -> None:
    """When the Flow is built: a value that is missing names variable and file."""
    with pytest.raises(FileNotFoundError, match=r'config\.yml: with\.mark needs the environment variable MARK'):
        Flow().add(uses=f'{folder}/box').start()

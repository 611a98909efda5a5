"""Every kind of bad input: a message that names the place and a remedy, the right exit code, and no process started."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from mproc_flow.cli import main as program
from mproc_flow.run import Run

FLOW = 'flow.yml'

GOOD = """
from mproc_flow import Executor, requests

class Good(Executor):
    @requests
    def work(self, **kwargs): ...

class Silent(Executor):
    def work(self, **kwargs): ...

class Twice(Executor):
    @requests(on='/x')
    def one(self, **kwargs): ...
    @requests(on='/x')
    def two(self, **kwargs): ...

class Stranger: ...

def function(docs): ...
"""


class Case(NamedTuple):
    """A Flow file and what must be said about it."""

    text: str
    says: tuple[str, ...]
    code: int = 2


def executors(*items: str) -> str:
    """A Flow file with these Executors."""
    return 'jtype: Flow\nexecutors:\n' + ''.join(f'- {item}\n' for item in items)


def given(options: str) -> str:
    """A Flow file with these options of the Flow."""
    return f'jtype: Flow\nwith: {options}\n'


CASES: dict[str, Case] = {
    # ---- the document ----
    'nothing in it': Case('', ('flow.yml', 'jtype: Flow')),
    'only a comment': Case('# hello', ('flow.yml', 'jtype: Flow')),
    'a list': Case('- a\n- b', ('flow.yml', 'mapping')),
    'a number': Case('5', ('flow.yml', 'mapping')),
    'a syntax error': Case('jtype: Flow\nwith: {name: [}', ('flow.yml', 'line 2', 'YAML')),
    'a tab': Case('jtype: Flow\nwith:\n\tname: a', ('line 3', 'indent with spaces')),
    'two documents': Case('jtype: Flow\n---\njtype: Flow', ('line 2', 'a single document')),
    'a control character': Case('jtype: Flow\nwith: {name: "\x07"}', ('flow.yml', 'line 2')),
    'a key that stands twice': Case('jtype: Flow\njtype: Flow', ('line 2', 'twice')),
    'an option that stands twice': Case('jtype: Flow\nwith:\n  name: a\n  name: b', ('line 4', 'name', 'twice')),
    'an alias to itself': Case('jtype: Flow\nwith: &a {uses_with: *a}', ('flow.yml', 'itself')),
    'a tag for an object': Case(
        given("{name: !!python/object/apply:os.system ['true']}"), ('line 2', 'python', 'data')
    ),
    'a tag for a name': Case(given('{name: !!python/name:os.system }'), ('line 2', 'python', 'remove the tag')),
    'a tag for a class': Case('!Flow\nwith: {}', ('!Flow', 'jtype: Flow')),
    'an unknown tag': Case(given('{name: !thing a}'), ('!thing',)),
    'no jtype': Case('with: {name: a}', ('jtype', 'jtype: Flow')),
    'another jtype': Case('jtype: Pipeline', ('jtype', 'Flow', 'Pipeline')),
    'an AsyncFlow that is none': Case('jtype: AsyncFlow\nwith: {asyncio: false}', ('with.asyncio', 'jtype: Flow')),
    'a version that is not known': Case("jtype: Flow\nversion: '2'", ('version', "'1'")),
    'an unknown key': Case('jtype: Flow\nexecutor: []', ('executor', "did you mean 'executors'")),
    'pods': Case('jtype: Flow\npods: []', ('pods',)),
    'both executors and deployments': Case('jtype: Flow\nexecutors: []\ndeployments: []', ('executors', 'deployments')),
    'with is a list': Case('jtype: Flow\nwith: [a]', ('with', 'mapping')),
    'executors is a mapping': Case('jtype: Flow\nexecutors: {a: b}', ('executors', 'list')),
    'an Executor that is a text': Case('jtype: Flow\nexecutors: [a]', ('executors[0]', 'mapping')),
    'an unknown method': Case(executors('{method: ad}'), ('executors[0]', 'method', "did you mean 'add'")),
    'a method of the Flow that is no step': Case(executors('{method: close}'), ('executors[0]', 'method', 'close')),
    'needs without names': Case(executors('{method: needs}'), ('executors[0]', 'needs')),
    # ---- options of the Flow ----
    'an unknown option of the Flow': Case(given('{nam: a}'), ('flow.yml: with.nam', "did you mean 'name'")),
    'a wrong type': Case(given('{port: abc}'), ('flow.yml: with.port', 'whole number', 'abc')),
    'a port out of bounds': Case(given('{port: 65536}'), ('with.port', '65535', '65536')),
    'a negative time': Case(given('{timeout_ctrl: -1}'), ('with.timeout_ctrl', 'above 0', 's')),
    'a word for a flag': Case(given('{quiet: maybe}'), ('with.quiet', 'True or False', 'maybe')),
    'an unknown start method': Case(given('{start_method: thread}'), ('with.start_method', 'fork', 'spawn', 'thread')),
    'a protocol of later': Case(given('{protocol: http}'), ('with.protocol', 'zmq', 'http')),
    'an unknown protocol': Case(given('{protocol: x}'), ('with.protocol', 'zmq')),
    'an option of later': Case(given('{cors: true}'), ('with.cors', 'not supported yet', 'HTTP')),
    'a host off loopback': Case(given('{host: 0.0.0.0}'), ('with.host', 'loopback', '0.0.0.0')),
    'inspect': Case(given('{inspect: hide}'), ('with.inspect', 'collect', 'hide')),
    'an environment that is a list': Case(given('{env: [A, B]}'), ('with.env', "{'NAME': 'value'}")),
    'an environment name with =': Case(given("{env: {'A=': b}}"), ('with.env', '=')),
    'a negative prefetch': Case(given('{prefetch: -1}'), ('with.prefetch', 'at least 0', '-1')),
    'uses of a Flow': Case(given('{uses: other.yml}'), ('with.uses', 'load_config')),
    'a nested list for modules': Case(given('{preload: [[a]]}'), ('with.preload[0]', 'module')),
    'an option of the gateway twice': Case(
        'jtype: Flow\nwith: {port: 50000}\ngateway: {port: 50001}', ('gateway', 'port', 'with')
    ),
    'an unknown option of the gateway': Case('jtype: Flow\ngateway: {prot: 1}', ('gateway.prot', 'did you mean')),
    'a gateway class': Case(
        'jtype: Flow\ngateway: {uses: X}', ('gateway.uses', 'known: host, port, protocol, prefetch, max_in_flight\n')
    ),
    # ---- options of an Executor ----
    'an unknown option': Case(executors('{replica: 2}'), ('executors[0].replica', "did you mean 'replicas'")),
    'no replicas': Case(executors('{replicas: 0}'), ('executors[0].replicas', 'at least 1', '0')),
    'half a shard': Case(executors('{}', '{shards: 0.5}'), ('executors[1].shards', 'whole number')),
    'a name that is no identifier': Case(executors('{name: a-b}'), ('executors[0].name', 'identifier', 'a-b')),
    'a name with a slash': Case(executors('{name: a/b}'), ('executors[0].name', 'a/b')),
    'polling': Case(executors('{polling: SOME}'), ('executors[0].polling', 'ANY', 'ALL', 'SOME')),
    'polling of an endpoint': Case(executors("{polling: {'/x': SOME}}"), ("executors[0].polling['/x']", 'any')),
    'arguments that are a list': Case(executors('{uses_with: [1]}'), ('executors[0].uses_with', 'dict')),
    'a condition with an unknown operator': Case(
        executors('{when: {text: {$eqq: a}}}'), ("executors[0].when['text']", "did you mean '$eq'")
    ),
    'a condition on an unknown field': Case(
        executors('{when: {txt: {$eq: a}}}'), ("executors[0].when['txt']", "did you mean 'text'")
    ),
    'a condition that is a text': Case(executors('{when: always}'), ('executors[0].when', 'condition')),
    'a regular expression': Case(executors("{when: {text: {$regex: '('}}}"), ('$regex', 'regular expression')),
    'external without a port': Case(executors('{external: true}'), ('executors[0].port', 'external')),
    'external with uses': Case(executors('{external: true, port: 1, uses: X}'), ('executors[0].uses', 'external')),
    'a port of an own Executor': Case(executors('{port: 50000}'), ('executors[0].port', 'external')),
    'the same option under two names': Case(
        executors('{no_reduce: true, disable_reduce: true}'), ('[0].disable_reduce is the same as no_reduce',)
    ),
    # ---- the graph ----
    'a name twice': Case(executors('{name: a}', '{name: a}'), ('executors[0]', 'executors[1]', "'a'")),
    'gateway as a name': Case(executors('{name: gateway}'), ('executors[0]', 'gateway', 'another name')),
    'needs that do not exist': Case(executors('{name: enc}', '{needs: ecn}'), ("'ecn'", "did you mean 'enc'")),
    'a cycle': Case(
        executors('{name: a, needs: b}', '{name: b, needs: a}'), ('executors[0]', 'cycle', 'a → b → a', 'change')
    ),
    'needs itself': Case(executors('{name: a, needs: a}'), ("'a'", 'itself')),
    'needs one twice': Case(executors('{name: a}', '{needs: [a, a]}'), ("'a'", 'twice')),
    'a join of one': Case(executors('{name: a}', '{method: needs, needs: [a]}'), ('two', "'a'")),
    'needs_all with needs': Case(
        executors('{name: a}', '{method: needs_all, needs: a}'), ('executors[1]', 'needs_all', 'leave needs out')
    ),
    'gather_inspect with needs': Case(executors('{}', '{method: gather_inspect, needs: [a]}'), ('leave needs out',)),
    'needs_all of nothing': Case(executors('{method: needs_all}'), ('needs_all', 'nothing')),
    'no reduction with nothing after': Case(executors('{shards: 2, disable_reduce: true}'), ('uses_after',)),
    # ---- which Executor ----
    'a module that does not exist': Case(executors('{uses: nowhere_at_all.X}'), ('nowhere_at_all', 'uses')),
    'a submodule that does not exist': Case(executors("{uses: 'pack.nowhere:X'}"), ('pack.nowhere', 'uses')),
    'a class that does not exist': Case(executors('{uses: Goood, py_modules: good.py}'), ('Goood', 'Good')),
    'a class that nobody defined': Case(executors('{uses: NotDefinedAnywhere}'), ('NotDefinedAnywhere', 'py_modules')),
    'a file that does not exist': Case(executors('{uses: Good, py_modules: gone.py}'), ('gone.py',)),
    'a file with a syntax error': Case(executors('{uses: Good, py_modules: broken.py}'), ('broken.py', '2')),
    'a class without methods': Case(executors('{uses: Silent, py_modules: good.py}'), ('Silent', '@requests')),
    'an endpoint bound twice': Case(executors('{uses: Twice, py_modules: good.py}'), ('Twice', '/x', 'one', 'two')),
    'a class that is no Executor': Case(executors('{uses: Stranger, py_modules: good.py}'), ('Stranger', 'Executor')),
    'a function': Case(executors('{uses: function, py_modules: good.py}'), ('function', 'class')),
    'a method that does not exist': Case(
        executors('{uses: Good, py_modules: good.py, uses_requests: {/y: gone}}'), ('gone', 'Good')
    ),
    'a file for a class': Case(executors('{uses: good.py}'), ('executors[0].uses', 'py_modules')),
    'a container': Case(executors("{uses: 'docker://image'}"), ('executors[0].uses', 'docker://image', 'package')),
    'the hub': Case(executors("{uses: 'jinahub://Thing'}"), ('executors[0].uses', 'jinahub://Thing', 'hub')),
    'an Executor file that does not exist': Case(executors('{uses: gone.yml}'), ('executors[0].uses', 'gone.yml')),
    'a folder without configuration': Case(executors('{uses: ./empty}'), ('empty', 'config.yml')),
    'an Executor file without jtype': Case(executors('{uses: nothing.yml}'), ('nothing.yml', 'jtype')),
    'an unknown key in an Executor file': Case(executors('{uses: odd.yml}'), ('odd.yml', 'wiht', "'with'")),
    'an Executor file of a version that is not known': Case(
        executors('{uses: new.yml}'), ('executors[0].uses', 'new.yml: version', "'1'")
    ),
    'a dict without jtype': Case(executors('{uses: {with: {}}}'), ('executors[0].uses', 'jtype')),
    # ---- substitution ----
    'a variable that is not set': Case(
        given('{name: "${{ ENV.NOT_SET_ANYWHERE }}"}'), ('NOT_SET_ANYWHERE', 'with.name')
    ),
    'a shell variable that is not set': Case(given('{name: $NOT_SET_ANYWHERE}'), ('NOT_SET_ANYWHERE', '$$')),
    'a context that is not given': Case(
        given('{name: "${{ CONTEXT.thing }}"}'), ('with.name', "context={'thing': ...}", '--context thing=...')
    ),
    'a reference to nothing': Case(given('{name: "${{ root.with.nam }}"}'), ('with.nam',)),
    'references in a circle': Case(
        given('{name: "${{ root.with.workspace }}", workspace: "${{ root.with.name }}"}'),
        ('with.name', 'with.workspace'),
    ),
    'an expression that is not closed': Case(given('{name: "${{ ENV.HOME"}'), ('with.name',)),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with files that Flow files name; a Flow that would start fails the test."""
    (tmp_path / 'good.py').write_text(GOOD)
    (tmp_path / 'broken.py').write_text('class Good:\n    def (\n')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'pack').mkdir()
    (tmp_path / 'pack' / '__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'nothing.yml').write_text('with: {}')
    (tmp_path / 'new.yml').write_text("jtype: Good\nversion: '2'\npy_modules: good.py")
    (tmp_path / 'odd.yml').write_text('jtype: Good\nwiht: {}\npy_modules: good.py')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, 'start', lambda run: pytest.fail('a process was started'))
    return tmp_path


def test_there_are_many() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize('name', CASES)
def test_bad_files_are_explained(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    case = CASES[name]
    (folder / FLOW).write_text(case.text)
    assert program.main(['flow', '--uses', FLOW]) == case.code
    shown = capsys.readouterr()
    assert shown.out == ''
    assert 'Traceback' not in shown.err
    assert f'error: {FLOW}' in shown.err
    for text in case.says:
        assert re.search(re.escape(text), shown.err, re.IGNORECASE), shown.err


USAGE: dict[str, tuple[list[str], tuple[str, ...]]] = {
    'no file': (['flow'], ('--uses',)),
    'a file that does not exist': (['flow', '--uses', 'gone.yml'], ('gone.yml', 'no such file')),
    'a folder': (['flow', '--uses', 'empty'], ('empty', 'a YAML file')),
    'a file that cannot be read': (['flow', '--uses', 'binary.yml'], ('binary.yml', 'UTF-8')),
    'a URL': (['flow', '--uses', 'https://example.com/flow.yml'], ('https://example.com', 'download')),
    'an unknown command': (['flwo'], ('flow',)),
    'an unknown flag': (['flow', '--uses', 'x', '--prot', '1'], ('--prot', '--port')),
    'a wrong value': (['flow', '--uses', 'x', '--port', 'abc'], ('--port', 'whole number')),
    'a wrong choice': (['flow', '--uses', 'x', '--start-method', 'thread'], ('--start-method', 'fork')),
    'a flag of later': (['flow', '--uses', 'x', '--cors'], ('--cors',)),
}


@pytest.mark.parametrize('name', USAGE)
def test_bad_usage_is_explained(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / 'binary.yml').write_bytes(b'jtype: Flow\n\xff\xfe')
    words, says = USAGE[name]
    assert program.main(words) == 2
    shown = capsys.readouterr()
    assert 'Traceback' not in shown.err
    for text in says:
        assert text in shown.err

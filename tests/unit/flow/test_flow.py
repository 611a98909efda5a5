"""Flows before they run: how they are built, compared, copied and looked at."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mproc_flow import AsyncFlow, Deployment, Executor, Flow
from mproc_flow.errors import BadConfigSource, BadOption, FlowBuildLevelError, FlowTopologyError
from tests.support.executors import Echo


class Silent(Executor):
    def work(self, **kwargs: Any) -> None: ...


class Stranger: ...


def function(docs: Any) -> None: ...


def test_add_gives_another_flow() -> None:
    one = Flow(name='shop')
    two = one.add(name='a')
    three = two.add(name='b')
    assert ([*one], [name for name, _ in two], [name for name, _ in three]) == ([], ['a'], ['a', 'b'])
    assert three.name == 'shop'


def test_copy_flow_false_changes_this_one() -> None:
    f = Flow()
    assert f.add(name='a', copy_flow=False) is f
    assert f.needs_all(copy_flow=False) is f
    assert f.inspect(copy_flow=False) is f
    assert f.gather_inspect(copy_flow=False) is f
    assert [name for name, _ in f] == ['a', 'joiner', 'inspect', 'gather_inspect']


def test_what_a_flow_is_asked_for() -> None:
    f = Flow().add(name='a', replicas=2).add(shards=2, uses_before=Echo).add(external=True, port=5)
    assert len(f) == f.num_deployments == 3
    assert f.num_pods == 1 + 2 + 3
    assert f['a'] == f[0]
    assert (Flow().last_deployment, f.last_deployment, f.inspect().last_deployment) == (
        'gateway',
        'executor2',
        'executor2',
    )
    with pytest.raises(FlowBuildLevelError, match='not running'):
        f.client  # noqa: B018
    assert f[-1].name == 'executor2'
    assert (f['a'].args.replicas, f['a'].args.timeout_ready, f['a'].args.needs) == (2, 600_000, ('gateway',))
    assert 'a' in f
    assert 'b' not in f
    assert bool(Flow())
    assert repr(f) == "<Flow 'Flow' of 3 Executors: a, executor1, executor2>"
    for key, error in (('zzz', KeyError), (7, IndexError), (1.5, TypeError), (None, TypeError)):
        with pytest.raises(error):
            f[key]  # type: ignore[index]


def test_deployments_have_what_they_inherit() -> None:
    f = Flow(replicas=2, timeout_ready=5, env={'A': 1}).add(name='a', env={'B': 2}).add(name='b', replicas=1)
    assert (f['a'].args.replicas, f['b'].args.replicas, dict(f)['b'].args.timeout_ready) == (2, 1, 5)
    assert f['a'].args.env == {'A': '1', 'B': '2'}
    assert f.num_pods == 1 + 2 + 1
    assert f.add(shards=3).num_pods == 1 + 2 + 1 + 6


def test_what_is_removed_has_no_process() -> None:
    f = Flow(inspect='REMOVE', replicas=2).add(name='a').inspect(name='i').add(name='b')
    assert ([spec.name for spec in f.layout], f.num_pods) == (['a', 'b'], 5)
    assert (len(f), 'i' in f) == (3, True)


def test_flows_are_equal_if_they_say_the_same() -> None:
    def made(**options: Any) -> Flow:
        return Flow(name='a').add(name='b', **options)

    assert made() == made()
    assert made(uses=Echo) == made(uses='tests.support.executors:Echo') == made(uses='tests.support.executors.Echo')
    assert made(uses_with={'a': (1, 2)}) == made(uses_with={'a': [1, 2]})
    for other in (made(replicas=2), made(uses=Echo), Flow(name='a'), Flow().add(name='b'), made().add(), 5):
        assert made() != other
    array = np.zeros(3)
    assert made(uses_with={'a': array}) == made(uses_with={'a': array})
    assert made(uses_with={'a': array}) != made(uses_with={'a': np.zeros(3)})
    assert Flow().add(name='a').inspect(name='b') != Flow().add(name='a').add(name='b')
    assert len({made(), made()}) == 2


@pytest.mark.parametrize('duplicate', [copy.copy, copy.deepcopy])
def test_copies_share_no_state(duplicate: Any) -> None:
    f = Flow(name='a', env={'A': '1'}).add(uses_with={'x': [1]})
    other = duplicate(f)
    assert other == f
    other.add(copy_flow=False)
    other.name = 'b'
    assert (f.name, len(f), len(other)) == ('a', 1, 2)
    other.build()
    f.add(copy_flow=False)
    if duplicate is copy.deepcopy:
        other['executor0'].options['uses_with']['x'].append(2)
        assert f['executor0'].options['uses_with'] == {'x': [1]}


def test_what_is_done_to_arguments_later_changes_nothing() -> None:
    inner = {'layer': 0}
    given: dict[str, Any] = {'model': inner, 'again': [inner], 'object': (thing := object())}
    given['itself'] = given
    flows = []
    for inner['layer'] in range(3):
        flows.append(Flow().add(name='a', uses_with=given))
    found = [f['a'].options['uses_with'] for f in flows]
    assert [one['model']['layer'] for one in found] == [0, 1, 2]
    assert found[0]['again'][0] is found[0]['model']
    assert found[0]['itself']['model'] is found[0]['model']
    assert found[0]['object'] is thing


def test_options_can_be_read_and_set_until_it_is_built() -> None:
    f = Flow(port=5)
    f.workspace, f.port, f.protocol = 'work', 6, 'ZMQ'
    f.env = {'A': 1}
    assert (f.workspace, f.port, f.protocol, f.env) == (str(Path('work').absolute()), 6, 'zmq', {'A': '1'})
    assert (f.name, f.host) == ('Flow', '127.0.0.1')
    f.port = None
    assert f.port is None
    with pytest.raises(BadOption, match=r'^Flow\(\): port must be'):
        f.port = 'x'
    f.build()
    with pytest.raises(FlowBuildLevelError, match='setting port on a Flow that is built'):
        f.port = 7


def test_a_flow_that_is_built_is_not_changed_any_more() -> None:
    f = Flow().add(name='a')
    built = f.build(copy_flow=True)
    assert f.add().num_deployments == 2
    assert (f.num_deployments, built.num_deployments) == (1, 2)
    for change in (built.add, built.needs_all, built.inspect, built.gather_inspect, built.build, built):
        with pytest.raises(FlowBuildLevelError, match='on a Flow that is built'):
            change()
    with pytest.raises(FlowBuildLevelError):
        built.needs(['a', 'gateway'])
    assert Flow()().num_deployments == 1
    built.close()
    assert built.add(name='b').num_deployments == 2


@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (lambda: Flow(prot=5), BadOption, r"^Flow\(\): prot is not an option of a Flow; did you mean 'port'"),
        (lambda: Flow().add(replica=5), BadOption, r'^Flow\.add\(\): replica is not'),
        (lambda: Flow().add(name='a', replicas='5'), BadOption, r"^Flow\.add\(name='a'\): replicas must be"),
        (lambda: Flow().add(Echo), BadOption, r'takes options by name: write add\(uses='),
        (lambda: Flow().add(uses=Silent), BadOption, r'^Flow\.add\(\): uses=Silent has no method marked @requests'),
        (lambda: Flow().add(uses_after=Stranger), BadOption, 'uses_after=Stranger is no Executor'),
        (lambda: Flow().add(uses=function), BadOption, 'that is a function; give a class'),
        (lambda: Flow().add(uses=Echo()), BadOption, r'give the class, not an instance: uses=Echo'),
        (lambda: Flow().add(uses='docker://x'), BadOption, 'install the Executor as a Python package'),
        (lambda: Flow().add(name='a').add(name='a'), FlowTopologyError, "both called 'a'"),
        (lambda: Flow().add(name='gateway'), FlowTopologyError, 'gateway'),
        (lambda: Flow().add(name='a').needs(['a']), FlowTopologyError, 'at least two'),
        (lambda: Flow().needs_all(), FlowTopologyError, 'nothing to join'),
        (lambda: Flow().add(needs='zzz').build(), FlowTopologyError, "needs 'zzz'"),
        (lambda: Flow().add(uses='Nobody').build(), BadOption, "Flow.add\\(name='executor0'\\): uses is 'Nobody'"),
        (lambda: Flow().add(uses='nobody.yml').build(), BadConfigSource, 'nobody.yml: there is no such file'),
    ],
)
def test_what_is_wrong_is_told_at_once_or_when_it_is_built(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_inspectors_are_gathered() -> None:
    f = Flow().add(name='a').inspect(name='i').add(name='b').inspect().gather_inspect()
    assert [(name, spec.role, spec.needs) for name, spec in f] == [
        ('a', 'executor', ('gateway',)),
        ('i', 'inspect', ('a',)),
        ('b', 'executor', ('a',)),
        ('inspect', 'inspect', ('b',)),
        ('gather_inspect', 'join', ('b', 'i', 'inspect')),
    ]
    alone = Flow().add(name='a').inspect(name='i').gather_inspect('only', include_last_deployment=False)
    assert alone['only'].needs == ('i',)
    assert len(Flow().add().gather_inspect()) == 1


def test_a_deployment_gives_its_options() -> None:
    echo = Deployment(uses=Echo, name='echo', replicas=2, port=5, timeout_ready=7)
    f = Flow().add(echo, replicas=3)
    assert f['echo'].options == {'uses': Echo, 'replicas': 3, 'timeout_ready': 7}
    with pytest.raises(BadOption, match=r'^Deployment\(\): needs is not an option of a Deployment'):
        Deployment(needs='a')  # type: ignore[call-arg]
    with pytest.raises(BadOption, match='Silent has no method'):
        Deployment(uses=Silent)


def test_a_deployment_is_saved_and_compared(tmp_path: Path) -> None:
    made = Deployment(uses='package:Class', name='a', replicas=2, port=5, py_modules=tmp_path / 'a.py', when={})
    assert Deployment.load_config(made.save_config()) == made
    text = made.save_config(tmp_path / 'deployment.yml')
    assert '- ./a.py' in text
    assert Deployment.load_config(tmp_path / 'deployment.yml') == made != Deployment(name='a')
    assert (repr(made), repr(Deployment())) == ("<Deployment 'a'>", "<Deployment 'executor'>")
    assert made != Flow()


@pytest.mark.parametrize(
    ('make', 'where'),
    [
        (lambda: Deployment(uses='nowhere.X'), r'Deployment\(\): uses is'),
        (lambda: Deployment.load_config('jtype: Deployment\nwith: {uses: nowhere.X}'), r'<text>: with\.uses is'),
    ],
    ids=['python', 'file'],
)
def test_what_is_wrong_with_a_deployment_is_told_by_its_place(make: Any, where: str) -> None:
    with pytest.raises(BadOption, match=f"^{where} 'nowhere.X', but there is no module"):
        make().start()


def test_an_async_flow_is_written_as_such() -> None:
    f = AsyncFlow(name='a').add(name='b')
    text = f.save_config()
    assert text == "jtype: AsyncFlow\nversion: '1'\nwith:\n  name: a\nexecutors:\n- name: b\n"
    for source in (text, text.replace('AsyncFlow', 'Flow').replace('name: a', 'name: a\n  asyncio: true')):
        for kind in (Flow, AsyncFlow):
            loaded = kind.load_config(source)
            assert type(loaded) is AsyncFlow
            assert loaded == f
            assert loaded.save_config() == text
    assert type(Flow.load_config('AsyncFlow')) is AsyncFlow
    assert type(AsyncFlow.load_config('Flow')) is AsyncFlow
    assert type(Flow.load_config(text, asyncio=False)) is Flow


def test_an_async_flow_cannot_be_another() -> None:
    with pytest.raises(BadOption, match=r'^AsyncFlow\(\): asyncio is False: that is a Flow'):
        AsyncFlow(asyncio=False)


def test_load_config_takes_options_over_the_files() -> None:
    text = 'jtype: Flow\nwith: {name: a, port: 5, prefetch: "${{ size }}"}\nexecutors: [{name: x}]'
    f = Flow.load_config(text, name='b', context={'size': 3}, uses_with={'port': 6})
    assert (f.name, f.port, len(f)) == ('b', 6, 1)
    assert Flow.load_config('Flow') == Flow()
    with pytest.raises(BadOption, match=r'^Flow\.load_config\(\): nam is not'):
        Flow.load_config('Flow', nam='b')  # type: ignore[call-arg]
    with pytest.raises(FlowTopologyError, match=r"^<text>: executors\[1\]: .* both called 'x'"):
        Flow.load_config('jtype: Flow\nexecutors: [{name: x}, {name: x}]')


def test_every_step_of_a_file() -> None:
    f = Flow.load_config(
        'jtype: Flow\nexecutors:\n- {name: a}\n- {name: b, needs: gateway}\n- {method: needs, name: c, needs: [a, b]}\n'
        '- {method: inspect}\n- {name: d, needs: c}\n- {name: e, needs: c}\n- {method: needs_all}\n'
        '- {method: gather_inspect, include_last_deployment: false}'
    )
    same = Flow().add(name='a').add(name='b', needs='gateway').needs(['a', 'b'], name='c').inspect()
    same = (
        same.add(name='d', needs='c').add(name='e', needs='c').needs_all().gather_inspect(include_last_deployment=False)
    )
    assert f == same
    assert Flow.load_config(f.save_config()) == f


def test_a_deployment_from_a_file() -> None:
    text = 'jtype: Deployment\nwith: {uses: tests.support.executors.Echo, replicas: "${{ n }}", port: 5}'
    deployment = Deployment.load_config(text, context={'n': 2}, port=6)
    assert deployment.executor_options == {'uses': 'tests.support.executors.Echo', 'replicas': 2}
    with pytest.raises(BadConfigSource, match='jtype must be Deployment'):
        Deployment.load_config('jtype: Flow\nwith: {}')
    with pytest.raises(BadConfigSource, match='executors is not a key of a Deployment file'):
        Deployment.load_config('jtype: Deployment\nexecutors: []')

"""The plan made of a graph and the Flow's options."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mproc_flow import Executor, requests
from mproc_flow.errors import BadOption, FlowTopologyError
from mproc_flow.options.groups import EXECUTOR, FLOW
from mproc_flow.topology import devices
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.plan import ExecutorSpec, Plan, PodSpec, Route
from mproc_flow.topology.pods import Host
from mproc_flow.topology.source import Source


class MyExecutor(Executor):
    @requests
    def work(self, **kwargs: Any) -> None: ...


def no_count() -> int:
    raise AssertionError('nobody asked for devices')


def plan(
    flow: dict[str, Any],
    *executors: dict[str, Any],
    environ: dict[str, str] | None = None,
    count: Callable[[], int] = no_count,
) -> Plan:
    graph = Graph()
    for options in executors:
        graph = graph.add(EXECUTOR.check(options, 'Flow.add()'))
    return planned(graph, flow, environ, count)[0]


def planned(
    graph: Graph,
    flow: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    count: Callable[[], int] = no_count,
) -> tuple[Plan, dict[str, Source]]:
    """The plan of a graph, and by node what is loaded."""
    variables = {'JINA_MP_START_METHOD': 'fork', **(environ or {})}
    host = Host(variables, '/srv', ['/lib'], count, {'MyExecutor': MyExecutor}.get)
    return graph.plan(FLOW.check(flow or {}, 'Flow()'), host)


def pod(made: Plan, name: str) -> PodSpec:
    return next(spec for spec in made.pods if spec.name == name)


def test_a_flow_without_executors_is_its_gateway() -> None:
    assert plan({}) == Plan(
        flow='Flow',
        shared_memory_from=1 << 18,
        pods=(PodSpec(name='gateway', deployment='gateway', start_method='fork'),),
        routes=(),
        leaves=(),
        start_method='fork',
        sys_path=('/lib',),
        workdir='/srv',
    )


def test_pods_routes_and_leaves() -> None:
    made = plan({}, {'name': 'c', 'needs': ['b', 'a']}, {'name': 'a', 'needs': 'gateway', 'replicas': 2}, {'name': 'b'})
    assert [spec.name for spec in made.pods] == ['c/rep-0', 'a/rep-0', 'a/rep-1', 'b/rep-0', 'gateway']
    assert [(spec.deployment, spec.replica, spec.replicas) for spec in made.pods] == [
        ('c', 0, 1),
        ('a', 0, 2),
        ('a', 1, 2),
        ('b', 0, 1),
        ('gateway', 0, 1),
    ]
    assert made.routes == (
        Route('a', ('gateway',), (('a/rep-0', 'a/rep-1'),), target='a'),
        Route('b', ('a',), (('b/rep-0',),), target='b'),
        Route('c', ('b', 'a'), (('c/rep-0',),), target='c'),
    )
    assert made.leaves == ('c',)


def test_options_of_the_flow_itself() -> None:
    made = plan({'name': 'f', 'host': '::1', 'port': 5, 'preload': ['numpy'], 'start_method': 'spawn'})
    assert (made.flow, made.host, made.port, made.preload, made.start_method) == ('f', '::1', 5, ('numpy',), 'spawn')


def test_times_are_in_seconds_and_none_is_for_ever() -> None:
    made = plan(
        {'timeout_ready': 1500, 'timeout_ctrl': 2},
        {'name': 'a'},
        {'name': 'b', 'timeout_ready': 0, 'timeout_ctrl': 0.5},
        {'name': 'c', 'timeout_ready': 1},
    )
    times = {spec.deployment: (spec.timeout_ready, spec.timeout_ctrl) for spec in made.pods}
    assert times == {'a': (1.5, 2.0), 'b': (None, 0.5), 'c': (0.001, 2.0), 'gateway': (1.5, 2.0)}


def test_the_default_times() -> None:
    spec = pod(plan({}, {'name': 'a'}), 'a/rep-0')
    assert (spec.timeout_ready, spec.timeout_ctrl, spec.restart) == (600.0, 60.0, True)


def test_start_method_is_executors_then_flows_then_the_environments() -> None:
    executors = {'name': 'a', 'start_method': 'spawn'}, {'name': 'b'}
    made = plan({'start_method': 'forkserver'}, *executors)
    assert [spec.start_method for spec in made.pods] == ['spawn', 'forkserver', 'forkserver']
    made = plan({}, *executors, environ={'JINA_MP_START_METHOD': 'FORK'})
    assert [spec.start_method for spec in made.pods] == ['spawn', 'fork', 'fork']
    with pytest.raises(BadOption, match='JINA_MP_START_METHOD'):
        plan({}, *executors, environ={'JINA_MP_START_METHOD': 'x'})


def test_environments_are_merged_and_the_executors_wins() -> None:
    made = plan({'env': {'A': 1, 'B': 1}}, {'name': 'a', 'env': {'B': 2}}, {'name': 'b'})
    assert [spec.env for spec in made.pods] == [{'A': '1', 'B': '2'}, {'A': '1', 'B': '1'}, {'A': '1', 'B': '1'}]


def test_what_an_executor_pod_loads(tmp_path: Path) -> None:
    file = tmp_path / 'own.py'
    file.write_text(
        'from mproc_flow import Executor, requests\nclass Own(Executor):\n    @requests\n    def b(self): ...'
    )
    made = plan(
        {'workspace': '/flow'},
        {
            'name': 'a',
            'uses': 'Own',
            'py_modules': file,
            'uses_metas': {'name': 'm'},
            'uses_requests': {'/a': 'b'},
            'workspace': '/own',
            'restart': False,
        },
        {'name': 'b', 'uses': MyExecutor},
        {'name': 'c'},
    )
    a = pod(made, 'a/rep-0')
    assert a.executor == ExecutorSpec(
        uses='Own', py_modules=(str(file),), metas={'name': 'm'}, requests={'/a': 'b'}, workspace='/own'
    )
    assert not a.restart
    assert pod(made, 'b/rep-0').executor == ExecutorSpec(workspace='/flow')
    assert pod(made, 'c/rep-0').executor == ExecutorSpec(workspace='/flow')
    assert pod(made, 'gateway').executor is None


def test_classes_travel_beside_the_plan() -> None:
    graph = Graph()
    for uses in (MyExecutor, 'MyExecutor', 'BaseExecutor'):
        graph = graph.add({'uses': uses, 'uses_with': {'x': 1}})
    _, found = planned(graph)
    assert [found[f'executor{at}'].kind for at in range(3)] == [MyExecutor, MyExecutor, None]
    assert found['executor0'].uses_with == {'x': 1}


@pytest.mark.parametrize(
    ('options', 'place'),
    [
        ({'name': 'a', 'uses': 'Unknown'}, "Flow.add(name='a'): uses is 'Unknown', but this program has no"),
        ({'name': 'a', 'uses_after': 'Unknown'}, "Flow.add(name='a'): uses_after is 'Unknown'"),
        ({'name': 'a', 'uses': 'nowhere_at_all.X'}, "Flow.add(name='a'): uses is 'nowhere_at_all.X', but there is no"),
        ({'name': 'a', 'uses': 'X', 'py_modules': '/no.py'}, '/no.py, one of its py_modules, does not exist'),
    ],
)
def test_an_executor_that_is_not_there_makes_no_plan(options: dict[str, Any], place: str) -> None:
    with pytest.raises(BadOption) as caught:
        plan({}, options)
    assert place in str(caught.value)


def test_shards_and_what_stands_around_them_have_pods_of_their_own() -> None:
    own = {'uses_with': {'x': 1}, 'uses_requests': {'/a': 'work'}}
    made, found = planned(
        Graph().add(
            {
                'name': 'a',
                'uses': MyExecutor,
                'shards': 2,
                'replicas': 2,
                'uses_before': MyExecutor,
                'uses_after': MyExecutor,
                **own,
            }
        )
    )
    assert [(spec.name, spec.deployment, spec.shard, spec.replica) for spec in made.pods[:-1]] == [
        ('a/uses_before-0', 'a/uses_before', 0, 0),
        ('a/shard-0/rep-0', 'a', 0, 0),
        ('a/shard-0/rep-1', 'a', 0, 1),
        ('a/shard-1/rep-0', 'a', 1, 0),
        ('a/shard-1/rep-1', 'a', 1, 1),
        ('a/uses_after-0', 'a/uses_after', 0, 0),
    ]
    assert [(spec.shards, spec.replicas) for spec in made.pods[:3]] == [(1, 1), (2, 2), (2, 2)]
    assert found['a'].uses_with == {'x': 1}
    assert found['a/uses_before'].uses_with == found['a/uses_after'].uses_with == {}
    assert found['a/uses_after'].requests == {}
    assert made.leaves == ('a/uses_after',)


def test_what_the_flow_gives_to_all() -> None:
    made = plan({'replicas': 2, 'shards': 2}, {'name': 'a'}, {'name': 'b', 'replicas': 1, 'shards': 1})
    assert [spec.name for spec in made.pods] == [
        'a/shard-0/rep-0', 'a/shard-0/rep-1', 'a/shard-1/rep-0', 'a/shard-1/rep-1', 'b/rep-0', 'gateway'
    ]  # fmt: skip


def test_external_and_passive_nodes_have_no_pods() -> None:
    graph = Graph().add({'name': 'a', 'external': True, 'port': 5}).add({'name': 'b', 'needs': ('gateway',)})
    made, found = planned(graph.join({'needs': ('a', 'b')}), {'replicas': 3})
    assert [spec.name for spec in made.pods] == ['b/rep-0', 'b/rep-1', 'b/rep-2', 'gateway']
    assert found.keys() == {'b'}
    assert [(route.name, route.address) for route in made.routes] == [
        ('a', 'tcp://127.0.0.1:5'), ('b', ''), ('joiner', '')
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('inspect', 'pods', 'leaves', 'side'),
    [
        ('collect', ['a', 'i', 'b'], ('b', 'i'), []),
        ('hang', ['a', 'i', 'b'], ('b',), ['i']),
        ('remove', ['a', 'b'], ('b',), []),
    ],
)
def test_what_becomes_of_inspectors(inspect: str, pods: list[str], leaves: tuple[str, ...], side: list[str]) -> None:
    graph = Graph().add({'name': 'a'}).inspect({'name': 'i'}).add({'name': 'b'})
    made, _ = planned(graph, {'inspect': inspect})
    assert [spec.deployment for spec in made.pods[:-1]] == pods
    assert made.leaves == leaves
    assert [route.name for route in made.routes if route.side] == side


def test_replicas_share_what_they_load() -> None:
    made = plan({}, {'name': 'a', 'uses': MyExecutor, 'replicas': 3})
    assert {id(spec.executor) for spec in made.pods[:3]} == {id(made.pods[0].executor)}


def test_the_plan_is_data_that_can_be_sent() -> None:
    made = plan(
        {'env': {'A': True}, 'workspace': 'x', 'preload': 'numpy', 'timeout_ctrl': 1},
        {'uses': MyExecutor, 'uses_with': {'x': object()}, 'uses_metas': {'a': (1, {'b': None})}, 'replicas': 2},
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Plan) == made


def test_replicas_take_devices_in_turn_and_each_executor_begins_again() -> None:
    made = plan(
        {'env': {'CUDA_VISIBLE_DEVICES': 'RR'}},
        {'name': 'a', 'replicas': 4},
        {'name': 'b', 'env': {'CUDA_VISIBLE_DEVICES': 'RR1:3'}},
        {'name': 'c', 'env': {'CUDA_VISIBLE_DEVICES': '7'}},
        count=lambda: 3,
    )
    seen = [spec.env.get('CUDA_VISIBLE_DEVICES') for spec in made.pods]
    assert seen == ['0', '1', '2', '0', '1', '7', None]


def test_unknown_devices_name_the_executor() -> None:
    with pytest.raises(BadOption, match=r"^Flow.add\(name='a'\): env.* = 'RR' cannot be resolved"):
        plan({'env': {'CUDA_VISIBLE_DEVICES': 'RR'}}, {'name': 'a'}, count=lambda: 0)


def test_by_default_the_host_is_asked_for_devices() -> None:
    environ = {'PATH': '', 'CUDA_TOTAL_DEVICES': '4'}
    count = functools.partial(devices.count_devices, environ)
    made = plan({}, {'name': 'a', 'env': {'CUDA_VISIBLE_DEVICES': 'RR-1:'}}, environ=environ, count=count)
    assert made.pods[0].env == {'CUDA_VISIBLE_DEVICES': '3'}


def test_a_wrong_graph_makes_no_plan() -> None:
    with pytest.raises(FlowTopologyError):
        plan({}, {'name': 'a', 'needs': 'b'})


def test_options_of_the_flow_may_be_given_with_their_defaults() -> None:
    given = {'env': {'A': '1'}, 'timeout_ready': 5}
    assert plan(FLOW.with_defaults(given), {'name': 'a'}) == plan(given, {'name': 'a'})

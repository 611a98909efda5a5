"""Any Flow, any order of events: the Router and real Executors' answers are those of a model in plain Python."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from mproc_flow import Document, DocumentArray, Executor, requests
from mproc_flow.errors import ErrorInfo
from mproc_flow.executor import BaseExecutor
from mproc_flow.model.codec import decode, encode
from mproc_flow.options.groups import EXECUTOR, FLOW
from mproc_flow.posting.letters import Letter, response
from mproc_flow.runtime.dispatch import Dispatcher
from mproc_flow.runtime.loader import make
from mproc_flow.runtime.router import Router
from mproc_flow.runtime.sends import Send, ToClient
from mproc_flow.topology.graph import Graph
from mproc_flow.topology.plan import Plan
from mproc_flow.topology.pods import Host
from mproc_flow.topology.source import Source
from mproc_flow.transport.exchange import Call, Reply
from mproc_flow.transport.frames import Answer, Done, Hello, Part, Submit, Work
from tests.support.model import (
    CONDITIONS,
    ENDPOINTS,
    Doc,
    Plain,
    act,
    asked,
    awaited,
    expected,
    random_documents,
    random_flows,
)
from tests.support.pod import called

HOST = Host({}, '/', (), lambda: 0, lambda name: None)
CLIENT = b'client'


# ---- the Flow of a description ----


class OnPurpose(Exception):
    """Nobody is to notice."""


class Marking(Executor):
    """Does what its kind says."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    @requests
    def work(self, docs: DocumentArray, docs_matrix: Any, docs_map: Mapping[str, Any], **kwargs: Any) -> DocumentArray:
        """Give what becomes of the Documents."""
        if self.kind == 'fail':
            raise OnPurpose
        at = self.runtime_args
        # A branch that ends in uses_after has another name: see test_flows_against_model.
        names = ','.join(name.partition('/')[0] for name in docs_map) if len(docs_map) > 1 else ''
        mark = f'{names}{at.name.partition("/")[0]}.{at.shard_id}'
        return DocumentArray(act(self.kind, mark, (at.shard_id, at.shards), list(docs), docs_matrix or []))


class Before(Executor):
    """Marks what goes to the shards."""

    @requests
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Change the Documents in place."""
        act('text', f'<{self.runtime_args.name.partition("/")[0]}', (0, 1), list(docs), [])


class After(Executor):
    """Unites what the shards made."""

    @requests
    def work(self, docs_matrix: Any, **kwargs: Any) -> DocumentArray:
        """Give what it made of all."""
        mark = f'>{self.runtime_args.name.partition("/")[0]}'
        return DocumentArray(act('unite', mark, (0, 1), [], docs_matrix or []))


def steps(flow: Plain) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls that build a Flow, as the name of its method and the arguments."""
    for node in flow.nodes:
        options = {
            'needs': list(node.needs),
            'uses': Marking if node.kind else None,
            'uses_with': {'kind': node.kind} if node.kind else None,
            'uses_requests': {node.endpoint: 'work'} if node.endpoint else None,
            'shards': node.shards if node.shards > 1 else None,
            'replicas': node.replicas if node.replicas > 1 else None,
            'polling': node.polling if node.shards > 1 else None,
            'when': CONDITIONS[node.when][0] if node.when else None,
            'disable_reduce': node.apart,
            'floating': node.floating,
            'uses_before': Before if node.before else None,
            'uses_after': After if node.after else None,
        }
        yield node.role, {'name': node.name, **{name: value for name, value in options.items() if value}}


def plan_of(calls: Iterable[tuple[str, dict[str, Any]]], inspect: str = 'collect') -> tuple[Plan, dict[str, Source]]:
    """The plan of what some calls build, and what is to be loaded in its pods."""
    graph = Graph()
    for method, options in calls:
        checked = EXECUTOR.check(options, method)
        adds = {'add': graph.add, 'needs': graph.join, 'needs_all': graph.join_all, 'inspect': graph.inspect}
        graph = adds[method](checked)
    return graph.plan(FLOW.check({'inspect': inspect, 'start_method': 'fork'}, 'Flow()'), HOST)


# ---- a gateway without sockets, pods without processes ----


@dataclass(frozen=True)
class Request:
    """What a client asks for; no targets: all Executors are meant."""

    documents: list[Doc]
    endpoint: str
    targets: frozenset[str]

    @property
    def pattern(self) -> str:
        """The targets as ``target_executor``."""
        return f'({"|".join(sorted(self.targets))})$' if self.targets else ''

    @property
    def docs(self) -> DocumentArray:
        """The Documents as they are sent."""
        return DocumentArray([Document(id=doc.id, text=doc.text, tags=dict(doc.tags)) for doc in self.documents])


class Town:
    """A Router, with Executors that do a piece of work whenever they are told to."""

    def __init__(self, plan: Plan, sources: Mapping[str, Source], credit: int = 1) -> None:
        self.router = Router(plan.routes, plan.leaves, 100)
        self.shards = {pod.name: (pod.deployment, pod.shard) for pod in plan.pods}
        self.credit = credit
        self.held: list[tuple[bytes, Work, Sequence[Part]]] = []
        self.answers: dict[int, tuple[Answer, Sequence[Part]]] = {}
        self.pods: dict[bytes, Dispatcher] = {}
        routes = {route.name: route for route in plan.routes}
        for pod in plan.pods[:-1]:
            source = sources[pod.deployment]
            executor = make(source.kind or BaseExecutor, source.uses_with, pod)
            worker = self.pods[pod.name.encode()] = Dispatcher(executor, pod.name, routes[pod.deployment])
            self.take(self.router.hello(pod.name.encode(), Hello(pod.name, 0, worker.endpoints, credit), 0.0))
        self.given: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))

    def take(self, sends: Sequence[Send]) -> None:
        """Deliver what the Router sends."""
        for send in sends:
            if isinstance(send, ToClient):
                assert isinstance(send.header, Answer), send.header
                assert send.header.request not in self.answers, 'two answers'
                self.answers[send.header.request] = send.header, send.parts
            else:
                assert isinstance(send.header, Work)
                self.held.append((send.peer, send.header, send.parts))

    def submit(self, number: int, request: Request) -> None:
        """A request arrives."""
        header = Submit(number, request.endpoint, request.pattern)
        self.take(self.router.submit(CLIENT, header, [encode(request.docs, {'number': number})], 0.0))

    def work(self, choice: int, beside: Collection[str] = ()) -> bool:
        """One of the pods that have work, but of none of some Deployments, does a piece of it; false if none has."""
        held = [job for job in self.held if self.shards[job[0].decode()][0].partition('/')[0] not in beside]
        if not held:
            return False
        peer, header, parts = job = held[choice % len(held)]
        self.held.remove(job)
        node, shard = self.shards[peer.decode()]
        self.given[decode(parts[0])[1]['number']][node].append(shard)
        try:
            answer = called(self.pods[peer], header, parts)
            self.take(self.router.done(peer, Done(header.key, self.credit), [answer], 0.0))
        except OnPurpose:
            self.take(self.router.failed(peer, header.key, ErrorInfo('executor', 'on purpose'), 0.0))
        return True

    def answer(self, number: int, request: Request) -> list[Doc]:
        """What the client makes of the answer to a request."""
        header, parts = self.answers[number]
        reply = Reply(number, 0, list(parts), header.sort)
        found = response(Call(request.endpoint), Letter(number, request.docs), reply)
        return [Doc(doc.id, doc.text, doc.tags) for doc in found.docs]

    def asked(self, number: int) -> dict[str, list[int]]:
        """Which shards of which Deployments worked for a request."""
        return {node: sorted(shards) for node, shards in self.given[number].items() if '/' not in node}


random_requests = st.builds(
    Request,
    random_documents(),
    st.sampled_from(ENDPOINTS),
    st.one_of(st.just(frozenset()), st.just(frozenset()), st.frozensets(st.sampled_from(['n0', 'n1', 'n2', 'n3']))),
)


@settings(
    max_examples=1500,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # explaining takes longer than finding
    suppress_health_check=list(HealthCheck),
)
@given(
    flow=random_flows(),
    sent=st.lists(random_requests, min_size=1, max_size=3),
    credit=st.integers(1, 2),
    choices=st.lists(st.integers(0, 60), min_size=1, max_size=12),
)
def test_every_answer_is_the_models(flow: Plain, sent: list[Request], credit: int, choices: list[int]) -> None:
    """Whatever the graph, and in whatever order pods finish: the right Documents, and no more work than that needs."""
    town = Town(*plan_of(steps(flow), flow.inspect), credit)
    turn = itertools.cycle(choices)
    beside = set(flow.wired) - awaited(flow.wired, flow.inspect == 'hang')
    late = next(turn) % 2 == 0
    for number, request in enumerate(sent):
        town.submit(number, request)
        for _ in range(next(turn) % 4):
            town.work(next(turn))
    while town.work(next(turn), beside if late else ()):
        pass
    assert len(town.answers) == len(sent)
    while town.work(next(turn)):
        pass
    assert town.router.in_flight == 0
    turns: Counter[tuple[str, int]] = Counter()
    for number, request in enumerate(sent):
        given, wanted = town.asked(number), asked(flow, request.endpoint, request.targets)
        for name in {name for name, node in flow.wired.items() if node.kind == 'fail'}:
            assert len(given.pop(name, [])) <= wanted.pop(name, 0)  # once one shard has failed others need not work
        assert {node: len(shards) for node, shards in given.items()} == wanted
        alone = {node: shards[0] for node, shards in given.items() if len(shards) == 1}
        turns.update(alone.items())
        right = expected(flow, request.documents, request.endpoint, request.targets, alone)
        assert town.answer(number, request) == right
    for node in flow.wired.values():
        counts = [turns[node.name, shard] for shard in range(node.shards)]
        assert max(counts) - min(counts) <= 1, f'{node.name}: the shards do not take turns'

"""Random Flows with real processes: their answers are those of the model, see test_router_model for many more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from mproc_flow import Document, DocumentArray, Executor, Flow, requests
from tests.support.model import Doc, Plain, asked, expected, random_flows
from tests.unit.runtime.test_router_model import Request, random_requests, steps


def built(flow: Plain) -> Flow:
    """The Flow of a description."""
    f = Flow(start_method='fork', inspect=flow.inspect, quiet=True)
    for method, options in steps(flow):
        f = getattr(f, method)(**options)
    return f


@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=(Phase.generate,),  # each example starts processes: what fails is shrunk by test_router_model
    suppress_health_check=list(HealthCheck),
)
@given(flow=random_flows(least=4, replicas=2), sent=st.lists(random_requests, min_size=6, max_size=12))
def test_the_answers_of_real_processes_are_the_models(flow: Plain, sent: list[Request]) -> None:
    """One request after the other; where one shard is asked they take turns."""
    turns: Counter[str] = Counter()
    with built(flow) as f:
        for request in sent:
            target = request.pattern or None
            docs = f.post(request.endpoint, request.docs, request_size=0, target_executor=target, timeout=20)
            right = expected(flow, request.documents, request.endpoint, request.targets, turns)
            assert [Doc(doc.id, doc.text, doc.tags) for doc in docs] == right
            nodes = asked(flow, request.endpoint, request.targets)
            turns.update(name for name in nodes if not flow.wired[name].asks_all(request.endpoint))


# ---- what the model leaves out ----


class Telling(Executor):
    """Tells what it gets apart, and under which names."""

    @requests
    def work(self, docs: DocumentArray, docs_matrix: Any, docs_map: Mapping[str, Any]) -> None:
        """Change the Documents in place."""
        for doc in docs:
            doc.tags.update(parts=len(docs_matrix), names=list(docs_map))


class OnlyX(Executor):
    """Is there for one endpoint only."""

    @requests(on='/x')
    def work(self, **kwargs: Any) -> None:
        """Do nothing."""


def told(f: Flow, endpoint: str) -> list[dict[str, Any]]:
    """The tags of the Documents in the answer to one."""
    return [doc.tags for doc in f.post(endpoint, Document(), timeout=20)]


def test_an_executor_that_does_nothing_unites_before_what_stands_after_it() -> None:
    """``uses_after`` gets answers of shards, not of those that the Executor waits for."""
    with Flow().add(name='a').add(needs=['gateway', 'a'], uses=OnlyX, uses_after=Telling) as f:
        assert told(f, '/x')[0]['parts'] == told(f, '/y')[0]['parts'] == 1


def test_a_condition_holds_though_uses_before_does_nothing() -> None:
    """It is the Deployment's, whichever of its Executors answers the endpoint."""
    condition = {'tags__color': {'$eq': 'red'}}
    with Flow().add(uses=Telling, uses_before=OnlyX, when=condition) as f:
        assert told(f, '/x') == told(f, '/y') == []


def test_branches_are_united_if_uses_before_does_nothing_with_them() -> None:
    """It is ``uses_before`` that gets them apart; the Executor gets each Document once."""
    options = {'uses': Telling, 'uses_before': OnlyX, 'disable_reduce': True}
    with Flow().add(name='a').add(needs=['gateway', 'a'], **options) as f:
        assert [tags['parts'] for tags in told(f, '/y')] == [1]


def test_a_deployment_is_skipped_as_a_whole() -> None:
    """If none of its Executors answers an endpoint it changes nothing."""
    condition = {'tags__color': {'$eq': 'red'}}
    with Flow().add(uses=OnlyX, uses_before=OnlyX, uses_after=OnlyX, when=condition) as f:
        assert told(f, '/x') == []
        assert told(f, '/y') == [{}]


def test_a_branch_has_the_name_of_its_executor() -> None:
    """Whatever stands after it."""
    f = Flow().add(name='a', uses_after=Telling)
    with f.add(needs=['gateway', 'a'], uses=Telling, disable_reduce=True) as f:
        assert told(f, '/')[0]['names'] == ['gateway', 'a']


def test_uses_after_is_told_which_shard_answered() -> None:
    """Also if it is the only one that was asked."""
    with Flow().add(name='a', shards=2, uses_after=Telling) as f:
        assert told(f, '/')[0]['names'] == ['a/shard-0']
        assert told(f, '/')[0]['names'] == ['a/shard-1']

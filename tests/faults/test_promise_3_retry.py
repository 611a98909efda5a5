"""Promise 3: what was not begun moves on, what was begun is repeated only if that is allowed, poison ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest

from mproc_flow import Flow, errors
from tests.support import outcomes
from tests.support.contexts import Context, Task
from tests.support.flows import pod
from tests.support.fragile import KINDS, POISON, Fragile, begun
from tests.support.killer import Killer
from tests.support.outcomes import RESULT, Outcome
from tests.support.waiting import eventually

TIMEOUT = 30.0
HEALTHY = 120
CLIENTS = 8
# Each kind of method meets another kind of death.
DEATHS = {'sync': 'sigkill', 'async': 'exit-0', 'batched': 'sigsegv'}
TWICE = frozenset({RESULT, 'PoisonedRequest'})
ONCE = frozenset({RESULT, 'PodDied'})


def make(kind: str, record: str, start_method: str = 'fork', replicas: int = 2) -> Flow:
    """A Flow with one Executor that dies of poison."""
    options = {'record': record, 'how': DEATHS[kind]}
    f = Flow(start_method=start_method)
    return f.add(uses=KINDS[kind], name='it', replicas=replicas, uses_with=options)


def post_all(f: Flow, texts: Sequence[str], on: str) -> dict[str, Outcome]:
    """Let some clients post all of these, one after the other each, and give what came of each."""
    shares = [texts[number::CLIENTS] for number in range(CLIENTS)]
    tasks = [Task(partial(post_some, f, share, on)) for share in shares]
    found = [outcome for task in tasks for outcome in task.join(2 * TIMEOUT)]  # type: ignore[attr-defined]
    outcomes.check_exactly_once(found, texts, TWICE | ONCE)
    return {outcome.sent: outcome for outcome in found}


def post_some(f: Flow, texts: Sequence[str], on: str) -> list[Outcome]:
    """One client."""
    return [outcomes.posted(f.post, text, TIMEOUT, on) for text in texts]


def healthy_and_poison() -> list[str]:
    """Healthy texts with one poison among them."""
    texts = [f'healthy-{number}' for number in range(HEALTHY)]
    return [*texts[: HEALTHY // 3], POISON, *texts[HEALTHY // 3 :]]


def deaths(f: Flow) -> int:
    """How often a pod of the Executor died, told when all are ready again."""
    names = [status.name for status in f.pods if status.name != 'gateway']
    eventually(lambda: all(pod(f, name).state == 'ready' for name in names), 10, 'all pods are ready again')
    return sum(pod(f, name).restarts for name in names)


@pytest.mark.parametrize('replicas', [1, 2])
@pytest.mark.parametrize('kind', KINDS)
def test_poison_ends_and_all_the_healthy_succeed(record: str, kind: str, replicas: int) -> None:
    """On a retryable endpoint it kills two pods and no more; whatever was begun beside it is begun again."""
    with make(kind, record, replicas=replicas) as f:
        check_poison(f, record)


@pytest.mark.parametrize('kind', KINDS)
def test_poison_ends_under_every_start_method(start_method: str, record: str, kind: str) -> None:
    """The same for spawn and forkserver."""
    with make(kind, record, start_method) as f:
        check_poison(f, record)


def test_poison_ends_wherever_it_comes_from(context: Context, record: str) -> None:
    """The same from another thread and in a running loop."""

    def body() -> None:
        with make('sync', record) as f:
            check_poison(f, record)

    context.run(body)


def check_poison(f: Flow, record: str) -> None:
    """Post healthy texts and poison: only the poison may fail, after two deaths."""
    found = post_all(f, healthy_and_poison(), '/again')
    failed = {text: outcome.what for text, outcome in found.items() if outcome.what != RESULT}
    assert failed == {POISON: 'PoisonedRequest'}
    assert begun(record)[POISON] == 2
    assert deaths(f) == 2


def test_the_error_of_a_poison_names_the_deaths(record: str) -> None:
    """Who reads it knows which Executor it killed, and how."""
    with make('sync', record) as f:
        with pytest.raises(errors.PoisonedRequest, match=r'it/rep-\d.*SIGKILL'):
            f.post('/again', POISON, timeout=TIMEOUT)


@pytest.mark.parametrize('replicas', [1, 2])
def test_what_was_not_begun_succeeds(start_method: str, record: str, replicas: int) -> None:
    """A pod works on one request at a time: a death fails that one alone, though the pod had others already."""
    with make('sync', record, start_method, replicas) as f:
        found = post_all(f, healthy_and_poison(), '/once')
        failed = {text: outcome.what for text, outcome in found.items() if outcome.what != RESULT}
        assert failed == {POISON: 'PodDied'}
        assert deaths(f) == 1
    check_never_twice(found, record)


@pytest.mark.parametrize('kind', ['async', 'batched'])
def test_what_was_begun_beside_the_poison_is_not_repeated(record: str, kind: str) -> None:
    """They run at the same time or as one: what had been begun ends with PodDied, what had not is done."""
    with make(kind, record) as f:
        found = post_all(f, healthy_and_poison(), '/once')
        assert found[POISON].what == 'PodDied'
        assert deaths(f) == 1
    failed = [text for text, outcome in found.items() if outcome.what != RESULT]
    assert len(failed) <= CLIENTS
    check_never_twice(found, record)


@pytest.mark.parametrize('kind', KINDS)
def test_nothing_is_done_twice_whenever_the_deaths_come(record: str, kind: str) -> None:
    """Killed at random moments, again and again: work that is not marked was begun once, or not at all and failed."""
    texts = [f'healthy-{number}' for number in range(2400)]
    with make(kind, record, replicas=4) as f, Killer(f, 0.05, most=4, seed=3) as killer:
        found = post_all(f, texts, '/once')
    assert len(killer.kills) >= 8
    check_never_twice(found, record)


@pytest.mark.parametrize('kind', KINDS)
def test_all_succeed_where_they_may_be_repeated(record: str, kind: str) -> None:
    """Killed at random moments: only what two deaths met fails, and the caller is told that it was begun twice."""
    texts = [f'healthy-{number}' for number in range(2400)]
    with make(kind, record, replicas=4) as f, Killer(f, 0.05, most=4, shortest=0.1, seed=4) as killer:
        found = post_all(f, texts, '/again')
    assert len(killer.kills) >= 6
    failed = {text: outcome.what for text, outcome in found.items() if outcome.what != RESULT}
    assert set(failed.values()) <= {'PoisonedRequest'}
    counts = begun(record)
    assert all(counts[text] >= 2 for text in failed), failed
    assert len(failed) <= 2, failed


def test_what_an_executor_has_done_is_not_repeated_for_the_next_one(record: str) -> None:
    """A death in the second Executor of a line repeats the work of the second alone."""
    other = f'{record}-2'
    f = Flow().add(uses=Fragile, name='first', uses_with={'record': record, 'how': 'none'})
    f = f.add(uses=Fragile, name='second', replicas=2, uses_with={'record': other})
    with f:
        found = post_all(f, healthy_and_poison(), '/again')
    assert found[POISON].what == 'PoisonedRequest'
    assert set(begun(record).values()) == {1}
    assert begun(other)[POISON] == 2


def check_never_twice(found: dict[str, Outcome], record: str) -> None:
    """The side effects: one for each that succeeded, one at most for each that failed."""
    counts = begun(record)
    assert max(counts.values()) == 1, [text for text, count in counts.items() if count > 1][:5]
    lost = [text for text, outcome in found.items() if outcome.what == RESULT and not counts[text]]
    assert not lost, lost[:5]
    assert Counter(outcome.what for outcome in found.values())[RESULT] >= 0.9 * len(found)

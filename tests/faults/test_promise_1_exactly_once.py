"""Promise 1: every accepted request ends exactly once: a result, a typed error or its deadline, whatever dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from mproc_flow import Flow, errors
from tests.support import outcomes
from tests.support.contexts import Context, Task
from tests.support.executors import Echo
from tests.support.flows import kill_pod, pod, wait_until_restarted
from tests.support.fragile import Forgiving, Fragile
from tests.support.killer import FORGIVEN, Killer
from tests.support.outcomes import Outcome
from tests.support.programs import Programs
from tests.support.waiting import eventually, took

CLIENTS = 16
REQUESTS = 10_000
LATE = 0.2
# Some are so short that a death makes requests late.
SHORT, LONG = 0.4, 20.0
LONGEST = 60.0
IN_TIME = outcomes.OF_DEATHS - {'DeadlineExceeded'}

CLIENT = """\
import sys

from tests.support import outcomes

if __name__ == '__main__':
    port, number, count, timeout = sys.argv[1:]
    outcomes.as_program(int(port), outcomes.named(int(number), int(count)), float(timeout))
"""

Client = Callable[[], list[Outcome]]


def make(start_method: str) -> Flow:
    """Five Executors in two nodes; those of the first may begin work again, the others may not."""
    options = {'seconds': 0.001}
    f = Flow(start_method=start_method, port=0)
    f = f.add(uses=Forgiving, name='first', replicas=3, uses_with=options)
    return f.add(uses=Fragile, name='second', replicas=2, uses_with=options)


def clients(f: Flow, programs: Programs, count: int) -> list[Client]:
    """Sixteen clients of five kinds, each with so many requests of its own."""
    port = int(f.address.rpartition(':')[2])
    texts = [outcomes.named(number, count) for number in range(CLIENTS)]
    program = programs.script(CLIENT, str(port), '0', str(count), str(LONG))
    made: list[Client] = [partial(outcomes.of_program, program, LONGEST)]
    made += [partial(outcomes.one_by_one, f, texts[number], SHORT) for number in range(1, 5)]
    made += [partial(outcomes.one_by_one, f, texts[number], LONG) for number in range(5, 9)]
    made += [partial(outcomes.in_bulk, f, texts[number], LONGEST) for number in range(9, 12)]
    made += [
        partial(outcomes.asynchronous, port, texts[12], SHORT),
        partial(outcomes.asynchronous, port, texts[13], LONG),
    ]
    made += [partial(outcomes.on_the_wire, f.address, texts[number], LONG) for number in (14, 15)]
    return made


def run(f: Flow, programs: Programs, requests: int, gap: float) -> None:
    """Let all clients send while Executors are killed, and check every outcome."""
    count = requests // CLIENTS
    with Killer(f, gap) as killer:
        tasks = [Task(client) for client in clients(f, programs, count)]
        found = [outcome for task in tasks for outcome in task.join(LONGEST)]  # type: ignore[attr-defined]
    kills = Counter(kill.pod for kill in killer.kills)
    assert kills, 'nobody was killed'
    outcomes.check_exactly_once(found, (text for number in range(CLIENTS) for text in outcomes.named(number, count)))
    took('the latest end of a request after its deadline', LATE, max(outcome.late for outcome in found))
    ends = Counter(outcome.what for outcome in found)
    assert ends[outcomes.RESULT] >= 0.9 * len(found), (ends, kills)
    eventually(
        lambda: {name: pod(f, name).restarts for name in kills} == kills, 10, lambda: f'each was noticed: {kills}'
    )


def test_ten_thousand_requests_end_exactly_once(programs: Programs) -> None:
    """All of the promise: 16 clients, 10,000 requests, and Executors that are killed all the time."""
    with make('fork') as f:
        run(f, programs, REQUESTS, 0.3)


def test_requests_end_exactly_once_wherever_they_come_from(
    start_method: str, context: Context, programs: Programs
) -> None:
    """The same with fewer requests, under every start method and from every context."""

    def body() -> None:
        with make(start_method) as f:
            run(f, programs, REQUESTS // 10, 0.1)

    context.run(body)


def test_requests_end_exactly_once_when_the_gateway_is_killed() -> None:
    """And Executors with it: what they held ends typed, what comes meanwhile waits, and nothing waits for ever."""
    with Flow().add(uses=Echo, replicas=2) as f:
        texts = [outcomes.named(number, 400) for number in range(8)]
        with Killer(f, 0.2, among={status.name for status in f.pods}, most=3) as killer:
            tasks = [Task(partial(outcomes.one_by_one, f, names, LONG)) for names in texts]
            found = [outcome for task in tasks for outcome in task.join(LONGEST)]  # type: ignore[attr-defined]
            eventually(lambda: killer.kills, 10, 'somebody was killed')
    outcomes.check_exactly_once(found, (text for names in texts for text in names), IN_TIME)


def test_open_requests_end_typed_when_the_flow_fails(start_method: str) -> None:
    """One death more than is forgiven: all that is open ends with PodDied or FlowFailed, and nothing waits for ever."""
    with Flow(start_method=start_method).add(uses=Fragile, name='it', uses_with={'seconds': 0.001}) as f:
        texts = [outcomes.named(number, 2000) for number in range(8)]
        tasks = [Task(partial(outcomes.one_by_one, f, names, LONGEST)) for names in texts]
        for _ in range(FORGIVEN):
            wait_until_restarted(f, 'it/rep-0', kill_pod(f, 'it/rep-0'))
        kill_pod(f, 'it/rep-0')
        found = [outcome for task in tasks for outcome in task.join(LONGEST)]  # type: ignore[attr-defined]
        with pytest.raises(errors.FlowFailed, match='it/rep-0'):
            f.block()
    outcomes.check_exactly_once(found, (text for names in texts for text in names), IN_TIME | {'FlowFailed'})
    assert found[-1].what == 'FlowFailed'

"""The life of a pod: each step, what it asks for, and the steps that are refused."""

from __future__ import annotations

import pytest

from mproc_flow.supervisor.lifecycle import Do, Event, InvalidTransition, Life, Policy, State
from tests.unit.supervisor.lives import Story, in_state

LEGAL: dict[State, set[Event]] = {
    State.PLANNED: {Event.LAUNCH, Event.STOP},
    State.STARTING: {Event.BECAME_READY, Event.START_FAILED, Event.OVERDUE, Event.EXITED, Event.STOP},
    State.READY: {Event.EXITED, Event.STOP},
    State.BACKOFF: {Event.BACKOFF_OVER, Event.STOP},
    State.DRAINING: {Event.BECAME_READY, Event.START_FAILED, Event.OVERDUE, Event.EXITED, Event.STOP},
    State.STOPPED: {Event.STOP, Event.BACKOFF_OVER},
    State.FAILED: {Event.STOP},
}
ILLEGAL = [(state, event) for state in State for event in Event if event not in LEGAL[state]]


@pytest.mark.parametrize(
    ('before', 'event', 'do', 'after'),
    [
        (State.PLANNED, Event.LAUNCH, [Do.SPAWN], State.STARTING),
        (State.PLANNED, Event.STOP, [], State.STOPPED),
        (State.STARTING, Event.BECAME_READY, [], State.READY),
        (State.STARTING, Event.START_FAILED, [Do.KILL], State.STARTING),
        (State.STARTING, Event.OVERDUE, [Do.KILL], State.STARTING),
        (State.STARTING, Event.EXITED, [Do.GIVE_UP], State.FAILED),
        (State.STARTING, Event.STOP, [Do.STOP], State.DRAINING),
        (State.READY, Event.EXITED, [Do.WAIT], State.BACKOFF),
        (State.READY, Event.STOP, [Do.STOP], State.DRAINING),
        (State.BACKOFF, Event.BACKOFF_OVER, [Do.SPAWN], State.STARTING),
        (State.BACKOFF, Event.STOP, [], State.STOPPED),
        (State.DRAINING, Event.EXITED, [], State.STOPPED),
        (State.STOPPED, Event.STOP, [], State.STOPPED),
        (State.FAILED, Event.STOP, [], State.FAILED),
    ],
)
def test_step(before: State, event: Event, do: list[Do], after: State) -> None:
    story = in_state(before)
    assert story.state is before
    assert story.feed(event) == do
    assert story.state is after


@pytest.mark.parametrize(
    'late', [Event.BECAME_READY, Event.START_FAILED, Event.OVERDUE, Event.STOP], ids=lambda event: event.name
)
def test_news_that_was_under_way_when_a_pod_was_told_to_stop_changes_nothing(late: Event) -> None:
    story = in_state(State.DRAINING)
    assert story.feed(late) == []
    assert story.state is State.DRAINING
    assert story.crash() == []
    assert story.state is State.STOPPED


@pytest.mark.parametrize(('state', 'event'), ILLEGAL, ids=lambda value: value.name)
def test_an_illegal_step_is_refused_with_the_history(state: State, event: Event) -> None:
    story = in_state(state)
    story.now = 12.5
    with pytest.raises(InvalidTransition) as caught:
        story.feed(event)
    assert f'pod pod is {state.name} and {event.value}' in str(caught.value)
    if state is not State.PLANNED:
        assert '0.000 PLANNED launch; ' in str(caught.value)
    assert str(caught.value).endswith(f'12.500 {state.name} {event.value}')
    assert story.state is state


def test_a_start_that_fails_ends_when_the_process_has_ended() -> None:
    for cause in (Event.START_FAILED, Event.OVERDUE):
        story = in_state(State.STARTING)
        story.feed(cause)
        assert story.state is State.STARTING
        assert story.crash() == [Do.GIVE_UP]
        assert story.state is State.FAILED


def test_ready_after_it_was_doomed_is_too_late() -> None:
    story = in_state(State.STARTING)
    assert story.feed(Event.OVERDUE, Event.BECAME_READY) == []
    assert story.state is State.STARTING
    assert story.crash() == [Do.GIVE_UP]


def test_both_reasons_to_doom_a_start_may_come() -> None:
    story = in_state(State.STARTING)
    assert story.feed(Event.OVERDUE, Event.START_FAILED) == [Do.KILL]
    assert story.crash() == [Do.GIVE_UP]


def test_errors_at_boot_do_not_loop_even_in_a_restart() -> None:
    story = in_state(State.BACKOFF)
    story.now = story.life.restart_at
    story.feed(Event.BACKOFF_OVER, Event.START_FAILED)
    assert story.crash() == [Do.GIVE_UP]
    assert len(story.spawned) == 2


def test_a_restart_that_was_cut_short_is_tried_again() -> None:
    story = in_state(State.BACKOFF)
    story.now = story.life.restart_at
    story.feed(Event.BACKOFF_OVER)
    assert story.crash() == [Do.WAIT]
    assert story.state is State.BACKOFF


def test_a_restart_after_an_overdue_one_is_not_tried() -> None:
    story = in_state(State.BACKOFF)
    story.now = story.life.restart_at
    story.feed(Event.BACKOFF_OVER, Event.OVERDUE)
    assert story.crash() == [Do.GIVE_UP]


def test_a_replacement_starts_only_after_the_exit() -> None:
    story = Story.of()
    story.run()
    assert story.spawned == [0.0]
    story.crash(5.0)
    assert story.spawned == [0.0]
    story.recover()
    assert story.spawned == [0.0, 5.1]


def test_restarts_are_counted() -> None:
    story = Story.of()
    story.run()
    assert story.life.restarts == 0
    for count in (1, 2, 3):
        story.crash(20.0)
        story.recover()
        assert story.life.restarts == count


def test_a_pod_that_is_not_to_be_restarted_fails_at_its_first_death() -> None:
    story = Story.of(Policy(restart=False))
    story.run()
    assert story.crash(100.0) == [Do.GIVE_UP]
    assert story.state is State.FAILED


def test_stop_during_a_start_waits_for_the_exit() -> None:
    story = in_state(State.STARTING)
    assert story.feed(Event.STOP) == [Do.STOP]
    assert story.crash() == []
    assert story.state is State.STOPPED


def test_stop_ends_a_back_off_for_good() -> None:
    story = in_state(State.BACKOFF)
    story.feed(Event.STOP)
    story.now = 1000.0
    assert story.feed(Event.BACKOFF_OVER) == []
    assert story.state is State.STOPPED
    assert story.spawned == [0.0]


def test_lives_share_nothing() -> None:
    one, other = Life('one'), Life('other')
    one.handle(Event.LAUNCH, 0.0)
    with pytest.raises(InvalidTransition) as caught:
        other.handle(Event.EXITED, 1.0)
    assert 'launch' not in str(caught.value)

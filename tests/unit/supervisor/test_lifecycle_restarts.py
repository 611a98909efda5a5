"""When a pod that died is started again: back-off, its jitter and reset, and the limit."""

from __future__ import annotations

import pytest

from mproc_flow.supervisor.lifecycle import Do, Event, Policy, State
from tests.unit.supervisor.lives import Story

DOUBLING = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0, 10.0]


def delays(story: Story, crashes: int, every: float) -> list[float]:
    """Back-offs of a pod that crashes so many times, each time so long after it was ready."""
    found = []
    for _ in range(crashes):
        assert story.crash(every) == [Do.WAIT]
        found.append(story.delay)
        story.recover()
    return found


def test_six_crashes_in_sixty_seconds_are_one_too_many() -> None:
    story = Story.of()
    story.run()
    for _ in range(5):
        assert story.crash(1.0) == [Do.WAIT]
        story.recover()
    assert story.crash(1.0) == [Do.GIVE_UP]
    assert story.state is State.FAILED
    assert story.life.restarts == 5


@pytest.mark.parametrize(('last', 'do'), [(59.9, Do.GIVE_UP), (60.0, Do.WAIT)])
def test_the_window_is_sixty_seconds_wide(last: float, do: Do) -> None:
    story = Story.of()
    story.run()
    for _ in range(5):
        story.crash()
        story.recover()
    first = 0.0  # the first of these crashes was at the very beginning
    assert story.crash(first + last - story.now) == [do]


def test_the_back_off_doubles_up_to_its_longest() -> None:
    story = Story.of()
    story.run()
    assert delays(story, len(DOUBLING), every=20.0) == pytest.approx(DOUBLING)


@pytest.mark.parametrize(('random', 'factor'), [(0.0, 0.8), (0.25, 0.9), (0.75, 1.1), (1.0, 1.2)])
def test_jitter_changes_the_back_off_by_a_fifth_but_not_beyond_its_bounds(random: float, factor: float) -> None:
    story = Story.of(random=random)
    story.run()
    doubled = [0.1 * 2**number for number in range(len(DOUBLING))]
    expected = [min(max(base * factor, 0.1), 10.0) for base in doubled]
    assert delays(story, len(DOUBLING), every=20.0) == pytest.approx(expected)


def test_without_jitter_randomness_plays_no_part() -> None:
    for random in (0.0, 1.0):
        story = Story.of(Policy(jitter=0.0), random)
        story.run()
        assert delays(story, len(DOUBLING), every=20.0) == pytest.approx(DOUBLING)


@pytest.mark.parametrize(('healthy', 'delay'), [(29.9, 0.8), (30.1, 0.1), (300.0, 0.1)])
def test_thirty_seconds_of_health_reset_the_back_off(healthy: float, delay: float) -> None:
    story = Story.of()
    story.run()
    delays(story, 3, every=15.0)
    story.crash(healthy)
    assert story.delay == pytest.approx(delay)


def test_time_spent_starting_is_not_health() -> None:
    story = Story.of()
    story.run()
    delays(story, 3, every=15.0)
    story.crash(1.0)
    story.now = story.life.restart_at
    story.feed(Event.BACKOFF_OVER)
    story.crash(40.0)  # while it still starts
    assert story.delay == pytest.approx(1.6)


def test_health_of_an_earlier_process_does_not_count_for_one_that_never_got_ready() -> None:
    story = Story.of()
    story.run()
    story.crash(31.0)
    assert story.delay == pytest.approx(0.1)
    story.now = story.life.restart_at
    story.feed(Event.BACKOFF_OVER)
    story.crash(1.0)
    assert story.delay == pytest.approx(0.2)


def test_many_crashes_of_a_patient_pod_do_not_overflow_the_delay() -> None:
    story = Story.of(Policy(most=10_000, window=1.0))
    story.run()
    assert delays(story, 2000, every=0.0)[-1] == 10.0


@pytest.mark.parametrize('every', [60.0, 45.0, 20.0, 12.1])
def test_a_pod_that_crashes_now_and_then_is_restarted_for_ever(every: float) -> None:
    story = Story.of()
    story.run()
    for _ in range(3000):
        assert story.crash(every) == [Do.WAIT]
        assert story.delay < 10.001
        story.recover()
    assert story.life.restarts == 3000


def test_old_crashes_are_forgotten_after_the_window() -> None:
    story = Story.of()
    story.run()
    for _ in range(20):
        for _ in range(5):
            assert story.crash() == [Do.WAIT]
            story.recover()
        story.now += 60.0


def test_at_most_five_restarts_fall_into_any_sixty_seconds_even_after_a_long_back_off() -> None:
    story = Story.of()
    story.run()
    delays(story, 8, every=20.0)
    begin = story.now
    for crash in (20.0, 61.0, 62.0, 63.0, 64.0, 80.1):  # the first one's back-off takes ten seconds of its own
        story.crash(begin + crash - story.now)
        if story.state is State.FAILED:
            break
        story.recover()
    restarts = story.spawned[1:]
    most = max(sum(begin <= at < begin + 60.0 for at in restarts) for begin in restarts)
    assert most <= 5

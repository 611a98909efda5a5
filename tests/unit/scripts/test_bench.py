"""How the scripts that measure count, compare and judge, without measuring anything."""

from __future__ import annotations

import mmap
import os
import time

import pytest

from scripts.bench import memory, overload, report, soak, workload
from scripts.bench.jobs import FLOOR, JINA, OURS, TARGETS, Target, job, jobs, more_is_better

LABEL = 'a job'
SAMPLES: report.Samples = {
    (LABEL, 'post_ms'): {FLOOR: [0.1], OURS: [0.9, 0.5, 0.4], JINA: [10.0]},
    (LABEL, 'docs_per_s'): {OURS: [30_000.0], JINA: [1000.0]},
    (LABEL, 'of_ideal'): {OURS: [0.8]},
}


def test_table_compares_medians() -> None:
    head, post, rate, ideal = report.table(SAMPLES).splitlines()
    assert head.split()[:3] == [FLOOR, OURS, JINA]
    assert post.split() == ['a', 'job:', 'post_ms', '0.1', '0.5', '10', '5.00', '20.00']
    assert rate.split() == ['a', 'job:', 'docs_per_s', '30,000', '1,000', '30.00']
    assert ideal.split() == ['a', 'job:', 'of_ideal', '0.8']


def test_table_has_no_column_for_a_side_that_measured_nothing() -> None:
    assert report.table({(LABEL, 'late'): {OURS: [3.0]}}).splitlines()[0].split() == [OURS]


@pytest.mark.parametrize(
    ('target', 'sentence'),
    [
        (Target(LABEL, 'post_ms', JINA, 1 / 20), 'met    a job: post_ms is 1/20.0 of jina, to be at most 1/20.0 of'),
        (Target(LABEL, 'post_ms', FLOOR, 4), 'missed a job: post_ms is 5.0 × floor, to be at most 4.0 ×'),
        (Target(LABEL, 'docs_per_s', JINA, 25), 'met    a job: docs_per_s is 30.0 × jina, to be at least 25.0 ×'),
        (Target(LABEL, 'of_ideal', '', 0.9), 'missed a job: of_ideal is 0.8, to be at least 0.9'),
        (Target(LABEL, 'post_ms', '', 0.5), 'met    a job: post_ms is 0.5, to be at most 0.5'),
    ],
)
def test_a_target_is_met_or_missed(target: Target, sentence: str) -> None:
    assert [report.sentence(verdict) for verdict in report.verdicts(SAMPLES, [target])] == [sentence]


def test_a_target_without_figures_is_not_judged() -> None:
    targets = [Target(LABEL, 'docs_per_s', FLOOR, 1), Target('another job', 'post_ms', '', 1)]
    assert not list(report.verdicts(SAMPLES, targets))


def test_every_target_belongs_to_a_job() -> None:
    labels = {job.label for job in jobs(quick=False)}
    assert {target.label for target in TARGETS} <= labels
    assert all((target.factor >= 1) or not more_is_better(target.figure) for target in TARGETS)


def test_a_job_is_given_to_the_sides_that_have_it() -> None:
    made = job(LABEL, 'batching.delay', {'requests': '5'}, [JINA])
    assert made.words == {JINA: ['peer_jina.py', 'batching.delay', 'requests=5']}


def test_settings_are_numbers() -> None:
    assert workload.numbers(['hops=1', 'repeats=20']) == {'hops': 1, 'repeats': 20}


def test_memory_of_this_process_is_seen_while_it_is_taken() -> None:
    with memory.Peak(memory.of_all()) as peak:
        held = mmap.mmap(-1, 32 << 20)  # not from the allocator, which may have as much to spare
        held[:] = os.urandom(1 << 20) * 32
        deadline = time.monotonic() + 10
        while peak.growth < len(held) and time.monotonic() < deadline:
            pass
        held.close()
    assert 32 << 20 <= peak.growth < 80 << 20


def test_slope_is_that_of_the_line_without_its_beginning() -> None:
    begin = [10 << 20] * 10  # a tenth, in which memory is taken for good
    steady = [(50 << 20) + 1024 * number for number in range(90)]
    growth_per_100_calls = 1024 * 100 / (1 << 20)
    assert soak._slope(begin + steady) == pytest.approx(growth_per_100_calls)


def test_who_is_late_leaves_out_what_was_missed() -> None:
    begin = time.monotonic()
    moments = overload._timetable(begin, 0.02, begin + 0.2)
    first = next(moments)
    while time.monotonic() < begin + 0.07:
        pass
    rest = [round((moment - begin) / 0.02) for moment in moments]
    assert first == begin
    assert rest[0] == 4
    assert rest[-1] == 9
    assert len(rest) <= 6

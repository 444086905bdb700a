"""A run's figures, against values worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.analysis.ratio import (
    curve_columns,
    curves,
    schedulability,
    wilson_interval,
)
from distributor.analysis.statistics import each_row, set_statistics, task_statistics
from distributor.errors import ConfigurationError

MS = 10**6


def a_job(task_id: int, index: int, response_ms: float, **more: Any) -> dict[str, Any]:
    """A job of a task with 10 ms of period and deadline, started after 30 us + its index."""
    response_ns = round(response_ms * MS)
    return {
        "batch": 1,
        "set_index": 0,
        "task_id": task_id,
        "period_ns": 10 * MS,
        "deadline_ns": 10 * MS,
        "response_ns": response_ns,
        "start_latency_ns": 30_000 + index,
        "lateness_ns": response_ns - 10 * MS,
        "tardiness_ns": max(0, response_ns - 10 * MS),
        "missed": response_ns > 10 * MS,
        "outcome": "EXIT",
        **more,
    }


def jobs_of(*rows: dict[str, Any]) -> pandas.DataFrame:
    return pandas.DataFrame(rows).astype({"start_latency_ns": "Int64"})


def tasks_of(count: int, numberofjobs: int = 4) -> pandas.DataFrame:
    return pandas.DataFrame(
        [
            {
                "batch": 1,
                "set_index": 0,
                "task_id": task_id,
                "name": "busy",
                "priority": task_id,
                "period_ns": 10 * MS,
                "deadline_ns": 10 * MS,
                "offset_ns": 0,
                "numberofjobs": numberofjobs,
                "wcet_ns": MS,
                "utilization": 0.1,
            }
            for task_id in range(count)
        ]
    )


def test_a_tasks_figures_are_those_of_its_jobs() -> None:
    jobs = jobs_of(
        a_job(0, 0, 5),
        a_job(0, 1, 1),
        a_job(0, 2, 12.5),
        a_job(0, 3, 2),
        a_job(1, 0, 3, outcome="EXIT_ERROR"),
        a_job(1, 1, 10.0, missed=True, outcome="EXIT_PERIOD"),
    )
    first, second, none = each_row(task_statistics(jobs, tasks_of(3)))
    assert (first.jobs, second.jobs, none.jobs) == (4, 2, 0)
    assert first.response_min_ns == 1 * MS
    assert first.response_median_ns == 2 * MS  # the lower one of 2 and 5
    assert first.response_p99_ns == first.response_max_ns == 12.5 * MS
    assert first.response_jitter_ns == 11.5 * MS
    assert (first.start_latency_min_ns, first.start_latency_max_ns) == (30_000, 30_003)
    assert first.start_jitter_ns == 3
    assert (first.lateness_min_ns, first.lateness_max_ns) == (-9 * MS, 2.5 * MS)
    assert (first.tardiness_median_ns, first.tardiness_max_ns) == (0, 2.5 * MS)
    assert (first.misses, first.errors, first.overruns, first.skipped) == (1, 0, 1, 0)
    assert first.tightness == 1.25
    assert (second.misses, second.errors, second.overruns, second.skipped) == (1, 1, 1, 2)
    assert none.skipped == 4
    assert none.response_max_ns is pandas.NA
    assert math.isnan(none.tightness)


def test_a_99th_percentile_is_the_99th_of_100() -> None:
    jobs = jobs_of(*(a_job(0, index, (index + 1) / 100) for index in range(100)))
    (task,) = each_row(task_statistics(jobs, tasks_of(1, 100)))
    assert task.response_p99_ns == 0.99 * MS
    assert task.response_median_ns == 0.5 * MS


def test_the_order_of_the_jobs_does_not_matter() -> None:
    jobs = jobs_of(*(a_job(index % 3, index, index) for index in range(30)))
    expected = task_statistics(jobs.sort_values(["task_id"], kind="stable"), tasks_of(3, 10))
    found = task_statistics(jobs.sample(frac=1, random_state=1), tasks_of(3, 10))
    pandas.testing.assert_frame_equal(found, expected)


def test_without_releases_there_is_no_start_latency() -> None:
    jobs = jobs_of(a_job(0, 0, 5, start_latency_ns=None), a_job(0, 1, 6))
    (task,) = each_row(task_statistics(jobs, tasks_of(1)))
    assert (task.start_latency_min_ns, task.start_latency_max_ns) == (30_001, 30_001)
    (task,) = each_row(task_statistics(jobs.iloc[:1], tasks_of(1)))
    assert task.start_latency_max_ns is pandas.NA
    assert task.response_max_ns == 5 * MS


def test_a_run_without_a_job_has_figures_without_numbers() -> None:
    jobs = jobs_of(a_job(0, 0, 5)).iloc[:0]
    (task,) = each_row(task_statistics(jobs, tasks_of(1)))
    assert (task.jobs, task.misses, task.skipped) == (0, 0, 4)


def test_a_sets_figures_are_those_of_all_its_jobs() -> None:
    jobs = jobs_of(a_job(0, 0, 5), a_job(1, 0, 12), a_job(0, 0, 1, set_index=1))
    (one, other) = each_row(set_statistics(jobs, sets_of([0.2, 0.3], ["missed", "schedulable"])))
    assert (one.jobs, one.misses, one.response_max_ns, one.tightness) == (2, 1, 12 * MS, 1.2)
    assert (other.jobs, other.misses, other.response_max_ns) == (1, 0, 1 * MS)


def sets_of(
    utilizations: Sequence[float | None], verdicts: list[str], **more: Any
) -> pandas.DataFrame:
    count = len(verdicts)
    told = {
        "batch": 1,
        "set_index": range(count),
        "name": "",
        "verdict": verdicts,
        "tasks": 3,
        "utilization": pandas.array(utilizations, "Float64").to_numpy("float64", na_value=math.nan),
        "scheduling": "fixed",
    }
    return pandas.DataFrame(told | more)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilsons_interval(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_the_share(case: tuple[int, int]) -> None:
    successes, trials = case
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert high > low


def test_the_ratio_counts_what_was_decided() -> None:
    verdicts = ["schedulable", "schedulable", "missed", "failed", "undecided", "schedulable"]
    points = schedulability(sets_of([0.51, 0.54, 0.52, 0.53, 0.52, None], verdicts))
    (point,) = points.itertuples()
    assert (point.utilization, point.sets, point.schedulable, point.ratio) == (0.525, 4, 2, 0.5)
    assert (point.low, point.high) == pytest.approx(wilson_interval(2, 4))


def test_what_sets_were_made_for_goes_before_what_they_became() -> None:
    sets = sets_of([0.397, 0.412], ["schedulable", "missed"], **{"origin.utilization": [0.4, 0.4]})
    assert schedulability(sets)["utilization"].tolist() == [0.4]


def test_a_utilization_of_one_is_no_overload() -> None:
    points = schedulability(sets_of([1.0, 1.0000001, 0.3], ["missed"] * 3))
    assert points["utilization"].tolist() == [0.275, 0.975, 1.025]


def test_what_differs_makes_curves() -> None:
    sets = sets_of(
        [0.5] * 4,
        ["schedulable", "missed", "schedulable", "schedulable"],
        scheduling=["fixed", "EDF", "fixed", "EDF"],
        **{
            "origin.generator": ["uunifast"] * 4,
            "origin.index": [0, 1, 2, 3],
            "origin.periods": [[1, 2], [1, 2], [3], [3]],
        },
    )
    assert curves(sets) == ["scheduling", "origin.periods"]
    points = schedulability(sets)
    assert points["sets"].tolist() == [1, 1, 1, 1]
    by_scheduling = schedulability(sets, ["scheduling"])
    assert dict(zip(by_scheduling["scheduling"], by_scheduling["ratio"], strict=True)) == {
        "EDF": 0.5,
        "fixed": 1.0,
    }


def test_curves_can_be_named() -> None:
    sets = sets_of([0.5] * 9, ["missed"] * 9, **{"origin.n": list(range(9))})
    assert curve_columns(sets, ["scheduling"]) == ["scheduling"]
    with pytest.raises(ConfigurationError, match="would make 9 curves: 8 can be told apart"):
        curve_columns(sets, ["n"])
    with pytest.raises(ConfigurationError, match=r"no 'x' .* \(there is scheduling, tasks, n\)"):
        curve_columns(sets, ["x"])

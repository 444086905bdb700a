"""Summaries, durations and tables: pure figures and text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.analysis.duration import format_duration, format_moment
from distributor.analysis.report import job_table, parameter_table, task_table
from distributor.analysis.summary import summarize
from distributor.analysis.table import Column, counted, printable, shortened, table_lines
from distributor.session.event import EventType
from distributor.session.result import TaskJob
from distributor.tasks.task import Task
from tests.results import JOBS, MS, a_job

SIZES_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def test_a_summary_has_the_figures_of_each_task() -> None:
    responses = [5, 1, 4, 2]
    jobs = [a_job(0, index, response_ns=each * MS) for index, each in enumerate(responses)]
    jobs.append(a_job(3, 0, response_ns=13 * MS))
    first, second = summarize(reversed(jobs))
    assert (first.task_id, first.jobs, second.task_id) == (0, 4, 3)
    assert first.response_min_ns == 1 * MS
    assert first.response_median_ns == 2 * MS
    assert first.response_max_ns == 5 * MS
    assert first.start_latency_max_ns == 27_000
    assert (first.misses, first.tardiness_max_ns) == (0, 0)
    assert (second.misses, second.tardiness_max_ns) == (1, 3 * MS)


@pytest.mark.parametrize(
    ("outcome", "misses", "errors"),
    [
        (EventType.EXIT, 0, 0),
        (EventType.EXIT_CRITICAL, 1, 0),
        (EventType.EXIT_PERIOD, 1, 0),
        (EventType.EXIT_EXTERNAL, 0, 0),
        (EventType.EXIT_ERROR, 0, 1),
        (EventType.OUT_OF_QUOTA, 0, 1),
        (EventType.OUT_OF_CAPS, 0, 1),
    ],
)
def test_a_job_killed_for_time_is_a_miss_and_a_broken_one_an_error(
    outcome: EventType, misses: int, errors: int
) -> None:
    (summary,) = summarize([a_job(outcome=outcome)])
    assert (summary.misses, summary.errors) == (misses, errors)


def test_a_deadline_is_met_to_the_nanosecond() -> None:
    assert summarize([a_job(response_ns=10 * MS)])[0].misses == 0
    assert summarize([a_job(response_ns=10 * MS + 1)])[0].misses == 1


def test_without_releases_the_response_counts_from_the_start() -> None:
    job = TaskJob(0, 0, None, 100, 400, EventType.EXIT, None, 1000)
    (summary,) = summarize([job])
    assert (summary.response_max_ns, summary.start_latency_max_ns) == (300, None)


@given(st.lists(JOBS, max_size=30))
def test_a_summary_leaves_no_job_out(jobs: list[TaskJob]) -> None:
    summaries = summarize(jobs)
    assert sum(summary.jobs for summary in summaries) == len(jobs)
    responses = {job.response_ns for job in jobs}
    for summary in summaries:
        assert summary.response_min_ns <= summary.response_median_ns <= summary.response_max_ns
        assert summary.response_median_ns in responses
        assert 0 <= summary.misses <= summary.jobs


@pytest.mark.parametrize(
    ("time_ns", "told"),
    [
        (None, "-"),
        (0, "0 ns"),
        (-999, "-999 ns"),
        (1000, "1.000 us"),
        (27_123, "27.12 us"),
        (999_949, "999.9 us"),
        (999_950, "1.000 ms"),
        (-3_400_000, "-3.400 ms"),
        (9_999_600, "10.00 ms"),
        (1_204_000_000, "1.204 s"),
        (86_400 * 10**9, "86400 s"),
    ],
)
def test_durations_read_well(time_ns: int | None, told: str) -> None:
    assert format_duration(time_ns) == told


@given(st.integers(-(10**12) + 10**9, 10**12 - 10**9))
def test_durations_are_right_to_four_digits(time_ns: int) -> None:
    value, unit = format_duration(time_ns).split()
    assert len(re.sub(r"\D", "", value)) <= 4
    assert float(value) * SIZES_NS[unit] == pytest.approx(time_ns, rel=5.1e-4)
    assert abs(float(value)) < 1000


def test_moments_have_one_unit() -> None:
    assert [format_moment(each) for each in (None, 0, 40_027_120, 3 * 10**12)] == [
        "-",
        "0.000 ms",
        "40.027 ms",
        "3000000.000 ms",
    ]


def test_a_table_is_aligned() -> None:
    columns = (Column("Task"), Column("Jobs", right=True), Column("Note"))
    assert list(table_lines(columns, [("pi", "1234567", ""), ("busy one", "2", "x")])) == [
        "Task         Jobs  Note",
        "pi        1234567",
        "busy one        2  x",
    ]
    assert list(table_lines(columns, [])) == ["Task  Jobs  Note"]


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_nothing_in_a_table_can_command_a_terminal(rows: list[tuple[str, str]]) -> None:
    lines = list(table_lines((Column("A"), Column("B", right=True)), rows))
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


def test_text_is_made_printable_and_short() -> None:
    assert printable("a\x1b[31m\nb") == "a�[31m�b"
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
    assert counted(1, "task set") == "1 task set"
    assert [counted(n, "try", "tries") for n in (0, 1, 2)] == ["0 tries", "1 try", "2 tries"]


def test_the_tables_of_a_set_say_what_its_jobs_did() -> None:
    tasks = [
        Task("busy", arg1=2000, period_ms=10, priority=0, numberofjobs=2),
        Task("hey", criticaltime_ms=1, overrun="late"),
    ]
    jobs = [a_job(0, 0), a_job(0, 1, response_ns=23 * MS)]
    assert list(task_table(tasks, summarize(jobs))) == [
        "Task         Jobs  Response min    median       max  Start latency max  Misses  Errors",
        "0 busy 2000     2      2.000 ms  2.000 ms  23.00 ms           27.00 us       1       0",
        "1 hey           0             -         -         -                  -       -       -",
    ]
    heads, first, second = job_table(tasks, jobs)
    assert heads.split("  ")[0] == "Task"
    assert "MISS" not in first
    assert (
        second.split()
        == (
            "0 busy 2000 1 10.00 ms 10.000 ms 10.027 ms 33.000 ms 23.00 ms MISS "
            "13.00 ms 13.00 ms EXIT"
        ).split()
    )
    _, fixed, edf = parameter_table(tasks)
    assert fixed.split()[3:6] == ["0", "10.00", "ms"]
    assert edf.split()[2] == "EDF"
    assert edf.endswith("1.000 ms  late")


def test_the_job_table_tells_an_exit_value() -> None:
    job = a_job(outcome=EventType.EXIT_ERROR)
    assert list(job_table([Task("hey")], [job]))[1].endswith("EXIT_ERROR 1")

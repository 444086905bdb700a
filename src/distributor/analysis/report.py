"""The tables about one task set: its tasks, what their jobs came to, and every job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from distributor.analysis.duration import format_duration, format_moment
from distributor.analysis.summary import TaskSummary, missed
from distributor.analysis.table import Column, shortened, table_lines
from distributor.session.event import EventType
from distributor.session.result import TaskJob
from distributor.tasks.task import EDF

#: Said under every table with priorities in it.
PRIORITY_NOTE = "Priority 0 is the highest."

_TASK_COLUMNS = (
    Column("Task"),
    Column("Jobs", right=True),
    Column("Response min", right=True),
    Column("median", right=True),
    Column("max", right=True),
    Column("Start latency max", right=True),
    Column("Misses", right=True),
    Column("Errors", right=True),
)
_PARAMETER_COLUMNS = (
    Column("Task"),
    Column("Priority", right=True),
    Column("Period", right=True),
    Column("Deadline", right=True),
    Column("Offset", right=True),
    Column("Number of jobs", right=True),
    Column("Critical time", right=True),
    Column("Overrun"),
)
_JOB_COLUMNS = (
    Column("Task"),
    Column("Job", right=True),
    Column("Period", right=True),
    Column("Release", right=True),
    Column("Start", right=True),
    Column("Completion", right=True),
    Column("Response", right=True),
    Column("Deadline Miss"),
    Column("Lateness", right=True),
    Column("Tardiness", right=True),
    Column("Outcome"),
)


class ShownTask(Protocol):
    """What the tables tell of a task; a Task has it, and a store's record of one."""

    @property
    def name(self) -> str: ...
    @property
    def arg1(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def period_ns(self) -> int: ...
    @property
    def deadline_ns(self) -> int: ...
    @property
    def offset_ns(self) -> int: ...
    @property
    def numberofjobs(self) -> int: ...
    @property
    def criticaltime_ns(self) -> int | None: ...
    @property
    def overrun(self) -> str: ...


def task_table(tasks: Sequence[ShownTask], summaries: Iterable[TaskSummary]) -> Iterator[str]:
    """Lines with each task's response times and misses; a task without a job has dashes."""
    by_task = {summary.task_id: summary for summary in summaries}
    rows = [
        (_label(place, task), *_summary_cells(by_task.get(place)))
        for place, task in enumerate(tasks)
    ]
    return table_lines(_TASK_COLUMNS, rows)


def parameter_table(tasks: Sequence[ShownTask]) -> Iterator[str]:
    """Lines with what each task was given."""
    rows = [
        (
            _label(place, task),
            "EDF" if task.priority == EDF else str(task.priority),
            format_duration(task.period_ns),
            format_duration(task.deadline_ns),
            format_duration(task.offset_ns),
            str(task.numberofjobs),
            format_duration(task.criticaltime_ns),
            task.overrun,
        )
        for place, task in enumerate(tasks)
    ]
    return table_lines(_PARAMETER_COLUMNS, rows)


def _label(task_id: int, task: ShownTask) -> str:
    return f"{task_id} {task.name} {shortened(task.arg1, 12)}".rstrip()


def _summary_cells(summary: TaskSummary | None) -> tuple[str, ...]:
    if summary is None:
        return ("0", *"------")
    return (
        str(summary.jobs),
        format_duration(summary.response_min_ns),
        format_duration(summary.response_median_ns),
        format_duration(summary.response_max_ns),
        format_duration(summary.start_latency_max_ns),
        str(summary.misses),
        str(summary.errors),
    )


def job_table(tasks: Sequence[ShownTask], jobs: Iterable[TaskJob]) -> Iterator[str]:
    """Lines with one job each; times are counted from the set's time zero."""
    return table_lines(_JOB_COLUMNS, [_job_cells(tasks, job) for job in jobs])


def _job_cells(tasks: Sequence[ShownTask], job: TaskJob) -> tuple[str, ...]:
    task = tasks[job.task_id]
    outcome = job.outcome.value
    # EXIT_ERROR alone leaves open what the task said.
    if job.outcome is EventType.EXIT_ERROR and job.exit_value is not None:
        outcome += f" {job.exit_value}"
    return (
        _label(job.task_id, task),
        str(job.index),
        format_duration(task.period_ns),
        format_moment(job.release_ns),
        format_moment(job.start_ns),
        format_moment(job.completion_ns),
        format_duration(job.response_ns),
        "MISS" if missed(job) else "",
        format_duration(job.lateness_ns),
        format_duration(job.tardiness_ns),
        outcome,
    )

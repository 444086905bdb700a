"""The tables about one task set: its tasks in figures, and its jobs one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from distributor.analysis.duration import format_duration
from distributor.analysis.summary import TaskSummary, missed
from distributor.analysis.table import Column, table_lines
from distributor.session.event import EventType
from distributor.session.result import TaskJob
from distributor.tasks.task import EDF

#: Said under every table with priorities in it.
PRIORITY_NOTE = "Priority 0 is the highest."

_TASK_COLUMNS = (
    Column("Task"),
    Column("Priority", right=True),
    Column("Jobs", right=True),
    Column("Response min", right=True),
    Column("median", right=True),
    Column("max", right=True),
    Column("Start latency max", right=True),
    Column("Misses", right=True),
    Column("Errors", right=True),
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
    def priority(self) -> int: ...
    @property
    def period_ns(self) -> int: ...


def task_table(tasks: Sequence[ShownTask], summaries: Iterable[TaskSummary]) -> Iterator[str]:
    """Lines with each task's response times and misses; a task without a job has dashes."""
    by_task = {summary.task_id: summary for summary in summaries}
    return table_lines(
        _TASK_COLUMNS,
        [_task_cells(task, place, by_task.get(place)) for place, task in enumerate(tasks)],
    )


def _task_cells(task: ShownTask, task_id: int, summary: TaskSummary | None) -> tuple[str, ...]:
    head = (f"{task_id} {task.name}", "EDF" if task.priority == EDF else str(task.priority))
    if summary is None:
        return (*head, "0", *"------")
    return (
        *head,
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
        f"{job.task_id} {task.name}",
        str(job.index),
        format_duration(task.period_ns),
        format_duration(job.release_ns),
        format_duration(job.start_ns),
        format_duration(job.completion_ns),
        format_duration(job.response_ns),
        "MISS" if missed(job) else "",
        format_duration(job.lateness_ns),
        format_duration(job.tardiness_ns),
        outcome,
    )

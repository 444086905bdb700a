"""What files of results hold: one flat row for each job, with its task and its set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from distributor.analysis.summary import missed
from distributor.monitors.monitor import Attempt
from distributor.session.result import Result, TaskJob
from distributor.tasks.task import Task

Value = str | int | bool | None

#: In their order; docs/results.md says what each means.
COLUMNS = (
    "run",
    "batch",
    "set_index",
    "set_name",
    "verdict",
    "reason",
    "clock",
    "machine",
    "task_id",
    "task_name",
    "arg1",
    "priority",
    "period_ns",
    "job_index",
    "release_ns",
    "start_ns",
    "completion_ns",
    "response_ns",
    "start_latency_ns",
    "deadline_ns",
    "lateness_ns",
    "tardiness_ns",
    "missed",
    "outcome",
    "exit_value",
)


def now_text() -> str:
    """This moment in UTC, as a name for what begins now: unique enough, and in order."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def job_rows(run: str, attempt: Attempt, result: Result) -> Iterator[dict[str, Value]]:
    """A row for each job, by task and index.

    A set without a job has one row all the same, with nothing of a job in it, so that no
    verdict is missing.

    :param run: name of the run.
    """
    head: dict[str, Value] = {
        "run": run,
        "batch": attempt.job,
        "set_index": attempt.index,
        "set_name": attempt.taskset.name,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "clock": None if result.facts is None else result.facts.clock.value,
        "machine": attempt.machine,
    }
    if not result.jobs:
        yield {**dict.fromkeys(COLUMNS), **head}
    for job in result.jobs:
        yield {**head, **_task(attempt.taskset.tasks, job.task_id), **_job(job)}


def _task(tasks: tuple[Task, ...], task_id: int) -> dict[str, Value]:
    task = tasks[task_id] if task_id < len(tasks) else None
    return {
        "task_id": task_id,
        "task_name": None if task is None else task.name,
        "arg1": None if task is None else task.arg1,
        "priority": None if task is None else task.priority,
        "period_ns": None if task is None else task.period_ns,
    }


def _job(job: TaskJob) -> dict[str, Value]:
    return {
        "job_index": job.index,
        "release_ns": job.release_ns,
        "start_ns": job.start_ns,
        "completion_ns": job.completion_ns,
        "response_ns": job.response_ns,
        "start_latency_ns": job.start_latency_ns,
        "deadline_ns": job.deadline_ns,
        "lateness_ns": job.lateness_ns,
        "tardiness_ns": job.tardiness_ns,
        "missed": missed(job),
        "outcome": job.outcome.value,
        "exit_value": job.exit_value,
    }

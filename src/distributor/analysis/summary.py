"""What the jobs of a task set say about each of its tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low

from distributor.session.event import EventType
from distributor.session.result import TaskJob

_KILLED_FOR_TIME = frozenset({EventType.EXIT_CRITICAL, EventType.EXIT_PERIOD})
_ENDED_IN_ERROR = frozenset({EventType.EXIT_ERROR, EventType.OUT_OF_QUOTA, EventType.OUT_OF_CAPS})


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """One task's jobs in figures. A job that was killed counts with the time of its end."""

    task_id: int
    jobs: int
    response_min_ns: int
    #: The lower median: a response time that occurred.
    response_median_ns: int
    response_max_ns: int
    #: None where the releases are not known (a plain loader).
    start_latency_max_ns: int | None
    #: Jobs that ended after their deadline or were killed for time.
    misses: int
    #: Jobs that ended in error or asked for more than they were granted.
    errors: int
    tardiness_max_ns: int


def missed(job: TaskJob) -> bool:
    """Whether the job ended after its deadline or was killed for time."""
    return job.lateness_ns > 0 or job.outcome in _KILLED_FOR_TIME


def summarize(jobs: Iterable[TaskJob]) -> list[TaskSummary]:
    """One summary for each task that had a job, by task."""
    by_task: dict[int, list[TaskJob]] = {}
    for job in jobs:
        by_task.setdefault(job.task_id, []).append(job)
    return [_summarize_task(task_id, by_task[task_id]) for task_id in sorted(by_task)]


def _summarize_task(task_id: int, jobs: list[TaskJob]) -> TaskSummary:
    responses_ns = [job.response_ns for job in jobs]
    latencies_ns = [job.start_latency_ns for job in jobs if job.start_latency_ns is not None]
    return TaskSummary(
        task_id=task_id,
        jobs=len(jobs),
        response_min_ns=min(responses_ns),
        response_median_ns=median_low(responses_ns),
        response_max_ns=max(responses_ns),
        start_latency_max_ns=max(latencies_ns, default=None),
        misses=sum(map(missed, jobs)),
        errors=sum(job.outcome in _ENDED_IN_ERROR for job in jobs),
        tardiness_max_ns=max(job.tardiness_ns for job in jobs),
    )

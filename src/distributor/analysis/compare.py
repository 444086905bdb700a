"""Two runs of a task set, held against each other."""

from __future__ import annotations

from collections.abc import Iterable

from distributor.session.result import TaskJob

#: What two jobs are compared by, in the order in which differences are told.
_FIELDS = ("release_ns", "start_ns", "completion_ns", "outcome", "exit_value")


def first_difference(one: Iterable[TaskJob], other: Iterable[TaskJob]) -> str:
    """Where two runs part, as a sentence; "" where they do not.

    The job named is the earliest, by its start, of those that differ.
    """
    found: list[tuple[int, str]] = []
    by_place = {(job.task_id, job.index): job for job in other}
    for job in one:
        twin = by_place.pop((job.task_id, job.index), None)
        if twin is None:
            found.append((job.start_ns, f"{_name(job)} ran only in the first"))
            continue
        for field in _FIELDS:
            mine, its = getattr(job, field), getattr(twin, field)
            if mine != its:
                what = field.removesuffix("_ns")
                gap = f" ({its - mine:+d} ns)" if field.endswith("_ns") and mine and its else ""
                start_ns = min(job.start_ns, twin.start_ns)
                found.append((start_ns, f"{_name(job)} has another {what}: {mine}, {its}{gap}"))
                break
    found += [(job.start_ns, f"{_name(job)} ran only in the second") for job in by_place.values()]
    return min(found)[1] if found else ""


def _name(job: TaskJob) -> str:
    return f"job {job.index} of task {job.task_id}"

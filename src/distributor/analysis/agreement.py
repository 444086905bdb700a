"""What was measured, held against theory: where the two disagree, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas

from distributor.analysis.duration import format_duration
from distributor.analysis.statistics import each_row
from distributor.analysis.theory import Answer, Costs, TheoryVerdict, judge
from distributor.session.result import Verdict

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from distributor.analysis.theory import AnalysedTask

#: More than a release and a preemption cost on any machine that was measured.
_COST_MAX_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Judged:
    """A set with both answers."""

    verdict: Verdict
    theory: TheoryVerdict
    #: Its tasks' statistics, by their place.
    tasks: DataFrame


def compare_with_theory(
    tasksets: DataFrame,
    statistics: DataFrame,
    tasks: Mapping[int, Sequence[AnalysedTask]],
    cpus: int | None = None,
    told: Callable[[], object] = lambda: None,
) -> DataFrame:
    """One row for each set, in the order of ``tasksets`` and with its index.

    Columns: ``batch``, ``set_index``, ``name``, ``verdict``; ``theory`` (``schedulable``,
    ``not schedulable``, ``unknown``), ``test`` and ``reason``, theory's own; ``agrees`` (gaps
    where either side has no answer: ``failed`` and ``undecided`` sets, and ``unknown`` ones);
    ``bound_used``, the greatest measured response time over theory's worst case (above 1, the
    machine's own costs show); ``why``, for those that disagree.

    :param statistics: of :func:`~distributor.analysis.statistics.task_statistics`.
    :param tasks: by the sets' ``id``.
    :param cpus: processors of the machine; unset: as many as the tasks name.
    :param told: called as each set is done.
    """
    by_set = dict(iter(statistics.groupby(["batch", "set_index"])))
    rows = []
    for row in each_row(tasksets):
        members = by_set.get((row.batch, row.set_index), statistics.iloc[:0])
        judged = _Judged(Verdict(row.verdict), judge(tasks[row.id], cpus), members)
        agrees = _agrees(judged)
        told()
        rows.append(
            {
                "batch": row.batch,
                "set_index": row.set_index,
                "name": row.name,
                "verdict": row.verdict,
                "theory": judged.theory.answer.value,
                "test": judged.theory.test,
                "reason": judged.theory.reason,
                "agrees": agrees,
                "bound_used": _bound_used(judged),
                "why": _why(judged, tasks[row.id], cpus) if agrees is False else "",
            }
        )
    columns = ["batch", "set_index", "name", "verdict", "theory", "test", "reason", "agrees",
               "bound_used", "why"]  # fmt: skip
    frame = pandas.DataFrame(rows, index=tasksets.index, columns=columns)
    return frame.astype({"agrees": "boolean", "bound_used": "float64"})


def theory_holds(agreement: DataFrame) -> Series[bool]:
    """Whether theory says that a set holds, by the same index; gaps where it has no answer."""
    answer = agreement["theory"]
    return (answer == Answer.SCHEDULABLE).astype("boolean").mask(answer == Answer.UNKNOWN)


def _agrees(judged: _Judged) -> bool | None:
    if judged.theory.answer is Answer.UNKNOWN:
        return None
    if judged.verdict not in (Verdict.SCHEDULABLE, Verdict.MISSED):
        return None
    held = judged.verdict is Verdict.SCHEDULABLE
    return held == (judged.theory.answer is Answer.SCHEDULABLE)


def _bound_used(judged: _Judged) -> float | None:
    shares = [task.response_max_ns / bound_ns for task, bound_ns in _bounded(judged)]
    return max(shares, default=None)


def _bounded(judged: _Judged) -> Iterator[tuple[Any, int]]:
    """Each task that ran and for which theory has a worst case, with that."""
    bounds = judged.theory.responses_ns
    for task in each_row(judged.tasks):
        bound_ns = bounds[task.task_id] if task.task_id < len(bounds) else None
        if task.jobs and bound_ns:
            yield task, bound_ns


def _why(judged: _Judged, tasks: Sequence[AnalysedTask], cpus: int | None) -> str:
    """The likely reason, from what is known of both sides."""
    if judged.verdict is Verdict.MISSED:
        return _why_missed(judged, tasks, cpus)
    return _why_held(judged)


def _why_missed(judged: _Judged, tasks: Sequence[AnalysedTask], cpus: int | None) -> str:
    """Theory says that every job is in time, and one was not."""
    late = judged.tasks[judged.tasks["misses"] > 0]
    if late.empty:
        return "not all jobs were told of, and none of those that were is late"
    task = next(each_row(late.sort_values("lateness_max_ns", ascending=False)))
    what = (
        f"was late by {format_duration(task.lateness_max_ns)}"
        if task.lateness_max_ns > 0
        else "had a job killed for time"
    )
    holds_ns = _bearable_ns(tasks, cpus)
    if holds_ns < _COST_MAX_NS:
        told = f"theory holds up to {format_duration(holds_ns)} of the machine's own costs a job"
    else:
        told = (
            f"theory holds even with {format_duration(_COST_MAX_NS)} of costs a job: its jobs took "
            "more than their WCET, or something else had the processor"
        )
    return f"task {task.task_id} ({task.name}) {what}; {told}"


def _bearable_ns(tasks: Sequence[AnalysedTask], cpus: int | None) -> int:
    """How much each job may cost beside its WCET until theory no longer says that all is well."""
    bears_ns, fails_ns = 0, _COST_MAX_NS
    if judge(tasks, cpus, Costs(release_ns=fails_ns)).answer is Answer.SCHEDULABLE:
        return fails_ns
    while fails_ns - bears_ns > max(100, bears_ns // 50):
        middle_ns = (bears_ns + fails_ns) // 2
        if judge(tasks, cpus, Costs(release_ns=middle_ns)).answer is Answer.SCHEDULABLE:
            bears_ns = middle_ns
        else:
            fails_ns = middle_ns
    return bears_ns


def _why_held(judged: _Judged) -> str:
    """Theory says that some job is late, and none was."""
    place, job = judged.theory.task_id, judged.theory.job
    task = next((each for each in each_row(judged.tasks) if each.task_id == place), None)
    if task is None:
        return f"the run is too short to show it: {judged.theory.reason}"
    if job is not None and job >= task.jobs:
        return (
            f"theory's miss is job {job} of task {place} ({task.name}), and the run had "
            f"{task.jobs} of them"
        )
    spare_ns = task.deadline_ns - task.response_max_ns
    return (
        f"task {place} ({task.name}) kept {format_duration(spare_ns)} to spare: its jobs, or those "
        "that precede it, took less than their WCET, or never met at the worst moment"
    )

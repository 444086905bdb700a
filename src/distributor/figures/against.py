"""The part of a report that holds a run against another one of the same task sets."""

from __future__ import annotations

import pandas

from distributor.analysis.change import changed_sets, changed_tasks
from distributor.analysis.compare import first_difference
from distributor.analysis.duration import format_duration
from distributor.analysis.statistics import each_row, task_statistics
from distributor.analysis.table import Column
from distributor.data.read import RunFrames
from distributor.figures.html import Html, join, table, tag
from distributor.store.store import Store

#: Rows of each table.
_MOST = 50


def against(store: Store, one: RunFrames, other: RunFrames) -> Html:
    """Which sets differ and where they part, and which tasks' response times changed most."""
    sets = changed_sets(one.tasksets, other.tasksets)
    parts = [tag("h2", f"Against run {other.run.id}")]
    same = int(sets["same"].sum())
    verdicts = int((sets["verdict"].fillna("") != sets["verdict_other"].fillna("")).sum())
    parts.append(
        tag(
            "p",
            f"{same:,} of {len(sets):,} task sets are the same in both runs, to the nanosecond. "
            f"Sets with another verdict: {verdicts:,}.",
        )
    )
    differing = sets[~sets["same"]].head(_MOST)
    if len(differing):
        columns = [Column("Set", right=True), Column("Name"), Column(f"Run {one.run.id}"),
                   Column(f"Run {other.run.id}"), Column("Where they part")]  # fmt: skip
        rows = [
            (str(row.set_index), row.name, _told(row.verdict), _told(row.verdict_other),
             _where(store, one.run.id, other.run.id, row.batch, row.set_index))
            for row in each_row(differing)
        ]  # fmt: skip
        parts.append(table(columns, rows, _some(len(rows), len(sets) - same, "sets")))
        parts += _tasks(one, other)
    return join(parts)


def _tasks(one: RunFrames, other: RunFrames) -> list[Html]:
    statistics = [task_statistics(frames.jobs, frames.tasks) for frames in (one, other)]
    tasks = changed_tasks(*statistics)
    tasks = tasks[tasks["max_change"].abs() > 0]
    if tasks.empty:
        return []
    most = tasks.sort_values("max_change", key=abs, ascending=False).head(_MOST)
    columns = [Column("Set", right=True), Column("Task"), Column("Median", right=True),
               Column("then", right=True), Column("Change", right=True),
               Column("Max", right=True), Column("then", right=True),
               Column("Change", right=True)]  # fmt: skip
    rows = [
        (
            str(row.set_index),
            f"{row.task_id} {row.name}",
            format_duration(row.response_median_ns),
            format_duration(row.response_median_ns_other),
            f"{row.median_change:+.2%}",
            format_duration(row.response_max_ns),
            format_duration(row.response_max_ns_other),
            f"{row.max_change:+.2%}",
        )
        for row in each_row(most)
    ]
    caption = f"Response times that changed most, from run {one.run.id} to run {other.run.id}"
    return [table(columns, rows, caption)]


def _where(store: Store, one: int, other: int, batch: int, set_index: int) -> str:
    jobs = (
        (record.job for record in store.jobs(run, batch=batch, set_index=set_index))
        for run in (one, other)
    )
    return first_difference(*jobs)


def _told(verdict: object) -> str:
    return "-" if pandas.isna(verdict) else str(verdict)  # type: ignore[call-overload]


def _some(shown: int, total: int, what: str) -> str:
    return f"The first {shown} of {total} {what} that differ" if shown < total else ""

"""What the API tells of results, read from the store. Everything here blocks."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from distributor.errors import NotThereError
from distributor.service.models import (
    Noise,
    Results,
    Set,
    SetDetail,
    Task,
    TaskJob,
)
from distributor.session.result import Verdict
from distributor.store.newest import Newest, newest_sets
from distributor.store.record import TaskRecord, TaskSetRecord
from distributor.store.store import Store

#: Jobs of a set that are told.
JOBS_MAX = 10_000
#: Draws one picture at a time: matplotlib's settings are the process's, and it keeps its fonts
#: open for each thread.
PENCIL = ThreadPoolExecutor(1, "pencil")


def read_results(
    store: Store,
    run: int,
    *,
    job: int | None,
    verdict: Verdict | None,
    before: int | None,
    limit: int,
) -> Results:
    """A page of sets, the newest first."""
    found = newest_sets(store, run, batch=job, verdict=verdict, before=before, limit=limit + 1)
    page = found[:limit]
    following = page[-1].taskset.id if len(found) > limit else None
    return Results(results=[_set(each) for each in page], next=following)


def read_set(store: Store, run: int, job: int, index: int) -> SetDetail:
    """:raise NotThereError: the set has no verdict, or does not exist."""
    found = _find(store, run, job, index)
    members = list(store.tasks(found.id))
    jobs = store.jobs(run, batch=job, set_index=index)
    told = [
        TaskJob(
            task_id=each.task_id,
            index=each.index,
            release_ns=each.release_ns,
            start_ns=each.start_ns,
            completion_ns=each.completion_ns,
            response_ns=each.response_ns,
            deadline_ns=each.deadline_ns,
            met=each.met,
            outcome=each.outcome.value,
            exit_value=each.exit_value,
        )
        for _, _, each in islice(jobs, JOBS_MAX)
    ]
    left_out = sum(1 for _ in jobs)
    return SetDetail(
        **_common(Newest(found, _utilization(members))),
        tasks=[Task(**dataclasses.asdict(member)) for member in members],
        jobs=told,
        jobs_left_out=left_out,
        console=found.console,
    )


def draw_gantt(store: Store, run: int, job: int, index: int, *, dark: bool, narrow: bool) -> bytes:
    """A set's Gantt chart, as SVG.

    :param narrow: for a screen of a telephone's width.
    :raise NotThereError: the set has no verdict, or does not exist.
    """
    from distributor.figures.style import darkened

    svg = PENCIL.submit(_drawn, store, run, _find(store, run, job, index), narrow).result()
    return darkened(svg) if dark else svg


def _drawn(store: Store, run: int, found: TaskSetRecord, narrow: bool) -> bytes:
    from distributor.data.read import read_run
    from distributor.figures.gantt import chart_height, gantt_chart, telling_window
    from distributor.figures.style import NARROW, WIDE, picture
    from distributor.figures.trace import read_slices

    frames = read_run(store, run, batch=found.batch, set_index=found.set_index)
    slices = read_slices(store, found.id)
    drawing = gantt_chart(frames.jobs, frames.tasks, telling_window(frames.jobs), slices)
    height = chart_height(len(frames.tasks) + (slices is not None))
    # A narrow one needs more lines for its legend.
    size = (NARROW, height + 0.25) if narrow else (WIDE, height)
    return picture(drawing, "svg", size)


def _find(store: Store, run: int, job: int, index: int) -> TaskSetRecord:
    for found in store.tasksets(run, batch=job, set_index=index):
        return found
    raise NotThereError(f"set {index} of job {job} has no verdict")


def _set(each: Newest) -> Set:
    return Set(**_common(each), tasks=each.taskset.task_count)


def _common(each: Newest) -> dict[str, Any]:
    found = each.taskset
    return {
        "id": found.id,
        "job": found.batch,
        "index": found.set_index,
        "name": found.name,
        "verdict": found.verdict,
        "reason": found.reason,
        "machine": found.machine,
        "attempts": found.attempts,
        "finished_at": found.finished_at,
        "guest_s": found.guest_ns / 1e9,
        "host_s": found.host_s,
        "utilization": each.utilization,
        "noise": None if found.noise is None else Noise(**dataclasses.asdict(found.noise)),
        "digest": found.digest,
    }


def _utilization(members: list[TaskRecord]) -> float | None:
    total = 0.0
    for member in members:
        if member.wcet_ns is None:
            return None
        total += member.wcet_ns / member.period_ns
    return total

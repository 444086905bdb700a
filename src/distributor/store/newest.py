"""A run at a glance: its newest sets, a page at a time, and what its jobs come to."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import NamedTuple

from sqlalchemy import func, select

from distributor.session.result import Verdict
from distributor.store.record import TaskSetRecord
from distributor.store.row import taskset_of
from distributor.store.schema import tasks, tasksets
from distributor.store.store import Store
from distributor.tasks.task import wcet_ns


class Newest(NamedTuple):
    """A set, and the sum of its tasks' utilizations; None if one has no known WCET."""

    taskset: TaskSetRecord
    utilization: float | None


def newest_sets(
    store: Store,
    run_id: int,
    *,
    batch: int | None = None,
    verdict: Verdict | None = None,
    before: int | None = None,
    limit: int,
) -> list[Newest]:
    """At most ``limit`` sets of a run, the newest first.

    :param batch: of this job only, by the order of adding them.
    :param before: only those that were kept before the set of this id.
    """
    members = select(func.count()).where(tasks.c.taskset_id == tasksets.c.id).scalar_subquery()
    query = select(*tasksets.c, members.label("task_count")).where(tasksets.c.run_id == run_id)
    if batch is not None:
        query = query.where(tasksets.c.batch == batch)
    if verdict is not None:
        query = query.where(tasksets.c.verdict == verdict.value)
    if before is not None:
        query = query.where(tasksets.c.id < before)
    query = query.order_by(tasksets.c.id.desc()).limit(limit)
    found = [taskset_of(row) for row in store.rows(query)]
    shares = _utilizations(store, [each.id for each in found])
    return [Newest(each, shares.get(each.id)) for each in found]


def counts_by_batch(store: Store, run_id: int) -> dict[int, Counter[Verdict]]:
    """How many sets of each job of a run have which verdict."""
    query = select(tasksets.c.batch, tasksets.c.verdict, func.count())
    query = query.where(tasksets.c.run_id == run_id)
    counts: defaultdict[int, Counter[Verdict]] = defaultdict(Counter)
    for batch, verdict, count in store.rows(query.group_by(tasksets.c.batch, tasksets.c.verdict)):
        counts[batch][Verdict(verdict)] = count
    return dict(counts)


def _utilizations(store: Store, ids: list[int]) -> dict[int, float | None]:
    if not ids:
        return {}
    told = (tasks.c.executable, tasks.c.arg1, tasks.c.executiontime_ns, tasks.c.period_ns)
    query = select(tasks.c.taskset_id, *told).where(tasks.c.taskset_id.in_(ids))
    shares: defaultdict[int, list[float]] = defaultdict(list)
    for key, executable, arg1, executiontime_ns, period_ns in store.rows(query):
        wcet = wcet_ns(executable, arg1, executiontime_ns)
        shares[key].append(math.nan if wcet is None else wcet / period_ns)
    sums = {key: math.fsum(each) for key, each in shares.items()}
    return {key: None if math.isnan(total) else total for key, total in sums.items()}

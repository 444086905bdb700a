"""The ratio of a run that grows is the one of the analysis, and no set is read twice for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from distributor.analysis.ratio import schedulability
from distributor.data import columns
from distributor.data.read import read_tasksets
from distributor.service import tally
from distributor.service.tally import RatioTally
from distributor.session.result import Verdict
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import a_result, an_attempt

#: The same utilization in one job and in the other, chosen and not, and one that nobody knows.
SETS = [
    (1, 0.5, Verdict.SCHEDULABLE),
    (1, None, Verdict.MISSED),
    (2, 0.5, Verdict.FAILED),
    (2, None, Verdict.SCHEDULABLE),
    (2, 1, Verdict.UNDECIDED),
    (1, "?", Verdict.SCHEDULABLE),
    (2, 1, Verdict.SCHEDULABLE),
]


def add(store: Store, run: int, index: int) -> None:
    job, utilization, verdict = SETS[index]
    task = Task("hey" if utilization == "?" else "busy", arg1=2000, period_ms=10)
    origin = {"utilization": utilization} if isinstance(utilization, int | float) else None
    attempt = an_attempt(index, job=job, taskset=TaskSet(task, origin=origin))
    store.add(run, attempt, replace(a_result(jobs=0), verdict=verdict))


def analysed(store: Store, run: int, job: int | None) -> list[dict[str, Any]]:
    sets = read_tasksets(store, run)
    points = schedulability(sets if job is None else sets[sets["batch"] == job], [])
    told = points[["utilization", "sets", "schedulable", "low", "high"]].to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in told]


def test_the_ratio_grows_with_the_run(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    reading = columns.read_members

    def watched(*args: Any, **which: Any) -> columns.Members:
        members = reading(*args, **which)
        if which.get("ids"):
            read.extend(members.tasksets["set_index"].to_pylist())
        return members

    monkeypatch.setattr(columns, "read_members", watched)
    monkeypatch.setattr(tally, "_STEP", 2)
    with Store.open(url) as store:
        run, other = store.begin_run("the run"), store.begin_run("another")
        kept = RatioTally(store, run)
        assert kept.read(None).points == []
        for index in range(len(SETS)):
            add(store, run, index)
            add(store, other, index)
            if index in (0, 2, 6):
                for job in (None, 1, 2, 3):
                    told = [point.model_dump() for point in kept.read(job).points]
                    assert told == analysed(store, run, job)
    assert read == list(range(len(SETS)))

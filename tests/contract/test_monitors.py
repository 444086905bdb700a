"""One suite over all monitors; and what those that keep results hold of them afterwards."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from distributor import ConsoleMonitor, LoggingMonitor, MongoMonitor, Monitor, StoreError
from distributor.monitors.file import CsvMonitor, JsonLinesMonitor
from distributor.monitors.monitor import Attempt
from distributor.monitors.store import StoreMonitor
from distributor.session.event import Event, EventType
from distributor.session.result import Result, Verdict
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.fakes.mongodb import FakeMongo
from tests.results import RESULTS, a_result, an_attempt, an_undecided_result

#: What every keeping monitor is asked for: by set, its verdict and its jobs.
Kept = dict[int, tuple[str, list[tuple[Any, ...]]]]


@dataclass
class Place:
    """Somewhere to keep results, and a way to read them that knows nothing of the monitor."""

    kind: str
    open: Callable[[], Monitor]
    read: Callable[[], Kept]


def job_facts(job: Any) -> tuple[Any, ...]:
    return (
        job["task_id"],
        job["job_index"],
        job["release_ns"],
        job["start_ns"],
        job["completion_ns"],
        job["outcome"],
        job["exit_value"],
        job["deadline_ns"],
    )


def from_rows(rows: list[dict[str, Any]]) -> Kept:
    kept: Kept = {}
    for row in rows:
        _, jobs = kept.setdefault(row["set_index"], (row["verdict"], []))
        if row["task_id"] is not None:
            jobs.append(job_facts(row))
    return kept


def read_csv(path: Path) -> Kept:
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        for name, text in row.items():
            if name in ("set_index", "task_id", "job_index", "exit_value") or name.endswith("_ns"):
                row[name] = int(text) if text else None
    return from_rows(rows)


def read_json_lines(path: Path) -> Kept:
    return from_rows([json.loads(line) for line in path.read_bytes().splitlines()])


def read_store(path: Path) -> Kept:
    with Store.open(str(path), create=False) as store:
        kept: Kept = {
            row.set_index: (row.verdict.value, []) for row in store.tasksets(store.run().id)
        }
        for _, set_index, job in store.jobs(store.run().id):
            values = {name: getattr(job, name) for name in job.__slots__}
            kept[set_index][1].append(job_facts({**values, "job_index": job.index}))
    return kept


def read_mongo(server: FakeMongo) -> Kept:
    kept: Kept = {}
    for document in server.documents("distributor.tasksets"):
        jobs = list(document["jobs"])
        for part in range(document["job_parts"]):
            (piece,) = (
                each
                for each in server.documents("distributor.jobs")
                if each["_id"] == {**document["_id"], "part": part}
            )
            jobs += piece["jobs"]
        kept[document["set_index"]] = (document["verdict"], [job_facts(job) for job in jobs])
    return kept


KEEPERS = ["csv", "jsonl", "store", "mongodb"]


def a_place(kind: str, folder: Path, mongo: FakeMongo) -> Place:
    path = folder / f"results.{kind}"
    if kind == "csv":
        return Place(kind, lambda: CsvMonitor(path), lambda: read_csv(path))
    if kind == "jsonl":
        return Place(kind, lambda: JsonLinesMonitor(path), lambda: read_json_lines(path))
    if kind == "store":
        return Place(kind, lambda: StoreMonitor(str(path)), lambda: read_store(path))
    return Place(kind, lambda: MongoMonitor(mongo.url), lambda: read_mongo(mongo))


@pytest.fixture
def mongo() -> Iterator[FakeMongo]:
    with FakeMongo() as server:
        yield server


@pytest.fixture(params=KEEPERS)
def place(request: pytest.FixtureRequest, tmp_path: Path, mongo: FakeMongo) -> Place:
    return a_place(request.param, tmp_path, mongo)


@pytest.fixture(params=[*KEEPERS, "console", "logging"])
def monitor(request: pytest.FixtureRequest, tmp_path: Path, mongo: FakeMongo) -> Iterator[Monitor]:
    other: dict[str, type[Monitor]] = {"console": ConsoleMonitor, "logging": LoggingMonitor}
    if request.param in other:
        made = other[request.param]()
    else:
        made = a_place(request.param, tmp_path, mongo).open()
    yield made
    made.close()


# All monitors


class Hooks:
    """The methods of earlier distributors, on top of whatever monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self.calls: list[tuple[Any, ...]] = []
        for name in ("start", "event", "finish", "stop", "bad"):
            hook = f"__taskset_{name}__"
            setattr(monitor, hook, lambda *words, name=name: self.calls.append((name, *words[1:])))


def test_it_takes_a_sets_whole_life_and_calls_the_ancestors_methods(monitor: Monitor) -> None:
    hooks = Hooks(monitor)
    event = Event(EventType.START, 0, 27_120)
    monitor.started(an_attempt(0))
    monitor.event(an_attempt(0), [event])
    monitor.finished(an_attempt(0), a_result())
    monitor.stopped(an_attempt(1))
    monitor.bad(an_attempt(1, number=2), an_undecided_result())
    assert hooks.calls == [("start",), ("event", event), ("finish",), ("stop",), ("bad", 2)]


def test_it_is_closed_twice_without_harm(monitor: Monitor) -> None:
    monitor.finished(an_attempt(), a_result())
    monitor.close()
    monitor.close()


def test_it_takes_hostile_text(monitor: Monitor) -> None:
    text = "a,\"b\"\n\x1b[2J;=1+1\0\ud800 \u2028 'c' %s"
    result = Result(verdict=Verdict.UNDECIDED, reason=text, console=text)
    attempt = an_attempt(taskset=TaskSet(Task("hey", arg1="',\"\\"), name=text))
    monitor.bad(attempt, result)


# Those that keep results


def test_a_result_is_there_when_the_call_returns(place: Place) -> None:
    monitor = place.open()
    monitor.started(an_attempt(3))
    assert not place.read()
    monitor.finished(an_attempt(3), a_result(Verdict.MISSED))
    assert place.read() == {3: ("missed", expected(a_result()))}
    monitor.stopped(an_attempt(4))
    monitor.bad(an_attempt(4), an_undecided_result())
    assert place.read() == {3: ("missed", expected(a_result())), 4: ("undecided", [])}
    monitor.close()
    assert len(place.read()) == 2


def expected(result: Result) -> list[tuple[Any, ...]]:
    return [
        (
            job.task_id,
            job.index,
            job.release_ns,
            job.start_ns,
            job.completion_ns,
            job.outcome.value,
            job.exit_value,
            job.deadline_ns,
        )
        for job in result.jobs
    ]


def test_what_comes_after_the_end_is_not_lost_in_silence(place: Place) -> None:
    monitor = place.open()
    monitor.close()
    with pytest.raises(StoreError, match="make another"):
        monitor.finished(an_attempt(), a_result())


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(result=RESULTS)
def test_whatever_a_machine_says_is_kept(place: Place, result: Result) -> None:
    monitor = place.open()
    index = max(place.read(), default=-1) + 1
    attempt = Attempt(an_attempt().taskset, job=1, index=index, number=1, machine="m1")
    monitor.finished(attempt, result)
    kept = place.read()[index]
    monitor.close()
    assert kept == (result.verdict.value, expected(result))

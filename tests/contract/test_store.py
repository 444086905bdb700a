"""What a store promises, on every database that it can be kept in."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from distributor.errors import StoreError
from distributor.session.result import Clock, Result, Verdict
from distributor.session.switch import Trace
from distributor.store.database import parse_url
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import (
    FACTS,
    RESULTS,
    TASKS,
    a_job,
    a_result,
    a_traced_result,
    an_attempt,
    an_undecided_result,
)

ONE_STORE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def execute(url: str, statement: str) -> None:
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_run_is_read_back_as_it_was_begun(store: Store) -> None:
    run_id = store.begin_run(
        "distributor run sets.py",
        clock=Clock.VIRTUAL,
        options={"machines": 2, "kernel": None},
        seed=2**70,
        qemu="7.2.22",
    )
    run = store.run(run_id)
    assert (run.command, run.clock, run.seed, run.qemu) == (
        "distributor run sets.py",
        Clock.VIRTUAL,
        str(2**70),
        "7.2.22",
    )
    assert run.options == {"machines": 2, "kernel": None}
    assert run.host["processors"] >= 1
    assert run.ended_at is None
    store.end_run(run_id)
    ended = store.run(run_id)
    assert ended.ended_at is not None
    assert ended.ended_at >= ended.started_at
    assert ended.started_at.tzinfo is not None


def test_passwords_are_not_kept(store: Store) -> None:
    store.begin_run(
        "distributor run x.py --store postgresql://me:secret@host/db",
        options={"store": "postgresql://me:secret@host/db"},
    )
    assert "secret" not in repr(store.run())
    assert store.run().options["store"] == "postgresql://me:***@host/db"


def test_the_last_run_is_the_one_without_an_id(store: Store) -> None:
    with pytest.raises(StoreError, match="has no run yet"):
        store.run()
    ids = [store.begin_run(f"run {number}") for number in range(3)]
    assert store.run().id == ids[-1]
    assert [run.command for run in store.runs()] == ["run 0", "run 1", "run 2"]
    assert store.count_runs() == 3
    with pytest.raises(StoreError, match="has no run 99"):
        store.run(99)


def test_a_decided_set_is_read_back(store: Store) -> None:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(4, job=2, number=3), a_result(Verdict.MISSED))
    (kept,) = store.tasksets(run_id)
    assert (kept.batch, kept.set_index, kept.name, kept.attempts) == (2, 4, "pair", 3)
    assert (kept.verdict, kept.reason) == (Verdict.MISSED, "every job met its deadline")
    assert (kept.machine, kept.machines, kept.facts) == ("m1", ("m1",), FACTS)
    assert (kept.guest_ns, kept.host_s, kept.task_count) == (12_000_000, 0.25, 2)
    assert [record.job for record in store.jobs(run_id)] == [a_job(0, 0), a_job(0, 1)]


def test_an_undecided_set_is_read_back(store: Store) -> None:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(), an_undecided_result())
    (kept,) = store.tasksets(run_id)
    assert (kept.verdict, kept.facts) == (Verdict.UNDECIDED, None)
    assert (kept.machines, kept.console) == (("m2", "m1"), "Kernel panic\nhalted")
    assert not list(store.jobs(run_id))
    assert len(list(store.tasks(kept.id))) == 2


def test_a_set_has_one_verdict_in_a_run(store: Store) -> None:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(0), a_result(Verdict.MISSED))
    with pytest.raises(StoreError, match=r"set 0 of job 1 .* has a verdict for it already"):
        store.add(run_id, an_attempt(0), a_result(Verdict.SCHEDULABLE))
    assert [kept.verdict for kept in store.tasksets(run_id)] == [Verdict.MISSED]
    store.add(run_id, an_attempt(0, job=2), a_result())
    store.add(store.begin_run("y"), an_attempt(0), a_result())


def test_a_set_needs_its_run(store: Store) -> None:
    with pytest.raises(StoreError, match=r"run 7 .* is not there"):
        store.add(7, an_attempt(), a_result())


def test_a_set_is_kept_whole_or_not_at_all(store: Store) -> None:
    run_id = store.begin_run("x")
    twice = Result(Verdict.MISSED, "", jobs=(a_job(0, 0), a_job(0, 1), a_job(0, 0)))
    with pytest.raises(StoreError):
        store.add(run_id, an_attempt(), twice)
    assert not list(store.tasksets(run_id))
    assert not list(store.jobs(run_id))
    store.add(run_id, an_attempt(), a_result())
    assert len(list(store.jobs(run_id))) == 2


def test_sets_and_jobs_come_in_their_order(store: Store) -> None:
    run_id = store.begin_run("x")
    other = store.begin_run("y")
    for batch, index in [(2, 0), (1, 2), (1, 0), (1, 1)]:
        jobs = tuple(a_job(task, place) for task in (1, 0) for place in (1, 0))
        store.add(run_id, an_attempt(index, job=batch), Result(Verdict.SCHEDULABLE, "", jobs=jobs))
    store.add(other, an_attempt(0), a_result())
    order = [(1, 0), (1, 1), (1, 2), (2, 0)]
    assert [(kept.batch, kept.set_index) for kept in store.tasksets(run_id)] == order
    told = [
        (row.batch, row.set_index, row.job.task_id, row.job.index) for row in store.jobs(run_id)
    ]
    assert told == [(*each, task, index) for each in order for task in (0, 1) for index in (0, 1)]
    assert [kept.batch for kept in store.tasksets(run_id, batch=2)] == [2]
    chosen = store.jobs(run_id, batch=1, set_index=2)
    assert {(row.batch, row.set_index) for row in chosen} == {(1, 2)}


def test_verdicts_are_counted(store: Store) -> None:
    run_id = store.begin_run("x")
    for index, verdict in enumerate([Verdict.MISSED, Verdict.FAILED, Verdict.MISSED]):
        store.add(run_id, an_attempt(index), a_result(verdict))
    store.add(run_id, an_attempt(0, job=2), a_result())
    assert store.counts(run_id) == {
        Verdict.SCHEDULABLE: 1,
        Verdict.MISSED: 2,
        Verdict.FAILED: 1,
        Verdict.UNDECIDED: 0,
    }
    assert sum(store.counts(run_id, batch=2).values()) == 1


@ONE_STORE
@given(result=RESULTS, tasks=st.lists(TASKS, min_size=1, max_size=4), name=st.text())
def test_nothing_changes_on_the_way(
    store: Store, result: Result, tasks: list[Task], name: str
) -> None:
    run_id = store.begin_run("x")
    taskset = TaskSet(tasks, name=name)
    store.add(run_id, an_attempt(taskset=taskset), result)
    (kept,) = store.tasksets(run_id)
    for name_of_field in ("verdict", "guest_ns", "host_s", "machines"):
        assert getattr(kept, name_of_field) == getattr(result, name_of_field)
    # No database but SQLite keeps a NUL.
    assert kept.reason == result.reason.replace("\0", "�")
    assert kept.console == result.console.replace("\0", "�")
    assert kept.name == name.replace("\0", "�")
    assert (kept.facts is None) == (result.facts is None)
    assert tuple(row.job for row in store.jobs(run_id)) == result.jobs
    records = list(store.tasks(kept.id))
    for task, record in zip(tasks, records, strict=True):
        assert record.wcet_ns == task.wcet_ns
        for field in fields(Task):
            told = "executable" if field.name == "binary" else field.name
            assert getattr(record, told) == getattr(task, field.name)


def test_what_made_a_set_is_kept_with_it(store: Store) -> None:
    run_id = store.begin_run("x")
    origin = {"generator": "uunifast", "seed": 2**70, "utilization": 0.1, "caps": [None, "x"]}
    store.add(run_id, an_attempt(0, taskset=TaskSet(Task("hey"), origin=origin)), a_result())
    store.add(run_id, an_attempt(1), a_result())
    assert [kept.origin for kept in store.tasksets(run_id)] == [origin, None]


def test_switches_are_kept_with_their_set(store: Store) -> None:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(0), a_result())
    store.add(run_id, an_attempt(1), a_traced_result())
    plain, traced = store.tasksets(run_id)
    assert (plain.trace, list(store.switches(plain.id))) == (None, [])
    assert traced.trace is Trace.COMPLETE
    assert tuple(store.switches(traced.id)) == a_traced_result().switches


def test_text_that_no_database_takes_is_made_fit(store: Store) -> None:
    run_id = store.begin_run("x\udcff")
    odd = Result(Verdict.FAILED, "lone \ud800 surrogate, \0", console="x" * 200_000)
    store.add(run_id, an_attempt(), odd)
    (kept,) = store.tasksets(run_id)
    assert kept.reason == "lone ? surrogate, �"
    assert len(kept.console) == 65536


def test_a_number_over_64_bits_is_refused_and_harms_nothing(store: Store) -> None:
    run_id = store.begin_run("x")
    with pytest.raises(StoreError, match="cannot write to the store"):
        store.add(run_id, an_attempt(), Result(Verdict.MISSED, "", (a_job(response_ns=2**80),)))
    store.add(run_id, an_attempt(), a_result())


def test_what_was_kept_is_there_when_the_store_is_opened_again(url: str) -> None:
    with Store.open(url) as store:
        run_id = store.begin_run("x")
        store.add(run_id, an_attempt(), a_result())
    with Store.open(url) as store, Store.open(url, create=False) as reader:
        assert reader.counts(run_id)[Verdict.SCHEDULABLE] == 1
        assert store.begin_run("y") > run_id


def test_a_reader_sees_finished_sets_while_others_are_written(url: str) -> None:
    with Store.open(url) as store, Store.open(url, create=False) as reader:
        run_id = store.begin_run("x")
        for index in range(3):
            store.add(run_id, an_attempt(index), a_result())
        seen = reader.tasksets(run_id)
        first = next(seen)
        store.add(run_id, an_attempt(3), a_result())
        assert first.set_index == 0
        assert [kept.set_index for kept in seen] == [1, 2]
        assert len(list(reader.tasksets(run_id))) == 4


def test_a_set_can_be_kept_while_others_are_read(store: Store) -> None:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(0), a_result(jobs=3000))
    rows = store.jobs(run_id)
    next(rows)
    store.add(run_id, an_attempt(1), a_result())
    assert len(list(rows)) == 2999


def test_many_jobs_are_streamed(store: Store) -> None:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(), a_result(jobs=5000))
    indexes = (row.job.index for row in store.jobs(run_id))
    assert list(itertools.islice(indexes, 3)) == [0, 1, 2]
    assert list(indexes) == list(range(3, 5000))


def test_several_writers_share_a_store(new_url: Callable[[], str]) -> None:
    url = new_url()
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def write(number: int) -> None:
        try:
            start.wait()
            with Store.open(url) as store:
                run_id = store.begin_run(f"writer {number}")
                for index in range(20):
                    store.add(run_id, an_attempt(index), a_result())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with Store.open(url, create=False) as store:
        assert [sum(store.counts(run.id).values()) for run in store.runs()] == [20] * 4


#: What later versions added to the tables of version 1.
ADDED = {"tasksets": ["origin", "noise", "trace"]}
ADDED_TABLES = ["switches", "batches", "setbacks"]


def make_version_1(url: str) -> None:
    """Turn an empty store into one that an earlier Distributor made, with a set in it."""
    with Store.open(url) as store:
        store.add(store.begin_run("x"), an_attempt(), a_result(Verdict.MISSED))
    for table, columns in ADDED.items():
        for column in columns:
            execute(url, f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ADDED_TABLES:
        execute(url, f"DROP TABLE {table}")
    execute(url, "UPDATE distributor_schema SET version = 1")


@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_version_1_is_brought_up_to_date(url: str, create: bool) -> None:
    make_version_1(url)
    with Store.open(url, create=create) as store:
        (kept,) = store.tasksets(store.run().id)
        assert (kept.verdict, kept.origin) == (Verdict.MISSED, None)
        assert len(list(store.jobs(store.run().id))) == 2
    with Store.open(url) as store:
        made = TaskSet(Task("hey"), origin={"seed": 7})
        store.add(store.run().id, an_attempt(1, taskset=made), a_traced_result())
        assert [kept.origin for kept in store.tasksets(store.run().id)] == [None, {"seed": 7}]


def test_tables_of_another_version_are_refused(url: str) -> None:
    Store.open(url).close()
    execute(url, "UPDATE distributor_schema SET version = 7")
    for create in (True, False):
        with pytest.raises(StoreError, match="tables of version 7; this Distributor knows version"):
            Store.open(url, create=create)


def test_tables_of_somebody_else_are_refused(url: str) -> None:
    execute(url, "CREATE TABLE runs (id INTEGER)")
    with pytest.raises(StoreError, match="tables of somebody else's called runs"):
        Store.open(url)
    with pytest.raises(StoreError, match="is no store of Distributor's"):
        Store.open(url, create=False)

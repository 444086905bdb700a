"""Durable jobs in a store, on every database: batches, setbacks, claims."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sqlalchemy import create_engine, text

from distributor.errors import StoreError
from distributor.store.batch import Setback
from distributor.store.database import parse_url
from distributor.store.store import Store
from distributor.tasks.taskset import TaskSet
from tests.results import a_result, an_attempt, an_undecided_result

#: Tables that version 3 added to those of version 2.
ADDED = ("batches", "setbacks")


def a_batch(store: Store, run_id: int, batch: int = 1) -> None:
    store.batches.add(
        run_id, batch, name="sets", source={"content": "{}"}, skipped=2, options={"switches": 7}
    )


def test_a_batch_is_kept_with_its_state(url: str) -> None:
    with Store.open(url) as store:
        first, second = store.begin_run("x"), store.begin_run("y")
        a_batch(store, first)
        a_batch(store, first, 2)
        a_batch(store, second)
        store.batches.set_state(first, 1, "paused")
        store.batches.set_state(first, 2, "failed", "it broke")
        store.batches.set_state(second, 1, "done")
        assert store.batches.unfinished_runs() == [first]
        (paused,) = store.batches.of_run(first, unfinished=True)
        assert (paused.batch, paused.state, paused.ended_at) == (1, "paused", None)
        assert (paused.source, paused.skipped) == ({"content": "{}"}, 2)
        assert paused.options == {"switches": 7}
        _, failed = store.batches.of_run(first)
        assert (failed.state, failed.error) == ("failed", "it broke")
        assert failed.ended_at is not None


def test_what_has_a_verdict_is_told_in_ranges(url: str) -> None:
    with Store.open(url) as store:
        run_id = store.begin_run("x")
        for index in (4, 2, 3, 7, 9, 8, 0):
            store.add(run_id, an_attempt(index, job=2), a_result())
        assert store.batches.decided(run_id, 2) == [range(1), range(2, 5), range(7, 10)]
        assert store.batches.decided(run_id, 1) == []


def test_a_setback_counts_until_there_is_a_verdict(url: str) -> None:
    with Store.open(url) as store:
        run_id = store.begin_run("x")
        store.batches.note_setback(run_id, 1, 3, Setback(1, 0, ("m1",)))
        store.batches.note_setback(run_id, 1, 3, Setback(1, 1, ("m1", "m4")))
        store.batches.note_setback(run_id, 1, 5, Setback(0, 1, ("m2",)))
        store.batches.note_setback(run_id, 2, 3, Setback(9, 9, ()))
        store.add(run_id, an_attempt(5), an_undecided_result())
        assert store.batches.setbacks(run_id, 1) == {3: (1, 1, ("m1", "m4"))}


def test_the_tasks_of_a_set_are_compared_with_those_that_were_run(url: str) -> None:
    attempt = an_attempt(4)
    with Store.open(url) as store:
        run_id = store.begin_run("x")
        store.add(run_id, attempt, a_result())
        assert store.batches.same_tasks(run_id, 1, 4, attempt.taskset)
        other = TaskSet([*attempt.taskset][:1])
        assert not store.batches.same_tasks(run_id, 1, 4, other)
        assert not store.batches.same_tasks(run_id, 1, 5, attempt.taskset)


def test_a_run_is_claimed_by_one_at_a_time(url: str) -> None:
    with Store.open(url) as store, Store.open(url) as other:
        claim = store.claim(1)
        for claimant in (store, other):
            with pytest.raises(StoreError, match=r"run 1 of .* is being written by another"):
                claimant.claim(1)
        other.claim(2).close()
        claim.close()
        claim.close()
        other.claim(1).close()


def test_a_claim_ends_with_the_program_that_has_it(url: str) -> None:
    program = (
        "import sys, time\nfrom distributor.store.store import Store\n"
        "claim = Store.open(sys.argv[1]).claim(1)\nprint('claimed', flush=True)\ntime.sleep(60)"
    )
    with (
        Store.open(url) as store,
        subprocess.Popen(
            [sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True
        ) as holder,
    ):
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "claimed\n"
            with pytest.raises(StoreError, match="is being written by another program"):
                store.claim(1)
        finally:
            holder.kill()
        holder.wait()
        # A server takes a moment to learn that its client is gone.
        end = time.monotonic() + 20
        while True:
            try:
                store.claim(1).close()
                break
            except StoreError:
                assert time.monotonic() < end


def test_a_store_of_version_2_is_read_as_it_is_and_brought_up_to_date_to_be_written(
    url: str,
) -> None:
    with Store.open(url) as store:
        run_id = store.begin_run("x")
        store.add(run_id, an_attempt(), a_result())
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        for table in ADDED:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE distributor_schema SET version = 2"))
    with Store.open(url, create=False) as store:
        assert len(list(store.tasksets(run_id))) == 1
        assert store.batches.of_run(run_id) == []
        assert store.batches.unfinished_runs() == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version FROM distributor_schema")) == 2
    with Store.open(url) as store:
        a_batch(store, run_id)
        assert [batch.state for batch in store.batches.of_run(run_id)] == ["open"]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version FROM distributor_schema")) == 3
    engine.dispose()

"""Runs that go on after their program is gone, over fake machines."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from distributor import (
    Attempt,
    ConfigurationError,
    Distributor,
    Event,
    GuestFault,
    LaunchError,
    Monitor,
    RandomTaskSets,
    Result,
    StateError,
    StoreError,
    Task,
    TaskSet,
    Verdict,
)
from distributor.durable import DurableRun, find_unfinished
from distributor.store.store import Store
from distributor.tasks.source import (
    CONTENT_MAX,
    Source,
    describe,
    describe_content,
    describe_file,
    draw,
)
from tests.fakes.machine import FakeKind
from tests.results import a_result, an_attempt

#: Draws its sets with a seed, or without one.
PROGRAM = """
import itertools, random
from distributor import Task, TaskSet
seed = {seed}
def sets():
    chance = random.Random(seed)
    for number in range(20):
        yield TaskSet(Task("hey", arg1=chance.randrange(10**6), period_ms=5, numberofjobs=2))
tasksets = sets()
"""


@pytest.fixture
def builtin(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "hey").write_bytes(b"\x7fELF")
    return {"hey": tmp_path / "hey"}


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


def sets(count: int) -> list[TaskSet]:
    return [TaskSet([Task("hey", arg1=n, period_ms=5, numberofjobs=3)]) for n in range(count)]


def kept(store: str, run: int = 1) -> list[tuple[int, int, Verdict]]:
    with Store.open(store, create=False) as opened:
        return [(each.batch, each.set_index, each.verdict) for each in opened.tasksets(run)]


class Until(Monitor):
    """Keeps who is to be stopped waiting until so many sets have a verdict."""

    def __init__(self) -> None:
        self.count = 0

    def finished(self, attempt: Attempt, result: object) -> None:
        self.count += 1

    def wait_for(self, count: int) -> None:
        end = time.monotonic() + 20
        while self.count < count:
            assert time.monotonic() < end


def run_some(run: DurableRun, builtin: dict[str, Path], count: int) -> None:
    """Run a part of what there is, and end as a crash would, with sets on their machines."""
    seen = Until()
    kind = FakeKind()
    with Distributor(2, session_type=kind, builtin=builtin, monitors=[run, seen]) as distributor:
        for job in run.unfinished():
            distributor.add_job(job)
        seen.wait_for(count)


def run_all(run: DurableRun, builtin: dict[str, Path], set_tries: int = 1) -> None:
    with Distributor(
        2, session_type=FakeKind(), builtin=builtin, monitors=[run], set_tries=set_tries
    ) as distributor:
        for job in run.unfinished():
            distributor.add_job(job)
        assert distributor.wait(20)


def test_a_run_goes_on_until_each_set_has_its_one_verdict(
    store: str, builtin: dict[str, Path]
) -> None:
    run = DurableRun(store)
    seen = Until()
    with Distributor(
        2, session_type=FakeKind(), builtin=builtin, monitors=[run, seen]
    ) as distributor:
        assert distributor.add_job(run.add(describe(sets(300)), name="many", offset=10)) == 1
        distributor.add_job(run.add(describe(sets(2))))
        seen.wait_for(20)
    for count in (20, 20):
        run = DurableRun.resume(store)
        with Store.open(store, create=False) as opened:
            assert find_unfinished(opened).id == run.run_id == 1
        run_some(run, builtin, count)
    run_all(DurableRun.resume(store, 1), builtin)
    schedulable = Verdict.SCHEDULABLE
    assert kept(store) == [
        *((1, index, schedulable) for index in range(10, 300)),
        *((2, index, schedulable) for index in range(2)),
    ]
    with Store.open(store, create=False) as opened:
        many, few = opened.batches.of_run(1)
        assert (many.state, many.name, many.skipped) == ("done", "many", 10)
        assert few.state == "done"
        assert opened.run(1).ended_at is not None
    with pytest.raises(StoreError, match="has no unfinished run"):
        DurableRun.resume(store)
    with pytest.raises(StateError, match=r"run 1 of .* is complete: nothing is left to run"):
        DurableRun.resume(store, 1)
    with pytest.raises(StoreError, match="no run 2"):
        DurableRun.resume(store, 2)


def test_a_run_that_only_lacks_its_end_is_done_when_it_goes_on(store: str) -> None:
    run = DurableRun(store)
    job = run.add(describe(sets(2)))
    with Store.open(store) as opened:
        for index in range(2):
            opened.add(1, an_attempt(index, job=job.number), a_result())
    run.close()
    run = DurableRun.resume(store)
    assert run.unfinished() == []
    assert [batch.state for batch in run.batches()] == ["done"]
    run.close()


def test_a_second_program_on_a_run_is_refused(store: str) -> None:
    run = DurableRun(store)
    run.add(describe(sets(2)), switches=7, goal={"fairness": {"strategy": 1}})
    with pytest.raises(StoreError, match=r"run 1 of the store .* is being written by another"):
        DurableRun.resume(store)
    other = DurableRun(store)
    assert other.run_id == 2
    other.close()
    run.close()
    run = DurableRun.resume(store)
    (job,) = run.unfinished()
    assert (job.switches, job.goal) == (7, {"fairness": {"strategy": 1}})
    run.close()


def test_a_paused_job_stays_so_and_a_cancelled_one_never_comes_back(
    store: str, builtin: dict[str, Path]
) -> None:
    run = DurableRun(store)
    with Distributor(0, session_type=FakeKind(), builtin=builtin, monitors=[run]) as distributor:
        for _ in range(3):
            distributor.add_job(run.add(describe(sets(1))))
        distributor.pause_job(1)
        distributor.cancel_job(2)
    run = DurableRun.resume(store)
    assert [batch.state for batch in run.batches()] == ["paused", "cancelled", "open"]
    with Distributor(1, session_type=FakeKind(), builtin=builtin, monitors=[run]) as distributor:
        assert [distributor.add_job(job) for job in run.unfinished()] == [1, 3]
        assert distributor.jobs[0].state == "paused"
        distributor.resume_job(1)
        assert distributor.wait(20)
        # What is handed over now has a number of its own.
        assert distributor.add_job(run.add(describe(sets(1)))) == 4
        assert distributor.wait(20)
    assert [(batch, index) for batch, index, _ in kept(store)] == [(1, 0), (3, 0), (4, 0)]


class Poison(Monitor):
    """Kills each machine that begins with set 0."""

    def __init__(self, kind: FakeKind) -> None:
        self._kind = kind
        self.killed: list[str] = []

    def event(self, attempt: Attempt, events: Sequence[Event]) -> None:
        if attempt.index == 0 and attempt.machine not in self.killed:
            self.killed.append(attempt.machine)
            self._kind.made[attempt.machine].die(GuestFault("panic"))


def test_a_set_that_kills_its_machines_has_no_new_tries_after_a_crash(
    store: str, builtin: dict[str, Path]
) -> None:
    run = DurableRun(store)
    # No machine after the second one comes up.
    kind = FakeKind(launches=lambda machine: machine in ("m1", "m2"))
    poison = Poison(kind)
    with Distributor(
        1, session_type=kind, builtin=builtin, monitors=[run, poison], set_tries=3
    ) as distributor:
        distributor.add_job(run.add(describe(sets(1))))
        with pytest.raises(LaunchError):
            distributor.wait(20)
    with Store.open(store, create=False) as opened:
        (setback,) = opened.batches.setbacks(1, 1).values()
    assert setback == (2, 0, ("m1", "m2"))
    run = DurableRun.resume(store)
    kind = FakeKind()
    poison = Poison(kind)
    with Distributor(
        1, session_type=kind, builtin=builtin, monitors=[run, poison], set_tries=3
    ) as distributor:
        for job in run.unfinished():
            distributor.add_job(job)
        assert distributor.wait(20)
    assert poison.killed == ["m1"]
    with Store.open(store, create=False) as opened:
        (record,) = opened.tasksets(1)
    assert (record.verdict, record.attempts) == (Verdict.UNDECIDED, 3)
    assert record.machines == ("m1", "m2", "m1")
    assert "panic" in record.reason


def test_what_a_full_disk_did_not_take_is_written_in_its_order(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = DurableRun(store)
    given = sets(3)
    run.add(describe(given))

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(run._store, "add", full)
        for index, verdict in ((2, Verdict.MISSED), (0, Verdict.FAILED), (1, Verdict.SCHEDULABLE)):
            with pytest.raises(StoreError, match="the disk is full"):
                run.finished(an_attempt(index, taskset=given[index]), a_result(verdict))
    assert kept(store) == []
    written: list[int] = []
    add = run._store.add

    def room(run_id: int, attempt: Attempt, result: Result) -> int:
        written.append(attempt.index)
        return add(run_id, attempt, result)

    monkeypatch.setattr(run._store, "add", room)
    run.keep_owed()
    assert not run.owes
    run.close()
    assert written == [2, 0, 1]
    assert kept(store) == [
        (1, 0, Verdict.FAILED),
        (1, 1, Verdict.SCHEDULABLE),
        (1, 2, Verdict.MISSED),
    ]


# Where sets come from


def again(source: Source) -> list[TaskSet]:
    """Drawn from what a store would give back."""
    drawn = draw(json.loads(json.dumps(dict(source))))
    return [drawn] if isinstance(drawn, TaskSet) else list(drawn)


def test_sets_of_this_program_are_drawn_again() -> None:
    assert again(describe(sets(3))) == sets(3)
    assert again(describe(sets(1)[0])) == sets(1)
    grid = RandomTaskSets(tasks=[2, 3], utilization=[0.5], sets=2, seed=5)
    assert again(describe(grid)) == list(grid)
    with pytest.raises(ConfigurationError, match="task sets from a list_iterator cannot be drawn"):
        describe(iter(sets(3)))
    many = sets(1) * (CONTENT_MAX // 50)
    with pytest.raises(ConfigurationError, match="more than the 1048576 characters"):
        describe(many)


def test_what_is_small_is_kept_whole_and_the_file_may_go(tmp_path: Path) -> None:
    binary = tmp_path / "mine"
    binary.write_bytes(b"\x7fELF")
    for name, content in (
        ("sets.json", '[{"tasks": [{"binary": "./mine", "period_ms": 5}]}]'),
        ("sets.jsonl", '{"tasks": [{"binary": "./mine", "period_ms": 5}]}\n'),
        ("sets.csv", "set,binary,period_ms\n0,./mine,5\n"),
    ):
        path = tmp_path / name
        path.write_text(content)
        source = describe_file(path)
        path.unlink()
        (drawn,) = again(source)
        assert drawn.tasks[0].binary == str(binary)
    (drawn,) = again(describe_content('[{"tasks": [{"binary": "hey"}]}]', ".json", "the request"))
    assert drawn.tasks[0].binary == "hey"
    with pytest.raises(ConfigurationError, match="the request is longer than"):
        describe_content(" " * (CONTENT_MAX + 1), ".json", "the request")


def test_a_large_file_must_be_the_same(tmp_path: Path) -> None:
    path = tmp_path / "sets.jsonl"
    line = '{"name": "' + "x" * 1000 + '", "tasks": [{"binary": "hey"}]}\n'
    path.write_text(line * (CONTENT_MAX // 1000))
    source = describe_file(path)
    assert len(again(source)) == CONTENT_MAX // 1000
    path.write_text(line)
    with pytest.raises(ConfigurationError, match=r"sets.jsonl has changed since"):
        draw(source)
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"sets.jsonl is gone"):
        draw(source)


def test_a_program_without_a_seed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sets.py"
    path.write_text(PROGRAM.format(seed="None"))
    with pytest.raises(ConfigurationError, match="makes other task sets each time") as caught:
        describe_file(path)
    assert "give its generator a seed" in str(caught.value)
    path.write_text(PROGRAM.format(seed=7))
    assert again(describe_file(path)) == again(describe_file(path))
    with pytest.raises(ConfigurationError, match="task sets from standard input cannot be drawn"):
        describe_file(Path("-"))
    with pytest.raises(ConfigurationError, match="cannot be drawn again"):
        describe_file(Path("/dev/null"))


def test_a_program_that_makes_other_sets_later_is_found_out(
    tmp_path: Path, store: str, builtin: dict[str, Path]
) -> None:
    (tmp_path / "seed").write_text("7")
    path = tmp_path / "sets.py"
    path.write_text(
        PROGRAM.format(seed=f"__import__('pathlib').Path({str(tmp_path / 'seed')!r}).read_text()")
    )
    run = DurableRun(store)
    run.add(describe_file(path))
    run.close()
    run_some(DurableRun.resume(store), builtin, 5)
    (tmp_path / "seed").write_text("8")
    run = DurableRun.resume(store)
    with pytest.raises(ConfigurationError, match=r"sets.py makes another task set there than"):
        run.unfinished()
    run.close()
    (tmp_path / "seed").write_text("7")
    run_all(DurableRun.resume(store), builtin)
    assert [index for _, index, _ in kept(store)] == list(range(20))

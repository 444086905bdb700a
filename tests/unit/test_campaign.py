"""Campaigns over fake machines: what is run, kept, counted, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distributor import (
    ConfigurationError,
    Distributor,
    GuestFault,
    MachineLost,
    StoreError,
    Task,
    Verdict,
)
from distributor.campaign import Budget, Campaign, Plan, find_campaign
from distributor.jobs.growth import Members
from distributor.store.store import Store
from tests.fakes.loader import ExtendedLoader, PlainTask
from tests.fakes.machine import FakeKind

#: Each task takes as many milliseconds as its arg1 says, all jobs of a set one after the other,
#: and has 10 to do it: good are the sets of which the last task is not later than that.
WORK = (2, 3, 4, 5, 12)
PLAN = Plan(seed=1, per_size=100)


class Worker(ExtendedLoader):
    """Runs the tasks of a set in their order."""

    def __init__(self) -> None:
        super().__init__(self.one_after_the_other)

    def one_after_the_other(self, task: PlainTask, job: int) -> tuple[str, int]:
        return "EXIT", sum(int(each.arg1) for each in self.tasks if each.id <= task.id)


@pytest.fixture
def builtin(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "hey").write_bytes(b"\x7fELF")
    return {"hey": tmp_path / "hey"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "results.db")) as store:
        yield store


@pytest.fixture
def run(builtin: dict[str, Path]) -> Callable[..., None]:
    def run(search: Campaign, machines: int = 3, kind: FakeKind | None = None) -> None:
        with Distributor(
            machines, session_type=kind or FakeKind(Worker), builtin=builtin, monitors=[search]
        ) as distributor:
            distributor.add_job(search.growth)
            assert distributor.wait(30)

    return run


def begin(store: Store, plan: Plan = PLAN, budget: Budget = Budget()) -> Campaign:  # noqa: B008
    tasks = [Task("hey", arg1=work, period_ms=10) for work in WORK]
    return Campaign.begin(store, tasks, plan, budget, options={"machines": 3})


def kept(store: Store) -> dict[Members, str]:
    """Each set of the last campaign with its verdict; one that was run twice is an error."""
    found: dict[Members, str] = {}
    for record in store.tasksets(find_campaign(store, None).id):
        assert record.origin is not None
        members = tuple(record.origin["tasks"])
        assert members not in found
        found[members] = record.verdict.value
    return found


EVERYTHING = {
    (0,): "schedulable",
    (1,): "schedulable",
    (2,): "schedulable",
    (3,): "schedulable",
    (4,): "missed",
    (0, 1): "schedulable",
    (0, 2): "schedulable",
    (0, 3): "schedulable",
    (1, 2): "schedulable",
    (1, 3): "schedulable",
    (2, 3): "schedulable",
    (0, 1, 2): "schedulable",
    (0, 1, 3): "schedulable",
    (0, 2, 3): "missed",
    (1, 2, 3): "missed",
    (0, 1, 2, 3): "missed",
}


@pytest.mark.parametrize("machines", [1, 4])
def test_a_campaign_runs_all_that_can_grow(
    store: Store, run: Callable[..., None], machines: int
) -> None:
    search = begin(store)
    run(search, machines)
    assert kept(store) == EVERYTHING
    assert search.over
    assert search.growth.complete
    assert not search.spent
    table = [
        (size.size, size.candidates, counts.total(), counts[Verdict.SCHEDULABLE])
        for size, counts in search.sizes()
    ]
    assert table == [(1, 5, 5, 4), (2, 6, 6, 6), (3, 4, 4, 2), (4, 1, 1, 0)]
    (record,) = store.runs()
    assert record.seed == "1"
    assert record.options["machines"] == 3
    assert record.ended_at is not None


def test_stopped_by_a_budget_it_goes_on_with_a_larger_one(
    store: Store, run: Callable[..., None]
) -> None:
    search = begin(store, budget=Budget(sets=8))
    run(search)
    assert len(kept(store)) == 8
    assert search.spent == "8 sets"
    # The budget is kept, until there is another one.
    again = Campaign.resume(store, find_campaign(store, None), Budget())
    assert again.over
    assert again.spent == "8 sets"
    again.close()
    more = Campaign.resume(store, find_campaign(store, None), Budget(sets=100))
    assert not more.over
    run(more)
    assert kept(store) == EVERYTHING
    assert [counts.total() for _, counts in more.sizes()] == [5, 6, 4, 1]
    assert [record.id for record in store.runs()] == [1]
    assert {record.batch for record in store.tasksets(1)} == {1, 2}


def test_guest_time_is_a_budget_over_all_calls(store: Store, run: Callable[..., None]) -> None:
    search = begin(store, budget=Budget(guest_s=0.015))
    run(search, 1)
    some = len(kept(store))
    assert search.spent == "0.015 s of guest time"
    assert search.guest_ns >= 15_000_000
    assert some < 8
    again = Campaign.resume(store, find_campaign(store, None), Budget())
    assert again.spent
    again.close()
    run(Campaign.resume(store, find_campaign(store, None), Budget(guest_s=100)))
    assert kept(store) == EVERYTHING


def test_wall_time_is_a_budget_of_one_call(store: Store, run: Callable[..., None]) -> None:
    search = begin(store, budget=Budget(wall_s=0))
    assert search.over
    search.close()
    again = Campaign.resume(store, find_campaign(store, None), Budget())
    assert not again.over
    run(again)
    assert kept(store) == EVERYTHING


def test_a_broken_store_ends_it_and_what_was_kept_is_gone_on_with(
    store: Store, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 7
    add = Store.add

    def fail(self: Store, run_id: int, *result: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreError("the disk is full")
        add(self, run_id, *result)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "add", fail)
    search = begin(store)
    with pytest.raises(StoreError, match="the disk is full"):
        run(search)
    assert len(kept(store)) == 7
    monkeypatch.setattr(Store, "add", add)
    run(Campaign.resume(store, find_campaign(store, None), Budget()))
    assert kept(store) == EVERYTHING


def test_a_set_that_is_given_up_is_undecided_and_does_not_grow(
    store: Store, run: Callable[..., None]
) -> None:
    kind = FakeKind(Worker)

    class Fatal(Worker):
        """Panics at any set with the task that takes 3 ms."""

        async def run(self, writer: object) -> None:
            if any(task.arg1 == "3" for task in self.tasks):
                (machine,) = (each for each in kind.made.values() if each.loader is self)
                machine.die(GuestFault("the guest panicked"))
            else:
                await super().run(writer)  # type: ignore[arg-type]

    kind._make_loader = Fatal
    search = begin(store)
    run(search, 2, kind)
    assert kept(store) == {
        **{each: verdict for each, verdict in EVERYTHING.items() if 1 not in each},
        (1,): "undecided",
    }
    assert search.verdicts[1][Verdict.UNDECIDED] == 1


def test_it_ends_with_a_set_that_is_given_up(store: Store, run: Callable[..., None]) -> None:
    kind = FakeKind(Worker)

    class Fatal(Worker):
        async def run(self, writer: object) -> None:
            (machine,) = (each for each in kind.made.values() if each.loader is self)
            machine.die(GuestFault("the guest panicked"))

    kind._make_loader = Fatal
    search = Campaign.begin(store, [Task("hey")], PLAN, Budget())
    run(search, 1, kind)
    assert kept(store) == {(0,): "undecided"}
    assert search.growth.complete


def test_a_lost_machine_costs_no_set(store: Store, run: Callable[..., None]) -> None:
    kind = FakeKind(Worker)
    lost: list[str] = []

    class Unlucky(Worker):
        async def run(self, writer: object) -> None:
            if len(self.tasks) == 3 and len(lost) < 3:
                (machine,) = (each for each in kind.made.values() if each.loader is self)
                lost.append(machine.id)
                machine.die(MachineLost("killed"))
            else:
                await super().run(writer)  # type: ignore[arg-type]

    kind._make_loader = Unlucky
    run(begin(store), 2, kind)
    assert len(lost) == 3
    assert kept(store) == EVERYTHING


def test_what_is_no_campaign_is_told(store: Store) -> None:
    with pytest.raises(StoreError, match="has no campaign"):
        find_campaign(store, None)
    run_id = store.begin_run("x")
    with pytest.raises(ConfigurationError, match="run 1 is no campaign"):
        Campaign.resume(store, find_campaign(store, run_id), Budget())
    with pytest.raises(StoreError, match="has no run 9"):
        store.continue_run(9, {})

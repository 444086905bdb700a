"""A campaign: a growing search whose state is one run of a store, so that it can go on.

What has been run, and with which verdict, is read back from the run's own task sets; what the
search is made of, from the run's options. Nothing else is kept: whenever the program is killed,
a set either has its verdict in the store or is run again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from distributor.errors import ConfigurationError, StoreError
from distributor.jobs.growth import Growth, Members, Size, members_of
from distributor.monitors.monitor import Attempt, Monitor
from distributor.monitors.store import StoreMonitor
from distributor.session.result import Clock, Result, Verdict
from distributor.store.record import RunRecord
from distributor.store.store import Store
from distributor.tasks.formats.document import parameters_of
from distributor.tasks.task import Task

#: Where a run's options hold the campaign.
_OPTION = "campaign"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign runs; the same plan and tasks give the same sets.

    :param seed: draws the sample of each size.
    :param per_size: sets of each size at most.
    :param largest: size of the largest sets; no bound if None.
    """

    seed: int
    per_size: int
    largest: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """When a campaign stops before its end; it can go on later, with another budget.

    :param sets: task sets in all, those of earlier calls included.
    :param guest_s: seconds of guest time in all, those of earlier calls included.
    :param wall_s: host seconds of this call.
    """

    sets: int | None = None
    guest_s: float | None = None
    wall_s: float | None = None


class Campaign(Monitor):
    """Watches its own search: keeps each result, then lets the search grow by it.

    ::

        campaign = Campaign.begin(store, tasks, Plan(seed=1, per_size=100), Budget())
        with Distributor(2, monitors=[campaign]) as distributor:
            distributor.add_job(campaign.growth)
            distributor.wait()

    Made by :meth:`begin` or :meth:`resume`; both raise
    :class:`~distributor.errors.ConfigurationError` for what is wrong with the input, and
    :class:`~distributor.errors.StoreError` for a store that cannot be read or written.
    """

    def __init__(
        self,
        keeper: StoreMonitor,
        growth: Growth,
        budget: Budget,
        verdicts: Mapping[Members, Verdict],
        guest_ns: int,
    ) -> None:
        #: Gives the task sets.
        self.growth = growth
        #: By size.
        self.verdicts: dict[int, Counter[Verdict]] = {}
        for members, verdict in verdicts.items():
            self._note(len(members), verdict)
        #: Guest time in all.
        self.guest_ns = guest_ns
        self._keeper = keeper
        self._budget = budget
        self._begun_s = time.monotonic()
        self._size = 1
        #: Which budget is spent; "" while none is.
        self.spent = ""
        self._look_at_budget()

    @classmethod
    def begin(
        cls,
        store: Store,
        tasks: Sequence[Task],
        plan: Plan,
        budget: Budget,
        *,
        clock: Clock | None = None,
        options: Mapping[str, Any] | None = None,
        qemu: str | None = None,
    ) -> Self:
        """A new campaign, in a new run of the store.

        :param options: what else was asked for, kept with the run.
        """
        growth = _growth(tasks, plan, budget, {})
        stored = [parameters_of(task) for task in tasks]
        told = {**asdict(plan), "budget": asdict(budget), "tasks": stored}
        keeper = StoreMonitor(
            store,
            clock=clock,
            options={**(options or {}), _OPTION: told},
            seed=plan.seed,
            qemu=qemu,
        )
        return cls(keeper, growth, budget, {}, 0)

    @classmethod
    def resume(cls, store: Store, run: RunRecord, budget: Budget) -> Self:
        """A campaign that goes on where it was.

        :param budget: bounds that are None stay as they were, save that of wall time.
        """
        told = _told(run)
        tasks = [Task(**parameters) for parameters in told["tasks"]]
        plan = Plan(told["seed"], told["per_size"], told["largest"])
        given = {name: value for name, value in asdict(budget).items() if value is not None}
        budget = Budget(**{**told["budget"], "wall_s": None, **given})
        verdicts: dict[Members, Verdict] = {}
        guest_ns = 0
        for record in store.tasksets(run.id):
            verdicts[tuple((record.origin or {}).get("tasks", ()))] = record.verdict
            guest_ns += record.guest_ns
        growth = _growth(tasks, plan, budget, verdicts)
        keeper = StoreMonitor(
            store,
            options={**run.options, _OPTION: {**told, "budget": asdict(budget)}},
            run=run.id,
        )
        return cls(keeper, growth, budget, verdicts, guest_ns)

    @property
    def run_id(self) -> int:
        """Id of its run in the store."""
        return self._keeper.run_id

    @property
    def over(self) -> bool:
        """Whether there is nothing left to run: all was, or the budget is spent."""
        return self.growth.complete or bool(self.spent)

    def sizes(self) -> list[tuple[Size, Counter[Verdict]]]:
        """How far each size is, with its verdicts; counting candidates may take seconds."""
        sizes = self.growth.sizes(candidates=True)
        return [(size, self.verdicts.get(size.size, Counter())) for size in sizes]

    def describe(self) -> str:
        """What it is at, in a few words."""
        counts = self.verdicts.get(self._size, Counter())
        return (
            f"size {self._size}: {counts.total()} of {self.growth.begun(self._size)} run, "
            f"{counts[Verdict.SCHEDULABLE]} schedulable"
        )

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._keeper.finished(attempt, result)
        self._decide(attempt, result)
        super().finished(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._keeper.bad(attempt, result)
        self._decide(attempt, result)
        super().bad(attempt, result)

    def close(self) -> None:
        """Record the run's end; the store stays open."""
        self._keeper.close()

    def _decide(self, attempt: Attempt, result: Result) -> None:
        self._size = len(members_of(attempt.taskset))
        self._note(self._size, result.verdict)
        self.guest_ns += result.guest_ns
        self.growth.decide(attempt.taskset, result.verdict is Verdict.SCHEDULABLE)
        self._look_at_budget()

    def _note(self, size: int, verdict: Verdict) -> None:
        self.verdicts.setdefault(size, Counter())[verdict] += 1

    def _look_at_budget(self) -> None:
        budget = self._budget
        if budget.guest_s is not None and self.guest_ns >= budget.guest_s * 1e9:
            self.spent = f"{budget.guest_s:g} s of guest time"
        elif budget.wall_s is not None and time.monotonic() - self._begun_s >= budget.wall_s:
            self.spent = f"{budget.wall_s:g} s of this call"
        elif self.growth.complete and self.growth.cut:
            self.spent = f"{budget.sets} sets"
        if self.spent:
            self.growth.stop()


def find_campaign(store: Store, run: int | None) -> RunRecord:
    """A campaign's run; the last one without a number.

    :raise StoreError: there is none.
    """
    if run is not None:
        return store.run(run)
    found = [record for record in store.runs() if _OPTION in record.options]
    if not found:
        raise StoreError(f"the store {store.name} has no campaign")
    return found[-1]


def _told(run: RunRecord) -> dict[str, Any]:
    if _OPTION not in run.options:
        raise ConfigurationError(f"run {run.id} is no campaign")
    told: dict[str, Any] = run.options[_OPTION]
    return told


def _growth(
    tasks: Sequence[Task], plan: Plan, budget: Budget, verdicts: Mapping[Members, Verdict]
) -> Growth:
    return Growth(
        tasks,
        seed=plan.seed,
        per_size=plan.per_size,
        largest=plan.largest,
        most=budget.sets,
        known={each: verdict is Verdict.SCHEDULABLE for each, verdict in verdicts.items()},
    )

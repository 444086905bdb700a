"""Earliest deadline first on one processor: the demand bound function, and QPA.

The processor demand criterion is Baruah, Rosier and Howell's (Real-Time Systems 2(4),
1990); quick convergence to a violation of it is Zhang and Burns' (IEEE Transactions on
Computers 58(9), 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from distributor.analysis.theory.fixed import ROUNDS_MAX, TooLong
from distributor.analysis.theory.model import FREE, Costs, TheoryTask, total_utilization


@dataclass(frozen=True, slots=True)
class Violation:
    """A time in which more is due than there is.

    :param task: one whose deadline ends it, and ``job`` its job, counted from 0 after a
        common release.
    """

    time_ns: int
    demand_ns: int
    task: TheoryTask
    job: int


def demand_bound_ns(tasks: Sequence[TheoryTask], time_ns: int) -> int:
    """What jobs that are both released and due within a time can ask for at most."""
    return sum(
        ((time_ns - task.deadline_ns) // task.period_ns + 1) * task.wcet_ns
        for task in tasks
        if task.deadline_ns <= time_ns
    )


def qpa(
    tasks: Sequence[TheoryTask], costs: Costs = FREE, below: Sequence[TheoryTask] = ()
) -> Violation | None:
    """None if tasks scheduled by their deadlines hold them, released together or not.

    Exact without costs for a set without offsets, else it is sufficient. The total
    utilization is at most 1 (a bound that the caller checks).

    :param tasks: of one processor.
    :param below: those of fixed priority there; with costs, their releases count.
    :raise TooLong: more steps than its bound.
    """
    laden = costs.of(tasks)
    releases = [(costs.release_ns, task.period_ns) for task in below if costs.release_ns]

    def demand_ns(time_ns: int) -> int:
        return demand_bound_ns(laden, time_ns) + sum(
            -(-time_ns // period_ns) * cost_ns for cost_ns, period_ns in releases
        )

    first_ns = min(task.deadline_ns for task in laden)
    time_ns = _last_deadline(laden, _horizon_ns(laden, releases))
    for _ in range(ROUNDS_MAX):
        if time_ns is None:
            return None
        due_ns = demand_ns(time_ns)
        if due_ns > time_ns:
            return _violation(tasks, time_ns, due_ns)
        if due_ns <= first_ns:
            return None
        time_ns = due_ns if due_ns < time_ns else _last_deadline(laden, time_ns)
    raise TooLong("the demand has too many deadlines to be searched")


def _violation(tasks: Sequence[TheoryTask], time_ns: int, due_ns: int) -> Violation:
    """The violation is that of the last deadline up to then: nothing is due in between."""
    latest_ns, place = max(
        ((time_ns - task.deadline_ns) // task.period_ns * task.period_ns + task.deadline_ns, place)
        for place, task in enumerate(tasks)
        if task.deadline_ns <= time_ns
    )
    task = tasks[place]
    return Violation(latest_ns, due_ns, task, (latest_ns - task.deadline_ns) // task.period_ns)


def _last_deadline(tasks: Sequence[TheoryTask], before_ns: int) -> int | None:
    """The latest absolute deadline before a moment, None where there is none."""
    return max(
        (
            (before_ns - 1 - task.deadline_ns) // task.period_ns * task.period_ns + task.deadline_ns
            for task in tasks
            if task.deadline_ns < before_ns
        ),
        default=None,
    )


def _horizon_ns(tasks: Sequence[TheoryTask], releases: Sequence[tuple[int, int]]) -> int:
    """Before this moment the first violation lies, if there is any.

    The smaller of two bounds: the synchronous busy period, and (where the utilization is
    below 1) the time by which the demand's slope alone rules a violation out.
    """
    share = total_utilization(tasks) + sum(
        (Fraction(cost_ns, period_ns) for cost_ns, period_ns in releases), Fraction(0)
    )
    linear_ns: int | None = None
    if share < 1:
        late = sum(
            ((task.period_ns - task.deadline_ns) * task.utilization for task in tasks),
            Fraction(sum(cost_ns for cost_ns, _ in releases)),
        )
        linear_ns = max(
            ceil(late / (1 - share)), *(task.deadline_ns - task.period_ns for task in tasks)
        )
        # A violation lies strictly before the bound.
        linear_ns += 1
    busy_ns = sum(task.wcet_ns for task in tasks)
    for _ in range(ROUNDS_MAX):
        if linear_ns is not None and busy_ns >= linear_ns:
            return linear_ns
        next_ns = sum(-(-busy_ns // task.period_ns) * task.wcet_ns for task in tasks) + sum(
            -(-busy_ns // period_ns) * cost_ns for cost_ns, period_ns in releases
        )
        if next_ns == busy_ns:
            # The last deadline of the busy period may be its end itself.
            return busy_ns + 1
        busy_ns = next_ns
    if linear_ns is None:
        raise TooLong("the busy period is too long to be searched")
    return linear_ns

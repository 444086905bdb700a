"""Utilization bounds: answers that need no more than the utilizations."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod

from distributor.analysis.theory.model import TheoryTask, total_utilization


def rate_monotonic(tasks: Sequence[TheoryTask]) -> bool:
    """Whether the bounds for rate-monotonic priorities apply to tasks of one processor.

    Distinct fixed priorities, none higher than that of a task of shorter period, and no
    deadline shorter than its period.
    """
    ordered = sorted(tasks, key=lambda task: task.priority)
    return (
        not any(task.edf or task.deadline_ns < task.period_ns for task in ordered)
        and len({task.priority for task in ordered}) == len(ordered)
        and all(one.period_ns <= other.period_ns for one, other in pairwise(ordered))
    )


def within_liu_layland(tasks: Sequence[TheoryTask]) -> bool:
    """Whether the total utilization is at most n (2^(1/n) - 1), decided without rounding.

    Sufficient for rate-monotonic priorities (Liu and Layland, Journal of the ACM 20(1), 1973).
    """
    count = len(tasks)
    # u <= n (2^(1/n) - 1)  <=>  (u/n + 1)^n <= 2
    return (total_utilization(tasks) / count + 1) ** count <= 2


def within_hyperbolic(tasks: Sequence[TheoryTask]) -> bool:
    """Whether the product of all (utilization + 1) is at most 2.

    Sufficient for rate-monotonic priorities, and never worse than Liu and Layland's
    (Bini, Buttazzo and Buttazzo, IEEE Transactions on Computers 52(7), 2003).
    """
    return prod((task.utilization + 1 for task in tasks), start=Fraction(1)) <= 2


def within_global_edf(tasks: Sequence[TheoryTask], cpus: int) -> bool:
    """Whether the total density is at most m - (m - 1) times the greatest one.

    Sufficient for earliest deadline first with migration between m processors (Goossens,
    Funk and Baruah, Real-Time Systems 25, 2003, with densities for shorter deadlines).
    """
    densities = [Fraction(t.wcet_ns, min(t.deadline_ns, t.period_ns)) for t in tasks]
    return sum(densities) <= cpus - (cpus - 1) * max(densities)

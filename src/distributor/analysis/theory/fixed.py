"""Response-time analysis of preemptive fixed priorities on one processor.

The recurrence is that of Joseph and Pandya (The Computer Journal 29(5), 1986) and of
Audsley et al. (Software Engineering Journal 8(5), 1993), extended over the whole busy
period for deadlines beyond the period (Lehoczky, RTSS 1990). Tasks of
equal priority are served in the order of their releases, so that a job waits for those that
were released before it or with it, and for no later ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from distributor.analysis.theory.model import FREE, Costs, TheoryTask, total_utilization

#: Rounds of a recurrence before it is given up: a busy period can be as long as the product
#: of all periods.
ROUNDS_MAX = 200_000

#: Processor time that is asked for again and again: each time how much, and how often.
_Load = tuple[int, int]


class TooLong(Exception):
    """The analysis of a set takes more than its bound of work."""


@dataclass(frozen=True, slots=True)
class Response:
    """The worst case of one task.

    :param response_ns: the longest response time; where ``late_job`` is set, that of this job.
    :param late_job: the first job, by its index in the busy period, that exceeds the limit.
    """

    response_ns: int
    late_job: int | None = None


def worst_response(
    tasks: Sequence[TheoryTask],
    task: TheoryTask,
    costs: Costs = FREE,
    limit_ns: int | None = None,
) -> Response:
    """The longest response time of a fixed-priority task, over all phasings of the set.

    It occurs when the task and all that precede it are released at once, so that it is
    exact for a set of distinct priorities without offsets, and a bound for any other. Tasks
    scheduled by their deadlines precede every fixed priority.

    :param tasks: of one processor, the task among them.
    :param costs: make it a bound for a machine that has them.
    :param limit_ns: where to end the search: the first job beyond it is told.
    :raise TooLong: the busy period is too long to be searched, or has no end.
    """
    mine, *others = costs.of([task, *(other for other in tasks if other is not task)])
    equals = [mine, *(other for other in others if other.priority == task.priority)]
    loads = [_load(other) for other in others if other.edf or other.priority < task.priority]
    if costs.release_ns:
        # The loader releases the jobs of lower tasks, too, above all others.
        loads += [
            (costs.release_ns, other.period_ns)
            for other in others
            if not other.edf and other.priority > task.priority
        ]
    if limit_ns is None and _share(equals, loads) > 1:
        raise TooLong(f"{task} has more to wait for than a processor gives")
    rounds = 0
    worst_ns = busy_ns = 0
    for arrival_ns in _arrivals(equals):
        if arrival_ns and arrival_ns >= busy_ns:
            break
        own_ns = sum((arrival_ns // each.period_ns + 1) * each.wcet_ns for each in equals)
        # Grows with each arrival: the last one's end is where to begin.
        ended_ns = max(busy_ns, own_ns)
        while (next_ns := own_ns + _demand(loads, ended_ns)) != ended_ns:
            ended_ns = next_ns
            rounds += 1
            if limit_ns is not None and ended_ns - arrival_ns > limit_ns:
                break
            if rounds > ROUNDS_MAX:
                raise TooLong(f"the busy period of {task} is too long to be searched")
        busy_ns = ended_ns
        worst_ns = max(worst_ns, ended_ns - arrival_ns)
        if limit_ns is not None and worst_ns > limit_ns:
            return Response(worst_ns, late_job=arrival_ns // task.period_ns)
        rounds += 1
    return Response(worst_ns)


def _load(task: TheoryTask) -> _Load:
    return task.wcet_ns, task.period_ns


def _demand(loads: Sequence[_Load], time_ns: int) -> int:
    """What the loads ask for within a time after their common release."""
    return sum(-(-time_ns // period_ns) * cost_ns for cost_ns, period_ns in loads)


def _share(equals: Sequence[TheoryTask], loads: Sequence[_Load]) -> Fraction:
    shares = (Fraction(cost_ns, period_ns) for cost_ns, period_ns in loads)
    return total_utilization(equals) + sum(shares, Fraction(0))


def _arrivals(tasks: Sequence[TheoryTask]) -> Iterator[int]:
    """The releases of all of them after a common one, each moment once; without end."""
    if len(tasks) == 1:
        (period_ns,) = (task.period_ns for task in tasks)
        time_ns = 0
        while True:
            yield time_ns
            time_ns += period_ns
    last_ns = -1
    ahead = [(0, period_ns) for period_ns in {task.period_ns for task in tasks}]
    heapq.heapify(ahead)
    while True:
        time_ns, period_ns = ahead[0]
        heapq.heapreplace(ahead, (time_ns + period_ns, period_ns))
        if time_ns != last_ns:
            yield time_ns
        last_ns = time_ns

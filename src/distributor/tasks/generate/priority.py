"""Fixed priorities for tasks: rate-monotonic, deadline-monotonic, Audsley's assignment.

Priority 0 is the highest. Each function gives one priority for each task, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from distributor.errors import ConfigurationError
from distributor.tasks.task import EDF

#: Ways to assign, as users name them, with what they are short for.
ASSIGNMENTS = {
    "rm": "rate-monotonic",
    "dm": "deadline-monotonic",
    "audsley": "audsley",
    "edf": "edf",
}
#: Distinct priorities that the loader can give to one set (SCHED_FIFO has 99).
PRIORITIES_MAX = 97


class Timed(Protocol):
    """What an assignment must know of a task; a Task has it."""

    @property
    def wcet_ns(self) -> int | None: ...
    @property
    def period_ns(self) -> int: ...
    @property
    def deadline_ns(self) -> int: ...


Some = TypeVar("Some", bound=Timed)


def assign(
    tasks: Sequence[Some],
    assignment: str,
    schedulable: Callable[[Some, Sequence[Some]], bool] | None = None,
) -> list[int] | None:
    """Priorities by one of :data:`ASSIGNMENTS`, short or long; None as of :func:`audsley`."""
    name = ASSIGNMENTS.get(assignment, assignment)
    if name == "edf":
        return [EDF] * len(tasks)
    if len(tasks) > PRIORITIES_MAX:
        raise ConfigurationError(
            f"{len(tasks)} tasks have no priority of their own each",
            hint=f"one machine knows {PRIORITIES_MAX} fixed priorities; EDF takes any number",
        )
    if name == "rate-monotonic":
        return rate_monotonic(tasks)
    if name == "deadline-monotonic":
        return deadline_monotonic(tasks)
    if name == "audsley":
        return audsley(tasks, schedulable or meets_its_deadline)
    raise ConfigurationError(
        f"there is no priority assignment {assignment!r}", hint=", ".join(ASSIGNMENTS)
    )


def rate_monotonic(tasks: Sequence[Timed]) -> list[int]:
    """The shorter the period, the higher; among equals the earlier task first."""
    return _ranks([task.period_ns for task in tasks])


def deadline_monotonic(tasks: Sequence[Timed]) -> list[int]:
    """The shorter the deadline, the higher; among equals the earlier task first."""
    return _ranks([task.deadline_ns for task in tasks])


def audsley(
    tasks: Sequence[Some], schedulable: Callable[[Some, Sequence[Some]], bool]
) -> list[int] | None:
    """Audsley's optimal assignment (1991): one that the test accepts, if there is any.

    From the lowest priority up, each goes to a task that the test accepts below all tasks
    that have none yet; of several the one with the longest deadline.

    :param schedulable: whether a task meets its deadlines below the given others. It must
        not depend on the order of the others.
    :return: None if no assignment is accepted.
    """
    waiting = sorted(range(len(tasks)), key=lambda place: tasks[place].deadline_ns)
    priorities = [0] * len(tasks)
    for priority in reversed(range(len(tasks))):
        for place in reversed(waiting):
            others = [tasks[other] for other in waiting if other != place]
            if schedulable(tasks[place], others):
                break
        else:
            return None
        priorities[place] = priority
        waiting.remove(place)
    return priorities


def meets_its_deadline(task: Timed, higher: Sequence[Timed]) -> bool:
    """Response-time analysis (Joseph, Pandya 1986) of one task; exact for deadlines up to
    the period, all released together, and no time taken by the machine itself."""
    wcet_ns = _known(task)
    demands = [(_known(each), each.period_ns) for each in higher]
    response_ns = wcet_ns
    while response_ns <= task.deadline_ns:
        needed_ns = wcet_ns + sum(
            -(-response_ns // period_ns) * demand_ns for demand_ns, period_ns in demands
        )
        if needed_ns == response_ns:
            return True
        response_ns = needed_ns
    return False


def _known(task: Timed) -> int:
    if task.wcet_ns is None:
        raise ConfigurationError("Audsley's assignment needs each task's execution time")
    return task.wcet_ns


def _ranks(keys: Sequence[int]) -> list[int]:
    ranks = [0] * len(keys)
    for rank, place in enumerate(sorted(range(len(keys)), key=keys.__getitem__)):
        ranks[place] = rank
    return ranks

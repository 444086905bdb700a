"""Task sets drawn over a grid of sizes and utilizations."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.generate.deadline import parse_deadlines
from distributor.tasks.generate.draw import generator
from distributor.tasks.generate.partition import FITS, partition
from distributor.tasks.generate.period import parse_periods
from distributor.tasks.generate.priority import ASSIGNMENTS, assign
from distributor.tasks.generate.utilization import METHODS, draw_utilizations
from distributor.tasks.task import TIME_MAX_NS, Task
from distributor.tasks.taskset import TASKS_MAX, TaskSet

#: Streams of draws of one set, so that a change of one leaves the others as they were.
_UTILIZATIONS, _PERIODS, _DEADLINES = range(3)
#: A utilization counts by its millionths for the seed.
_PARTS = 10**6


class RandomTaskSets:
    """A sequence of task sets of the built-in task ``busy``, each drawn when it is asked for.

    ::

        RandomTaskSets(tasks=[5, 10], utilization=[0.5, 0.7, 0.9], sets=100, seed=1)

    It goes over the sizes, at each over the utilizations, and at each draws ``sets`` sets.
    A set depends on the seed, its size, its utilization and its number there, and on nothing
    else of the grid; sets that differ in their priorities alone have the same tasks.

    :param tasks: numbers of tasks.
    :param utilization: sums of the tasks' utilizations, in processors.
    :param sets: how many sets for each pair of the two.
    :param method: how utilizations are drawn, see :mod:`.utilization`.
    :param caps: the most that one task may have: one number, or one for each task.
    :param periods: as :func:`.period.parse_periods` reads it.
    :param deadlines: as :func:`.deadline.parse_deadlines` reads it.
    :param priorities: ``rm``, ``dm``, ``audsley`` or ``edf``.
    :param processors: if more than 1, each task is bound to one of them, and priorities count
        on each by itself.
    :param fit: how a task's processor is chosen: ``first``, ``best`` or ``worst``.
    :param duration_ms: guest time over which jobs are released, all tasks first at time zero.
    :param seed: a whole number from 0; one is drawn if none is given.
    :param schedulable: the test of Audsley's assignment, see :func:`.priority.audsley`.
    :raise ConfigurationError: here for what is wrong, and when a set is drawn for what
        shows only then.
    """

    def __init__(
        self,
        *,
        tasks: int | Sequence[int],
        utilization: float | Sequence[float],
        sets: int = 1,
        method: str = "randfixedsum",
        caps: float | Sequence[float] = 1.0,
        periods: str = "log-uniform:10ms-1s",
        deadlines: str = "implicit",
        priorities: str = "rm",
        processors: int = 1,
        fit: str = "worst",
        duration_ms: float = 1000,
        seed: int | None = None,
        schedulable: Callable[[Task, Sequence[Task]], bool] | None = None,
    ) -> None:
        self.tasks = _numbers("tasks", tasks, 1, TASKS_MAX, whole=True)
        self.utilization = _numbers("utilization", utilization, 1 / _PARTS, 1024)
        self.caps = _numbers("caps", caps, 1 / _PARTS, 1024)
        (self.sets,) = _numbers("sets", sets, 1, 2**53, whole=True)
        (self.processors,) = _numbers("processors", processors, 1, 1024, whole=True)
        (duration_ms,) = _numbers("duration_ms", duration_ms, 1e-6, TIME_MAX_NS // 10**6)
        fresh = secrets.randbits(53) if seed is None else seed
        #: What all draws begin with.
        self.seed = int(_numbers("seed", fresh, 0, 2**128, whole=True)[0])
        self.duration_ns = round(duration_ms * 10**6)
        self.method = _one_of("method", method, METHODS)
        self.fit = _one_of("fit", fit, FITS)
        self.priorities = _one_of("priorities", priorities, ASSIGNMENTS)
        self.periods = parse_periods(_text("periods", periods))
        self.deadlines = parse_deadlines(_text("deadlines", deadlines))
        self._schedulable = schedulable
        # What cannot be drawn at all is told before anything runs.
        for size in self.tasks:
            for total in self.utilization:
                self._draw(int(size), total, 0)

    @classmethod
    def again(
        cls,
        origin: Mapping[str, Any],
        schedulable: Callable[[Task, Sequence[Task]], bool] | None = None,
    ) -> TaskSet:
        """The set that was drawn, from its :attr:`~distributor.tasks.taskset.TaskSet.origin`.

        :raise ConfigurationError: it is none of a set that was drawn here.
        """
        try:
            parameters = {name: origin[name] for name in _KEPT if name in origin}
            grid = cls(**parameters, method=origin["generator"], schedulable=schedulable)
            return grid._draw(int(origin["tasks"]), origin["utilization"], origin["index"])
        except (KeyError, TypeError) as error:
            raise ConfigurationError(f"this origin is of no set drawn here: {error}") from None

    @property
    def description(self) -> dict[str, Any]:
        """What makes the same sets again, as a file holds it under ``generate``."""
        return {
            "tasks": [int(size) for size in self.tasks],
            "utilization": list(self.utilization),
            "sets": int(self.sets),
            "method": self.method,
            **self._parameters(),
        }

    def __len__(self) -> int:
        return len(self.tasks) * len(self.utilization) * int(self.sets)

    def __getitem__(self, place: int) -> TaskSet:
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        rest, index = divmod(place % len(self), int(self.sets))
        size, total = divmod(rest, len(self.utilization))
        return self._draw(int(self.tasks[size]), self.utilization[total], index)

    def __iter__(self) -> Iterator[TaskSet]:
        return (self[place] for place in range(len(self)))

    def _parameters(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "caps": self.caps[0] if len(self.caps) == 1 else list(self.caps),
            "periods": str(self.periods),
            "deadlines": str(self.deadlines),
            "priorities": self.priorities,
            "duration_ms": self.duration_ns / 10**6,
            "seed": self.seed,
        }
        if self.processors > 1:
            told |= {"processors": int(self.processors), "fit": self.fit}
        return told

    def _draw(self, size: int, total: float, index: int) -> TaskSet:
        key = (self.seed, size, round(total * _PARTS), index)
        shares = draw_utilizations(
            generator(*key, _UTILIZATIONS), self.method, size, total, self.caps
        )
        rng = generator(*key, _PERIODS)
        periods_ns = [self.periods.draw(rng) for _ in shares]
        wcets_us = [
            max(1, round(share * period_ns / 1000))
            for share, period_ns in zip(shares, periods_ns, strict=True)
        ]
        rng = generator(*key, _DEADLINES)
        tasks = [
            {
                "arg1": wcet_us,
                "period_ns": period_ns,
                "deadline_ns": self.deadlines.draw(rng, wcet_us * 1000, period_ns),
                "numberofjobs": max(1, -(-self.duration_ns // period_ns)),
            }
            for wcet_us, period_ns in zip(wcets_us, periods_ns, strict=True)
        ]
        origin: dict[str, Any] = {
            "generator": self.method,
            "tasks": size,
            "utilization": total,
            "index": index,
            **self._parameters(),
        }
        self._place(tasks, shares, origin)
        self._prioritize(tasks, origin)
        return TaskSet(
            [Task("busy", **task) for task in tasks],
            name=f"n{size}-u{total:g}-{index}",
            origin=origin,
        )

    def _place(
        self, tasks: list[dict[str, Any]], shares: list[float], origin: dict[str, Any]
    ) -> None:
        if self.processors == 1:
            return
        chosen, everyone = partition(shares, int(self.processors), self.fit)
        for task, cpu in zip(tasks, chosen, strict=True):
            task |= {"cores": 1, "coreoffset": cpu}
        if not everyone:
            origin["fits"] = False

    def _prioritize(self, tasks: list[dict[str, Any]], origin: dict[str, Any]) -> None:
        for cpu in range(int(self.processors)):
            members = [task for task in tasks if task.get("coreoffset", 0) == cpu]
            made = [Task("busy", **task) for task in members]
            priorities = assign(made, self.priorities, self._schedulable)
            if priorities is None:
                # No assignment holds: the set is run all the same, as a negative example.
                priorities = assign(made, "dm") or []
                origin["feasible"] = False
            for task, priority in zip(members, priorities, strict=True):
                task["priority"] = priority


#: Parameters that a set's origin repeats.
_KEPT = (
    *("tasks", "utilization", "caps", "periods", "deadlines", "priorities"),
    *("processors", "fit", "duration_ms", "seed"),
)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is a text, not {value!r}")
    return value


def _one_of(name: str, value: str, known: Sequence[str] | Mapping[str, str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ConfigurationError(f"{name} is {', '.join(known)}, not {value!r}")
    return value


def _numbers(
    name: str, given: Any, low: float, high: float, *, whole: bool = False
) -> tuple[float, ...]:
    several = given if isinstance(given, list | tuple | range) else (given,)
    if not several:
        raise ConfigurationError(f"{name} has no value")
    for value in several:
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            what = "a whole number" if whole else "a number"
            raise ConfigurationError(f"{name} is {what} from {low:g} to {high:g}, not {value!r}")
    return tuple(several)

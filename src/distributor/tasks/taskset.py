"""A set of tasks that share one machine and one time zero."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.task import Task

#: Tasks in one set; the loader's bound.
TASKS_MAX = 256


@dataclass(frozen=True, slots=True, init=False)
class TaskSet:
    """At least one task, in a fixed order: a task's id is its place.

    :param tasks: the tasks.
    :param name: what reports call the set; "" for none.
    :param origin: what made the set, as a mapping that JSON can hold: the generator, its
        seed, its parameters. Kept with the results; sets that differ in it alone are equal.
    :raise ConfigurationError: for no task, too many, something that is no task, two
        different binaries of one name, or an origin that JSON cannot hold.
    """

    tasks: tuple[Task, ...]
    name: str
    origin: Mapping[str, Any] | None = field(compare=False)

    def __init__(
        self,
        tasks: Iterable[Task] | Task,
        *more: Task,
        name: str = "",
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        members = (tasks, *more) if isinstance(tasks, Task) else (*tasks, *more)
        if not members:
            raise ConfigurationError("a task set needs at least one task")
        if len(members) > TASKS_MAX:
            raise ConfigurationError(f"a task set holds at most {TASKS_MAX} tasks")
        paths: dict[str, str] = {}
        for place, task in enumerate(members):
            if not isinstance(task, Task):
                raise ConfigurationError(f"member {place} of a task set is no task: {task!r}")
            if paths.setdefault(task.name, task.binary) != task.binary:
                raise ConfigurationError(
                    f"{task.binary} and {paths[task.name]} have one name on the wire",
                    hint="rename one of the files",
                )
        object.__setattr__(self, "tasks", members)
        object.__setattr__(self, "name", str(name))
        object.__setattr__(self, "origin", None if origin is None else _checked(origin))

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def horizon_ns(self) -> int:
        """From time zero until every job should be over, if all deadlines are met."""
        return max(task.horizon_ns for task in self.tasks)

    @property
    def jobs(self) -> int:
        """How many jobs its tasks start in all."""
        return sum(task.numberofjobs for task in self.tasks)

    @property
    def utilization(self) -> float | None:
        """Sum of its tasks' utilizations; None if one has no known WCET."""
        shares = [task.utilization for task in self.tasks]
        return None if None in shares else math.fsum(share for share in shares if share is not None)


def _checked(origin: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(origin, Mapping):
        raise ConfigurationError(f"a task set's origin is a mapping, not {origin!r:.60}")
    try:
        json.dumps(dict(origin), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"a task set's origin does not fit into JSON: {error}") from None
    return dict(origin)

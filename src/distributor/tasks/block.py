"""Blocks: named parameters of a task with one value or many.

A *block* is a mapping that :class:`~distributor.tasks.task.Task` takes. A parameter
makes blocks: ``period.Value(100)`` makes one, ``period.Values([100, 200])`` makes
:class:`Blocks`, of which :class:`BlockTaskSet` builds every combination, lazily.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from itertools import product
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.builtin import BUILTIN_TASKS
from distributor.tasks.task import EDF, Task
from distributor.tasks.taskset import TaskSet

Block = dict[str, Any]


class Blocks:
    """Several blocks of one parameter, in order, made anew at each iteration."""

    def __init__(self, make: Callable[[], Iterable[Block]], count: int | None) -> None:
        self._make = make
        #: How many there are; None if that is not known.
        self.count = count

    def __iter__(self) -> Iterator[Block]:
        return iter(self._make())


class Parameter:
    """Makes blocks of one parameter of a task.

    :param name: as a user reads it (``period``).
    :param fill: the block for a value.
    :param domain: what ``Variants`` and ``Random`` draw from.
    """

    def __init__(self, name: str, fill: Callable[[Any], Block], domain: range) -> None:
        self.name = name
        self.domain = domain
        self._fill = fill

    def __repr__(self) -> str:
        return f"<parameter {self.name}>"

    def Value(self, value: Any) -> Block:  # noqa: N802 - the name that users' scripts know
        """One value."""
        return self._fill(value)

    def Values(self, values: Iterable[Any]) -> Blocks:  # noqa: N802
        """One block for each value, in order; a range or a list keeps its memory small.

        An iterator is read once, as far as it is needed, and kept.
        """
        if isinstance(values, Iterator):
            values = _Kept(values)
        count = len(values) if isinstance(values, Sized) else None
        return Blocks(lambda: map(self._fill, values), count)

    def Variants(self, count: int) -> Blocks:  # noqa: N802
        """``count`` values spread evenly over the parameter's domain, its ends included."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ConfigurationError(f"{self.name}.Variants takes a number from 1, not {count!r}")
        if count > len(self.domain):
            raise ConfigurationError(f"{self.name} has {len(self.domain)} variants, not {count}")
        last = len(self.domain) - 1
        places = (round(k * last / max(1, count - 1)) for k in range(count))
        values = [self.domain[place] for place in places]
        return self.Values(values)

    def Random(self, seed: int | None = None) -> Block:  # noqa: N802
        """One value drawn uniformly from the parameter's domain.

        :param seed: the same seed draws the same value; None draws a fresh one.
        """
        return self._fill(random.Random(seed).choice(self.domain))


class _Kept:
    """An iterator's values, kept as they are read, so that they can be read again."""

    def __init__(self, values: Iterator[Any]) -> None:
        self._values = values
        self._seen: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        for place in range(2**63):
            if place == len(self._seen):
                try:
                    self._seen.append(next(self._values))
                except StopIteration:
                    return
            yield self._seen[place]


class BlockTaskSet:
    """Every combination of its tasks' blocks, each a :class:`TaskSet`; drawn lazily.

    ::

        BlockTaskSet([pi.Variants(5), period.Values([50, 100]), priority.Value(1)])

    :param tasks: one list of blocks for each task; the last block of the last task
        changes fastest.
    :param name: of each set; the variant's number is added.
    """

    def __init__(self, *tasks: Iterable[Block | Blocks | str], name: str = "") -> None:
        self._tasks = [[_several(block) for block in blocks] for blocks in tasks]
        self._name = name
        if not self._tasks:
            raise ConfigurationError("a task set needs at least one task")
        # A mistake in what the first variant is made of is told now, not when it runs.
        next(iter(self))

    @property
    def variants(self) -> int | None:
        """How many sets there are; None if a block's values are of unknown number."""
        counts = [block.count for blocks in self._tasks for block in blocks]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    def __len__(self) -> int:
        if self.variants is None:
            raise TypeError("the number of variants is not known")
        return self.variants

    def __iter__(self) -> Iterator[TaskSet]:
        sizes = [len(blocks) for blocks in self._tasks]
        flat = [block for blocks in self._tasks for block in blocks]
        for number, choice in enumerate(_combine(flat)):
            rest = list(choice)
            tasks = []
            for size in sizes:
                tasks.append(Task(*rest[:size]))
                rest = rest[size:]
            yield TaskSet(tasks, name=f"{self._name}-{number}" if self._name else "")


def _combine(several: list[Blocks]) -> Iterator[tuple[Block, ...]]:
    """As itertools.product, which would first read every input to its end."""
    if not several:
        yield ()
        return
    if all(each.count is not None and each.count <= 1024 for each in several):
        yield from product(*several)
        return
    for head in several[0]:
        for tail in _combine(several[1:]):
            yield (head, *tail)


def _several(block: Block | Blocks | str) -> Blocks:
    if isinstance(block, Blocks):
        return block
    if isinstance(block, str):
        block = {"binary": block}
    if not isinstance(block, Mapping):
        raise ConfigurationError(f"a task is made of blocks, not of {block!r}")
    one = dict(block)
    return Blocks(lambda: (one,), 1)


def _task(name: str) -> Parameter:
    return Parameter(
        name, lambda value: {"binary": name, "arg1": value}, BUILTIN_TASKS[name].variants
    )


def _setting(name: str, key: str, domain: range) -> Parameter:
    return Parameter(name, lambda value: {key: value}, domain)


#: One for each built-in task: sets the binary and its arg1.
TASK_BLOCKS = {name: _task(name) for name in BUILTIN_TASKS}
#: One for each other parameter, as users of earlier distributors call them; times in ms.
PARAMETER_BLOCKS = {
    parameter.name: parameter
    for parameter in (
        _setting("arg1", "arg1", range(1, 1001)),
        _setting("priority", "priority", range(EDF)),
        _setting("period", "period_ms", range(1, 1001)),
        _setting("deadline", "deadline_ms", range(1, 1001)),
        _setting("offset", "offset_ms", range(1001)),
        _setting("numberofjobs", "numberofjobs", range(1, 101)),
        _setting("executiontime", "executiontime_ms", range(1, 1001)),
        _setting("criticaltime", "criticaltime_ms", range(1, 1001)),
        _setting("quota", "quota_mib", range(1, 65)),
        _setting("caps", "caps", range(1, 1001)),
        _setting("cores", "cores", range(1, 5)),
        _setting("coreoffset", "coreoffset", range(4)),
    )
}

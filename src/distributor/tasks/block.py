"""Blocks: named parameters of a task with one value or many.

A *block* is a mapping that :class:`~distributor.tasks.task.Task` takes. A parameter
makes blocks: ``period.Value(100)`` makes one, ``period.Values([100, 200])`` makes
:class:`Blocks`, of which :class:`BlockTaskSet` builds every combination, lazily. There a
plain mapping may have many values as well: ``{"period_ms": [100, 200]}``.
"""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import partial
from itertools import product
from typing import Any, overload

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


class Drawn(dict[str, Any]):
    """A block whose value was drawn at random, and the seed that draws it again."""

    def __init__(self, block: Block, parameter: str, seed: int) -> None:
        super().__init__(block)
        self.parameter = parameter
        self.seed = seed


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

    @overload
    def Value(self, value: str | float | None) -> Block: ...
    @overload
    def Value(self, value: Iterable[Any]) -> Blocks: ...
    def Value(self, value: Any) -> Block | Blocks:  # noqa: N802 - the name that scripts know
        """One value; of a list, a range or a generator, each of its values (see Values)."""
        return self.Values(value) if _many(value) else self._fill(value)

    def Values(self, values: Iterable[Any]) -> Blocks:  # noqa: N802
        """One block for each value, in order; a range or a list keeps its memory small.

        An iterator is read once, as far as it is needed, and kept.
        """
        return _each(values, self._fill)

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

    def Random(self, seed: int | None = None) -> Drawn:  # noqa: N802
        """One value drawn uniformly from the parameter's domain.

        :param seed: the same seed draws the same value; without one, a fresh one is made.
            A BlockTaskSet tells it in its sets' origin.
        """
        if seed is None:
            seed = secrets.randbits(53)
        return Drawn(self._fill(random.Random(seed).choice(self.domain)), self.name, seed)


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
        BlockTaskSet({"binary": "busy", "arg1": range(1000, 9000, 10), "period_ms": [10, 20]})

    Each set's origin has its number, from 0, and the seeds of values drawn at random.

    :param tasks: for each task a list of blocks, or one block; the last block of the last
        task changes fastest. A block's parameter that is a list, a range, a generator or
        another iterable of values is each of them, and None is no value.
    :param name: of each set; the variant's number is added.
    """

    def __init__(
        self, *tasks: Mapping[str, Any] | Iterable[Mapping[str, Any] | Blocks | str], name: str = ""
    ) -> None:
        lists = [[blocks] if isinstance(blocks, Mapping) else list(blocks) for blocks in tasks]
        self._tasks = [
            [several for block in blocks for several in _several(block)] for blocks in lists
        ]
        self._name = name
        self._origin: dict[str, Any] = {"generator": "blocks"}
        seeds = [
            {"task": place, "parameter": block.parameter, "seed": block.seed}
            for place, blocks in enumerate(lists)
            for block in blocks
            if isinstance(block, Drawn)
        ]
        if seeds:
            self._origin["seeds"] = seeds
        if not self._tasks:
            raise ConfigurationError("a task set needs at least one task")
        if any(block.count == 0 for blocks in self._tasks for block in blocks):
            raise ConfigurationError("a block of a task set has no value")
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
            yield TaskSet(
                tasks,
                name=f"{self._name}-{number}" if self._name else "",
                origin={**self._origin, "index": number},
            )


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


def _many(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _each(values: Iterable[Any], fill: Callable[[Any], Block]) -> Blocks:
    if isinstance(values, Iterator):
        values = _Kept(values)
    count = len(values) if isinstance(values, Sized) else None
    return Blocks(lambda: map(fill, values), count)


def _several(block: Mapping[str, Any] | Blocks | str) -> Iterator[Blocks]:
    """The block's single values as one, then each parameter that has many."""
    if isinstance(block, Blocks):
        yield block
        return
    if isinstance(block, str):
        block = {"binary": block}
    if not isinstance(block, Mapping):
        raise ConfigurationError(f"a task is made of blocks, not of {block!r}")
    one = {key: value for key, value in block.items() if not _many(value)}
    if one:
        yield Blocks(lambda: (one,), 1)
    for key, value in block.items():
        if _many(value):
            yield _each(value, partial(_named, key))


def _named(key: str, value: Any) -> Block:
    return {key: value}


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

"""Growing search: task sets of size n from the good sets of size n-1 and the good tasks.

Pure: verdicts go in, task sets come out; no I/O and no clock. A set is named by its
*members*, the places of its tasks in the list that was given, in order.

What is run depends on verdicts, never on the order in which they come, so that one search is
the same on any number of machines, interrupted or not. Of each size at most ``per_size`` sets
are run: those with the lowest rank, a number that is drawn from the seed and the members alone.
That is a uniform sample of the candidates of that size, without anybody having to list them.

Nor does a size wait for the one before it to end. While some sets of size n-1 have no verdict
yet, take all candidates that might still come to be. Those among their ``per_size`` lowest that
are candidates already are in the sample whatever comes, and are run at once.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from distributor.errors import ConfigurationError, StateError
from distributor.jobs.job import LATER, Later
from distributor.tasks.task import Task
from distributor.tasks.taskset import TASKS_MAX, TaskSet

Members = tuple[int, ...]

#: Candidates that are looked up at once, as a multiple of the sets that are run of a size;
#: when the others are spent, the candidates are gone through again.
_RESERVE = 2


@dataclass(slots=True)
class _Level:
    """The sets of one size.

    ``sets`` are the sample, as far as it is known: True and False are good and not good, None
    is no verdict yet.
    """

    size: int
    most: int
    sets: dict[Members, bool | None] = field(default_factory=dict)
    #: Those that have been found to be in the sample for certain.
    begun: set[Members] = field(default_factory=set)
    #: Further candidates, by rank from the end, and the last rank that they were looked up to.
    reserve: list[tuple[int, Members]] = field(default_factory=list)
    last: tuple[int, Members] = (-1, ())
    more: bool = True

    @property
    def decided(self) -> bool:
        return all(good is not None for good in self.sets.values())


@dataclass(frozen=True, slots=True)
class Size:
    """How far the sets of one size are."""

    size: int
    #: Sets that there are to choose from; None while that is not known.
    candidates: int | None
    #: Sets that have a verdict, and those of them that are good.
    decided: int
    good: int
    #: Sets that are sure to be run, so far.
    begun: int


class Growth:
    """A source of task sets for a :class:`~distributor.jobs.job.Job`.

    :param tasks: what sets are made of; a task stands in a set once, so one that may stand
        there twice is given twice.
    :param seed: of the ranks; any text or number.
    :param per_size: sets of each size that are run at most.
    :param largest: size of the largest sets; none if not given.
    :param most: sets that are run in all; no bound if not given. A later search with a higher
        one, all else being equal, runs the same sets and more.
    :param known: sets that have been run, and whether they are good: they are not run again.
    :raise ConfigurationError: no task, or a bound that is none.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        seed: int | str,
        per_size: int,
        largest: int | None = None,
        most: int | None = None,
        known: dict[Members, bool] | None = None,
    ) -> None:
        if not tasks:
            raise ConfigurationError("a search needs at least one task")
        for name, bound in (("per_size", per_size), ("largest", largest), ("most", most)):
            if bound is not None and bound < 1:
                raise ConfigurationError(f"{name} is a whole number from 1 up, not {bound}")
        self.tasks = tuple(tasks)
        self.seed = seed
        self.per_size = per_size
        self.largest = min(TASKS_MAX, len(tasks), largest or len(tasks))
        self._most = most
        self._known = dict(known or {})
        self._levels: list[_Level] = []
        self._ready: list[tuple[int, int, Members]] = []
        self._out: set[Members] = set()
        self._recalled: list[Members] = []
        self._stopped = False
        self._hash = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)
        self._open_level()
        self._settle()

    # -- the source --------------------------------------------------------------------

    def __iter__(self) -> Iterator[TaskSet | Later]:
        return self

    def __next__(self) -> TaskSet | Later:
        if self._ready and not self._stopped:
            *_, members = heapq.heappop(self._ready)
            self._out.add(members)
            return self._taskset(members)
        if self._out:
            return LATER
        raise StopIteration

    def stop(self) -> None:
        """Begin no further set."""
        self._stopped = True

    # -- events ------------------------------------------------------------------------

    def decide(self, taskset: TaskSet, good: bool) -> None:
        """A set that came from here has its verdict.

        :param good: whether larger sets are to be made of it.
        """
        members = members_of(taskset)
        if members not in self._out:
            raise StateError(f"the set of the tasks {members} is not being run")
        self._out.remove(members)
        self._decide(members, good)
        self._settle()

    # -- what it is at -----------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether every set that this search runs has its verdict."""
        return not self._ready and not self._out and all(each.decided for each in self._levels)

    def begun(self, size: int) -> int:
        """How many sets of a size are sure to be run, so far."""
        return len(self._levels[size - 1].begun) if size <= len(self._levels) else 0

    @property
    def cut(self) -> bool:
        """Whether ``most`` has kept sets from being run."""
        return any(len(each.sets) >= each.most < self.per_size for each in self._levels)

    def sizes(self, *, candidates: bool = False) -> list[Size]:
        """How far the sets of each size are, smallest first.

        :param candidates: count them, which takes a while where there are many.
        """
        told = []
        for place, level in enumerate(self._levels):
            verdicts = list(level.sets.values())
            count = None
            if candidates and (place == 0 or self._levels[place - 1].decided):
                count = self._count(place)
            good, bad = verdicts.count(True), verdicts.count(False)
            told.append(Size(level.size, count, good + bad, good, len(level.begun)))
        return [each for each in told if each.begun]

    # -- inside ------------------------------------------------------------------------

    def _taskset(self, members: Members) -> TaskSet:
        return TaskSet(
            [self.tasks[place] for place in members],
            name="+".join(map(str, members)),
            origin={
                "generator": "campaign",
                "seed": self.seed,
                "per_size": self.per_size,
                "size": len(members),
                "tasks": list(members),
            },
        )

    def _rank(self, members: Members) -> int:
        hashed = self._hash.copy()
        hashed.update(",".join(map(str, members)).encode())
        return int.from_bytes(hashed.digest(), "big")

    def _settle(self) -> None:
        """Bring in the verdicts that were known beforehand, and open the next size."""
        while True:
            while self._recalled:
                members = self._recalled.pop()
                self._decide(members, self._known[members])
            # The sample of a size is known for certain once the size before it is decided.
            whole = len(self._levels) < 2 or self._levels[-2].decided
            if not whole or len(self._levels) >= self.largest or not self._levels[-1].sets:
                return
            self._open_level()

    def _open_level(self) -> None:
        level = _Level(len(self._levels) + 1, self.per_size)
        if self._most is not None:
            left = self._most - sum(len(each.sets) for each in self._levels)
            level.most = min(level.most, left)
        self._levels.append(level)
        self._fill(level)

    def _decide(self, members: Members, good: bool) -> None:
        level = self._levels[len(members) - 1]
        level.sets[members] = good
        if len(self._levels) == level.size:
            return
        above = self._levels[level.size]
        for larger in self._grown([members]):
            if larger not in above.sets or larger in above.begun:
                continue
            if good and self._is_candidate(larger):
                self._begin(above, larger)
            elif not good and not self._may_be_candidate(larger):
                del above.sets[larger]
        if not good:
            self._fill(above)

    def _fill(self, level: _Level) -> None:
        """Take the candidates of lowest rank until there are enough, or no more."""
        while len(level.sets) < level.most:
            if not level.reserve:
                if not level.more:
                    return
                wanted = _RESERVE * level.most
                level.reserve = self._lowest(wanted, level)
                level.more = len(level.reserve) == wanted
                level.reserve.reverse()
                continue
            level.last = level.reserve.pop()
            members = level.last[1]
            if self._may_be_candidate(members):
                level.sets[members] = None
                if self._is_candidate(members):
                    self._begin(level, members)

    def _lowest(self, count: int, level: _Level) -> list[tuple[int, Members]]:
        """The candidates next in rank, lowest first; ``level.last`` and all before left out."""
        heap: list[tuple[int, Members]] = []
        held: set[Members] = set()
        for members in self._all(level):
            rank = self._rank(members)
            if (rank, members) <= level.last or members in held:
                continue
            # heapq keeps the smallest in front: the highest rank is to be there.
            entry = (-rank, tuple(-each for each in members))
            if len(heap) < count:
                heapq.heappush(heap, entry)
            elif entry > heap[0]:
                dropped = heapq.heapreplace(heap, entry)
                held.discard(tuple(-each for each in dropped[1]))
            else:
                continue
            held.add(members)
        return sorted((-rank, tuple(-each for each in members)) for rank, members in heap)

    def _all(self, level: _Level) -> Iterable[Members]:
        """All that may come to be candidates, some of them several times."""
        if level.size == 1:
            return ((place,) for place in range(len(self.tasks)))
        below = self._levels[level.size - 2].sets
        return self._grown(members for members, good in below.items() if good is not False)

    def _grown(self, several: Iterable[Members]) -> Iterator[Members]:
        """Each set with each task that it has not, unless that is known not to be good."""
        tasks = [task for (task,), good in self._levels[0].sets.items() if good is not False]
        for members in several:
            for task in tasks:
                if task not in members:
                    yield tuple(sorted((*members, task)))

    def _parents(self, members: Members) -> Iterator[bool | None]:
        """The verdicts of the sets that lack one task, and of that task."""
        below, tasks = self._levels[len(members) - 2].sets, self._levels[0].sets
        for place, task in enumerate(members):
            parent = (*members[:place], *members[place + 1 :])
            pair = (below.get(parent, False), tasks.get((task,), False))
            yield False if False in pair else None if None in pair else True

    def _is_candidate(self, members: Members) -> bool:
        return len(members) == 1 or any(good is True for good in self._parents(members))

    def _may_be_candidate(self, members: Members) -> bool:
        return len(members) == 1 or any(good is not False for good in self._parents(members))

    def _begin(self, level: _Level, members: Members) -> None:
        level.begun.add(members)
        if members in self._known:
            self._recalled.append(members)
        else:
            heapq.heappush(self._ready, (level.size, self._rank(members), members))

    def _count(self, place: int) -> int:
        """How many candidates there are of a size whose smaller sets are all decided."""
        if place == 0:
            return len(self.tasks)
        level = self._levels[place]
        if not level.more and not level.reserve:
            return len(level.sets)
        below = self._levels[place - 1].sets
        good = {members for members, verdict in below.items() if verdict}
        count = 0
        for members in good:
            for larger in self._grown([members]):
                parents = ((*larger[:n], *larger[n + 1 :]) for n in range(len(larger)))
                # Of all good sets that it can be made of, the first one counts it.
                count += next(each for each in parents if each in good) == members
        return count


def members_of(taskset: TaskSet) -> Members:
    """The members of a set that came from a :class:`Growth`.

    :raise StateError: it did not.
    """
    origin = taskset.origin or {}
    if origin.get("generator") != "campaign":
        raise StateError(f"the set {taskset.name!r} comes from no search")
    return tuple(origin["tasks"])

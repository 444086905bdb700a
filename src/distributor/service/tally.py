"""The schedulability ratio of a run that grows: each set is counted once."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict

from distributor.service.models import Point, Ratio
from distributor.store.store import Store

#: Ids of sets that are read at a time; what bounds the memory that the first answer takes.
_STEP = 10_000


class RatioTally:
    """Counts the sets of a run, which nobody else writes; usable from any thread.

    A verdict that is kept never changes, and the ids of a run's sets go up, so that only sets
    that are newer than those counted are read.
    """

    def __init__(self, store: Store, run: int) -> None:
        self._store = store
        self._run = run
        self._lock = threading.Lock()
        #: Every set up to this id has been counted.
        self._counted = 0
        #: By job: how many sets of each utilization there are, and how many of them hold.
        self._sets: defaultdict[int, Counter[float]] = defaultdict(Counter)
        self._held: defaultdict[int, Counter[float]] = defaultdict(Counter)

    def read(self, job: int | None) -> Ratio:
        """The ratio over utilization of one job, or of all together, as far as it is known.

        Blocks: the first time as long as it takes to read all sets.
        """
        from distributor.analysis.ratio import wilson_interval

        with self._lock:
            self._count_new()
            sets: Counter[float] = Counter()
            held: Counter[float] = Counter()
            for each in self._sets if job is None else {job} & self._sets.keys():
                sets.update(self._sets[each])
                held.update(self._held[each])
        points = []
        for utilization, count in sorted(sets.items()):
            low, high = wilson_interval(held[utilization], count)
            points.append(
                Point(
                    utilization=utilization,
                    sets=count,
                    schedulable=held[utilization],
                    low=low,
                    high=high,
                )
            )
        return Ratio(points=points)

    def _count_new(self) -> None:
        new = self._store.newer_ids(self._run, self._counted)
        for start in range(0, len(new), _STEP):
            self._count(new[start : start + _STEP])

    def _count(self, ids: range) -> None:
        from distributor.analysis.ratio import schedulability
        from distributor.data.columns import read_members
        from distributor.data.read import tasksets_frame

        members = read_members(self._store, self._run, ids=ids)
        points = schedulability(tasksets_frame(members), ["batch"])
        told = points[["batch", "utilization", "sets", "schedulable"]]
        for job, utilization, sets, held in told.itertuples(index=False):
            self._sets[int(job)][float(utilization)] += int(sets)
            self._held[int(job)][float(utilization)] += int(held)
        self._counted = ids.stop - 1

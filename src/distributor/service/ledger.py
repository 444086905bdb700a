"""What the service knows of its jobs and machines beside the engine: names, times, counts."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime

from distributor.jobs.job import Job as QueuedJob
from distributor.jobs.job import JobState
from distributor.service.models import Job
from distributor.session.result import Verdict
from distributor.store.batch import BatchRecord

#: Over how long the speed is measured.
WINDOW_S = 60


class Rate:
    """Events a second over the last minute, in buckets of a second. Pure: time is handed in."""

    def __init__(self, begun_s: float) -> None:
        self._begun_s = begun_s
        self._seconds: deque[tuple[int, int]] = deque(maxlen=WINDOW_S + 1)

    def count(self, now_s: float) -> None:
        """One more."""
        second = int(now_s)
        last, many = self._seconds[-1] if self._seconds else (-1, 0)
        if last == second:
            self._seconds[-1] = (second, many + 1)
        else:
            self._seconds.append((second, 1))

    def per_s(self, now_s: float) -> float:
        """The mean over the window, or over the time since the beginning if that is less."""
        since = now_s - WINDOW_S
        total = sum(many for second, many in self._seconds if second >= since)
        return total / min(WINDOW_S, max(1.0, now_s - self._begun_s))


@dataclass(slots=True, eq=False)
class Entry:
    """A job, and what the engine does not keep of it."""

    job: QueuedJob
    name: str
    added_at: datetime
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    def told(self, sets_per_s: float) -> Job:
        """The job as the API tells of it.

        :param sets_per_s: how fast sets are decided now.
        """
        state, total = self.job.state, self.job.total
        left_s = None
        if total is not None and state is JobState.RUNNING and sets_per_s > 0:
            left_s = round((total - self.job.decided) / sets_per_s, 1)
        return Job(
            number=self.job.number,
            name=self.name,
            state=state,
            error=None if self.job.error is None else str(self.job.error),
            added_at=self.added_at,
            decided=self.job.decided,
            total=total,
            verdicts={verdict: self.verdicts[verdict] for verdict in Verdict},
            left_s=left_s,
        )


def told_record(batch: BatchRecord, verdicts: Counter[Verdict]) -> Job:
    """A job that has ended, from what the store keeps of it."""
    decided = verdicts.total()
    return Job(
        number=batch.batch,
        name=batch.name,
        state=JobState(batch.state),
        error=batch.error or None,
        added_at=batch.added_at,
        decided=decided,
        total=decided,
        verdicts={verdict: verdicts[verdict] for verdict in Verdict},
        left_s=None,
    )

"""The monitor through which the service sees sets begin and end."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from distributor.monitors.monitor import Attempt, Monitor
from distributor.service.models import Noise, Set
from distributor.session.result import Result, Verdict


class Watch(Monitor):
    """Counts what ends, and tells of it.

    :param decided: is told of each verdict, with the number of its job.
    :param kept: id in the store of the set that is being told; None if it is not there yet.
    :param tell: is given each set that has its verdict.
    """

    def __init__(
        self,
        decided: Callable[[int, Verdict], None],
        kept: Callable[[], int | None],
        tell: Callable[[Set], None],
    ) -> None:
        self._count = decided
        self._kept = kept
        self._tell = tell
        self.verdicts: Counter[Verdict] = Counter()
        #: Sets that each machine has finished; those of machines that are gone are forgotten.
        self.sets: Counter[str] = Counter()
        #: Sets that have their verdict, but were not in the store when that was told.
        self.unkept = 0
        self.guest_ns = 0
        self.returned = 0

    def forget_machines(self, present: Collection[str]) -> None:
        """Those that are not there any more."""
        for gone in [name for name in self.sets if name not in present]:
            del self.sets[gone]

    def stopped(self, attempt: Attempt) -> None:
        self.returned += 1

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._decided(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._decided(attempt, result)

    def _decided(self, attempt: Attempt, result: Result) -> None:
        self._count(attempt.job, result.verdict)
        self.verdicts[result.verdict] += 1
        self.sets[attempt.machine] += 1
        self.guest_ns += result.guest_ns
        if (kept := self._kept()) is None:
            self.unkept += 1
        else:
            self._tell(told_set(kept, attempt, result))


def told_set(store_id: int, attempt: Attempt, result: Result) -> Set:
    """A set as the API tells of it, from what a monitor is told."""
    noise = result.noise
    return Set(
        id=store_id,
        job=attempt.job,
        index=attempt.index,
        name=printable_text(attempt.taskset.name),
        verdict=result.verdict,
        reason=printable_text(result.reason),
        machine=attempt.machine,
        attempts=attempt.number,
        finished_at=datetime.now(UTC),
        guest_s=result.guest_ns / 1e9,
        host_s=result.host_s,
        utilization=attempt.taskset.utilization,
        tasks=len(attempt.taskset),
        noise=None if noise is None else Noise(**dataclasses.asdict(noise)),
        digest=result.digest,
    )


def printable_text(text: str) -> str:
    """The text, cut, and such that it can be written as UTF-8: JSON may bring half characters."""
    return text[:4096].encode("utf-8", "replace").decode("utf-8")

"""What a loader needs, or does otherwise than ours, as the profile of its machine says."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.tasks.taskset import TaskSet


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of our own loader, unless told otherwise.

    :param extensions: whether it is asked for the extensions of docs/protocol.md.
    :param quota_bytes: granted to a task that names no quota; None leaves it to the loader.
    :param caps: the same for Genode's capabilities.
    :param first_after_period: its first release is one period after the offset.
    :param offsets_in_turn: it waits for the offsets one after the other, in the set's order.
    """

    extensions: bool = True
    quota_bytes: int | None = None
    caps: int | None = None
    first_after_period: bool = False
    offsets_in_turn: bool = False

    def delay_ns(self, taskset: TaskSet) -> int:
        """How much later than with our loader a job of the set is released, at most."""
        offsets = [task.offset_ns for task in taskset]
        in_turn_ns = sum(offsets) - max(offsets) if self.offsets_in_turn else 0
        period_ns = max(task.period_ns for task in taskset) if self.first_after_period else 0
        return in_turn_ns + period_ns


#: Those of our own loader.
OURS = Rules()

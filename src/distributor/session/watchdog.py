"""Says when a machine has stopped making progress. Pure: fed with moments, asked for a verdict.

Progress, not liveness, and never the host's load: with the virtual clock a machine is
given an amount of *work* (processor seconds of the host), which a busy host only
stretches; with the real clock the set's own timing says how long it may be silent.
"""

from __future__ import annotations

from distributor.session.result import Clock
from distributor.session.rules import OURS, Rules
from distributor.tasks.taskset import TaskSet


class Watchdog:
    """Watches one task set on one machine.

    :param timeout_s: margin on top of what the set itself explains.
    :param work_per_guest_s: host processor seconds that a guest second may cost.
    :param rules: of the loader, which may release jobs later than ours.
    """

    def __init__(
        self,
        taskset: TaskSet,
        clock: Clock,
        *,
        timeout_s: float,
        work_per_guest_s: float,
        rules: Rules = OURS,
    ) -> None:
        delay_s = rules.delay_ns(taskset) / 1e9
        self._clock = clock
        self._timeout_s = timeout_s
        self._quiet_s = (
            timeout_s
            + delay_s
            + max(max(task.offset_ns, task.period_ns, task.deadline_ns) for task in taskset) / 1e9
        )
        self._work_limit_s = timeout_s + (taskset.horizon_ns / 1e9 + delay_s) * work_per_guest_s
        self._event_s: float | None = None
        self._work_s = 0.0
        self._first_work_s: float | None = None
        self._moved_s: float | None = None

    def progressed(self, now_s: float) -> None:
        """The machine told of an event."""
        self._event_s = now_s

    def complaint(self, now_s: float, work_s: float | None) -> str:
        """Why the machine is to be given up, "" while it is not.

        :param now_s: the host's monotonic time.
        :param work_s: what the machine has used of the host's processors so far, None
            where that is unknown (a board).
        """
        if self._event_s is None:
            self._event_s = now_s
        if self._clock is Clock.REAL or work_s is None:
            silent_s = now_s - self._event_s
            if silent_s > self._quiet_s:
                return f"nothing heard for {silent_s:.0f} s, {self._quiet_s:.0f} s allowed"
            return ""
        if self._first_work_s is None or self._moved_s is None:
            self._first_work_s = self._work_s = work_s
            self._moved_s = now_s
        if work_s > self._work_s:
            self._work_s = work_s
            self._moved_s = now_s
        if work_s - self._first_work_s > self._work_limit_s:
            return (
                f"not finished after {work_s - self._first_work_s:.0f} s of processor time, "
                f"{self._work_limit_s:.0f} s allowed"
            )
        if now_s - self._moved_s > self._timeout_s:
            return f"it stood still for {now_s - self._moved_s:.0f} s"
        return ""

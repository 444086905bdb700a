"""What `make demo` runs: five sets that hold their deadlines, and three that do not.

Every task is a real executable under a real-time kernel; `busy` burns the microseconds of
processor time that its argument says. Priority 0 is the highest; a task without a
priority is scheduled by earliest deadline first (EDF).
"""

from distributor import Task, TaskSet


def busy(ms: float, **timing: object) -> Task:
    """A task that needs `ms` milliseconds of processor time in each job."""
    return Task("busy", arg1=round(ms * 1000), **timing)


tasksets = [
    TaskSet(
        [Task("hey", arg1=42, period_ms=100, numberofjobs=5, priority=3)],
        name="hey",
    ),
    # Liu and Layland (1973): three tasks hold under rate-monotonic priorities up to a
    # utilization of 3 (2^(1/3) - 1) = 0.78. These use 0.75.
    TaskSet(
        [
            busy(2, period_ms=8, priority=0, numberofjobs=25),
            busy(3, period_ms=12, priority=1, numberofjobs=17),
            busy(5, period_ms=20, priority=2, numberofjobs=10),
        ],
        name="rate-monotonic-0.75",
    ),
    # The same, by earliest deadline first.
    TaskSet(
        [
            busy(2, period_ms=8, numberofjobs=25),
            busy(3, period_ms=12, numberofjobs=17),
            busy(5, period_ms=20, numberofjobs=10),
        ],
        name="edf-0.75",
    ),
    # 20 of 50 and 40 of 70 ms: utilization 0.97, above what fixed priorities can hold:
    # the longer job is interrupted twice, and needs 20 + 40 + 20 = 80 of its 70 ms.
    TaskSet(
        [
            busy(20, period_ms=50, priority=0, numberofjobs=7),
            busy(40, period_ms=70, priority=1, numberofjobs=5),
        ],
        name="rate-monotonic-0.97",
    ),
    TaskSet(
        [busy(20, period_ms=50, numberofjobs=7), busy(40, period_ms=70, numberofjobs=5)],
        name="edf-0.97",
    ),
    # More than a whole processor: nothing can hold this.
    TaskSet(
        [
            busy(6, period_ms=10, priority=0, numberofjobs=10),
            busy(10, period_ms=20, priority=1, numberofjobs=5),
        ],
        name="overload-1.10",
    ),
    # The second task is harmonic with the first: fixed priorities hold a full 1.0 minus
    # what the kernel itself needs.
    TaskSet(
        [
            busy(4.9, period_ms=10, priority=0, numberofjobs=20),
            busy(9.5, period_ms=20, priority=1, numberofjobs=10),
        ],
        name="harmonic-0.97",
    ),
    # A job that fails is told apart from one that is late.
    TaskSet(
        [Task("pi", arg1="ten", period_ms=50, numberofjobs=2, priority=1)],
        name="broken-argument",
    ),
]

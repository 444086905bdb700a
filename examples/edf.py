"""The sets of rate_monotonic.py by earliest deadline first, which holds up to 1.0.

A task without a priority (128) is scheduled by its deadline.
`distributor run examples/edf.py`
"""

from distributor import Task, TaskSet


def edf(name: str, *tasks: tuple[float, float]) -> TaskSet:
    """A set of (execution time, period) pairs in ms, over 1 s."""
    return TaskSet(
        [
            Task(
                "busy",
                arg1=round(execution_ms * 1000),
                period_ms=period_ms,
                numberofjobs=round(1000 / period_ms),
            )
            for execution_ms, period_ms in tasks
        ],
        name=name,
    )


tasksets = [
    edf("two-0.80", (20, 50), (20, 50)),
    edf("two-0.97", (20, 50), (40, 70)),
    edf("overload-1.06", (20, 50), (46, 70)),
]

"""Textbook sets under rate-monotonic priorities: the shorter the period, the higher.

`distributor run examples/rate_monotonic.py`
"""

from distributor import Task, TaskSet


def rate_monotonic(name: str, *tasks: tuple[float, float]) -> TaskSet:
    """A set of (execution time, period) pairs in ms, over 1 s."""
    ranked = sorted(tasks, key=lambda task: task[1])
    return TaskSet(
        [
            Task(
                "busy",
                arg1=round(execution_ms * 1000),
                period_ms=period_ms,
                priority=rank,
                numberofjobs=round(1000 / period_ms),
            )
            for rank, (execution_ms, period_ms) in enumerate(ranked)
        ],
        name=name,
    )


tasksets = [
    # Under the bound of Liu and Layland, n (2^(1/n) - 1): 0.83 for two tasks.
    rate_monotonic("two-0.80", (20, 50), (20, 50)),
    # Above it, and over: the second job needs 20 + 40 + 20 = 80 of its 70 ms.
    rate_monotonic("two-0.97", (20, 50), (40, 70)),
    # Above the bound, and held all the same, since the periods are harmonic.
    rate_monotonic("harmonic-0.95", (10, 25), (13, 50), (29, 100)),
]

"""The same sets in real time, on a quiet host and on one with busy loops on every core: how far
response times lie apart, and whether the mark tells; beside the spread in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import Measured, measured
from benchmarks.spread import busy_host
from distributor import Attempt, Distributor, Monitor, Result, Task, TaskSet

REPETITIONS = 4
#: Light enough for an emulated processor: 2 jobs of half a millisecond every 50 ms.
ONE = TaskSet(
    Task("busy", arg1=500, period_ms=50, priority=0, numberofjobs=20),
    Task("busy", arg1=500, period_ms=100, priority=1, numberofjobs=10),
)


class _Results(Monitor):
    def __init__(self) -> None:
        self.found: list[Result] = []

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.found.append(result)


def main() -> Iterator[Measured]:
    virtual_us = _spread_us(_run(clock="virtual"))
    with Distributor(clock="real", noisy_tries=0) as distributor:
        quiet = _repeat(distributor)
        with busy_host():
            loaded = _repeat(distributor)
    for name, results in {"quiet": quiet, "loaded": loaded}.items():
        yield measured(f"real_{name}_spread_greatest", _spread_us(results), "us", virtual_us)
        noisy = sum(result.noise is not None for result in results)
        yield measured(f"real_{name}_noisy", noisy, "runs", REPETITIONS)
        late_ms = max((r.noise.late_ns or 0) / 1e6 if r.noise else 0.0 for r in results)
        yield measured(f"real_{name}_canary_late_greatest", late_ms, "ms")


def _run(clock: str) -> list[Result]:
    with Distributor(clock=clock) as distributor:
        return _repeat(distributor)


def _repeat(distributor: Distributor) -> list[Result]:
    results = _Results()
    distributor.add_job([ONE] * REPETITIONS, results)
    distributor.wait()
    return results.found


def _spread_us(results: Sequence[Result]) -> float:
    """The greatest, over the jobs of the set, of the longest response less the shortest."""
    each = zip(*(result.jobs for result in results), strict=True)
    responses = ([job.response_ns for job in jobs] for jobs in each)
    return max([(max(times_ns) - min(times_ns)) / 1e3 for times_ns in responses], default=0.0)

"""The tasks that the guest image brings along (sources in guest/tasks/)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuiltinTask:
    """One built-in task.

    :param summary: what one job does with its argument ``arg1``.
    :param variants: arguments that ``Variants(n)`` and ``Random()`` draw from.
    """

    summary: str
    variants: range


#: By name. Each is one executable; arg1 is a whole number.
BUILTIN_TASKS: dict[str, BuiltinTask] = {
    "busy": BuiltinTask("burns arg1 microseconds of processor time", range(100, 100_001)),
    "cond_42": BuiltinTask("a long loop if arg1 is 42, else returns at once", range(1, 101)),
    "cond_mod": BuiltinTask("a long loop if arg1 is even, else returns at once", range(1, 101)),
    "hey": BuiltinTask("prints `hey arg1`", range(1, 1001)),
    "idle": BuiltinTask("does nothing; arg1 is ignored", range(1, 2)),
    "linpack": BuiltinTask("solves a dense linear system of arg1 unknowns", range(10, 301)),
    "namaste": BuiltinTask("prints `namaste arg1`", range(1, 1001)),
    "pi": BuiltinTask("sums arg1 terms of the Leibniz series", range(1000, 10_000_001)),
    "tumatmul": BuiltinTask("sieves the primes up to arg1 (Eratosthenes)", range(1000, 1_000_001)),
}

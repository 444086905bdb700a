"""Schedulability tests: how many sets a second, and how many on which the oracles agree.

``python -m benchmarks.theory 10000`` holds so many sets against the oracles, and prints those
that differ.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from benchmarks import Measured, measured
from benchmarks._oracles import KINDS, differing, draw
from distributor.analysis.theory import judge_modelled

JUDGED = 2000
COMPARED = 1000


def main() -> Iterator[Measured]:
    drawn = [draw(seed) for seed in range(JUDGED)]
    for kind in KINDS:
        sets = [tasks for each, tasks in drawn if each == kind]
        begun_s = time.perf_counter()
        for tasks in sets:
            judge_modelled(tasks)
        name = f"theory_{'edf' if kind.edf else 'fixed'}{'_offsets' if kind.offsets else ''}"
        yield measured(name, len(sets) / (time.perf_counter() - begun_s), "sets/s")
    agreeing = COMPARED - len(differing(range(COMPARED)))
    yield measured("theory_agrees_with_oracles", agreeing, "sets", COMPARED)


def compare() -> int:
    """Compare as many sets as the command line says."""
    count = int(sys.argv[1])
    found = differing(range(count))
    for seed, told in found.items():
        print(f"seed {seed}: {told}")
    print(f"{count - len(found)} of {count} sets agree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(compare())

"""A million sets: how soon the first has its verdict, and what the others cost in memory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import Measured, measured

#: Seconds from the command to the first verdict.
GOAL_S = 1.0
#: Sets between the two looks at the memory.
FIRST, LAST = 50, 250

#: A million sets each, as a product of values and drawn at random.
SOURCES: dict[str, dict[str, Any]] = {
    "product": {
        "product": {
            "tasks": [
                {"binary": "busy", "arg1": {"from": 1, "to": 1000}, "priority": 0},
                {"binary": "busy", "arg1": 10, "period_us": {"from": 1001, "to": 2000}},
            ]
        }
    },
    "random": {
        "generate": {
            "tasks": 5,
            "utilization": 0.5,
            "sets": 1_000_000,
            "seed": 1,
            "periods": "uniform:1ms-10ms",
            "duration_ms": 2,
        }
    },
}


def main() -> Iterator[Measured]:
    for name, document in SOURCES.items():
        first_s, growth_mib, rate = _run(document)
        yield measured(f"variants_{name}_first_verdict", first_s, "s", GOAL_S)
        yield measured(f"variants_{name}_memory_growth_of_{LAST - FIRST}_sets", growth_mib, "MiB")
        yield measured(f"variants_{name}_rate", rate, "sets/s")


def _run(document: dict[str, Any]) -> tuple[float, float, float]:
    """Seconds to the first verdict, growth of the controller's memory, sets a second."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sets.json").write_text(json.dumps(document))
        begun_s = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "distributor", "run", "sets.json"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            first_s = time.perf_counter() - begun_s
            for number, _ in enumerate(process.stdout, 2):
                if number == FIRST:
                    before_mib, from_s = _resident_mib(process.pid), time.perf_counter()
                if number == LAST:
                    break
            growth_mib = _resident_mib(process.pid) - before_mib
            rate = (LAST - FIRST) / (time.perf_counter() - from_s)
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    return first_s, growth_mib, rate


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel tells the memory of each process")

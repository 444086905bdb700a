"""Whether the host disturbed a run in real time: what it counts, before and after.

Four things are looked at. None alone sees everything: a hypervisor below takes time that no
process waits for, pressure is the whole host's, and a canary sees only the moments at which
it wakes up. :func:`noise_of` is pure; docs/real-time.md has the thresholds with their reasons.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distributor.machines.machine import HostedMachine, Machine
from distributor.session.result import Clock, Noise

#: A host's scheduler lets another process run for about this long before it comes back to
#: ours (Linux, sched_min_granularity and base_slice: 3 ms on 2 to 8 processors). An emulated
#: machine that nobody disturbs wakes its canary up to 1.8 ms late (docs/real-time.md).
LATE_NS = 3_000_000
#: Of a run's time, in which a thread of the machine waited for a core, or a core was stolen.
SHARE = 0.01
#: Steal is counted in ticks of 10 ms: one of them is no measurement.
STEAL_TICKS = 2
#: Of a run's time, in which some process of the host waited for a core.
PRESSURE_SHARE = 0.5
#: The kernel adds up the pressure this often (Linux, kernel/sched/psi.c, PSI_FREQ).
PRESSURE_STEP_S = 2.0

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the host had counted at one moment; what it does not count is None or missing.

    :param at_s: the host's monotonic time.
    :param waited_s: for each thread of the machine, how long it has waited for a core.
    :param stolen_s: for each core that the machine may use, what was stolen of it.
    :param pressure_s: how long some process of the host has waited for a core.
    """

    at_s: float
    waited_s: Mapping[int, float] = field(default_factory=dict)
    stolen_s: Mapping[int, float] = field(default_factory=dict)
    pressure_s: float | None = None


def observe(machine: Machine, proc: Path = _PROC) -> Reading | None:
    """What counts for a machine now; None with the virtual clock, which no host disturbs.

    A machine that does not run on this host has its canary alone.
    """
    if machine.facts.clock is not Clock.REAL:
        return None
    if not isinstance(machine, HostedMachine):
        return Reading(time.monotonic())
    threads = machine.threads
    return Reading(
        time.monotonic(), _waited_s(threads, proc), _stolen_s(threads, proc), _pressure_s(proc)
    )


def noise_of(before: Reading, after: Reading, late_ns: int | None) -> Noise | None:
    """What disturbed the run between two readings; None if nothing did.

    :param late_ns: how late the loader's canary woke up at most, None where there was none.
    """
    took_s = max(after.at_s - before.at_s, 1e-9)
    waited_s = _most(before.waited_s, after.waited_s)
    stolen_s = _most(before.stolen_s, after.stolen_s)
    pressure = None
    if before.pressure_s is not None and after.pressure_s is not None:
        pressure = (after.pressure_s - before.pressure_s) / max(took_s, PRESSURE_STEP_S)
    reasons = []
    if late_ns is not None and late_ns > LATE_NS:
        reasons.append(f"the canary woke up {late_ns / 1e6:.1f} ms late")
    if waited_s is not None and waited_s > max(SHARE * took_s, LATE_NS / 1e9):
        reasons.append(f"the machine waited {waited_s / took_s:.0%} of the time for a host core")
    if stolen_s is not None and stolen_s > max(SHARE * took_s, (STEAL_TICKS - 0.5) * _TICK_S):
        reasons.append(f"{stolen_s / took_s:.0%} of a host core was stolen")
    if pressure is not None and pressure > PRESSURE_SHARE:
        reasons.append(f"processes waited for host cores {min(pressure, 1):.0%} of the time")
    if not reasons:
        return None
    return Noise(
        reasons=tuple(reasons),
        took_s=round(took_s, 6),
        late_ns=late_ns,
        waited_s=_rounded(waited_s),
        stolen_s=_rounded(stolen_s),
        pressure=_rounded(pressure),
    )


def _most(before: Mapping[int, float], after: Mapping[int, float]) -> float | None:
    """Of the counters that were there both times, the greatest growth."""
    return max((after[key] - before[key] for key in before.keys() & after.keys()), default=None)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _waited_s(threads: tuple[int, ...], proc: Path) -> dict[int, float]:
    """Time on run queues (Linux, Documentation/scheduler/sched-stats.rst, the second number)."""
    found = {}
    for thread in threads:
        text = _read(proc / str(thread) / "task" / str(thread) / "schedstat").split()
        if len(text) > 1:
            found[thread] = int(text[1]) / 1e9
    return found


def _stolen_s(threads: tuple[int, ...], proc: Path) -> dict[int, float]:
    """Ticks stolen of each core (proc(5), /proc/stat, the eighth number)."""
    cores: set[int] = set()
    for thread in threads:
        try:
            cores |= os.sched_getaffinity(thread)
        except OSError:  # it has ended; how, others tell
            continue
    found = {}
    for line in _read(proc / "stat").splitlines():
        name, *numbers = line.split()
        core = name.removeprefix("cpu")
        if core.isdecimal() and int(core) in cores and len(numbers) > 7:
            found[int(core)] = int(numbers[7]) * _TICK_S
    return found


def _pressure_s(proc: Path) -> float | None:
    """Microseconds of `some` (Linux, Documentation/accounting/psi.rst)."""
    for line in _read(proc / "pressure" / "cpu").splitlines():
        kind, _, total = line.partition(" ")
        if kind == "some" and "total=" in total:
            return int(total.partition("total=")[2]) / 1e6
    return None


def _read(path: Path) -> str:
    """The file, "" where the kernel does not have it, or no more."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

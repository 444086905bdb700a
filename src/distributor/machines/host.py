"""How many machines this host bears at once."""

from __future__ import annotations

import os
from pathlib import Path

from distributor.errors import ConfigurationError

AUTO = "auto"
#: Memory that QEMU takes for itself, beside what it gives its guest.
_OVERHEAD_MIB = 64


def machines_at_once(wanted: str | int, *, cpus: int, memory_mib: int) -> int:
    """The number that a user asked for, or for ``auto`` the one that fits.

    A machine keeps as many of the host's processors busy as it has itself: emulated ones
    never wait for anything, and real ones must not have to. More machines than that make
    none of them faster. A virtual machine's processors take turns on one of the host's.

    :param cpus: host processors that one machine keeps busy.
    :param memory_mib: memory of one machine.
    :raise ConfigurationError: it is neither ``auto`` nor a number from 1 up.
    """
    if wanted != AUTO:
        if not str(wanted).isdecimal() or int(wanted) < 1:
            raise ConfigurationError(f"--machines is auto or a number from 1 up, not {wanted!r}")
        return int(wanted)
    by_processor = len(os.sched_getaffinity(0)) // cpus
    by_memory = _available_mib() // (memory_mib + _OVERHEAD_MIB)
    return max(1, min(by_processor, by_memory))


def _available_mib() -> int:
    """Memory that can be had without swapping (proc(5), MemAvailable)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) // 1024
    return 1 << 20

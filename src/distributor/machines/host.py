"""What this host, or the part of it that this process may use, has; how many machines it bears."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from distributor.errors import ConfigurationError

AUTO = "auto"
_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Host:
    """What machines can have.

    :param cores: those that this process may use, as far as its control groups let it.
    :param memory_mib: what can be had without swapping, within the same bounds.
    """

    cores: int
    memory_mib: int

    @classmethod
    def read(cls, proc: Path = _PROC, cgroup: Path = _CGROUP) -> Self:
        """As it is now. Control groups of version 2 and 1 count, with all those above.

        A fraction of a core counts as a whole one.
        """
        cores = len(os.sched_getaffinity(0))
        memory = _available(proc)
        for folder in _own_groups(proc, cgroup):
            cores = max(1, math.ceil(min(cores, _processors(folder))))
            memory = min(memory, _memory_left(folder))
        return cls(cores, int(memory) >> 20)


def machines_at_once(
    wanted: str | int, *, cpus: int, memory_mib: int, spare: int = 0, host: Host | None = None
) -> int:
    """The number that a user asked for, or for ``auto`` the one that fits.

    A machine keeps as many of the host's cores busy as it has processors: emulated ones
    never wait for anything, and real ones must not have to (measured:
    docs/decisions/0065-machines-at-once.md).

    :param cpus: host cores that one machine keeps busy.
    :param memory_mib: memory of the host that one machine takes at most.
    :param spare: cores that are left to others, where there are more; below 0, how many
        there may be beside those of the host.
    :param host: this one, if None.
    :raise ConfigurationError: it is neither ``auto`` nor a number from 1 up.
    """
    if wanted != AUTO:
        if not str(wanted).isdecimal() or int(wanted) < 1:
            raise ConfigurationError(f"--machines is auto or a number from 1 up, not {wanted!r}")
        return int(wanted)
    host = host or Host.read()
    return max(1, min((host.cores - spare) // cpus, host.memory_mib // memory_mib))


def _available(proc: Path) -> float:
    """Bytes (proc(5), MemAvailable)."""
    for line in _read(proc / "meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 2**50


def _own_groups(proc: Path, cgroup: Path) -> list[Path]:
    """Folders of this process's groups, and of those above them (cgroups(7))."""
    found = []
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        # In a container the path is that of the host, while the mount begins at our own.
        for root in [cgroup, *(cgroup / name for name in controllers.split(",") if name)]:
            own = root / path.lstrip("/")
            found += [root, *(own, *own.parents)[: len(own.parts) - len(root.parts)]]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def _processors(folder: Path) -> float:
    """Cores' worth of time: version 2's cpu.max, or version 1's quota and period."""
    told = _read(folder / "cpu.max").split() or [
        _read(folder / "cpu.cfs_quota_us").strip(),
        _read(folder / "cpu.cfs_period_us").strip(),
    ]
    quota, period, *_ = (*told, "", "")
    if quota.isdecimal() and period.isdecimal() and int(period):
        return int(quota) / int(period)
    return math.inf  # "max", -1, or no bound there


def _memory_left(folder: Path) -> float:
    """Bytes until the bound; pages of files, which the kernel takes back, count as free."""
    for limit, usage, files in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        bound, used = _read(folder / limit).strip(), _read(folder / usage).strip()
        if bound.isdecimal() and used.isdecimal():
            stat = dict(line.split(" ", 1) for line in _read(folder / "memory.stat").splitlines())
            return max(0, int(bound) - int(used) + int(stat.get(files, 0)))
    return math.inf


def _read(path: Path) -> str:
    """The file, "" where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

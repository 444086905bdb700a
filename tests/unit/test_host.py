"""What a host bears, by its cores, its memory and the control groups that bound both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distributor import ConfigurationError
from distributor.machines.host import AUTO, Host, machines_at_once

MIB = 2**20


def a_host(tmp_path: Path, groups: str, files: dict[str, str]) -> Host:
    """What is read of a host with 8 GiB free, with these control groups."""
    proc, cgroup = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal: 9999999 kB\nMemAvailable: {8 * 2**20} kB\n")
    (proc / "self" / "cgroup").write_text(groups)
    for name, text in files.items():
        (cgroup / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroup / name).write_text(text)
    return Host.read(proc, cgroup)


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


@pytest.mark.parametrize(
    ("groups", "files", "cores", "memory_mib"),
    [
        ("", {}, 8, 8192),
        ("0::/\n", {"cpu.max": "max 100000\n", "memory.max": "max\n"}, 8, 8192),
        ("0::/box\n", {"box/cpu.max": "250000 100000\n"}, 3, 8192),
        # A group is bound by those above it; less than a core is still one machine.
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 1, 8192),
        # In a container the path is the host's, and the mount begins at our own.
        ("0::/host/only\n", {"cpu.max": "200000 100000\n"}, 2, 8192),
        (
            "0::/box\n",
            {
                "box/memory.max": f"{1000 * MIB}\n",
                "box/memory.current": f"{600 * MIB}\n",
                "box/memory.stat": f"anon 5\ninactive_file {100 * MIB}\n",
            },
            8,
            500,
        ),
        ("0::/box\n", {"box/memory.max": "1000\n", "box/memory.current": "2000\n"}, 8, 0),
        # Version 1 has a tree for each controller.
        (
            "4:memory:/box\n1:cpu,cpuacct:/box\n",
            {
                "cpu/box/cpu.cfs_quota_us": "150000\n",
                "cpu/box/cpu.cfs_period_us": "100000\n",
                "memory/box/memory.limit_in_bytes": f"{700 * MIB}\n",
                "memory/box/memory.usage_in_bytes": f"{100 * MIB}\n",
                "memory/box/memory.stat": "total_inactive_file 0\n",
            },
            2,
            600,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            8,
            8192,
        ),
    ],
)
def test_control_groups_bound_what_a_host_has(
    tmp_path: Path, groups: str, files: dict[str, str], cores: int, memory_mib: int
) -> None:
    assert a_host(tmp_path, groups, files) == Host(cores, memory_mib)


@pytest.mark.parametrize(
    ("host", "cpus", "memory_mib", "spare", "machines"),
    [
        (Host(8, 100_000), 1, 300, 0, 8),
        (Host(8, 100_000), 1, 300, 1, 7),
        (Host(8, 100_000), 2, 300, 1, 3),
        (Host(8, 100_000), 1, 300, -1, 9),
        (Host(8, 1_000), 1, 300, 0, 3),
        # One there is always: whether it fits is then seen.
        (Host(1, 100), 2, 300, 1, 1),
    ],
)
def test_cores_and_memory_say_how_many_machines_fit(
    host: Host, cpus: int, memory_mib: int, spare: int, machines: int
) -> None:
    found = machines_at_once(AUTO, cpus=cpus, memory_mib=memory_mib, spare=spare, host=host)
    assert found == machines


def test_a_number_that_was_asked_for_is_taken() -> None:
    assert machines_at_once("17", cpus=4, memory_mib=2**20, host=Host(1, 1)) == 17
    for wrong in ("0", "many", "-1"):
        with pytest.raises(ConfigurationError, match="--machines is auto or a number"):
            machines_at_once(wrong, cpus=1, memory_mib=1)

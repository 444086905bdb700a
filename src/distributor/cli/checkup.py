"""What ``distributor doctor`` looks at: one pure check for each thing a host has or lacks.

A check is handed what was seen and says what it means; :mod:`distributor.cli.doctor` does
the looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from distributor.errors import ConfigurationError, DistributorError
from distributor.machines.qemu.facts import QemuFacts

MIB = 1 << 20
GIB = 1 << 30
#: What one machine takes at most; what it has not written yet it does not take.
MACHINE_BYTES = 256 * MIB
#: Room that the image, the consoles and a first store need.
DISK_BYTES = 512 * MIB
#: The oldest QEMU that Distributor is tested with (Debian 12).
QEMU_TESTED = (7, 2)


class State(StrEnum):
    """How a thing stands."""

    OK = "ok"
    #: Task sets run without it, or with less of it than there could be.
    LIMITED = "limited"
    #: No task set runs without it.
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, as it was found.

    :param found: what is there.
    :param advice: what to do for more; "" where all is well.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def check_python(version: tuple[int, ...]) -> Finding:
    """Python itself; 3.11 to 3.13 are tested."""
    found = ".".join(map(str, version[:3]))
    if (3, 11) <= version[:2] <= (3, 13):
        return Finding("Python", State.OK, found)
    return Finding("Python", State.LIMITED, found, "Tested with Python 3.11 to 3.13 only.")


def report(name: str, error: DistributorError, state: State = State.MISSING) -> Finding:
    """What is wrong with a thing, as the part that would use it says."""
    return Finding(name, state, error.message, error.hint)


def check_qemu(facts: QemuFacts) -> Finding:
    """A QEMU that answered."""
    found = f"{facts.version}, {facts.path}"
    if facts.number < QEMU_TESTED:
        return Finding("QEMU", State.LIMITED, found, "Tested with QEMU 7.2 and newer only.")
    try:
        facts.check_virtual(cpus=2)
    except ConfigurationError:
        return Finding(
            "QEMU",
            State.LIMITED,
            found,
            "The virtual clock takes 1 processor; for more, install QEMU 10.0.",
        )
    return Finding("QEMU", State.OK, found)


def check_arm(lacking: Mapping[str, Sequence[str]]) -> Finding:
    """Machines of other processors than x86.

    :param lacking: Debian packages that are not there, by what they are for.
    """
    there = [name for name, packages in lacking.items() if not packages]
    found = f"{' and '.join(there)} can be built and run" if there else "no machines of ARM"
    advice = " ".join(
        f"For --arch {name}: apt-get install {' '.join(packages)}."
        for name, packages in lacking.items()
        if packages
    )
    return Finding("ARM machines", State.LIMITED if advice else State.OK, found, advice)


def check_kvm(device: bool, accessible: bool, boots: bool | None) -> Finding:
    """KVM, which the real clock uses where it works.

    :param boots: what a trial boot on it showed; None where none was made yet.
    """
    if not device:
        return Finding(
            "KVM",
            State.LIMITED,
            "no /dev/kvm",
            "The real clock emulates; the virtual one is whole.",
        )
    if not accessible:
        return Finding(
            "KVM",
            State.LIMITED,
            "/dev/kvm is not yours to open",
            "Join its group: adduser USER kvm",
        )
    if boots is None:
        return Finding(
            "KVM", State.OK, "/dev/kvm opens; the first run with --clock real tries to boot on it"
        )
    if not boots:
        return Finding(
            "KVM",
            State.LIMITED,
            "/dev/kvm opens, but no guest boots on it",
            "The real clock emulates; the virtual one is whole.",
        )
    return Finding("KVM", State.OK, "guests boot on it")


def check_network(
    net_admin: bool, namespaces: bool, tun: bool, dnsmasq: bool = True, opens: bool = True
) -> Finding:
    """What the host allows and has: user-mode networks need nothing, bridges do.

    :param tun: whether there is /dev/net/tun.
    :param opens: whether this user may open it.
    """
    if not tun:
        return Finding(
            "Network", State.LIMITED, "user mode only: no /dev/net/tun", "Bridges: modprobe tun"
        )
    if not opens:
        return Finding(
            "Network",
            State.LIMITED,
            "user mode only: /dev/net/tun is not yours to open",
            "Bridges: run as root, or chmod 0666 /dev/net/tun (what udev sets).",
        )
    if not dnsmasq:
        return Finding(
            "Network", State.LIMITED, "user mode only: no dnsmasq", "apt-get install dnsmasq-base"
        )
    if net_admin:
        return Finding("Network", State.OK, "user mode and bridges (CAP_NET_ADMIN)")
    if namespaces:
        return Finding("Network", State.OK, "user mode and bridges (in a namespace of your own)")
    return Finding("Network", State.LIMITED, "user mode only", "Bridges: run as root.")


def check_zstd(path: str | None, image: bool) -> Finding:
    """What unpacks the kernels of Debian 13 and later, for the image."""
    if path is not None:
        return Finding("zstd", State.OK, path)
    if image:
        return Finding("zstd", State.OK, "none; not needed, there is a guest image")
    return Finding(
        "zstd",
        State.LIMITED,
        "none: a kernel of Debian 13 cannot be unpacked",
        "apt-get install zstd",
    )


def check_cores(cores: int) -> Finding:
    """Processors this process may use: machines run at once, one a core."""
    found = f"{cores}: as many machines run at full speed"
    if cores > 1:
        return Finding("Cores", State.OK, found)
    return Finding("Cores", State.LIMITED, found, "More cores run more machines at once.")


def check_memory(available_bytes: int) -> Finding:
    """Memory that is free for machines."""
    fit = available_bytes // MACHINE_BYTES
    found = f"{available_bytes / GIB:.1f} GiB free: about {fit} machines"
    if fit >= 4:
        return Finding("Memory", State.OK, found)
    state = State.LIMITED if fit else State.MISSING
    return Finding("Memory", state, found, "Close other programs, or add memory.")


def check_disk(folder: Path, writable: bool, free_bytes: int) -> Finding:
    """Where images and consoles are kept."""
    found = f"{folder}, {free_bytes / GIB:.1f} GiB free"
    if not writable:
        return Finding(
            "Cache",
            State.MISSING,
            f"{folder} is not writable",
            "Set XDG_CACHE_HOME to one that is.",
        )
    if free_bytes < DISK_BYTES:
        return Finding(
            "Cache", State.MISSING, found, f"Free {DISK_BYTES // MIB} MiB, or set XDG_CACHE_HOME."
        )
    return Finding("Cache", State.OK, found)

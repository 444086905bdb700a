"""Which kind of machine a user's options describe, and how many of them there can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from distributor.machines.board import BoardKind
from distributor.machines.host import AUTO, machines_at_once
from distributor.machines.image import find_image
from distributor.machines.machine import CountedKind
from distributor.machines.profile import Profile, ProfileKind
from distributor.machines.qemu import QemuKind, qemu_kind
from distributor.machines.simulated import SimsoKind
from distributor.network.bridge import find_dnsmasq
from distributor.session.result import Clock

AnyKind = QemuKind | SimsoKind | BoardKind | ProfileKind

#: Options that a machine is made by, as a run keeps them to be gone on with or run again.
MACHINE_OPTIONS = (
    *("clock", "arch", "network", "bridge", "cpus", "memory_mib", "mips"),
    *("hosts", "boards", "profile", "kernel", "binaries"),
)
#: Options of the facade that a simulated machine has no use for.
_OF_NO_EFFECT = ("port", "startup_delay_s")


def machine_kind(
    *,
    clock: Clock | str | None = None,
    hosts: str | Iterable[str] = (),
    boards: Path | str | None = None,
    profile: Profile | Path | str | None = None,
    **options: object,
) -> AnyKind:
    """Boards where there are ``hosts`` or a file of ``boards``, machines of a ``profile``
    where there is one, simulated machines for the clock of that name, QEMU's for every other.

    :param clock: ``virtual`` if None; ``real`` for boards, and a profile has its own.
    :raise ConfigurationError: an option is wrong or unknown, or QEMU is missing.
    :raise ImageError: there is no guest image.
    :raise NetworkError: a bridge is wanted, and there is no dnsmasq for it.
    """
    if options.get("network") == "bridge":
        find_dnsmasq()
    if hosts or boards is not None:
        return _board_kind(hosts, boards, clock or Clock.REAL, **options)  # type: ignore[arg-type]
    if profile is not None:
        useful = {name: value for name, value in options.items() if name not in _OF_NO_EFFECT}
        return ProfileKind(profile, clock=clock, **useful)  # type: ignore[arg-type]
    clock = clock or Clock.VIRTUAL
    if clock == Clock.SIMULATED:
        useful = {name: value for name, value in options.items() if name not in _OF_NO_EFFECT}
        return SimsoKind(**useful)  # type: ignore[arg-type]  # checked by SimsoKind
    return qemu_kind(clock=clock, **options)  # type: ignore[arg-type]  # checked there


def _board_kind(
    hosts: str | Iterable[str],
    boards: Path | str | None,
    clock: Clock | str,
    startup_delay_s: float | None = None,
    **options: object,
) -> BoardKind:
    image = find_image()
    if image is not None:
        options.setdefault("builtin", image.tasks)
    if startup_delay_s is not None:
        options["boot_timeout_s"] = startup_delay_s
    return BoardKind(hosts, boards=boards, clock=clock, **options)  # type: ignore[arg-type]


def machines_of(kind: AnyKind, wanted: str | int) -> int:
    """How many machines at once: the number that a user asked for, or for ``auto`` as many
    as the host bears; of boards, as many as there are.

    :raise ConfigurationError: it is neither ``auto`` nor a number from 1 up, or there are
        not so many.
    """
    if isinstance(kind, BoardKind):
        most: int | None = kind.machines_max
        count = (
            kind.machines_max if wanted == AUTO else machines_at_once(wanted, cpus=1, memory_mib=1)
        )
    else:
        most = kind.lines_max if isinstance(kind, QemuKind | ProfileKind) else None
        count = machines_at_once(
            wanted, cpus=kind.busy_cpus, memory_mib=kind.memory_mib, spare=kind.spare_cores
        )
    if most is not None and wanted == AUTO:
        return min(count, most)
    if isinstance(kind, CountedKind):
        kind.check_number(count)
    return count


def machine_options(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's kept options that :func:`machine_kind` takes."""
    return {name: kept[name] for name in MACHINE_OPTIONS if name in kept}

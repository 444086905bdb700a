"""Which kind of machine a user's options describe."""

from __future__ import annotations

from distributor.machines.qemu import QemuKind, qemu_kind
from distributor.machines.simulated import SimsoKind
from distributor.session.result import Clock

#: Options of the facade that a simulated machine has no use for.
_OF_NO_EFFECT = ("port", "startup_delay_s")


def machine_kind(*, clock: Clock | str = Clock.VIRTUAL, **options: object) -> QemuKind | SimsoKind:
    """Simulated machines for the clock of that name, QEMU's for every other.

    :raise ConfigurationError: an option is wrong or unknown, or QEMU is missing.
    :raise ImageError: there is no guest image.
    """
    if clock == Clock.SIMULATED:
        useful = {name: value for name, value in options.items() if name not in _OF_NO_EFFECT}
        return SimsoKind(**useful)  # type: ignore[arg-type]  # checked by SimsoKind
    return qemu_kind(clock=clock, **options)  # type: ignore[arg-type]  # checked there

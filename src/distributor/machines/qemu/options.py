"""What a user's options say of QEMU machines."""

from __future__ import annotations

import math

from distributor.errors import ConfigurationError
from distributor.machines.image import AMD64, Image, require_image
from distributor.machines.image.architecture import architecture
from distributor.machines.qemu.facts import qemu_facts
from distributor.machines.qemu.kind import SHIFT_MAX, QemuKind
from distributor.session.result import Clock


def qemu_kind(
    *,
    image: Image | None = None,
    arch: str = AMD64.name,
    clock: Clock | str = Clock.VIRTUAL,
    mips: float | None = None,
    startup_delay_s: float | None = None,
    boot_timeout_s: float = 60.0,
    **options: object,
) -> QemuKind:
    """The kind that a user's options describe; those of :class:`QemuKind`, and

    :param image: the one of ``arch`` that was built last, if None.
    :param arch: ``amd64``, ``arm64`` or ``armhf``; those of ARM boot one by one.
    :param mips: speed of the virtual clock's processor, in millions of instructions a second:
        1000 halved 0 to 10 times; another way to say ``shift``.
    :param startup_delay_s: a machine is given at least so long to start.
    :raise ConfigurationError: an option is wrong or unknown, or QEMU is missing.
    :raise ImageError: there is no image.
    """
    known = set(QemuKind.__init__.__kwdefaults__ or {})
    if mips is not None:
        if "shift" in options:
            raise ConfigurationError("mips and shift say the same: give one of them")
        options["shift"] = _shift(mips)
    if unknown := sorted(set(options) - known):
        raise ConfigurationError(
            f"machines have no option {', '.join(unknown)}",
            hint=f"they have arch, image, mips, {', '.join(sorted(known))}",
        )
    wanted = architecture(arch)
    # Of the two, a missing QEMU is the first to install.
    qemu_facts(wanted.program, wanted.program_package)
    return QemuKind(
        image or require_image(arch),
        clock=clock,
        boot_timeout_s=max(boot_timeout_s, startup_delay_s or 0.0),
        **options,  # type: ignore[arg-type]  # checked by QemuKind
    )


def _shift(mips: float) -> int:
    speeds = [1000 / 2**shift for shift in range(SHIFT_MAX + 1)]
    for shift, speed in enumerate(speeds):
        if math.isclose(mips, speed, rel_tol=0.01):
            return shift
    raise ConfigurationError(
        f"mips is one of {', '.join(f'{speed:.4g}' for speed in speeds)}, not {mips:g}",
        hint="QEMU's virtual processor takes a power of two of nanoseconds for an instruction",
    )

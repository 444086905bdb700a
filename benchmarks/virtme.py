"""virtme-ng, the usual way to run something under a kernel of one's own, booting the same kernel
without KVM to run `true`; beside a cold boot of our image and a machine from the template."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Iterator

from benchmarks import Measured, measured
from benchmarks._outside import Skipped, debian_package, environment, needs, run
from distributor.machines.image import require_image
from distributor.machines.qemu import qemu_kind
from distributor.session.result import Clock

LIMIT_S = 180
#: Said in the guest instead of nothing, so that it is known to have run.
WORD = "virtme-ran"


def main() -> Iterator[Measured]:
    cold_s = asyncio.run(_ready_s(cold=True))
    asyncio.run(_ready_s(cold=False))  # makes the template, if there is none
    warm_s = asyncio.run(_ready_s(cold=False))
    yield measured("virtme_cold_boot_of_ours", cold_s * 1e3, "ms")
    theirs_s = _virtme_s()
    yield measured("virtme_boot", theirs_s * 1e3, "ms")
    yield measured("virtme_cold_boot_to_virtme", cold_s * 1e3, "ms", theirs_s * 1e3)
    yield measured("virtme_template_to_virtme", warm_s * 1e3, "ms", theirs_s * 1e3)


async def _ready_s(*, cold: bool) -> float:
    """From asking for a machine of the real clock, emulated, to its loader's answer."""
    kind = qemu_kind(clock=Clock.REAL, accelerator="tcg", cold=cold)
    machine = kind.create_reachable("m1")
    begun_s = time.perf_counter()
    try:
        await machine.start()
        return time.perf_counter() - begun_s
    finally:
        await machine.stop()
        await asyncio.to_thread(kind.close)


def _virtme_s() -> float:
    needs("depmod", "busybox", "script")
    release = require_image().release
    kernel = debian_package(f"linux-image-{release}") / "boot" / f"vmlinuz-{release}"
    if not kernel.exists():
        raise Skipped(f"the package of the kernel {release} has none")
    command = [
        str(environment("virtme-ng") / "virtme-run"),
        *("--kimg", str(kernel), "--mods", "auto", "--memory", "512M"),
        *("--disable-kvm", "--disable-microvm", "--force-9p", "--show-boot-console"),
        *("--script-sh", f"true && echo {WORD}"),
    ]
    # It insists on a terminal.
    terminal = ["script", "-qc", shlex.join(command), "/dev/null"]
    run(terminal, LIMIT_S)  # sorts out the modules, once
    begun_s = time.perf_counter()
    said = run(terminal, LIMIT_S)
    took_s = time.perf_counter() - begun_s
    if WORD not in said:
        raise Skipped("virtme-ng booted, but did not run the command")
    return took_s

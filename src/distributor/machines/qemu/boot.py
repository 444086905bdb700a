"""Waiting for a machine to come up: within limits, and as long as it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from distributor.errors import BootError, MachineError, NetworkError, QMPError
from distributor.machines.qemu.instance import Instance

#: How often the limits of a boot are looked at.
_LOOK_S = 0.25
#: A connection ends a moment before its machine is known to be dead.
_DEATH_NEWS_S = 2.0


@dataclass(frozen=True, slots=True)
class BootLimits:
    """How long a machine may take to become ready.

    :param work_s: of the host's processors; a busy host does not use it up.
    :param wall_s: by the clock, for a machine that hangs without working.
    """

    work_s: float = 60.0
    wall_s: float = 600.0


async def boot(instance: Instance, up: Coroutine[Any, Any, None], limits: BootLimits) -> None:
    """Wait for ``up``, which ends when the machine is ready.

    :raise BootError: it was not within the limits, or answers wrongly.
    :raise GuestFault: the guest gave up meanwhile.
    :raise MachineLost: QEMU was killed meanwhile.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + limits.wall_s
    rising = asyncio.create_task(up, name=f"boot of {instance.spec.name}")
    try:
        while True:
            waited: set[asyncio.Future[Any]] = {rising, instance.death}
            await asyncio.wait(waited, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            if rising.done() and rising.exception() is None:
                return
            if instance.death.done() or rising.done():
                raise await _explain(instance, rising)
            if instance.process.work_s() > limits.work_s:
                raise boot_error(instance, f"within {limits.work_s:.0f} s of work")
            if loop.time() > end_s:
                raise boot_error(instance, f"within {limits.wall_s:.0f} s")
    finally:
        rising.cancel()
        await asyncio.wait({rising})


async def _explain(instance: Instance, rising: asyncio.Task[None]) -> Exception:
    """What ended a boot: the machine's death, where that is what broke the rest."""
    await asyncio.wait({instance.death}, timeout=_DEATH_NEWS_S)
    if instance.death.done():
        return instance.death.result()
    cause = rising.exception()
    if isinstance(cause, MachineError | NetworkError | QMPError):
        return cause
    return boot_error(instance, f"({cause})")


def boot_error(instance: Instance, how: str) -> MachineError:
    """A boot that went wrong, with the last that the machine printed."""
    what = (
        "booted, but its loader did not answer"
        if instance.console.ready.is_set()
        else "did not boot"
    )
    line = instance.console.tail(1).strip()
    words = f"the last that it printed: {line}" if line else "it printed nothing"
    return instance.error(BootError, f"machine {instance.spec.name} {what} {how}", words)

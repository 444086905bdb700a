"""Waits for what a machine is at, for as long as it makes progress."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from distributor.errors import SessionTimeout
from distributor.machines.machine import Machine
from distributor.session.watchdog import Watchdog

T = TypeVar("T")

#: How often the watchdog is asked, whatever the machine says meanwhile: talking is no progress.
_TICK_S = 0.5


async def watched(work: Coroutine[Any, Any, T], watchdog: Watchdog, machine: Machine) -> T:
    """What ``work`` returns; it is cancelled when the watchdog gives the machine up.

    :raise SessionTimeout: the watchdog has a complaint.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=_TICK_S)
            if done:
                return task.result()
            complaint = watchdog.complaint(loop.time(), machine.work_s())
            if complaint:
                raise SessionTimeout(f"{machine.id} was given up: {complaint}")
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # retrieved: it is raised above, or nobody needs it any more

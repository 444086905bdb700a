"""A machine whose image is not ours: nothing is known of it but that a loader comes up in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from distributor.errors import NetworkError
from distributor.machines.qemu import QemuMachine
from distributor.machines.qemu.boot import BootLimits
from distributor.machines.qemu.command import MachineSpec
from distributor.machines.qemu.instance import Instance
from distributor.network.line import Network
from distributor.session.result import MachineFacts
from distributor.session.rules import Rules

#: How long one greeting waits for its answer, and until the next. QEMU accepts a connection
#: before its guest does, and then drops it or keeps it silent.
_ANSWER_S = 5.0
_ASK_EVERY_S = 0.25


class ForeignMachine(QemuMachine):
    """Its console is not read for a sign: the loader is asked until it answers.

    :param rules: of its loader.
    """

    def __init__(
        self,
        machine_id: str,
        prepare: Callable[[], Awaitable[MachineSpec]],
        console: Callable[[], Path],
        facts: MachineFacts,
        holds: Mapping[str, Path],
        limits: BootLimits,
        network: Network,
        rules: Rules,
    ) -> None:
        super().__init__(machine_id, prepare, console, facts, holds, limits, network)
        self._rules = rules

    @property
    def rules(self) -> Rules:
        """See :class:`~distributor.machines.machine.RuledMachine`."""
        return self._rules

    async def _greet(self, instance: Instance) -> None:
        """Have the loader answer; :func:`~distributor.machines.qemu.boot.boot` says how long."""
        while True:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._ask(instance)
                return
            except (OSError, TimeoutError, asyncio.IncompleteReadError, NetworkError):
                await asyncio.sleep(_ASK_EVERY_S)

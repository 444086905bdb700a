"""What every QEMU machine has, reached or sealed: one QEMU at a time, and what it prints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from distributor.machines.base import MachineBase
from distributor.machines.printed import Printed
from distributor.machines.qemu.command import work_per_guest_s
from distributor.machines.qemu.instance import Instance
from distributor.session.result import MachineFacts


class QemuBase(MachineBase):
    """The part of a QEMU machine that does not depend on how a task set reaches it.

    :param console: the file that keeps what the machine prints; asked for when it starts.
    :param holds: the files that are in its image, by their names on the wire.
    """

    def __init__(
        self,
        machine_id: str,
        console: Callable[[], Path],
        facts: MachineFacts,
        holds: Mapping[str, Path],
    ) -> None:
        super().__init__(machine_id, facts)
        self._holds = holds
        self._console = console
        #: What it prints, whichever QEMU it is that runs.
        self.printed = Printed()

    @property
    def holds(self) -> Mapping[str, Path]:
        return self._holds

    @property
    @abstractmethod
    def instance(self) -> Instance | None:
        """The QEMU that runs a set, or did so last; None before there is one."""

    @property
    def pid(self) -> int | None:
        """QEMU's process, None before there is one."""
        return None if self.instance is None else self.instance.process.pid

    @property
    def work_per_guest_s(self) -> float:
        return work_per_guest_s(0 if self.instance is None else self.instance.spec.shift)

    def work_s(self) -> float | None:
        return None if self.instance is None else self.instance.process.work_s()

    def console_tail(self, lines: int = 20) -> str:
        return "" if self.instance is None else self.instance.console.tail(lines)

    async def _stop(self) -> None:
        await super()._stop()
        self.printed.end()

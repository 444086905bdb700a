"""Simulated machines of one kind."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from distributor.errors import ConfigurationError
from distributor.machines.simulated.library import simso_version
from distributor.machines.simulated.machine import SimsoMachine
from distributor.session.result import Clock, MachineFacts

_CPUS_MAX = 64


class SimsoKind:
    """Makes :class:`SimsoMachine`; implements :class:`~distributor.machines.machine.MachineKind`.

    :param cpus: processors of each machine.
    :raise ConfigurationError: an option is wrong, or none that such a machine has.
    """

    #: Host processors that a machine keeps busy, and what its process takes.
    busy_cpus = 1
    memory_mib = 128
    spare_cores = 0
    qemu_version: str | None = None
    network_name = "none"
    #: It runs no executables.
    builtin: Mapping[str, Path] = MappingProxyType({})

    def __init__(self, *, cpus: int = 1, network: str = "auto", **options: object) -> None:
        if options:
            raise ConfigurationError(
                f"a simulated machine has no option {', '.join(sorted(options))}",
                hint="it has cpus",
            )
        if network != "auto":
            raise ConfigurationError(
                f"a simulated machine has no network, and none is {network!r}",
                hint="leave --network out, or take --clock virtual",
            )
        if isinstance(cpus, bool) or not isinstance(cpus, int) or not 1 <= cpus <= _CPUS_MAX:
            raise ConfigurationError(f"cpus is a whole number of 1 to {_CPUS_MAX}, not {cpus!r}")
        self._cpus = cpus
        self._facts = MachineFacts(
            machine="", clock=Clock.SIMULATED, loader=f"simso {simso_version()}"
        )

    def create(self, machine_id: str) -> SimsoMachine:
        """A machine that has not been started."""
        facts = dataclasses.replace(self._facts, machine=machine_id)
        return SimsoMachine(machine_id, self.command(machine_id), self._cpus, facts)

    def command(self, machine_id: str) -> list[str]:
        """The command of a machine's process, without the number of its socket."""
        return [sys.executable, "-m", "distributor.machines.simulated.worker"]

    def close(self) -> None:
        """Nothing is shared."""

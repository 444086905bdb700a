"""QEMU machines of one kind: what they boot, on which board, with which clock."""

from __future__ import annotations

import dataclasses
import os
import weakref
from collections.abc import Mapping
from pathlib import Path

from distributor.errors import ConfigurationError, MachineError
from distributor.machines.folder import RunFolder, check_id
from distributor.machines.image import AMD64, Image, cache_folder
from distributor.machines.qemu.accelerator import KvmProbe, boot_id, kvm_opens
from distributor.machines.qemu.boot import BootLimits
from distributor.machines.qemu.command import (
    Accelerator,
    MachineSpec,
    qemu_command,
)
from distributor.machines.qemu.cores import Cores
from distributor.machines.qemu.counter import counter_khz
from distributor.machines.qemu.facts import QemuFacts, qemu_facts
from distributor.machines.qemu.lock import OVERHEAD_MIB, may_lock
from distributor.machines.qemu.machine import QemuMachine
from distributor.machines.qemu.onecore import OneCore
from distributor.machines.qemu.rights import Copies
from distributor.machines.qemu.sealed import SealedQemuMachine
from distributor.machines.qemu.template import Template, restored_spec, template
from distributor.network.bridge import Bridge
from distributor.network.line import Network, check_lines
from distributor.network.plan import BridgePlan
from distributor.network.unplugged import Unplugged
from distributor.network.user import UserNetwork
from distributor.session.result import Clock, MachineFacts

AUTO = "auto"
#: Smallest that boots, and more than any host gives.
_MEMORY_MIB = (96, 1 << 20)
#: The shared memory of a template lies right behind the machine's own, below the devices.
_TEMPLATE_MIB = 2048
#: Memory that QEMU takes for itself, beside what it gives its guest.
_OVERHEAD_MIB = 64
#: A fork that has not run yet; measured 39 MiB (docs/benchmarks.md).
_FORK_MIB = 48
_CPUS_MAX = 64
#: QEMU takes at most 10.
SHIFT_MAX = 10
_SEALED = "none"
_BRIDGE = "bridge"
_NETWORKS = (_SEALED, "user", _BRIDGE)
#: KVM boots the image in under two seconds; where it hangs, it does so at once.
_PROBE_LIMITS = BootLimits(work_s=5.0, wall_s=20.0)


class QemuKind:
    """Makes :class:`QemuMachine`; implements :class:`~distributor.machines.machine.MachineKind`.

    :param image: what they boot.
    :param clock: ``virtual`` counts instructions, ``real`` is the host's time.
    :param shift: with the virtual clock, an instruction takes 2^shift ns.
    :param network: ``none`` seals machines: each task set is run by one that is forked for it
        and has no network, so that its run is the same each time; ``user`` talks over a
        loopback port, which takes no rights; ``bridge`` joins machines to a bridge in a network
        namespace of this distributor's own; ``auto`` is ``none`` for the virtual clock, and
        ``user`` for the real one.
    :param bridge: the bridge's name, addresses and uplink, as
        :class:`~distributor.network.plan.BridgePlan` has them.
    :param cold: boot each machine anew instead of going on from a template; sealed ones never do.
    :param accelerator: for the real clock ``kvm``, ``tcg``, or ``auto``: KVM where a boot
        on it succeeds. The virtual clock is always emulated.
    :param directory: where consoles are kept for good; by default they are in a folder of
        this process (see :attr:`consoles`) that goes when the kind does.
    :param boot_timeout_s: processor seconds of the host that a boot may take; ten times
        that by the clock.
    :raise ConfigurationError: an option is wrong, or QEMU is missing or too old for it.
    """

    def __init__(
        self,
        image: Image,
        *,
        clock: Clock | str = Clock.VIRTUAL,
        network: str = AUTO,
        bridge: Mapping[str, object] | None = None,
        cpus: int = 1,
        memory_mib: int = 256,
        shift: int = 0,
        accelerator: str = AUTO,
        port: int = 3001,
        cold: bool = False,
        directory: Path | None = None,
        boot_timeout_s: float = 60.0,
    ) -> None:
        self.image = image
        self._clock = Clock(_one_of("clock", clock, (Clock.VIRTUAL, Clock.REAL)))
        _in_range("cpus", cpus, 1, _CPUS_MAX)
        _in_range("memory_mib", memory_mib, *_MEMORY_MIB)
        _in_range("shift", shift, 0, SHIFT_MAX)
        _in_range("port", port, 1, 65535)
        if not boot_timeout_s > 0:
            raise ConfigurationError(f"boot_timeout_s is a number above 0, not {boot_timeout_s!r}")
        self._accelerator = _one_of("accelerator", accelerator, (AUTO, *Accelerator))
        made_for = image.architecture
        self._qemu: QemuFacts = qemu_facts(made_for.program, made_for.program_package)
        virtual = self._clock is Clock.VIRTUAL
        if virtual:
            self._qemu.check_virtual(cpus)
            if self._accelerator == Accelerator.KVM:
                raise ConfigurationError(
                    "the virtual clock counts instructions, which KVM cannot",
                    hint="take --clock real for KVM",
                )
            self._accelerator = Accelerator.TCG
        elif self._accelerator == Accelerator.KVM and not kvm_opens():
            raise ConfigurationError(
                "/dev/kvm cannot be opened",
                hint="take accelerator auto or tcg, or become a member of the group kvm",
            )
        if made_for is not AMD64:
            if self._accelerator == Accelerator.KVM:
                raise ConfigurationError(
                    f"machines of {made_for.name} are emulated", hint="leave the accelerator out"
                )
            self._accelerator = Accelerator.TCG
        network = _one_of("network", network, (AUTO, *_NETWORKS))
        self._sealed = network == _SEALED or (network == AUTO and virtual and made_for.templates)
        if self._sealed:
            if not virtual:
                raise ConfigurationError(
                    "network none seals machines against time, but the real clock is the host's",
                    hint="take --clock virtual, or --network user",
                )
            if not made_for.templates:
                raise ConfigurationError(
                    f"machines of {made_for.name} cannot be sealed: network none is for amd64",
                    hint="take --network user",
                )
            _in_range("memory_mib of a sealed machine", memory_mib, _MEMORY_MIB[0], _TEMPLATE_MIB)
        self._cold = cold or memory_mib > _TEMPLATE_MIB or not made_for.templates
        self._folder = RunFolder(keep=directory)
        self._probed = UserNetwork(port)
        self._network: Network = self._probed
        if bridge is not None and network != _BRIDGE:
            raise ConfigurationError(
                f"network {network} has no bridge", hint="take --network bridge"
            )
        if network == _BRIDGE:
            plan = BridgePlan.of(bridge or {})
            self._network = Bridge(plan, port, lambda: self._folder.path)
        self._spec = MachineSpec(
            name="",
            program=self._qemu.path,
            kernel=image.kernel,
            initramfs=image.initramfs,
            clock=self._clock,
            accelerator=Accelerator.TCG,
            network=Unplugged(),
            cpus=cpus,
            memory_mib=memory_mib,
            shift=shift if virtual else 0,
            counter_khz=0
            if virtual or made_for is not AMD64
            else counter_khz(cache_folder(), boot_id()),
            board=made_for.board,
        )
        self._one_core = OneCore()
        self._copies = Copies()
        weakref.finalize(self, self._copies.close)
        # Machines alone: a template that is locked can hang while its state is saved.
        self._locked = not virtual and may_lock(memory_mib + OVERHEAD_MIB)
        self._cores = None if virtual else Cores(cache_folder())
        self._limits = BootLimits(boot_timeout_s, 10 * boot_timeout_s)
        self._probe = KvmProbe(cache_folder(), image.key, self._qemu.version)

    @property
    def memory_mib(self) -> int:
        """Memory of the host that one machine takes at most: a sealed one with the fork that
        waits for the next set, a locked one with all that is locked."""
        if self._locked:
            return self._spec.memory_mib + OVERHEAD_MIB
        ahead_mib = _FORK_MIB if self._sealed else 0
        return self._spec.memory_mib + _OVERHEAD_MIB + ahead_mib

    @property
    def network_name(self) -> str:
        """What was chosen: ``none``, ``user`` or ``bridge``."""
        if self._sealed:
            return _SEALED
        return _BRIDGE if isinstance(self._network, Bridge) else "user"

    @property
    def lines_max(self) -> int | None:
        """How many machines their network takes at once; None for no bound."""
        return self._network.machines

    def check_number(self, machines: int) -> None:
        """See :class:`~distributor.machines.machine.CountedKind`."""
        check_lines(self._network, machines)

    @property
    def spare_cores(self) -> int:
        """Cores of the host that are not for machines. In real time one is the controller's,
        which must not wake up where a machine has its own; sealed machines, which wait between
        two sets, may be one more than there are cores."""
        if self._clock is Clock.REAL:
            return 1
        return -1 if self._sealed else 0

    @property
    def busy_cpus(self) -> int:
        """Processors of the host that one machine keeps busy: with the virtual clock its
        own take turns."""
        return 1 if self._clock is Clock.VIRTUAL else self._spec.cpus

    @property
    def builtin(self) -> Mapping[str, Path]:
        """The image's executables by name."""
        return self.image.tasks

    @property
    def qemu_version(self) -> str:
        """QEMU's version, as ``7.2.22``."""
        return self._qemu.version

    @property
    def consoles(self) -> Path:
        """The folder with a file for each machine; made when it is first asked for."""
        return self._folder.consoles

    def close(self) -> None:
        """End the network, and remove the folder of consoles that was made here."""
        self._network.close()
        self._copies.close()
        self._folder.close()

    def create(self, machine_id: str) -> QemuMachine | SealedQemuMachine:
        """A machine that has not been started.

        :raise ConfigurationError: the id cannot be part of a file's name.
        """
        if not self._sealed:
            return self.create_reachable(machine_id)
        return self.create_sealed(machine_id)

    def create_sealed(self, machine_id: str) -> SealedQemuMachine:
        """The same, where it is known that the network is ``none``.

        :raise ConfigurationError: the machines are not sealed, or as :meth:`create`.
        """
        if not self._sealed:
            raise ConfigurationError("only a machine of network none is sealed")

        check_id(machine_id)
        return SealedQemuMachine(
            machine_id,
            lambda: self._template(Accelerator.TCG, self._limits),
            lambda: self._folder.console(machine_id),
            self._facts(machine_id),
            self.image.tasks,
            self._one_core,
        )

    def create_reachable(self, machine_id: str) -> QemuMachine:
        """The same, where it is known that there is a network.

        :raise ConfigurationError: the machines are sealed, or as :meth:`create`.
        """
        if self._sealed:
            raise ConfigurationError("a sealed machine cannot be reached: take network user")
        return self._create(machine_id, None, self._limits, self._network)

    def command(self, machine_id: str) -> list[str]:
        """QEMU's command line for a machine, the numbers of two descriptors being examples.

        Runs nothing: where KVM has not been tried yet, it is the command of the trial.
        """
        works = self._probe.remembered()
        auto = Accelerator.TCG if works is False or not kvm_opens() else Accelerator.KVM
        chosen = auto if self._accelerator == AUTO else Accelerator(self._accelerator)
        spec = self._named(machine_id, chosen)
        if self._cold:
            spec = dataclasses.replace(spec, network=self._network.example())
        else:
            spec = restored_spec(spec)
        return qemu_command(dataclasses.replace(spec, locked=self._locked))

    def _create(
        self,
        machine_id: str,
        accelerator: Accelerator | None,
        limits: BootLimits,
        network: Network,
    ) -> QemuMachine:
        check_id(machine_id)

        async def prepare() -> Template | MachineSpec:
            chosen = accelerator or await self._choose()
            spec = dataclasses.replace(self._named(machine_id, chosen), locked=self._locked)
            if self._cold:
                return spec
            made = await self._template(chosen, limits)
            return dataclasses.replace(
                made, spec=dataclasses.replace(made.spec, locked=self._locked)
            )

        return QemuMachine(
            machine_id,
            prepare,
            lambda: self._folder.console(machine_id),
            self._facts(machine_id),
            self.image.tasks,
            limits,
            network,
            self._cores,
        )

    async def _template(self, accelerator: Accelerator, limits: BootLimits) -> Template:
        name = f"template-{accelerator}"
        spec = self._named(name, accelerator)
        return await template(spec, self._folder.console(name), limits, self._copies)

    def _facts(self, machine_id: str) -> MachineFacts:
        return MachineFacts(
            machine=machine_id,
            clock=self._clock,
            kernel=self.image.release,
            qemu=self._qemu.version,
            architecture=self.image.architecture.name,
        )

    def _named(self, machine_id: str, accelerator: Accelerator) -> MachineSpec:
        return dataclasses.replace(self._spec, name=machine_id, accelerator=accelerator)

    async def _choose(self) -> Accelerator:
        if self._accelerator != AUTO:
            return Accelerator(self._accelerator)
        return Accelerator.KVM if await self._probe.ask(self._boots_on_kvm) else Accelerator.TCG

    async def _boots_on_kvm(self) -> bool:
        name = f"kvm-probe-{os.getpid()}"
        machine = self._create(name, Accelerator.KVM, _PROBE_LIMITS, self._probed)
        try:
            await machine.start()
        except MachineError:
            return False
        finally:
            await machine.stop()
        return True


def _one_of(name: str, value: object, known: object) -> str:
    words = [str(each) for each in known]  # type: ignore[attr-defined]
    if not isinstance(value, str) or str(value) not in words:
        raise ConfigurationError(f"{name} is {', '.join(words)}, not {str(value)!r}")
    return str(value)


def _in_range(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigurationError(f"{name} is a whole number of {low} to {high}, not {value!r}")

"""Machines of one profile."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from distributor.errors import ConfigurationError
from distributor.machines.executables import executables
from distributor.machines.folder import RunFolder, check_id
from distributor.machines.image import ARCHITECTURES, Board, Image, require_image
from distributor.machines.profile.file import read_profile
from distributor.machines.profile.machine import ForeignMachine
from distributor.machines.profile.profile import Profile
from distributor.machines.qemu import QemuFacts, QemuMachine, qemu_facts
from distributor.machines.qemu.boot import BootLimits
from distributor.machines.qemu.command import Accelerator, MachineSpec, qemu_command
from distributor.network.bridge import Bridge
from distributor.network.line import Network, check_lines
from distributor.network.plan import BridgePlan
from distributor.network.unplugged import Unplugged
from distributor.network.user import UserNetwork
from distributor.session.result import Clock, MachineFacts

_BRIDGE = "bridge"
_NETWORKS = ("auto", "user", _BRIDGE)
#: Memory that QEMU takes for itself, beside what it gives its guest.
_OVERHEAD_MIB = 64


class ProfileKind:
    """Makes machines that boot what a profile says.

    Implements :class:`~distributor.machines.machine.MachineKind`.

    :param profile: the name of a shipped one, a file that ends in ``.toml``, or one.
    :param kernel: the image, if not the profile's.
    :param binaries: the folder with the executables that tasks may name, if not the profile's.
    :param network: ``user``, which ``auto`` is, too, or ``bridge``.
    :param bridge: its name and addresses, as
        :class:`~distributor.network.plan.BridgePlan` has them.
    :param directory: where consoles are kept for good; by default they go with the kind.
    :raise ConfigurationError: the profile or an option is wrong, or QEMU is missing.
    :raise ImageError: there is no guest image, where the profile boots ours.
    """

    def __init__(
        self,
        profile: Profile | Path | str,
        *,
        kernel: Path | str | None = None,
        binaries: Path | str | None = None,
        clock: Clock | str | None = None,
        network: str = "auto",
        bridge: Mapping[str, object] | None = None,
        cpus: int | None = None,
        memory_mib: int | None = None,
        directory: Path | None = None,
        boot_timeout_s: float | None = None,
        **options: object,
    ) -> None:
        if not isinstance(profile, Profile):
            profile = read_profile(profile)
        if options:
            raise ConfigurationError(
                f"machines of a profile have no option {', '.join(sorted(options))}",
                hint="write a profile of your own: docs/profiles.md",
            )
        self.profile = profile
        self._clock = _clock_of(profile, clock)
        if network not in _NETWORKS:
            raise ConfigurationError(
                f"network of a profile is {', '.join(_NETWORKS)}, not {network!r}"
            )
        if bridge is not None and network != _BRIDGE:
            raise ConfigurationError(
                f"network {network} has no bridge", hint="take --network bridge"
            )
        known = {each.program: each.program_package for each in ARCHITECTURES.values()}
        package = known.get(profile.program, "qemu-system")
        self._qemu: QemuFacts = qemu_facts(profile.program, package)
        cpus = cpus or profile.cpus
        if self._clock is Clock.VIRTUAL:
            self._qemu.check_virtual(cpus)
        self._image = None if profile.guest is None else require_image(profile.guest.name)
        self._folder = RunFolder(keep=directory)
        self._network: Network = UserNetwork(profile.port)
        if network == _BRIDGE:
            plan = BridgePlan.of(bridge or {})
            self._network = Bridge(plan, profile.port, lambda: self._folder.path)
        self._spec = MachineSpec(
            name="",
            program=self._qemu.path,
            kernel=_kernel_of(profile, kernel, self._image),
            initramfs=self._image.initramfs if self._image else _file(profile, profile.initrd),
            clock=self._clock,
            accelerator=Accelerator.TCG,
            network=Unplugged(),
            cpus=cpus,
            memory_mib=memory_mib or profile.memory_mib,
            board=_board_of(profile, self._image),
            append=None if self._image else profile.append,
        )
        self.builtin: Mapping[str, Path] = self._image.tasks if self._image else {}
        if folder := binaries or profile.tasks:
            self.builtin = executables(Path(folder))
        boot_s = boot_timeout_s or profile.boot_s
        self._limits = BootLimits(boot_s, 10 * boot_s)

    @property
    def clock(self) -> Clock:
        """That of its machines."""
        return self._clock

    @property
    def cpus(self) -> int:
        """Processors of each machine."""
        return self._spec.cpus

    @property
    def memory_mib(self) -> int:
        """Memory of the host that one machine takes at most."""
        return self._spec.memory_mib + _OVERHEAD_MIB

    @property
    def busy_cpus(self) -> int:
        """Processors of the host that one machine keeps busy."""
        return 1 if self._clock is Clock.VIRTUAL else self._spec.cpus

    @property
    def spare_cores(self) -> int:
        """Cores of the host that are not for machines."""
        return 1 if self._clock is Clock.REAL else 0

    @property
    def qemu_version(self) -> str:
        """QEMU's version, as ``7.2.22``."""
        return self._qemu.version

    @property
    def consoles(self) -> Path:
        """The folder with a file for each machine; made when it is first asked for."""
        return self._folder.consoles

    @property
    def network_name(self) -> str:
        """What was chosen: ``user`` or ``bridge``."""
        return _BRIDGE if isinstance(self._network, Bridge) else "user"

    @property
    def lines_max(self) -> int | None:
        """How many machines their network takes at once; None for no bound."""
        return self._network.machines

    def check_number(self, machines: int) -> None:
        """See :class:`~distributor.machines.machine.CountedKind`."""
        check_lines(self._network, machines)

    def close(self) -> None:
        """End the network, and remove the folder of consoles that was made here."""
        self._network.close()
        self._folder.close()

    def create(self, machine_id: str) -> QemuMachine:
        """A machine that has not been started.

        :raise ConfigurationError: the id cannot be part of a file's name.
        """
        check_id(machine_id)
        spec = dataclasses.replace(self._spec, name=machine_id)

        async def prepare() -> MachineSpec:
            return spec

        def console() -> Path:
            return self._folder.console(machine_id)

        facts = MachineFacts(
            machine=machine_id,
            clock=self._clock,
            kernel=self._image.release if self._image else "",
            qemu=self._qemu.version,
            architecture=self._image.architecture.name if self._image else "",
        )
        if self._image is not None:
            holds = self._image.tasks
            return QemuMachine(
                machine_id, prepare, console, facts, holds, self._limits, self._network
            )
        rules = self.profile.rules
        return ForeignMachine(
            machine_id, prepare, console, facts, {}, self._limits, self._network, rules
        )

    def command(self, machine_id: str) -> list[str]:
        """QEMU's command line for a machine, the numbers of two descriptors being examples."""
        return qemu_command(
            dataclasses.replace(self._spec, name=machine_id, network=self._network.example())
        )


def _clock_of(profile: Profile, clock: Clock | str | None) -> Clock:
    if clock is None:
        return profile.clocks[0]
    if clock not in profile.clocks:
        raise ConfigurationError(
            f"machines of the profile {profile.name} have no clock {str(clock)!r}",
            hint=f"their clock is {' or '.join(profile.clocks)}",
        )
    return Clock(clock)


def _kernel_of(profile: Profile, kernel: Path | str | None, image: Image | None) -> Path:
    if image is not None:
        if kernel is not None:
            raise ConfigurationError(
                f"the profile {profile.name} boots our own image, which brings its kernel",
                hint="leave the kernel out",
            )
        return image.kernel
    found = Path(kernel) if kernel is not None else profile.kernel
    if found is None:
        raise ConfigurationError(
            f"the profile {profile.name} does not say what boots", hint="give it: --kernel PATH"
        )
    if not found.is_file():
        raise ConfigurationError(f"there is no kernel {found}")
    return found.absolute()


def _board_of(profile: Profile, image: Image | None) -> Board:
    tree = profile.board.device_tree
    if tree is not None and image is not None:
        tree = image.kernel.parent / tree
        if not tree.is_file():
            raise ConfigurationError(
                f"the image's kernel brings no device tree {tree.name}",
                hint=f"build it anew from Debian's kernel: distributor image build "
                f"--arch {image.architecture.name} --force",
            )
    return dataclasses.replace(profile.board, device_tree=_file(profile, tree))


def _file(profile: Profile, path: Path | None) -> Path | None:
    """A file that the profile names.

    :raise ConfigurationError: it is not there.
    """
    if path is None:
        return None
    if not path.is_file():
        raise ConfigurationError(f"there is no {path}, which the profile {profile.name} names")
    return path.absolute()

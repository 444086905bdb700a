"""The processors that machines can have: everything that depends on which one it is.

The names are Debian's. What a guest's own programs need of a processor is in guest/, in
folders of the processor's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distributor.errors import ConfigurationError
from distributor.machines.image.board import Board


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture.

    :param name: Debian's name of it.
    :param flavours: Debian's kernels that boot here, as a part of their packages' names.
    :param compiler: the program that compiles for it, and the packages that it and the static
        C library are in.
    :param required: modules that a machine cannot do without: its network card, on PCI.
    :param optional: modules that are taken along where the kernel has them.
    :param device_trees: descriptions of boards that Debian has beside the kernel, for machines
        of profiles.
    :param program: QEMU's, and the package that it is in.
    :param board: that its machines have, unless a profile says otherwise.
    :param templates: whether a machine can be saved, so that others go on from there; then
        they can be sealed, too.
    """

    name: str
    flavours: Mapping[str, str]
    compiler: str
    compiler_package: str
    library_package: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    device_trees: tuple[str, ...]
    program: str
    program_package: str
    board: Board
    templates: bool


_VIRTIO_PCI = ("virtio_pci", "virtio_net")
#: Virtio without PCI, and QEMU's fw_cfg.
_VIRTIO_ELSE = ("virtio_mmio", "qemu_fw_cfg")

AMD64 = Architecture(
    name="amd64",
    flavours={"rt": "rt-amd64", "cloud": "cloud-amd64"},
    compiler="gcc",
    compiler_package="gcc",
    library_package="libc6-dev",
    required=_VIRTIO_PCI,
    optional=_VIRTIO_ELSE,
    device_trees=(),
    program="qemu-system-x86_64",
    program_package="qemu-system-x86",
    board=Board(
        machine="pc,usb=off,hpet=off,vmport=off",
        # All that QEMU can, but what only costs time. A string instruction is emulated byte by
        # byte, so erms and fsrm would make the kernel clear and copy pages by 4,096 steps each;
        # la57 is a fifth level of page tables; the others guard against attacks at the price
        # of a few instructions at every entry into the kernel.
        processor="max,-erms,-fsrm,-la57,-pku,-smap,-smep",
        # Random numbers of the host's processor would make each run another one.
        unrepeatable=",-rdrand,-rdseed",
        console="ttyS0",
        # The emulated counter never drifts; the kernel's watchdog over it costs a wake-up.
        kernel_words=("tsc=reliable",),
    ),
    templates=True,
)

ARM64 = Architecture(
    name="arm64",
    flavours={"rt": "rt-arm64", "cloud": "cloud-arm64"},
    compiler="aarch64-linux-gnu-gcc",
    compiler_package="gcc-aarch64-linux-gnu",
    library_package="libc6-dev-arm64-cross",
    required=_VIRTIO_PCI,
    optional=_VIRTIO_ELSE,
    device_trees=(),
    program="qemu-system-aarch64",
    program_package="qemu-system-arm",
    # `max` signs every return address, which takes a third more time.
    board=Board("virt", "cortex-a57"),
    templates=False,
)

ARMHF = Architecture(
    name="armhf",
    flavours={"rt": "rt-armmp", "armmp": "armmp"},
    compiler="arm-linux-gnueabihf-gcc",
    compiler_package="gcc-arm-linux-gnueabihf",
    library_package="libc6-dev-armhf-cross",
    required=_VIRTIO_PCI,
    # The card of ARM's own boards, which machines of profiles have.
    optional=(*_VIRTIO_ELSE, "smsc911x"),
    device_trees=("vexpress-v2p-ca9.dtb",),
    program="qemu-system-arm",
    program_package="qemu-system-arm",
    # This kernel sees 32 bits of addresses, and PCI must lie within them.
    board=Board("virt,highmem=off", "cortex-a15"),
    templates=False,
)

ARCHITECTURES: Mapping[str, Architecture] = {each.name: each for each in (AMD64, ARM64, ARMHF)}


def architecture(name: str) -> Architecture:
    """The architecture of that name.

    :raise ConfigurationError: there is none.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise ConfigurationError(
            f"there are no machines of the architecture {name!r}",
            hint=f"arch is one of {', '.join(ARCHITECTURES)}",
        ) from None

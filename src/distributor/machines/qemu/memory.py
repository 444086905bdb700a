"""The memory of a machine that becomes a template, or goes on from one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distributor.network.shared import EXIT_PORT, SHARED_MIB


@dataclass(frozen=True, slots=True)
class TemplateMemory:
    """A machine's own memory in a file, and the one that it shares with this process.

    :param file: holds the template's memory.
    :param own_mib: its size.
    :param restored: whether the machine goes on from the template, or becomes it.
    :param shared: descriptor of the shared memory.
    :param copy: descriptor of what is taken in place of ``file``, which QEMU cannot open.
    """

    file: Path
    own_mib: int
    cpus: int
    restored: bool
    shared: int = 5
    copy: int | None = None

    @property
    def mib(self) -> int:
        """All of it."""
        return self.own_mib + SHARED_MIB

    @property
    def held(self) -> list[int]:
        """The descriptor that QEMU has to be born with for it."""
        return [] if self.copy is None else [self.copy]

    def arguments(self) -> list[str]:
        """QEMU's words for it.

        A second NUMA node is the plain way to have one part of the memory private and
        one shared: it lies at a fixed address, and needs no driver and no interrupt.
        What the template has written is shared by all machines until one writes to it.
        """
        share = "off" if self.restored else "on"
        file = self.file if self.copy is None else f"/proc/self/fd/{self.copy}"
        return [
            "-object",
            f"memory-backend-file,id=own,size={self.own_mib}M,share={share},mem-path={file}",
            "-object",
            f"memory-backend-file,id=shared,size={SHARED_MIB}M,share=on,"
            f"mem-path=/proc/self/fd/{self.shared}",
            "-numa",
            f"node,nodeid=0,cpus=0-{self.cpus - 1},memdev=own",
            "-numa",
            "node,nodeid=1,memdev=shared",
            # A write to its port stops the machine, where the template is saved ...
            "-device",
            "pvpanic",
            "-action",
            "panic=pause",
            # ... and a write to this one ends a sealed machine that is done.
            "-device",
            f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1",
            *(["-incoming", "defer"] if self.restored else []),
        ]

    def kernel_words(self) -> list[str]:
        """What the kernel and the loader are told."""
        at = self.own_mib << 20
        return [
            # The kernel keeps to the machine's own memory; the loader maps what is behind it.
            f"mem={self.own_mib}M",
            f"distributor.shared={at},{SHARED_MIB << 20}",
        ]

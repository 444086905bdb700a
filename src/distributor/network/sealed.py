"""No network at all: what is said goes through memory that a machine shares with the host.

Nothing arrives while the machine runs, and nothing leaves before it ends, so its run is
decided by its input alone, to the nanosecond. guest/loader/sealed.c is the other side.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ConfigurationError, WireError

#: Size of the shared memory; only what is written of it takes any.
SHARED_MIB = 128
#: Where the output begins in it: what is before is room for the input.
_OUTPUT_AT = 32 << 20
_OUTPUT_ROOM = (SHARED_MIB << 20) - _OUTPUT_AT
#: Sizes of input and output, then the place and the room of the output.
_HEAD = struct.Struct("<4Q")
#: Most that can be said to a machine: a task set and its binaries.
INPUT_MAX = _OUTPUT_AT - _HEAD.size

#: How QEMU ends when the loader is done, and when it refuses the input: the loader writes
#: 0x10 or 0x11 to isa-debug-exit, which makes 2n + 1 of it.
EXIT_DONE = 0x21
EXIT_REFUSED = 0x23
_EXIT_PORT = 0xF4


@dataclass(frozen=True, slots=True)
class Sealing:
    """A machine's own memory, and the one that it shares.

    :param memory: file that holds the template's memory.
    :param memory_mib: its size.
    :param restored: whether the machine goes on from the template, or becomes it.
    :param shared: descriptor of the shared memory.
    """

    memory: Path
    memory_mib: int
    cpus: int
    restored: bool
    shared: int = 5

    @property
    def shared_mib(self) -> int:
        """Memory beyond the machine's own."""
        return SHARED_MIB

    def arguments(self) -> list[str]:
        """QEMU's words for it.

        A second NUMA node is the plain way to have one part of the memory private and
        one shared: it lies at a fixed address, and needs no driver and no interrupt.
        What the template has written is shared by all machines until one writes to it.
        """
        share = "off" if self.restored else "on"
        return [
            "-object",
            f"memory-backend-file,id=own,size={self.memory_mib}M,share={share},"
            f"mem-path={self.memory}",
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
            # ... and a write to this one ends a machine that is done.
            "-device",
            f"isa-debug-exit,iobase={_EXIT_PORT:#x},iosize=1",
            *(["-incoming", "defer"] if self.restored else []),
        ]

    def kernel_words(self) -> list[str]:
        """What the kernel and the loader are told."""
        at = self.memory_mib << 20
        # The kernel keeps to the machine's own memory; the loader maps what is behind it.
        return [f"mem={self.memory_mib}M", f"distributor.sealed={at},{SHARED_MIB << 20}"]


class SharedMemory:
    """Memory that one machine shares with this process; its owner closes it."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("distributor", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, SHARED_MIB << 20)

    def say(self, said: bytes) -> None:
        """Lay down what the machine is to find.

        :raise ConfigurationError: it does not fit.
        """
        if len(said) > INPUT_MAX:
            raise ConfigurationError(
                f"the set and its binaries take {len(said)} bytes; a sealed machine takes "
                f"{INPUT_MAX}",
                hint="strip the binaries, or take --network user",
            )
        head = _HEAD.pack(len(said), 0, _OUTPUT_AT, _OUTPUT_ROOM)
        os.pwrite(self.descriptor, head + said, 0)

    def hear(self) -> bytes:
        """What the machine has left.

        :raise WireError: its size is not one that can be.
        """
        _, size, _, _ = _HEAD.unpack(os.pread(self.descriptor, _HEAD.size, 0))
        if size > _OUTPUT_ROOM:
            raise WireError(f"the machine says that it left {size} bytes")
        return os.pread(self.descriptor, size, _OUTPUT_AT)

    def close(self) -> None:
        """Give the memory back; idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

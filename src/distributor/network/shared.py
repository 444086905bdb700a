"""Memory that a machine shares with this process: where it finds its orders when it goes on
from a template, and where a sealed one leaves what it has to say.

Nothing arrives while a sealed machine runs, and nothing leaves before it ends, so its run is
decided by its input alone, to the nanosecond. guest/loader/template.h is the other side.
"""

from __future__ import annotations

import os
import struct

from distributor.errors import ConfigurationError, WireError

#: Size of the shared memory; only what is written of it takes any.
SHARED_MIB = 128
#: Where the output begins in it: what is before is room for the input.
_OUTPUT_AT = 32 << 20
_OUTPUT_ROOM = (SHARED_MIB << 20) - _OUTPUT_AT
#: The port to serve, the card's address, sizes of input and output, then the place and the
#: room of the output.
_HEAD = struct.Struct("<Q6s2x4Q")
#: Leaves a card the address that it has.
_ANY = bytes(6)
#: Most that can be said to a sealed machine: a task set and its binaries.
INPUT_MAX = _OUTPUT_AT - _HEAD.size

#: How QEMU ends when the loader is done, and when it refuses the input: the loader writes
#: 0x10 or 0x11 to isa-debug-exit, which makes 2n + 1 of it.
EXIT_DONE = 0x21
EXIT_REFUSED = 0x23
EXIT_PORT = 0xF4


class SharedMemory:
    """Memory that one machine shares with this process; its owner closes it."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("distributor", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, SHARED_MIB << 20)

    def have_it_serve(self, port: int, hardware: bytes | None = None) -> None:
        """Have the machine look for a network, and serve a host on that port.

        :param hardware: the six bytes of its card's address from now on.
        """
        self._order(port, hardware or _ANY, b"")

    def say(self, said: bytes, answer_max: int) -> None:
        """Have the machine run what is said, sealed.

        :param answer_max: how many bytes it may have to leave.
        :raise ConfigurationError: either does not fit.
        """
        if answer_max > _OUTPUT_ROOM:
            raise ConfigurationError(
                f"the set's events may take {answer_max >> 20} MiB; a sealed machine keeps "
                f"{_OUTPUT_ROOM >> 20}",
                hint="split the set, record fewer switches, or take --network user",
            )
        if len(said) > INPUT_MAX:
            raise ConfigurationError(
                f"the set and its binaries take {len(said)} bytes; a sealed machine takes "
                f"{INPUT_MAX}",
                hint="strip the binaries, or take --network user",
            )
        self._order(0, _ANY, said)

    def hear(self) -> bytes:
        """What the machine has left.

        :raise WireError: its size is not one that can be.
        """
        _, _, _, size, _, _ = _HEAD.unpack(os.pread(self.descriptor, _HEAD.size, 0))
        if size > _OUTPUT_ROOM:
            raise WireError(f"the machine says that it left {size} bytes")
        return os.pread(self.descriptor, size, _OUTPUT_AT)

    def close(self) -> None:
        """Give the memory back; idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _order(self, port: int, hardware: bytes, said: bytes) -> None:
        head = _HEAD.pack(port, hardware, len(said), 0, _OUTPUT_AT, _OUTPUT_ROOM)
        os.pwrite(self.descriptor, head + said, 0)

"""The user-mode network: QEMU itself plays the gateway and the DHCP server; needs no rights."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.errors import NetworkError
from distributor.network.unplugged import CARD

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class UserNetwork:
    """One machine's network: closed, save for one loopback port that leads to the loader.

    :param guest_port: the port that the loader listens on.
    """

    guest_port: int = 3001

    def kernel_words(self) -> list[str]:
        """What the loader of a machine that boots with it is told."""
        return [f"distributor.port={self.guest_port}"]

    def arguments(self) -> list[str]:
        """QEMU's words for it. The kernel picks the host's port, so none is ever contended."""
        return [
            "-netdev",
            f"user,id=net0,restrict=on,hostfwd=tcp:{HOST}:0-:{self.guest_port}",
            "-device",
            f"{CARD},netdev=net0",
        ]

    def parse_port(self, usernet: str) -> int:
        """The host's port, out of what the monitor's ``info usernet`` tells.

        :raise NetworkError: it names none.
        """
        for line in usernet.splitlines():
            found = re.match(
                rf"\s*TCP\[HOST_FORWARD\]\s+\d+\s+{re.escape(HOST)}\s+(\d+)\s+\S+\s+(\d+)\s", line
            )
            if found and int(found[2]) == self.guest_port:
                return int(found[1])
        raise NetworkError(f"QEMU names no host port that leads to port {self.guest_port}")

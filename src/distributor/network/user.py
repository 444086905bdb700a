"""The user-mode network: QEMU itself plays the gateway and the DHCP server; needs no rights."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from distributor.errors import NetworkError
from distributor.network.line import Streams

HOST = "127.0.0.1"


class UserLine:
    """Closed, save for one loopback port that leads to the loader.

    Implements :class:`~distributor.network.line.Line`.

    :param port: the one that the loader listens on.
    """

    hardware = None
    descriptors = ()

    def __init__(self, port: int) -> None:
        self.port = port
        self._host_port = 0

    @property
    def backend(self) -> str:
        """The kernel picks the host's port, so none is ever contended."""
        return f"user,id=net0,restrict=on,hostfwd=tcp:{HOST}:0-:{self.port}"

    def __str__(self) -> str:
        return f"{HOST}:{self._host_port}"

    async def connect(self, ask: Callable[[str], Awaitable[str]]) -> Streams:
        """See :meth:`~distributor.network.line.Line.connect`."""
        if not self._host_port:
            self._host_port = parse_port(await ask("info usernet"), self.port)
        return await asyncio.open_connection(HOST, self._host_port)

    def watch(self, lost: Callable[[str], None]) -> None:
        """It lives and dies with its QEMU."""

    def close(self) -> None:
        """There is nothing to give back."""


@dataclass(frozen=True, slots=True)
class UserNetwork:
    """Each machine has a network of its own.

    Implements :class:`~distributor.network.line.Network`.

    :param guest_port: the port that the loaders listen on.
    """

    guest_port: int = 3001

    @property
    def machines(self) -> None:
        """There is no bound."""

    async def line(self, machine_id: str) -> UserLine:
        """See :meth:`~distributor.network.line.Network.line`."""
        del machine_id
        return UserLine(self.guest_port)

    def example(self) -> UserLine:
        """See :meth:`~distributor.network.line.Network.example`."""
        return UserLine(self.guest_port)

    def close(self) -> None:
        """They have nothing in common."""


def parse_port(usernet: str, guest_port: int) -> int:
    """The host's port, out of what the monitor's ``info usernet`` tells.

    :raise NetworkError: it names none.
    """
    for line in usernet.splitlines():
        found = re.match(
            rf"\s*TCP\[HOST_FORWARD\]\s+\d+\s+{re.escape(HOST)}\s+(\d+)\s+\S+\s+(\d+)\s", line
        )
        if found and int(found[2]) == guest_port:
            return int(found[1])
    raise NetworkError(f"QEMU names no host port that leads to port {guest_port}")

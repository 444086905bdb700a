"""Who has which address on the bridge: a machine's number says its hardware address and its
lease. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Self

from distributor.errors import ConfigurationError

#: A locally administered address, so that no card that was ever made has it; the machine's
#: number follows in two bytes.
_HARDWARE = bytes((0x0A, 0x06, 0x00, 0x00))
_NUMBER_MAX = 0xFFFF
#: As many as the distributors before us had.
MACHINES = 42
SUBNET = "10.200.45.254/24"
#: The kernel's bound for an interface's name (linux/if.h, IFNAMSIZ), and what it may hold.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
#: Taps and the loopback have names of their own beside the bridge.
_TAKEN = re.compile(r"lo|tap\d+")


@dataclass(frozen=True)
class BridgePlan:
    """A bridge's name and subnet, and the machines that it has addresses for.

    Machine N has the hardware address ``0a:06:00:00:HH:LL``, N in its last two bytes, and
    leases the N-th address of the subnet.

    :param name: the bridge's.
    :param subnet: the host's own address on it and the subnet's size, ``10.200.45.254/24``;
        of a subnet's own address, ``10.200.45.0/24``, the last one is the host's.
    :param first_machine: number of the first machine.
    :param machines: how many there can be at once; None for all that the subnet holds, 253
        in one of ``/24``.
    :param uplink: a network interface of the host that is to join the bridge; None for none.
    :raise ConfigurationError: one is wrong, or they do not go together.
    """

    name: str = "br0"
    subnet: str = SUBNET
    first_machine: int = 1
    machines: int | None = None
    uplink: str | None = None

    def __post_init__(self) -> None:
        for what, name in (("bridge", self.name), ("uplink", self.uplink)):
            if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
                raise ConfigurationError(
                    f"{what} is a network interface's name of 15 characters at most, not {name!r}"
                )
        if _TAKEN.fullmatch(self.name) or self.name == self.uplink:
            raise ConfigurationError(
                f"the bridge cannot be named {self.name}, which another interface is",
                hint="take br0",
            )
        highest = min(self.network.num_addresses - 2, _NUMBER_MAX)
        if not _whole(self.first_machine) or not 1 <= self.first_machine <= highest:
            raise ConfigurationError(
                f"the first machine's number is one of 1 to {highest} in {self.network}, "
                f"not {self.first_machine!r}"
            )
        room = self._room
        if not room:
            raise ConfigurationError(
                f"{self.host.ip} is the host's own address, not that of machine "
                f"{self.first_machine}",
                hint="take another first machine, or another address in the subnet",
            )
        if self.machines is not None and (
            not _whole(self.machines) or not 1 <= self.machines <= room
        ):
            raise ConfigurationError(
                f"{self.host} has addresses for 1 to {room} machines from number "
                f"{self.first_machine} on, not for {self.machines!r}",
                hint="take a larger subnet, or another first machine",
            )

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """Out of a mapping, as one that was kept.

        :raise ConfigurationError: an option is unknown or wrong.
        """
        known = cls.__dataclass_fields__
        if unknown := sorted(set(options) - set(known)):
            raise ConfigurationError(
                f"a bridge has no option {', '.join(unknown)}", hint=f"it has {', '.join(known)}"
            )
        return cls(**options)  # type: ignore[arg-type]  # checked above

    @property
    def options(self) -> dict[str, str | int | None]:
        """What :meth:`of` makes the same plan of."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @cached_property
    def host(self) -> IPv4Interface:
        """The host's own address on the bridge, which is the machines' gateway, too."""
        try:
            said = IPv4Interface(self.subnet)
        except ValueError as error:
            raise ConfigurationError(
                f"subnet is an address and a size as {SUBNET}, not {self.subnet!r}: {error}"
            ) from None
        network = said.network
        if network.prefixlen > 30:
            raise ConfigurationError(
                f"the subnet {network} has no room for a machine",
                hint=f"take one of /30 or more, as {SUBNET}",
            )
        if said.ip == network.network_address:
            return IPv4Interface((network.broadcast_address - 1, network.prefixlen))
        if said.ip == network.broadcast_address:
            raise ConfigurationError(f"{said.ip} is the subnet's address for all, not the host's")
        return said

    @property
    def network(self) -> IPv4Network:
        return self.host.network

    @property
    def _room(self) -> int:
        """How many numbers there are from the first one on, without a gap."""
        end = min(self.network.num_addresses - 1, _NUMBER_MAX + 1)
        host = int(self.host.ip) - int(self.network.network_address)
        return (host if self.first_machine <= host < end else end) - self.first_machine

    @property
    def numbers(self) -> range:
        """The machines' numbers."""
        count = self._room if self.machines is None else self.machines
        return range(self.first_machine, self.first_machine + count)

    def address(self, number: int) -> IPv4Address:
        """What machine ``number`` leases."""
        return self.network.network_address + number

    def hardware(self, number: int) -> bytes:
        """Its card's address."""
        return _HARDWARE + number.to_bytes(2, "big")

    def __str__(self) -> str:
        first, last = self.address(self.numbers[0]), self.address(self.numbers[-1])
        return f"{self.name} ({first} to {last})"


def hardware_text(hardware: bytes) -> str:
    """As it is written, ``0a:06:00:00:00:2a``."""
    return hardware.hex(":")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

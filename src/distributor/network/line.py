"""How a machine is reached: what every network offers, whatever is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from distributor.errors import ConfigurationError

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: A machine's card, whose driver every guest has; a machine takes on the state of its
#: template's card, so all have the same. Without its boot ROM, which nobody boots from, and
#: without a word to the guest that it was moved: together with no rounds of announcements
#: (machines/qemu/template.py) QEMU 7.2 would crash when the card is next reset.
CARD = "virtio-net-pci,romfile=,guest_announce=off"


class Plug(Protocol):
    """What a machine's card is plugged into, as QEMU is told of it."""

    @property
    def port(self) -> int:
        """What the loader is to serve; 0 where nobody will come."""
        ...

    @property
    def hardware(self) -> bytes | None:
        """The six bytes of the card's address; None for one as good as any other."""
        ...

    @property
    def backend(self) -> str | None:
        """QEMU's value of ``-netdev``, with the id ``net0``; None for nothing behind the card."""
        ...

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What QEMU is to inherit for it; they stay the line's own."""
        ...


class Line(Plug, Protocol):
    """One machine's way to the host, from before it starts until after it has ended.

    Its text is the address at which the loader is reached.
    """

    async def connect(self, ask: Callable[[str], Awaitable[str]]) -> Streams:
        """Open a connection to the loader; the caller closes it.

        :param ask: puts a question to QEMU's monitor, in words for people.
        :raise OSError: nobody answers.
        :raise NetworkError: there is no way to the machine.
        """
        ...

    def watch(self, lost: Callable[[str], None]) -> None:
        """Have ``lost`` called, once, with what has happened to the line if it breaks."""
        ...

    def close(self) -> None:
        """Give back what belongs to it. Idempotent."""
        ...


class Network(Protocol):
    """What gives each machine of a kind its line."""

    @property
    def machines(self) -> int | None:
        """How many lines there can be at once; None where there is no bound."""
        ...

    async def line(self, machine_id: str) -> Line:
        """A line for a machine that is about to start; the caller closes it.

        :raise NetworkError: there is none to be had.
        """
        ...

    def example(self) -> Plug:
        """What a machine could be plugged into; nothing is made for it."""
        ...

    def close(self) -> None:
        """Give back what its lines, all closed by now, had in common. A later :meth:`line`
        makes it anew."""
        ...


def check_lines(network: Network, machines: int) -> None:
    """
    :raise ConfigurationError: so many machines at once are more than the network takes.
    """
    if network.machines is not None and machines > network.machines:
        raise ConfigurationError(
            f"{machines} machines at once are too many: {network} has addresses for "
            f"{network.machines}",
            hint="take a larger range or subnet",
        )


def loader_words(plug: Plug) -> list[str]:
    """What the loader of a machine that boots with it is told."""
    return [f"distributor.port={plug.port}"] if plug.port else []


def card_words(plug: Plug, model: str = "") -> list[str]:
    """QEMU's words for a card that is plugged into it.

    :param model: of one that sits on the board; "" for a virtio card.
    """
    if model:
        backend = [] if plug.backend is None else ["-netdev", plug.backend]
        address = f",macaddr={plug.hardware.hex(':')}" if plug.hardware is not None else ""
        behind = ",netdev=net0" if backend else ""
        return [*backend, "-net", f"nic,model={model}{behind}{address}"]
    if plug.backend is None:
        return ["-device", CARD]
    address = f",mac={plug.hardware.hex(':')}" if plug.hardware is not None else ""
    return ["-netdev", plug.backend, "-device", f"{CARD},netdev=net0{address}"]

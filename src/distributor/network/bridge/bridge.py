"""The bridge, as machines are joined to it."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import NetworkError
from distributor.network.bridge.kept import Kept
from distributor.network.line import Line, Streams
from distributor.network.plan import BridgePlan


class Bridge:
    """Machines on a bridge in a network namespace of our own.

    Implements :class:`~distributor.network.line.Network`. The namespace is made for the first
    line, and goes with :meth:`close`, or with this process, however that ends.

    :param port: the one that the loaders listen on.
    :param folder: gives the folder for the socket that the bridge is looked at by.
    """

    def __init__(self, plan: BridgePlan, port: int, folder: Callable[[], Path]) -> None:
        self._plan = plan
        self._port = port
        self._folder = folder
        self._taken: dict[int, str] = {}
        self._starting = asyncio.Lock()
        self._kept: Kept | None = None
        self._taps = _Taps()

    def __str__(self) -> str:
        return f"the bridge {self._plan}"

    @property
    def machines(self) -> int:
        """As many as there are addresses."""
        return len(self._plan.numbers)

    def example(self) -> _Plug:
        """See :meth:`~distributor.network.line.Network.example`."""
        first = self._plan.numbers[0]
        return _Plug(self._port, self._plan.hardware(first), _EXAMPLE)

    async def line(self, machine_id: str) -> Line:
        """See :meth:`~distributor.network.line.Network.line`.

        :raise NetworkError: no address is free, or the bridge cannot be made.
        """
        number = self._take(machine_id)
        try:
            kept, tap = await self._tap(number, machine_id)
        except BaseException:
            del self._taken[number]
            raise

        def give_back() -> None:
            self._taps.forget(tap)
            os.close(tap)
            del self._taken[number]

        plug = _Plug(self._port, self._plan.hardware(number), tap)
        line = BridgeLine(plug, str(self._plan.address(number)), number, kept, give_back)
        self._taps.watch(tap, lambda: line.breaks(f"tap{number} was removed from the bridge"))
        return line

    async def open_socket(self) -> socket.socket:
        """A TCP socket on the bridge, not connected; the caller closes it.

        :raise NetworkError: the bridge cannot be made.
        """
        kept = await self._keeper()
        (descriptor,) = await kept.ask("socket")
        return socket.socket(fileno=descriptor)

    def _take(self, machine_id: str) -> int:
        for number in self._plan.numbers:
            if number not in self._taken:
                self._taken[number] = machine_id
                return number
        raise NetworkError(
            f"no address is free for machine {machine_id} on the bridge {self._plan}: "
            f"{len(self._taken)} machines have them all",
            hint="take fewer machines, a larger range or a larger subnet",
        )

    async def _tap(self, number: int, machine_id: str) -> tuple[Kept, int]:
        kept = await self._keeper()
        try:
            (tap,) = await kept.ask("tap", number=number, machine=machine_id)
        except NetworkError:
            if kept.alive:
                raise
            kept = await self._keeper()  # a new one: the other had just ended
            (tap,) = await kept.ask("tap", number=number, machine=machine_id)
        return kept, tap

    async def _keeper(self) -> Kept:
        """The one that there is, or a new one."""
        async with self._starting:
            if self._kept is not None and not self._kept.alive:
                # Machines that are joined to what it made are not harmed.
                self._kept.end()
                self._kept = None
            if self._kept is None:
                self._kept = await Kept.start(self._plan, self._folder())
            return self._kept

    def close(self) -> None:
        """End the bridge. Idempotent."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.end()
        self._taps.close()


#: The number of a descriptor, in a command that is only shown.
_EXAMPLE = 5


@dataclass(frozen=True, slots=True)
class _Plug:
    """What a card is plugged into: a tap that is open.

    Implements :class:`~distributor.network.line.Plug`.
    """

    port: int
    hardware: bytes
    tap: int

    @property
    def backend(self) -> str:
        return f"tap,id=net0,fd={self.tap}"

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.tap,)


class BridgeLine:
    """One machine's tap, and the way to its loader; implements
    :class:`~distributor.network.line.Line`."""

    def __init__(
        self, plug: _Plug, address: str, number: int, kept: Kept, give_back: Callable[[], None]
    ) -> None:
        self.port = plug.port
        self.hardware = plug.hardware
        self.backend = plug.backend
        self.descriptors = plug.descriptors
        self._address = address
        self._number = number
        self._kept = kept
        self._give_back: Callable[[], None] | None = give_back
        self._settled = False
        self._broken = ""
        self._lost: Callable[[str], None] | None = None

    def __str__(self) -> str:
        return f"{self._address}:{self.port}"

    async def connect(self, ask: Callable[[str], Awaitable[str]]) -> Streams:
        """See :meth:`~distributor.network.line.Line.connect`."""
        del ask
        (descriptor,) = await self._kept.ask("socket")
        made = socket.socket(fileno=descriptor)
        try:
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, (self._address, self.port))
            await self.settle()
            return await asyncio.open_connection(sock=made)
        except BaseException:
            made.close()
            raise

    async def settle(self) -> None:
        """Spare the machine, which has its lease, what comes by an uplink for all: each frame
        would be an interrupt in the middle of its tasks."""
        if not self._settled:
            self._settled = True
            await self._kept.ask("settle", number=self._number)

    def watch(self, lost: Callable[[str], None]) -> None:
        """See :meth:`~distributor.network.line.Line.watch`."""
        self._lost = lost
        if self._broken:
            lost(self._broken)

    def breaks(self, how: str) -> None:
        """Somebody has cut it."""
        self._broken = how
        if self._lost is not None:
            self._lost(how)

    def close(self) -> None:
        """See :meth:`~distributor.network.line.Line.close`."""
        give_back, self._give_back = self._give_back, None
        self._lost = None
        if give_back is not None:
            give_back()


class _Taps:
    """Tells when a tap that is open is removed: its descriptor has an error from then on.

    Asked of epoll(7) without asking for frames, which are QEMU's: a tap never has anything
    urgent, but its driver wakes only those who wait for something to read.
    """

    def __init__(self) -> None:
        self._poll: select.epoll | None = None
        self._removed: dict[int, Callable[[], None]] = {}

    def watch(self, tap: int, removed: Callable[[], None]) -> None:
        if self._poll is None:
            self._poll = select.epoll()
            asyncio.get_running_loop().add_reader(self._poll.fileno(), self._look)
        self._removed[tap] = removed
        self._poll.register(tap, select.EPOLLPRI)

    def forget(self, tap: int) -> None:
        if self._removed.pop(tap, None) is not None and self._poll is not None:
            self._poll.unregister(tap)

    def _look(self) -> None:
        assert self._poll is not None
        for tap, _ in self._poll.poll(0):
            removed = self._removed[tap]
            self.forget(tap)
            removed()

    def close(self) -> None:
        if self._poll is not None:
            asyncio.get_running_loop().remove_reader(self._poll.fileno())
            self._poll.close()
            self._poll = None
        self._removed.clear()

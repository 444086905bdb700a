"""A network whose lines lose and delay frames, as `tc netem` does where the kernel has it."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Awaitable, Callable

from distributor.network.line import Line, Network, Plug, Streams

_FRAME_MAX = 1 << 16


class RoughNetwork:
    """Lines of taps, with a lossy cable between each tap and its machine.

    :param network: whose lines are taps.
    :param loss: share of the frames that are lost, each way.
    :param delay_s: how long a frame takes, each way, at most: later ones may overtake it.
    """

    def __init__(self, network: Network, *, loss: float, delay_s: float, seed: int = 1) -> None:
        self._network = network
        self._loss = loss
        self._delay_s = delay_s
        self._chance = random.Random(seed)
        self.frames = 0
        self.lost = 0

    @property
    def machines(self) -> int | None:
        return self._network.machines

    async def line(self, machine_id: str) -> Line:
        return _RoughLine(await self._network.line(machine_id), self)

    def example(self) -> Plug:
        return self._network.example()

    def close(self) -> None:
        self._network.close()

    def carry(self, frame: bytes, put: Callable[[bytes], None]) -> None:
        """Hand a frame over in a while, or never."""
        self.frames += 1
        if self._chance.random() < self._loss:
            self.lost += 1
            return
        delay_s = self._chance.uniform(0, self._delay_s)
        asyncio.get_running_loop().call_later(delay_s, put, frame)


class _RoughLine:
    def __init__(self, line: Line, network: RoughNetwork) -> None:
        self.port, self.hardware = line.port, line.hardware
        self._line = line
        self._network = network
        (self._tap,) = line.descriptors
        self._ours, self._its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)
        self._open = True
        loop = asyncio.get_running_loop()
        loop.add_reader(self._tap, self._from_host)
        loop.add_reader(self._ours, self._from_machine)

    @property
    def backend(self) -> str:
        return f"dgram,id=net0,local.type=fd,local.str={self._its.fileno()}"

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self._its.fileno(),)

    def __str__(self) -> str:
        return str(self._line)

    def _from_host(self) -> None:
        self._network.carry(os.read(self._tap, _FRAME_MAX), self._to_machine)

    def _from_machine(self) -> None:
        self._network.carry(self._ours.recv(_FRAME_MAX), self._to_host)

    def _to_machine(self, frame: bytes) -> None:
        if self._open:
            try:
                self._ours.send(frame)
            except OSError:  # it has ended, or does not keep up
                self._network.lost += 1

    def _to_host(self, frame: bytes) -> None:
        if self._open:
            os.write(self._tap, frame)

    async def connect(self, ask: Callable[[str], Awaitable[str]]) -> Streams:
        return await self._line.connect(ask)

    def watch(self, lost: Callable[[str], None]) -> None:
        self._line.watch(lost)

    def close(self) -> None:
        if self._open:
            self._open = False
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._tap)
            loop.remove_reader(self._ours)
            self._ours.close()
            self._its.close()
            self._line.close()

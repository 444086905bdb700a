"""A machine without a network: for each task set one is forked from the template."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import QMPError, WireError
from distributor.machines.machine import MachineState
from distributor.machines.qemu.base import QemuBase
from distributor.machines.qemu.instance import Instance
from distributor.machines.qemu.onecore import OneCore
from distributor.machines.qemu.template import Template
from distributor.network.shared import EXIT_DONE, EXIT_REFUSED, SharedMemory
from distributor.session.result import MachineFacts


@dataclass(slots=True)
class _Fork:
    """One machine of one task set, and what it shares with us."""

    shared: SharedMemory
    hear: Callable[[bytes], None]
    instance: Instance | None = None

    def own(self, instance: Instance) -> None:
        self.instance = instance
        instance.console.hear = self.hear


class SealedQemuMachine(QemuBase):
    """Implements :class:`~distributor.machines.machine.SealedMachine`.

    The next fork is made while one runs, so that its task set finds it ready.

    :param prepare: gives the template when the machine starts.
    :param console: the file that keeps what its forks print; asked for when it starts.
    :param holds: the files that are in its image, by their names on the wire.
    :param one_core: keeps each fork that runs on one core of the host.
    """

    def __init__(
        self,
        machine_id: str,
        prepare: Callable[[], Awaitable[Template]],
        console: Callable[[], Path],
        facts: MachineFacts,
        holds: Mapping[str, Path],
        one_core: OneCore,
    ) -> None:
        super().__init__(machine_id, console, facts, holds)
        self._one_core = one_core
        self._prepare = prepare
        self._template: Template | None = None
        self._path: Path | None = None
        self._next: asyncio.Task[_Fork] | None = None
        self._owned: list[_Fork] = []
        #: The fork that runs a set, or did so last.
        self._last: _Fork | None = None

    @property
    def instance(self) -> Instance | None:
        return None if self._last is None else self._last.instance

    @property
    def next_pid(self) -> int | None:
        """The process of the fork that waits for the next set, None while there is none."""
        if self._next is None or not self._next.done() or self._next.cancelled():
            return None
        fork = None if self._next.exception() else self._next.result()
        return None if fork is None or fork.instance is None else fork.instance.process.pid

    async def start(self) -> None:
        """Have the template, and a fork that is ready.

        :raise LaunchError: QEMU did not come up.
        :raise BootError: the template did not boot within its limits.
        :raise GuestFault: the template's guest gave up.
        :raise MachineLost: QEMU was killed meanwhile.
        """
        self._begin()
        self._template = await self._prepare()
        accelerator = self._template.spec.accelerator.value
        self._facts = dataclasses.replace(self._facts, accelerator=accelerator)
        self._path = self._console()
        self._next = self._fork_ahead()
        await asyncio.shield(self._next)
        self._state = MachineState.READY

    async def exchange(self, said: bytes, answer_max: int) -> bytes:
        """Run what was said on a fork of its own; returns what that said in turn.

        :raise MachineLost: QEMU was killed, or ended without having been told to.
        :raise GuestFault: the guest gave up.
        :raise WireError: the loader refused what was said.
        """
        assert self._next is not None, "a machine is started first"
        # Shielded: a fork that nobody waits for any more is still owned, and ended by stop().
        fork = await asyncio.shield(self._next)
        instance = fork.instance
        assert instance is not None
        fork.shared.say(said, answer_max)
        self._last = fork
        self._next = self._fork_ahead()
        with self._one_core.hold(instance.process.pid):
            try:
                await instance.monitor.ask("cont")
            except QMPError:
                # A short set may be over before QEMU has answered; how it ended tells all.
                pass
            code = await instance.process.wait()
        if code not in (EXIT_DONE, EXIT_REFUSED):
            raise await asyncio.shield(instance.death)
        heard = fork.shared.hear()
        await self._end_fork(fork)
        if code == EXIT_REFUSED:
            raise WireError(
                f"the loader of machine {self._id} refused what it was sent: "
                f"{instance.console.tail(1)}"
            )
        return heard

    async def pause(self) -> None:
        """Nothing to do: a fork that waits is stopped."""

    async def resume(self) -> None:
        """Nothing to do."""

    async def died(self) -> Exception:
        """Never: a fork's death ends the exchange that it was made for."""
        never: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        return await never

    def _fork_ahead(self) -> asyncio.Task[_Fork]:
        return asyncio.create_task(self._fork(), name=f"next fork of {self._id}")

    async def _fork(self) -> _Fork:
        assert self._template is not None
        assert self._path is not None
        fork = _Fork(SharedMemory(), self.printed.feed)
        self._owned.append(fork)
        await self._template.restore(self._id, self._path, fork.own, fork.shared)
        return fork

    async def _end_fork(self, fork: _Fork) -> None:
        if fork.instance is not None:
            await fork.instance.end()
        fork.shared.close()
        self._owned.remove(fork)

    async def _end(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})
            if not self._next.cancelled():
                self._next.exception()  # retrieved: nobody needs it any more
        for fork in list(self._owned):
            await self._end_fork(fork)

"""A machine without a network: for each task set one is forked from the template."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import QMPError, StateError, WireError
from distributor.machines.machine import MachineState
from distributor.machines.qemu.command import work_per_guest_s
from distributor.machines.qemu.instance import Instance, complete
from distributor.machines.qemu.template import Template
from distributor.network.sealed import EXIT_DONE, EXIT_REFUSED, SharedMemory
from distributor.session.result import MachineFacts


@dataclass(slots=True)
class _Fork:
    """One machine of one task set, and what it shares with us."""

    shared: SharedMemory
    instance: Instance | None = None

    def own(self, instance: Instance) -> None:
        self.instance = instance


class SealedQemuMachine:
    """Implements :class:`~distributor.machines.machine.SealedMachine`.

    The next fork is made while one runs, so that its task set finds it ready.

    :param prepare: gives the template when the machine starts.
    :param console: the file that keeps what its forks print; asked for when it starts.
    """

    def __init__(
        self,
        machine_id: str,
        prepare: Callable[[], Awaitable[Template]],
        console: Callable[[], Path],
        facts: MachineFacts,
    ) -> None:
        self._id = machine_id
        self._prepare = prepare
        self._console = console
        self._facts = facts
        self._state = MachineState.CREATED
        self._template: Template | None = None
        self._path: Path | None = None
        self._next: asyncio.Task[_Fork] | None = None
        self._owned: list[_Fork] = []
        #: The fork that runs a set, or did so last.
        self._last: _Fork | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        return self._id

    @property
    def state(self) -> MachineState:
        return self._state

    @property
    def facts(self) -> MachineFacts:
        return self._facts

    @property
    def pid(self) -> int | None:
        """The process of the fork that runs, None while none does."""
        instance = None if self._last is None else self._last.instance
        return None if instance is None else instance.process.pid

    @property
    def next_pid(self) -> int | None:
        """The process of the fork that waits for the next set, None while there is none."""
        if self._next is None or not self._next.done() or self._next.cancelled():
            return None
        fork = None if self._next.exception() else self._next.result()
        return None if fork is None or fork.instance is None else fork.instance.process.pid

    @property
    def work_per_guest_s(self) -> float:
        return work_per_guest_s(0 if self._template is None else self._template.spec.shift)

    def work_s(self) -> float | None:
        instance = None if self._last is None else self._last.instance
        return None if instance is None else instance.process.work_s()

    def console_tail(self, lines: int = 20) -> str:
        instance = None if self._last is None else self._last.instance
        return "" if instance is None else instance.console.tail(lines)

    async def start(self) -> None:
        """Have the template, and a fork that is ready.

        :raise LaunchError: QEMU did not come up.
        :raise BootError: the template did not boot within its limits.
        :raise GuestFault: the template's guest gave up.
        :raise MachineLost: QEMU was killed meanwhile.
        """
        if self._state is not MachineState.CREATED:
            raise StateError(f"machine {self._id} is {self._state}: it can be started once")
        self._state = MachineState.STARTING
        self._template = await self._prepare()
        accelerator = self._template.spec.accelerator.value
        self._facts = dataclasses.replace(self._facts, accelerator=accelerator)
        self._path = self._console()
        self._next = self._fork_ahead()
        await asyncio.shield(self._next)
        self._state = MachineState.READY

    async def exchange(self, said: bytes) -> bytes:
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
        fork.shared.say(said)
        self._last = fork
        self._next = self._fork_ahead()
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
        fork = _Fork(SharedMemory())
        self._owned.append(fork)
        await self._template.restore(self._id, self._path, fork.own, fork.shared)
        return fork

    async def _end_fork(self, fork: _Fork) -> None:
        if fork.instance is not None:
            await fork.instance.end()
        fork.shared.close()
        self._owned.remove(fork)

    async def stop(self) -> None:
        """End every fork: `quit`, then signals, then reaped. Completes when cancelled."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(), name=f"end of {self._id}")
        await complete(self._ending)

    async def _end(self) -> None:
        self._state = MachineState.STOPPING
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})
            if not self._next.cancelled():
                self._next.exception()  # retrieved: nobody needs it any more
        for fork in list(self._owned):
            await self._end_fork(fork)
        self._state = MachineState.DEAD

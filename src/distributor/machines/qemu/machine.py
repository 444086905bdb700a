"""A machine that QEMU runs: started, reached, paused, watched and ended."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shlex
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributor.errors import (
    BootError,
    GuestFault,
    LaunchError,
    MachineError,
    MachineLost,
    NetworkError,
    QMPError,
    SessionClosed,
    StateError,
)
from distributor.machines.machine import MachineState
from distributor.machines.qemu.command import MachineSpec, qemu_command
from distributor.machines.qemu.console import Console
from distributor.machines.qemu.monitor import Monitor
from distributor.machines.qemu.process import Process, spawn
from distributor.network.user import HOST
from distributor.session.result import MachineFacts

#: How often the limits of a boot are looked at.
_LOOK_S = 0.25
#: How long QEMU may take to heed `quit`, before signals.
_QUIT_S = 2.0
_CONNECT_S = 60.0
#: The wire's AVAILABLE (docs/protocol.md), which the loader answers with itself.
_AVAILABLE = struct.pack("<I", 0x000AAAAA)
#: Processor seconds that an emulated second of 10^9 instructions costs on a slow host; a
#: host of today takes 2 to 8, by what the instructions are.
_SLOWEST = 40.0

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class BootLimits:
    """How long a machine may take to become ready.

    :param work_s: of the host's processors; a busy host does not use it up.
    :param wall_s: by the clock, for a machine that hangs without working.
    """

    work_s: float = 60.0
    wall_s: float = 600.0


class QemuMachine:
    """Implements :class:`~distributor.machines.machine.Machine`.

    :param prepare: gives the machine's specification, its descriptors aside, when it starts.
    :param console: the file that keeps what the machine prints; asked for when it starts.
    """

    def __init__(
        self,
        machine_id: str,
        prepare: Callable[[], Awaitable[MachineSpec]],
        console: Callable[[], Path],
        facts: MachineFacts,
        limits: BootLimits,
    ) -> None:
        self._id = machine_id
        self._prepare = prepare
        self._console_path = console
        self._facts = facts
        self._limits = limits
        self._state = MachineState.CREATED
        self._shift = 0
        self._monitor = Monitor(machine_id)
        self._console: Console | None = None
        self._process: Process | None = None
        self._port = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._death: asyncio.Future[MachineError] | None = None
        #: The connection on which the loader first answered, until somebody asks for one.
        self._greeted: _Streams | None = None
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
        """QEMU's process, None before there is one."""
        return None if self._process is None else self._process.pid

    @property
    def work_per_guest_s(self) -> float:
        return max(1.0, _SLOWEST / (1 << self._shift))

    def work_s(self) -> float | None:
        return None if self._process is None else self._process.work_s()

    def console_tail(self, lines: int = 20) -> str:
        return "" if self._console is None else self._console.tail(lines)

    # -- up ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring the machine up until its loader answers.

        :raise LaunchError: QEMU did not come up.
        :raise BootError: the loader did not answer within the limits.
        :raise GuestFault: the guest gave up while it booted.
        :raise MachineLost: QEMU was killed while the guest booted.
        """
        if self._state is not MachineState.CREATED:
            raise StateError(f"machine {self._id} is {self._state}: it can be started once")
        self._state = MachineState.STARTING
        spec = await self._prepare()
        self._shift = spec.shift
        self._facts = dataclasses.replace(self._facts, accelerator=spec.accelerator.value)
        await self._launch(spec)
        await self._boot(spec)
        self._state = MachineState.READY

    async def _launch(self, spec: MachineSpec) -> None:
        """Start QEMU and hear it on its monitor."""
        monitor, monitor_theirs = socket.socketpair()
        console, console_theirs = socket.socketpair()
        try:
            spec = dataclasses.replace(
                spec, monitor=monitor_theirs.fileno(), console=console_theirs.fileno()
            )
            descriptors = (spec.monitor, spec.console)
            self._process = await spawn(qemu_command(spec), descriptors)
        except BaseException:
            monitor.close()
            console.close()
            raise
        finally:
            monitor_theirs.close()
            console_theirs.close()
        self._console = Console(self._console_path())
        self._spawn_task(self._console.read(console), "console")
        self._death = asyncio.get_running_loop().create_future()
        self._spawn_task(self._watch(self._process, self._console, self._death), "death")
        try:
            await self._monitor.open(monitor)
        except QMPError as error:
            # QEMU that refuses an option says so and ends; one that hangs is ended here.
            await self._process.end()
            raise LaunchError(
                f"QEMU did not start machine {self._id}: {self._process.complaint() or error}",
                command=self._process.command,
                exit_code=self._process.exit_code,
                console=self.console_tail(),
            ) from error

    async def _boot(self, spec: MachineSpec) -> None:
        """Wait for the loader's answer, within the limits and as long as the machine lives."""
        assert self._process is not None
        assert self._death is not None
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._limits.wall_s
        greeting = asyncio.create_task(self._greet(spec), name=f"greeting of {self._id}")
        try:
            while True:
                waited: set[asyncio.Future[Any]] = {greeting, self._death}
                await asyncio.wait(
                    waited,
                    timeout=_LOOK_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if greeting.done() and greeting.exception() is None:
                    self._greeted = greeting.result()
                    return
                if self._death.done() or greeting.done():
                    raise await self._explain(greeting)
                if self._process.work_s() > self._limits.work_s:
                    raise self._boot_error(f"within {self._limits.work_s:.0f} s of work")
                if loop.time() > end_s:
                    raise self._boot_error(f"within {self._limits.wall_s:.0f} s")
        finally:
            greeting.cancel()
            await asyncio.wait({greeting})
            if self._greeted is None and not greeting.cancelled() and not greeting.exception():
                greeting.result()[1].close()

    async def _greet(self, spec: MachineSpec) -> _Streams:
        """Connect once the loader says that it listens, and have it answer."""
        assert self._console is not None
        await self._console.ready.wait()
        told = await self._monitor.ask_human("info usernet")
        self._port = spec.network.parse_port(told)
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            writer.write(_AVAILABLE)
            answer = await reader.readexactly(len(_AVAILABLE))
        except BaseException:
            writer.close()
            raise
        if answer != _AVAILABLE:
            writer.close()
            raise self._boot_error(f"but with {answer.hex()}, which is no loader's answer,")
        return reader, writer

    async def _explain(self, greeting: asyncio.Task[_Streams]) -> Exception:
        """What ended a boot: the machine's death, where that is what broke the greeting."""
        assert self._death is not None
        await asyncio.wait({self._death}, timeout=_QUIT_S)
        if self._death.done():
            return self._death.result()
        cause = greeting.exception()
        if isinstance(cause, MachineError | NetworkError):
            return cause
        return self._boot_error(f"on port {self._port} ({cause})")

    def _boot_error(self, how: str) -> BootError:
        assert self._process is not None
        return BootError(
            f"machine {self._id} booted, but its loader did not answer {how}"
            if self._console is not None and self._console.ready.is_set()
            else f"machine {self._id} did not boot {how}",
            hint=self._last_words(),
            command=self._process.command,
            console=self.console_tail(),
        )

    # -- while it runs -------------------------------------------------------------------

    async def connect(self) -> _Streams:
        """The first time, the connection on which the loader has just answered."""
        if self._state not in (MachineState.READY, MachineState.PAUSED):
            raise MachineLost(f"machine {self._id} is {self._state}")
        self._raise_if_dead()
        greeted, self._greeted = self._greeted, None
        if greeted is not None:
            return greeted
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await asyncio.open_connection(HOST, self._port)
        except (OSError, TimeoutError) as error:
            self._raise_if_dead()
            raise SessionClosed(
                f"machine {self._id} cannot be reached on {HOST}:{self._port}: {error}"
            ) from error

    async def pause(self) -> None:
        """Stop its processors.

        :raise QMPError: QEMU does not do it.
        """
        if self._state is MachineState.READY:
            await self._monitor.ask("stop")
            self._state = MachineState.PAUSED

    async def resume(self) -> None:
        """Let its processors go on.

        :raise QMPError: QEMU does not do it.
        """
        if self._state is MachineState.PAUSED:
            await self._monitor.ask("cont")
            self._state = MachineState.READY

    async def died(self) -> Exception:
        if self._death is None:
            raise StateError(f"machine {self._id} has not been started")
        return await asyncio.shield(self._death)

    def _raise_if_dead(self) -> None:
        if self._death is not None and self._death.done():
            raise self._death.result()

    async def _watch(
        self, process: Process, console: Console, death: asyncio.Future[MachineError]
    ) -> None:
        """Wait for QEMU's end, and say whose fault it is."""
        code = await process.wait()
        if self._state is MachineState.STOPPING:
            return  # by stop(): nobody's fault
        await self._monitor.close()
        reason = self._monitor.guest_end()
        panic = console.find("Kernel panic")
        self._state = MachineState.DEAD
        if reason or panic:
            fault: type[MachineError] = GuestFault
            how = f"the guest of machine {self._id} gave up: {panic or reason}"
        else:
            fault = MachineLost
            end = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
            how = ": ".join(
                filter(None, (f"QEMU of machine {self._id} {end}", process.complaint()))
            )
        death.set_result(
            fault(how, command=process.command, exit_code=code, console=self.console_tail())
        )

    # -- down ----------------------------------------------------------------------------

    async def stop(self) -> None:
        """End the machine: `quit`, then signals, then reaped. Completes when cancelled."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(), name=f"end of {self._id}")
        cancelled: asyncio.CancelledError | None = None
        while not self._ending.done():
            try:
                await asyncio.shield(self._ending)
            except asyncio.CancelledError as error:
                cancelled = error
        self._ending.result()
        if cancelled is not None:
            raise cancelled

    async def _end(self) -> None:
        self._state = MachineState.STOPPING
        if self._greeted is not None:
            self._greeted[1].close()
            self._greeted = None
        if self._process is not None:
            if self._process.exit_code is None:
                with contextlib.suppress(QMPError, TimeoutError):
                    async with asyncio.timeout(_QUIT_S):
                        await self._monitor.ask("quit")
                        await self._process.wait()
            await self._process.end()
        await self._monitor.close()
        if self._tasks:
            # QEMU is gone: its ends of the pipes are closed, and all read to their end.
            await asyncio.wait(self._tasks)
        self._state = MachineState.DEAD

    def _spawn_task(self, work: Any, name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=f"{name} of {self._id}"))

    def _last_words(self) -> str:
        line = self.console_tail(1).strip()
        return f"the last that it printed: {line}" if line else "it printed nothing"

    def __repr__(self) -> str:
        command = shlex.join(self._process.command[:3]) if self._process else "not started"
        return f"<QemuMachine {self._id} {self._state}: {command}>"

"""A board: a machine that somebody else runs, reached over the network."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from distributor.errors import (
    BootError,
    DistributorError,
    MachineError,
    MachineLost,
    NetworkError,
    SessionClosed,
    SessionError,
    StateError,
)
from distributor.machines.base import MachineBase
from distributor.machines.board.greeting import Connection, Way, ask, connect, greet
from distributor.machines.board.rack import Rack, Slot
from distributor.machines.machine import MachineState
from distributor.session.result import Clock, MachineFacts

log = logging.getLogger("distributor.machines.board")

#: How long a connection, and then an answer, may take.
ANSWER_S = 5.0
#: How often a board that was restarted is asked whether it is back.
_ASK_EVERY_S = 0.5
#: Restarts in a row that did not help, after which a board is only asked.
_RESTARTS_MAX = 3

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Board(MachineBase):
    """Implements :class:`~distributor.machines.machine.ReachableMachine`.

    Which board it is, it gets to know when it starts: one that is free and answers.

    :param rack: lends it one.
    :param way: to the boards, where they are on another network than this process.
    """

    #: What a second of its time costs here.
    work_per_guest_s = 0.0
    #: Nothing is known of what a board holds.
    holds: Mapping[str, Path] = MappingProxyType({})

    def __init__(
        self, machine_id: str, rack: Rack, answer_s: float = ANSWER_S, way: Way | None = None
    ) -> None:
        super().__init__(machine_id, MachineFacts(machine=machine_id, clock=Clock.REAL))
        self._rack = rack
        self._answer_s = answer_s
        self._way = way
        self._slot: Slot | None = None
        self._connection: Connection | None = None
        #: Whether the connection on which it answered is still to be asked for.
        self._greeted = False

    @property
    def address(self) -> str | None:
        """Where its board is, None while it has none."""
        return None if self._slot is None else str(self._slot.board.address)

    def work_s(self) -> float | None:
        return None

    def console_tail(self, lines: int = 20) -> str:
        """A board's console is not seen from here."""
        return ""

    # -- up ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Find a board that answers, restarting those that hang and can be restarted.

        While other machines work, it waits for one as long as it takes.

        :raise BootError: there is none, and no machine of this kind has one.
        """
        self._begin()
        while self._state is MachineState.STARTING:
            slot = self._slot = await self._rack.take()
            try:
                self._connection = await self._bring_up(slot)
            except (NetworkError, SessionError, MachineError) as error:
                log.info("%s", error)
                self._slot = None
                self._rack.silent(slot, str(error))
                if complaint := self._rack.give_up():
                    raise BootError(
                        f"no board can be used: {complaint}",
                        hint="distributor scan HOSTS shows which loaders answer",
                        console=error.console if isinstance(error, MachineError) else "",
                    ) from error
            else:
                self._rack.answered(slot)
                self._facts = dataclasses.replace(
                    self._facts, accelerator=f"board {slot.board.address}"
                )
                self._greeted = True
                self._state = MachineState.READY

    async def _bring_up(self, slot: Slot) -> Connection:
        power = slot.board.power is not None and slot.restarts < _RESTARTS_MAX
        if slot.suspect and power:
            return await self._restart(slot, slot.suspect)
        try:
            return await self._greet(slot)
        except NetworkError as error:
            # Only where nobody listens: one that does and is silent may serve another client.
            if not power:
                raise
            return await self._restart(slot, str(error))

    async def _restart(self, slot: Slot, why: str) -> Connection:
        board, loop = slot.board, asyncio.get_running_loop()
        assert board.power is not None
        slot.restarts += 1
        log.warning("board %s is restarted: %s", board.address, why)
        await board.power.restart(board.address)
        end_s = loop.time() + board.boot_s
        while True:
            try:
                return await self._greet(slot)
            except (NetworkError, SessionError) as error:
                if loop.time() >= end_s:
                    raise BootError(
                        f"board {board.address} was restarted, and does not answer within "
                        f"{board.boot_s:g} s: {error}"
                    ) from error
            await asyncio.sleep(_ASK_EVERY_S)

    async def _greet(self, slot: Slot) -> Connection:
        address = slot.board.address
        connection = await connect(address, self._answer_s, self._way)
        try:
            peer = await greet(connection, self._answer_s)
            if peer.clock == Clock.VIRTUAL:
                raise BootError(
                    f"the loader at {address} has the virtual clock, and a board's is real"
                )
        except BaseException:
            connection.writer.transport.abort()
            raise
        return connection

    # -- while it runs -------------------------------------------------------------------

    async def connect(self) -> _Streams:
        """The first time, the connection on which the loader has just answered."""
        if self._slot is None or self._state is not MachineState.READY:
            raise MachineLost(f"machine {self._id} is {self._state}")
        if not self._greeted:
            try:
                self._connection = await connect(
                    self._slot.board.address, self._answer_s, self._way
                )
            except NetworkError as error:
                raise SessionClosed(str(error)) from None
        self._greeted = False
        assert self._connection is not None
        return self._connection.reader, self._connection.writer

    async def pause(self) -> None:
        """Nothing to do: what an idle board costs is not ours."""

    async def resume(self) -> None:
        """Before a set is handed to a board that was idle: is it still there?

        :raise MachineLost: it does not answer.
        """
        if self._connection is None:
            return
        try:
            await ask(self._connection, self._answer_s)
        except SessionError as error:
            assert self._slot is not None
            self._slot.suspect = str(error)
            raise MachineLost(f"machine {self._id} is lost: {error}") from None

    async def died(self) -> Exception:
        """Wait until the board, or the network between, ends the connection."""
        if self._connection is None or self._slot is None:
            raise StateError(f"machine {self._id} has not been started")
        how = await asyncio.shield(self._connection.ended)
        return MachineLost(f"the connection to board {self._slot.board.address} ended: {how}")

    def suspect(self, error: DistributorError) -> None:
        """See :class:`~distributor.machines.machine.RestartableMachine`."""
        if self._slot is not None and not error.transient:
            self._slot.suspect = str(error)

    # -- down ----------------------------------------------------------------------------

    async def _end(self) -> None:
        """Hang up, upon which the loader ends what it runs, and give the board back."""
        if self._connection is not None:
            self._connection.writer.transport.abort()
            self._connection = None
        if self._slot is not None:
            self._rack.give_back(self._slot)
            self._slot = None

"""The talk with one machine's loader: one connection, kept open across task sets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from distributor.errors import SessionClosed, SessionTimeout, WireError
from distributor.machines.machine import ReachableMachine, RuledMachine
from distributor.session import wire
from distributor.session.binary import Binaries, Binary, Version, version
from distributor.session.description import describe, describe_goal
from distributor.session.event import Event
from distributor.session.peer import Peer
from distributor.session.record import Record
from distributor.session.rules import OURS
from distributor.session.watch import watched
from distributor.session.watchdog import Watchdog
from distributor.session.wire import Word
from distributor.tasks.taskset import TaskSet

_READ_BYTES = 1 << 16


class Session:
    """A conversation with a machine, from :meth:`open` to :meth:`close`.

    :param machine: ready, and owned by the caller.
    :param binaries: where executables come from.
    :param timeout_s: margin of the watchdog, and limit of each answer.
    """

    def __init__(
        self,
        machine: ReachableMachine,
        *,
        binaries: Binaries,
        timeout_s: float,
    ) -> None:
        self._machine = machine
        self._rules = machine.rules if isinstance(machine, RuledMachine) else OURS
        self._binaries = binaries
        self._timeout_s = timeout_s
        self._decoder = wire.Decoder()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        # What the machine holds, by name on the wire: a changed file is sent again.
        self._held: dict[str, Version] = {
            name: version(path) for name, path in machine.holds.items()
        }
        self.peer = Peer()

    async def open(self) -> None:
        """Connect, end whatever an earlier client left running, and ask who is there.

        :raise MachineLost: the machine is gone.
        :raise SessionClosed: the connection ended.
        :raise SessionTimeout: no answer in time.
        :raise WireError: the answer is not one of this protocol.
        """
        self._reader, self._writer = await self._machine.connect()
        async with self._limit("answer to a greeting"):
            self._write(wire.encode(Word.CLEAR) + wire.encode(Word.AVAILABLE))
            # Frames of the earlier client's tasks come before the word.
            while await self._take(Word.AVAILABLE) is not Word.AVAILABLE:
                pass
            self._write(wire.encode(Word.GET_PROFILE))
            about = wire.parse_profile(await self._take_frame()).attributes
        self.peer = Peer.of(about) if self._rules.extensions else Peer()

    async def close(self) -> None:
        """End the connection; harmless when there is none."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._writer.wait_closed()
        self._reader = self._writer = None

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def run(
        self,
        taskset: TaskSet,
        tell: Callable[[Sequence[Event]], None],
        goal: Mapping[str, Any] | None = None,
        switches: int = 0,
    ) -> Record:
        """Have the machine run a set, to its end.

        :param tell: called with each bunch of events as it comes.
        :param goal: of the loader's admission control, see
            :func:`~distributor.session.description.describe_goal`.
        :param switches: how many switches of the processors to record, at most.
        :return: the complete record.
        :raise ConfigurationError: a binary cannot be read, or the peer cannot run the set;
            the session goes on.
        :raise SessionTimeout: the watchdog gave the machine up.
        :raise SessionClosed: the connection ended.
        :raise WireError: the machine said something that the protocol does not allow.
        """
        order = wire.encode_text(
            Word.SEND_DESCS,
            describe(taskset, extended=self.peer.extended, switches=switches, rules=self._rules),
        )
        if goal is not None:
            order = wire.encode_text(Word.OPTIMIZE, describe_goal(goal)) + order
        # Those that the machine does not hold in the version that lies here now.
        news = [
            binary
            for binary in await self._binaries.of(taskset, self._machine.facts.architecture)
            if self._held.get(binary.name) != binary.version
        ]
        record = Record(taskset, switches=switches)
        self._write(wire.encode(Word.CLEAR))
        if news:
            async with self._limit("readiness for a binary"):
                await self._send_binaries(news)
        self._write(order + wire.encode(Word.START))
        watchdog = Watchdog(
            taskset,
            self._machine.facts.clock,
            timeout_s=self._timeout_s,
            work_per_guest_s=self._machine.work_per_guest_s,
            rules=self._rules,
        )

        async def hear() -> None:
            while not record.done:
                profile = wire.parse_profile(await self._take_frame())
                record.late_ns = profile.late_ns
                if profile.events:
                    record.feed(profile.events)
                    tell(profile.events)
                if profile.events or profile.switches:
                    watchdog.progressed(asyncio.get_running_loop().time())
                record.feed_switches(profile.switches, profile.trace_end)

        await watched(hear(), watchdog, self._machine)
        return record

    async def _send_binaries(self, news: Sequence[Binary]) -> None:
        self._write(wire.encode_binaries(len(news)))
        for binary in news:
            while await self._take(Word.GO_SEND) is not Word.GO_SEND:
                pass
            self._write(wire.encode_binary_head(binary.name, len(binary.data)) + binary.data)
            await self._drain()
            self._held[binary.name] = binary.version

    @contextlib.asynccontextmanager
    async def _limit(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError:
            raise SessionTimeout(
                f"{self._machine.id} gave no {what} within {self._timeout_s:g} s"
            ) from None

    def _write(self, data: bytes) -> None:
        if self._writer is None:
            raise SessionClosed(f"there is no connection to {self._machine.id}")
        self._writer.write(data)

    async def _drain(self) -> None:
        assert self._writer is not None
        try:
            await self._writer.drain()
        except OSError as error:
            raise SessionClosed(f"{self._machine.id} hung up: {error}") from None

    async def _take_frame(self) -> bytes:
        frame = await self._take()
        if not isinstance(frame, bytes):
            raise WireError(f"{self._machine.id} sent {frame!r} where a frame was due")
        return frame

    async def _take(self, expected: Word | None = None) -> Word | bytes:
        if self._reader is None:
            raise SessionClosed(f"there is no connection to {self._machine.id}")
        while (item := self._decoder.take(expected)) is None:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError as error:
                raise SessionClosed(f"{self._machine.id} hung up: {error}") from None
            if not data:
                raise SessionClosed(f"{self._machine.id} hung up")
            self._decoder.feed(data)
        return item

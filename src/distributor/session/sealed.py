"""The talk with a sealed machine: all is said at once, and then all is heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from distributor.errors import WireError
from distributor.machines.machine import SealedMachine
from distributor.session import wire
from distributor.session.binary import Binaries, version
from distributor.session.description import describe, describe_goal
from distributor.session.event import Event
from distributor.session.peer import Peer
from distributor.session.record import Record
from distributor.session.watch import watched
from distributor.session.watchdog import Watchdog
from distributor.session.wire import Word
from distributor.tasks.taskset import TaskSet

#: At most so many bytes tell of a job, its start and its end (guest/loader/report.c), and of a
#: switch (guest/loader/switches.c).
_JOB_BYTES = 300
_SWITCH_BYTES = 60


class SealedSession:
    """Says the words of the wire to a machine that answers when it is done.

    :param machine: ready, and owned by the caller.
    :param binaries: where executables come from.
    :param timeout_s: margin of the watchdog.
    """

    def __init__(self, machine: SealedMachine, *, binaries: Binaries, timeout_s: float) -> None:
        self._machine = machine
        self._binaries = binaries
        self._timeout_s = timeout_s
        self._held = {name: version(path) for name, path in machine.holds.items()}
        #: Known once a set has been run.
        self.peer = Peer()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def run(
        self,
        taskset: TaskSet,
        tell: Callable[[Sequence[Event]], None],
        goal: Mapping[str, Any] | None = None,
        switches: int = 0,
    ) -> Record:
        """As :meth:`~distributor.session.session.Session.run`."""
        said = await self._compose(taskset, goal, switches)
        watchdog = Watchdog(
            taskset,
            self._machine.facts.clock,
            timeout_s=self._timeout_s,
            work_per_guest_s=self._machine.work_per_guest_s,
        )
        answer_max = taskset.jobs * _JOB_BYTES + switches * _SWITCH_BYTES
        heard = await watched(self._machine.exchange(said, answer_max), watchdog, self._machine)
        record = Record(taskset, switches=switches)
        decoder = wire.Decoder()
        decoder.feed(heard)
        while (item := decoder.take(Word.GO_SEND)) is not None:
            if not isinstance(item, bytes):
                continue  # each binary's answer; they had been sent already
            profile = wire.parse_profile(item)
            if "loader" in profile.attributes:
                self.peer = Peer.of(profile.attributes)
            if profile.events:
                record.feed(profile.events)
                tell(profile.events)
            record.feed_switches(profile.switches, profile.trace_end)
        if not record.done:
            raise WireError(f"{self._machine.id} was done before its task set was")
        return record

    async def _compose(
        self, taskset: TaskSet, goal: Mapping[str, Any] | None, switches: int
    ) -> bytes:
        binaries = [
            binary
            for binary in await self._binaries.of(taskset, self._machine.facts.architecture)
            if self._held.get(binary.name) != binary.version
        ]
        parts = [wire.encode(Word.GET_PROFILE), wire.encode_binaries(len(binaries))]
        for binary in binaries:
            parts += [wire.encode_binary_head(binary.name, len(binary.data)), binary.data]
        if goal is not None:
            parts.append(wire.encode_text(Word.OPTIMIZE, describe_goal(goal)))
        described = describe(taskset, extended=True, switches=switches)
        parts.append(wire.encode_text(Word.SEND_DESCS, described))
        parts.append(wire.encode(Word.START))
        return b"".join(parts)

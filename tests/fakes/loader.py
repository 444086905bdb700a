"""A loader on loopback that speaks the protocol of docs/protocol.md and runs nothing.

Its jobs take the time that a test says, in a time of its own that passes at once. It is
written from the protocol's text, without the host's code, so that the two check each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class PlainTask:
    """What a loader reads of a task."""

    id: int
    pkg: str
    arg1: str
    period_ms: int
    numberofjobs: int
    elements: dict[str, str] = field(default_factory=dict)


def read_taskset(text: bytes) -> list[PlainTask]:
    assert not text.startswith(b"<?xml")
    tasks = []
    for element in ET.fromstring(text):
        assert element.tag == "periodictask"
        values = {child.tag: (child.text or "") for child in element}
        tasks.append(
            PlainTask(
                id=int(values["id"]),
                pkg=values["pkg"],
                arg1=element.findtext("config/arg1") or "",
                period_ms=int(values.get("period", 1)),
                numberofjobs=int(values["numberofjobs"]),
                elements=values,
            )
        )
    return tasks


class PlainLoader:
    """Knows no extension, answers in milliseconds.

    :param outcome: says how a job ends and after how many milliseconds.
    :param garbage: bytes that follow each document inside its frame, as on real Genode.
    :param chop: size of the pieces in which frames are sent.
    """

    def __init__(
        self,
        outcome: Callable[[PlainTask, int], tuple[str, int]] = lambda task, job: ("EXIT", 1),
        *,
        garbage: bytes = b"",
        chop: int = 1 << 16,
    ) -> None:
        self.outcome = outcome
        self.garbage = garbage
        self.chop = chop
        self.binaries: dict[str, bytes] = {}
        self.tasks: list[PlainTask] = []
        self.goals: list[bytes] = []
        self.words: list[int] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.close()
            await self._server.wait_closed()

    def hang_up(self) -> None:
        """Cut every connection, as a machine that dies does."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._message(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _word(self, reader: asyncio.StreamReader) -> int:
        number: int = struct.unpack("<I", await reader.readexactly(4))[0]
        return number

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        word = await self._word(reader)
        self.words.append(word)
        if word == 0x0DE5:
            self.tasks = read_taskset(await reader.readexactly(await self._word(reader)))
        elif word == 0x0DE6:
            self.tasks = []
        elif word == 0x0DE5F11E:
            for _ in range(await self._word(reader)):
                writer.write(struct.pack("<I", 0x90))
                name = (await reader.readexactly(16)).split(b"\0")[0].decode("ascii")
                self.binaries[name] = await reader.readexactly(await self._word(reader))
        elif word == 0x514DE5:
            await self.run(writer)
        elif word == 0x159D1:
            await self.frame(writer, self.about())
        elif word == 0x6F7074:
            self.goals.append(await reader.readexactly(await self._word(reader)))
        elif word == 0xAAAAA:
            writer.write(struct.pack("<I", 0xAAAAA))
        else:
            raise AssertionError(f"word {word:#x}")

    async def frame(self, writer: asyncio.StreamWriter, text: str) -> None:
        document = text.encode("ascii") + self.garbage + b"\0"
        data = struct.pack("<I", len(document)) + document
        for place in range(0, len(data), self.chop):
            writer.write(data[place : place + self.chop])
            await writer.drain()

    def about(self) -> str:
        return "<profile/>"

    async def run(self, writer: asyncio.StreamWriter) -> None:
        """Tell of every job, one frame for each event, first release after one period."""
        assert all(task.pkg in self.binaries for task in self.tasks)
        now_ms = 1240
        for task in self.tasks:
            for job in range(task.numberofjobs):
                kind, took_ms = self.outcome(task, job)
                start_ms = now_ms + (job + 1) * task.period_ms
                await self.frame(writer, self._events(("START", task.id, start_ms)))
                await self.frame(writer, self._events((kind, task.id, start_ms + took_ms)))
            await self.frame(writer, self._events(("JOBS_DONE", task.id, now_ms)))

    def _events(self, *events: tuple[str, int, int]) -> str:
        lines = "\n".join(
            f'  <event type="{kind}" task-id="{task}" time-stamp="{stamp}"/>'
            for kind, task, stamp in events
        )
        return f"<profile><events>\n{lines}\n</events></profile>"


class ExtendedLoader(PlainLoader):
    """Knows the extensions, as ours does: nanoseconds after time zero, one frame a set."""

    clock = "virtual"
    #: How late its canary woke up, in each set that it is to run; the last one for ever.
    late_ns: Sequence[int] = ()
    sets = 0

    def about(self) -> str:
        return f'<profile loader="fake 1" kernel="6.1.0-fake" clock="{self.clock}" cpus="1"/>'

    async def run(self, writer: asyncio.StreamWriter) -> None:
        assert all(task.pkg in self.binaries for task in self.tasks)
        events = []
        for task in self.tasks:
            period_ns = int(task.elements.get("period_ns", task.period_ms * 10**6))
            offset_ns = int(
                task.elements.get("offset_ns", int(task.elements.get("offset", 0)) * 10**6)
            )
            end_ns = 0
            for job in range(task.numberofjobs):
                kind, took_ms = self.outcome(task, job)
                release_ns = offset_ns + job * period_ns
                end_ns = release_ns + took_ms * 10**6
                common = f'task-id="{task.id}" time-stamp="0" job="{job}" release-ns="{release_ns}"'
                events.append(f'<event type="START" {common} time-ns="{release_ns + 27_000}"/>')
                events.append(f'<event type="{kind}" {common} time-ns="{end_ns}" exit="0"/>')
            events.append(
                f'<event type="JOBS_DONE" task-id="{task.id}" time-stamp="0" time-ns="{end_ns}"/>'
            )
        body = "".join(events)
        late = ""
        if self.late_ns:
            late = f' late-ns="{self.late_ns[min(self.sets, len(self.late_ns) - 1)]}"'
        self.sets += 1
        await self.frame(
            writer,
            f'<profile zero-ns="5" clock="{self.clock}"{late}><events>{body}</events></profile>',
        )

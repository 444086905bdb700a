"""Genode's task loader as far as a host can tell, written from docs/protocol.md, and a program
that takes QEMU's place in front of it.

Its jobs run in a time of its own that passes at once. What it does not bear, it ends with an
AssertionError, and the connection with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

from tests.fakes.loader import PlainLoader, PlainTask

#: The elements that it knows; a parser that goes by position would stumble over others.
KNOWN = {
    *("id", "pkg", "config", "priority", "deadline", "period", "offset", "numberofjobs"),
    *("executiontime", "criticaltime", "quota", "caps", "cores", "coreoffset"),
}


class GenodeLoader(PlainLoader):
    """Plain, and peculiar where docs/protocol.md says so."""

    def __init__(self) -> None:
        super().__init__(self._outcome, garbage=b"\n\x07\xff<junk", chop=7)

    def _outcome(self, task: PlainTask, job: int) -> tuple[str, int]:
        """A task's arg1 is what a job takes, in milliseconds; 0 is an error."""
        took_ms = int(task.arg1)
        critical_ms = int(task.elements.get("criticaltime", 0))
        if "caps" not in task.elements:
            return "OUT_OF_CAPS", 0
        if "quota" not in task.elements:
            return "OUT_OF_QUOTA", 0
        if took_ms == 0:
            return "EXIT_ERROR", 1
        if critical_ms and took_ms > critical_ms:
            return "EXIT_CRITICAL", critical_ms
        if took_ms > task.period_ms:
            return "EXIT_PERIOD", task.period_ms
        return "EXIT", took_ms

    async def run(self, writer: asyncio.StreamWriter) -> None:
        """Offsets in turn, the first release a period later, several events in a frame."""
        events: list[tuple[int, str, int]] = []
        now_ms = 987_654
        for task in self.tasks:
            assert set(task.elements) <= KNOWN, task.elements
            assert ("deadline" in task.elements) == (task.elements["priority"] == "128")
            assert task.elements.get("quota", "1M")[-1] in "KM"
            now_ms += int(task.elements.get("offset", 0))
            if task.numberofjobs == 0 or task.pkg not in self.binaries:
                continue
            for job in range(task.numberofjobs):
                start_ms = now_ms + (job + 1) * task.period_ms
                kind, took_ms = self.outcome(task, job)
                events.append((start_ms, "START", task.id))
                events.append((start_ms + took_ms, kind, task.id))
            events.append((start_ms + took_ms, "JOBS_DONE", task.id))
        events.sort(key=lambda event: event[0])
        await self.frame(writer, "<profile><events></events></profile>")
        for place in range(0, len(events), 3):
            told = [(kind, task, stamp) for stamp, kind, task in events[place : place + 3]]
            await self.frame(writer, self._events(*told))


# -- in QEMU's place -------------------------------------------------------------------------


def _descriptor(words: list[str], name: str) -> int:
    (word,) = (word for word in words if word.startswith(f"socket,id={name},fd="))
    return int(word.rpartition("=")[2])


async def _serve_monitor(descriptor: int, port: int) -> None:
    """As much of QMP as a machine is asked."""
    mine = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_connection(sock=mine)

    def say(message: dict[str, object]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")

    version = {"qemu": {"major": 7, "minor": 2, "micro": 22}, "package": ""}
    say({"QMP": {"version": version, "capabilities": []}})
    heard = ""
    while data := await reader.read(1 << 16):
        heard += data.decode("ascii")
        while heard := heard.lstrip():
            try:
                asked, end = json.JSONDecoder().raw_decode(heard)
            except ValueError:  # the rest is still to come
                break
            heard = heard[end:]
            answer: object = {}
            if asked["execute"] == "query-cpus-fast":
                answer = [{"thread-id": 1, "cpu-index": 0}]
            elif asked["execute"] == "human-monitor-command":
                answer = f"TCP[HOST_FORWARD]  12  127.0.0.1 {port}  10.0.2.15  3001     0     0\r\n"
            say({"return": answer, "id": asked.get("id")})
            await writer.drain()
            if asked["execute"] == "quit":
                writer.close()
                return


async def _machine(words: list[str]) -> None:
    """Boots for as long as two greetings take: one is cut, one is left without an answer; unless
    GENODE_BOOTED says that it has."""
    loader = GenodeLoader()
    greetings = 2 if os.environ.get("GENODE_BOOTED") else 0
    open_: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greetings
        greetings += 1
        if greetings == 1:
            writer.transport.abort()
        elif greetings == 2:
            open_.add(writer)
        else:
            await loader._serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    console = socket.socket(fileno=_descriptor(words, "console"))
    console.sendall(b"Genode 18.02 <local changes>\r\n[init -> dom0] waiting for a client\r\n")
    await _serve_monitor(_descriptor(words, "monitor"), port)


if __name__ == "__main__":
    if "--version" in sys.argv:
        sys.stdout.write("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\n")
    else:
        assert Path(sys.argv[sys.argv.index("-kernel") + 1]).read_bytes() == b"\x7fELF of Genode"
        asyncio.run(_machine(sys.argv))

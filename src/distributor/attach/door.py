"""Lets other processes of this user look at the machines of a running distributor.

It costs a run nothing until somebody comes, and nothing that happens here ends one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from distributor.attach.place import close_place, open_place, peer_user
from distributor.attach.request import REQUEST_MAX, Listen, ListMachines, parse_request
from distributor.attach.seen import Seen
from distributor.errors import ConfigurationError
from distributor.machines.machine import EnteredMachine, Machine, PrintingMachine

_log = logging.getLogger(__name__)

_VISITORS_MAX = 32
#: How long a request may take to come, and an answer to be taken.
_ANSWER_S = 10.0
#: What a visitor may be behind with reading before he is sent away, in bytes.
_BEHIND_MAX = 256 << 10
_ENTER_MAX = 4096


@contextlib.asynccontextmanager
async def open_door(look: Callable[[], Iterable[Seen]]) -> AsyncIterator[Path | None]:
    """Answer whoever asks while the block runs; yields the socket's path, None without one.

    :param look: the machines as they are now.
    """
    place = open_place()
    if place is None:
        _log.warning("nobody can look at these machines: no folder for a socket can be had")
        yield None
        return
    listening, path = place
    visitors = _Visitors(look)
    server = None
    try:
        server = await asyncio.start_unix_server(
            visitors.welcome, sock=listening, limit=REQUEST_MAX
        )
        yield path
    finally:
        if server is not None:
            server.close()
        close_place(listening, path)
        await visitors.send_away()


class _Visitors:
    """The connections that are open, each with the task that answers it."""

    def __init__(self, look: Callable[[], Iterable[Seen]]) -> None:
        self._look = look
        self._tasks: set[asyncio.Task[None]] = set()

    def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one, unless there are too many."""
        if len(self._tasks) >= _VISITORS_MAX:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._visit(reader, writer), name="visitor")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send_away(self) -> None:
        """End every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                if peer_user(writer.get_extra_info("socket")) not in (os.getuid(), 0):
                    return
                line = await reader.readline()
            await self._answer(line, reader, writer)
            async with asyncio.timeout(_ANSWER_S):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, ValueError, TimeoutError) as error:  # he is gone, or says too much
            _log.debug("a visitor was sent away: %s", error)
        except Exception:  # whatever it is, it must not end the run
            _log.exception("a visitor could not be answered")
        finally:
            writer.transport.abort()

    async def _answer(
        self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            request = parse_request(line)
            if isinstance(request, ListMachines):
                machines = [seen.describe() for seen in self._look()]
                _write(writer, {"process": os.getpid(), "machines": machines})
                return
            machine = self._find(request.machine)
        except ConfigurationError as error:
            _write(writer, {"error": str(error)})
            return
        await _tell(machine, request, reader, writer)

    def _find(self, machine_id: str) -> Machine:
        for seen in self._look():
            if seen.machine.id == machine_id:
                return seen.machine
        raise ConfigurationError(f"there is no machine {machine_id}")


def _write(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")


async def _tell(
    machine: Machine, request: Listen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One line of JSON, then what the machine prints, as it is."""
    entered = machine if request.enter and isinstance(machine, EnteredMachine) else None
    _write(writer, {"machine": machine.id, "enter": entered is not None})
    if not isinstance(machine, PrintingMachine):
        writer.write(machine.console_tail(request.lines).encode())
        return
    writer.write(machine.printed.tail(request.lines))
    if not request.follow:
        return
    queue = _Queue(writer)
    stop = machine.printed.listen(queue.put)
    sending = asyncio.create_task(queue.send(), name="what a machine prints")
    coming = asyncio.create_task(_take_in(reader, entered), name="what a machine is typed")
    try:
        await asyncio.wait({sending, coming}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop()
        sending.cancel()
        coming.cancel()
        await asyncio.gather(sending, coming, return_exceptions=True)


async def _take_in(reader: asyncio.StreamReader, entered: EnteredMachine | None) -> None:
    """Until the visitor leaves."""
    while data := await reader.read(_ENTER_MAX):
        if entered is not None:
            entered.enter(data)


class _Queue:
    """What a machine has printed that its listener has not taken yet."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, data: bytes) -> None:
        """Called with what is printed as it is, nothing at the end. Never waits."""
        if not data:
            self._ended = True
        elif self._bytes + len(data) > _BEHIND_MAX:
            self._writer.transport.abort()
        else:
            self._waiting.append(data)
            self._bytes += len(data)
        self._changed.set()

    async def send(self) -> None:
        """Pass it on until the machine has ended, or the listener is gone."""
        while True:
            while self._waiting:
                data = self._waiting.popleft()
                self._writer.write(data)
                await self._writer.drain()
                self._bytes -= len(data)
            if self._ended or self._writer.is_closing():
                return
            self._changed.clear()
            await self._changed.wait()

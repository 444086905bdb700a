"""QEMU's monitor: QMP over a socket pair, one end of which QEMU was born with."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from typing import Any

from qemu.qmp import EventListener, QMPClient
from qemu.qmp import QMPError as ClientError

from distributor.errors import QMPError

#: How long QEMU may take to answer a command; it does so in a millisecond, but a host with
#: many machines starting makes it wait.
ANSWER_S = 60.0

# The client logs the end of every connection, a machine's ordinary end included, as an error.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)


class Monitor:
    """One machine's QMP connection."""

    def __init__(self, name: str) -> None:
        self._client = QMPClient(name)
        self._client.logger.setLevel(logging.CRITICAL)
        self._ends = EventListener(names=["SHUTDOWN", "GUEST_PANICKED"])
        self._client.register_listener(self._ends)
        self._news = EventListener(names=["GUEST_PANICKED", "MIGRATION"])
        self._client.register_listener(self._news)
        # The client does not bear to be opened, closed or closed twice at once.
        self._turn = asyncio.Lock()

    async def open(self, ours: socket.socket) -> None:
        """Say hello. Owns ``ours`` from here on.

        :raise QMPError: QEMU ended or garbled its part.
        """
        try:
            async with self._turn, asyncio.timeout(ANSWER_S):
                await self._client.connect(ours)
        except (ClientError, OSError, EOFError, TimeoutError) as error:
            raise QMPError(f"QEMU's monitor does not answer: {error!r}") from error

    async def ask(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Have QEMU execute a command; returns what it answers.

        :raise QMPError: it refuses, is gone, or takes longer than ANSWER_S.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._client.execute(command, dict(arguments or {}))
        except TimeoutError:
            raise QMPError(f"QEMU has not answered `{command}` within {ANSWER_S:.0f} s") from None
        except (ClientError, OSError, EOFError) as error:
            raise QMPError(f"QEMU refuses `{command}`: {error}") from error

    async def ask_human(self, line: str) -> str:
        """Have QEMU execute a line of its human monitor.

        :raise QMPError: as :meth:`ask`.
        """
        return str(await self.ask("human-monitor-command", {"command-line": line}))

    async def threads(self) -> tuple[int, ...]:
        """The threads that are the guest's processors, in their order.

        :raise QMPError: as :meth:`ask`.
        """
        told = await self.ask("query-cpus-fast")
        return tuple(int(each["thread-id"]) for each in told)

    async def give(self, name: str, descriptor: int) -> None:
        """Hand QEMU a descriptor, which it knows by that name; ours stays open.

        :raise QMPError: it does not take it.
        """
        try:
            self._client.send_fd_scm(descriptor)
        except (ClientError, OSError) as error:
            raise QMPError(f"QEMU cannot be handed a descriptor: {error}") from error
        await self.ask("getfd", {"fdname": name})

    async def stopped_itself(self) -> None:
        """Wait until the guest has stopped its machine, by a write to pvpanic's port."""
        while (await self._news.get())["event"] != "GUEST_PANICKED":
            pass

    async def moved(self) -> None:
        """Wait until a migration, the way in which QEMU saves and restores, is complete.

        :raise QMPError: it failed.
        """
        while True:
            message = await self._news.get()
            data = message.get("data")
            status = data.get("status") if isinstance(data, dict) else None
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise QMPError(f"QEMU could not move the machine's state: {status}")

    async def close(self) -> None:
        """End the connection, taking in what QEMU said before; harmless when there is none."""
        async with self._turn:
            with contextlib.suppress(ClientError, OSError, EOFError):
                await self._client.disconnect()

    def guest_end(self) -> str:
        """Why the guest itself ended the machine, "" if it did not.

        To be asked when the connection is closed: then nothing more can come.
        """
        for message in self._ends.clear():
            if message["event"] == "GUEST_PANICKED":
                return "guest-panic"
            data = message.get("data")
            if isinstance(data, dict) and data.get("guest"):
                return str(data.get("reason", "guest-shutdown"))
        return ""

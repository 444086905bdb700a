"""Loaders that do what a broken or hostile machine might: all of it must end in an answer."""

from __future__ import annotations

import asyncio
import struct

from tests.fakes.loader import ExtendedLoader, PlainLoader


class Chatterbox(ExtendedLoader):
    """Says that nothing has happened, again and again, instead of running the set."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.frame(writer, "<profile/>")


class Dribbler(ExtendedLoader):
    """Announces a large frame, and sends it a byte at a time."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("<I", 4 << 20))
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)


class Mute(ExtendedLoader):
    """Takes the connection, and never says a word."""

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._word(reader)


class Babbler(ExtendedLoader):
    """Answers a greeting with frames, and never with the word that was asked for."""

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._word(reader)
        while True:
            await self.frame(writer, "<profile/>")


class Stingy(ExtendedLoader):
    """Never takes a binary."""

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        word = await self._word(reader)
        if word == 0x0DE5F11E:
            await asyncio.Event().wait()
        elif word == 0x159D1:
            await self.frame(writer, self.about())
        elif word == 0xAAAAA:
            writer.write(struct.pack("<I", 0xAAAAA))


class Quitter(ExtendedLoader):
    """Hangs up in the middle of a frame."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("<I", 400) + b"<profile><events>")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


class Boaster(ExtendedLoader):
    """Announces a frame of four gigabytes."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("<I", 0xFFFFFFFF))


class Flooder(ExtendedLoader):
    """Tells of far more jobs than were asked for."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.frame(
                writer, self._events(*[("START", 0, 0), ("EXIT", 0, 1)] * 1000, ("START", 0, 1))
            )


class Idler(ExtendedLoader):
    """Says that all is done, and tells of no job."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        await self.frame(writer, self._events(("JOBS_DONE", 0, 0)))


class Ancient(PlainLoader):
    """Has stamps from one end of time to the other: the largest that are taken."""

    end_ms = 2**61 // 10**6

    async def run(self, writer: asyncio.StreamWriter) -> None:
        end_ms = self.end_ms
        for _ in range(self.tasks[0].numberofjobs):
            await self.frame(writer, self._events(("START", 0, -end_ms), ("EXIT", 0, end_ms)))
        await self.frame(writer, self._events(("JOBS_DONE", 0, end_ms)))


class Eternal(Ancient):
    """The same, so far apart that their difference has more than 64 bits."""

    end_ms = 2**62 // 10**6

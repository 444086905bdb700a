"""Server-sent events: one batch for all who listen, and nobody buffered without bound."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from pydantic import TypeAdapter
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from distributor.service.changes import Event

#: What may wait for one client before it is dropped.
BACKLOG_BYTES = 4 * 2**20
#: A line that says nothing, so that both ends know that the other one is there.
HEARTBEAT_S = 15.0
#: How long one piece may take to be sent before the client counts as gone.
STALL_S = 30.0

_told: TypeAdapter[object] = TypeAdapter(object)


def encode(events: Iterable[Event], number: int) -> bytes:
    """Events as the stream holds them (the HTML standard's text/event-stream).

    :param number: of the batch, which every event of it has as its id.
    """
    return b"".join(
        b"event: %b\nid: %d\ndata: %b\n\n"
        % (event.name.encode(), number, _told.dump_json(event.told))
        for event in events
    )


class Listener:
    """One client's share of the stream."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._news = asyncio.Event()

    def put(self, piece: bytes) -> None:
        """Hand over; a client that reads too slowly is ended."""
        if self._bytes + len(piece) > BACKLOG_BYTES:
            self.end()
            return
        self._pieces.append(piece)
        self._bytes += len(piece)
        self._news.set()

    def end(self) -> None:
        """Nothing more is sent."""
        self._pieces.clear()
        self._ended = True
        self._news.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What is to be sent, until :meth:`end`."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._news.wait()
            except TimeoutError:
                yield b":\n\n"
                continue
            self._news.clear()
            if self._ended:
                return
            pieces = b"".join(self._pieces)
            self._pieces.clear()
            self._bytes = 0
            yield pieces


class Stream:
    """Those who listen."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._number = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def publish(self, events: Iterable[Event]) -> None:
        """Tell everybody; encoded once, whatever their number."""
        self._number += 1
        piece = encode(events, self._number)
        for listener in self._listeners:
            listener.put(piece)

    async def listen(self, first: Event) -> AsyncIterator[bytes]:
        """What one client is sent.

        :param first: the event that it begins with.
        """
        listener = Listener()
        listener.put(encode([first], self._number))
        self._listeners.add(listener)
        try:
            async for piece in listener.pieces():
                yield piece
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream."""
        for listener in self._listeners:
            listener.end()


class EventResponse(StreamingResponse):
    """Ends when its client takes nothing for :data:`STALL_S`."""

    media_type = "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(STALL_S):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except* TimeoutError:
            pass

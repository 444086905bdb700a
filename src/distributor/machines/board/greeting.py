"""The way to a loader on the network, and the first words with it, each within a bound."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from distributor.errors import NetworkError, SessionClosed, SessionTimeout, WireError
from distributor.machines.board.address import Address
from distributor.session import wire
from distributor.session.peer import Peer
from distributor.session.wire import Word

#: A peer that has vanished is noticed after 10 + 3 * 5 s without traffic, or when what was
#: sent has not been acknowledged for 20 s (tcp(7)).
_KEEPALIVE = (
    (socket.TCP_KEEPIDLE, 10),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
    (socket.TCP_USER_TIMEOUT, 20_000),
)
_READ_BYTES = 1 << 16
#: Frames that may come before an answer: what a set that was ended still had to tell.
_FRAMES_MAX = 1000


class _Reader(asyncio.StreamReader):
    """Tells the end of a connection also while nobody reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.transport: asyncio.Transport | None = None
        #: How the peer ended it; never set where we did.
        self.ended: asyncio.Future[str] = loop.create_future()

    def feed_eof(self) -> None:
        super().feed_eof()
        if self.transport is None or not self.transport.is_closing():
            self._end("it was closed there")

    def set_exception(self, exc: BaseException) -> None:
        super().set_exception(exc)  # type: ignore[arg-type]  # as its base has it
        self._end(_why(exc))

    def _end(self, how: str) -> None:
        if not self.ended.done():
            self.ended.set_result(how)


class Connection(NamedTuple):
    """An open connection to a loader; its owner closes the writer.

    :param ended: how the peer ended it; pending while it has not.
    """

    address: Address
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ended: asyncio.Future[str]


#: Makes a socket of another network than this process's own.
Way = Callable[[], Awaitable[socket.socket]]


async def connect(address: Address, wait_s: float, way: Way | None = None) -> Connection:
    """Open a connection.

    :raise NetworkError: nobody accepts it in time.
    """
    loop = asyncio.get_running_loop()
    reader = _Reader(loop)
    try:
        async with asyncio.timeout(wait_s):
            there = await _there(address, way)
            transport, protocol = await loop.create_connection(
                lambda: asyncio.StreamReaderProtocol(reader, loop=loop), **there
            )
    except TimeoutError:
        raise NetworkError(f"{address} cannot be reached: no answer in {wait_s:g} s") from None
    except (OSError, UnicodeError) as error:
        raise NetworkError(f"{address} cannot be reached: {_why(error)}") from None
    reader.transport = transport
    wired: socket.socket = transport.get_extra_info("socket")
    wired.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        wired.setsockopt(socket.IPPROTO_TCP, option, value)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    return Connection(address, reader, writer, reader.ended)


async def _there(address: Address, way: Way | None) -> dict[str, Any]:
    """What is to be connected: host and port, or a socket that is so already."""
    if way is None:
        return {"host": address.host, "port": address.port}
    made = await way()
    try:
        await asyncio.get_running_loop().sock_connect(made, (address.host, address.port))
    except BaseException:
        made.close()
        raise
    return {"sock": made}


async def greet(connection: Connection, wait_s: float) -> Peer:
    """Have the loader answer, and say who it is. Ends nothing that it runs.

    :raise SessionTimeout: it is silent: hung, or at another client's service.
    :raise SessionClosed: it hung up.
    :raise WireError: what answers is no loader.
    """
    decoder = wire.Decoder()
    try:
        async with asyncio.timeout(wait_s):
            await _available(connection, decoder)
            connection.writer.write(wire.encode(Word.GET_PROFILE))
            frame = await _take(connection, decoder)
    except TimeoutError:
        raise _silent(connection, wait_s) from None
    if not isinstance(frame, bytes):
        raise WireError(f"{connection.address} sent {frame!r} where a frame was due")
    return Peer.of(wire.parse_profile(frame).attributes)


async def ask(connection: Connection, wait_s: float) -> None:
    """Have the loader answer, on a connection that nobody else reads from meanwhile.

    :raise SessionError: it does not; see :func:`greet`.
    """
    try:
        async with asyncio.timeout(wait_s):
            await _available(connection, wire.Decoder())
    except TimeoutError:
        raise _silent(connection, wait_s) from None


async def _available(connection: Connection, decoder: wire.Decoder) -> None:
    connection.writer.write(wire.encode(Word.AVAILABLE))
    for _ in range(_FRAMES_MAX):
        if await _take(connection, decoder, Word.AVAILABLE) is Word.AVAILABLE:
            return
    raise WireError(f"{connection.address} sends frames without end instead of an answer")


async def _take(
    connection: Connection, decoder: wire.Decoder, expected: Word | None = None
) -> Word | bytes:
    while (item := decoder.take(expected)) is None:
        try:
            data = await connection.reader.read(_READ_BYTES)
        except OSError as error:
            raise SessionClosed(f"{connection.address} hung up: {_why(error)}") from None
        if not data:
            raise SessionClosed(f"{connection.address} hung up")
        decoder.feed(data)
    return item


def _silent(connection: Connection, wait_s: float) -> SessionTimeout:
    return SessionTimeout(
        f"{connection.address} accepts a connection, but said nothing for {wait_s:g} s: "
        "it hangs, or somebody else uses it"
    )


def _why(error: BaseException) -> str:
    """Without the numbers and addresses that asyncio adds, of which a name can have several;
    a resolver's errors are negative."""
    numbers = re.findall(r"\[Errno (\d+)\]", str(error))
    if numbers:
        return "; ".join(dict.fromkeys(os.strerror(int(number)) for number in numbers))
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

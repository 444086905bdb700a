"""Finds loaders among many addresses: asks each for an answer, many at a time."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from distributor.errors import ConfigurationError, NetworkError, SessionError, SessionTimeout
from distributor.machines.board.address import Address
from distributor.machines.board.greeting import connect, greet
from distributor.session.peer import Peer

#: How long a connection, and then an answer, may take; a round trip on a lab's network takes
#: a millisecond, a name server tens of them.
WAIT_S = 1.0
#: Addresses that are asked at once; a connection each.
AT_ONCE = 256
#: Descriptors that are left to the rest of the process.
_SPARE = 64


class Presence(StrEnum):
    """What is at an address."""

    LOADER = "loader"
    #: Something accepts connections and says nothing: a loader that hangs or serves another
    #: client, or another service.
    SILENT = "silent"
    #: Something answers that is no loader.
    OTHER = "other"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was found at an address.

    :param peer: who the loader says it is.
    :param detail: why there is none.
    """

    address: Address
    presence: Presence
    peer: Peer | None = None
    detail: str = ""


async def scan(
    addresses: Iterable[Address],
    seen: Callable[[Sighting], None],
    *,
    wait_s: float = WAIT_S,
    at_once: int = AT_ONCE,
) -> None:
    """Look at every address, and tell of each as soon as it is known.

    :param wait_s: how long a connection may take, and then the loader's answers.
    :param at_once: how many are looked at at once; fewer where descriptors are short.
    :raise ConfigurationError: a bound makes no sense.
    """
    if not 0 < wait_s <= 60:
        raise ConfigurationError(f"a scan waits for 0 to 60 s at each address, not {wait_s:g}")
    if not 1 <= at_once <= 4096:
        raise ConfigurationError(f"a scan looks at 1 to 4096 addresses at once, not {at_once}")
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors != resource.RLIM_INFINITY:
        at_once = max(1, min(at_once, descriptors - _SPARE))
    waiting = iter(addresses)

    async def look() -> None:
        for address in waiting:
            seen(await sight(address, wait_s))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(look())


async def sight(address: Address, wait_s: float = WAIT_S) -> Sighting:
    """What is at an address."""
    try:
        connection = await connect(address, wait_s)
    except NetworkError as error:
        return Sighting(address, Presence.NOBODY, detail=str(error))
    try:
        peer = await greet(connection, wait_s)
    except SessionError as error:
        silent = isinstance(error, SessionTimeout)
        return Sighting(address, Presence.SILENT if silent else Presence.OTHER, detail=str(error))
    finally:
        connection.writer.transport.abort()
    return Sighting(address, Presence.LOADER, peer)

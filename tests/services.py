"""A service in a thread of its own, for tests that ask it over HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from distributor.machines.kind import machine_kind
from distributor.machines.machine import MachineKind
from distributor.service.limit import Limits
from distributor.service.process import Doors, listening, open_service
from distributor.service.service import Service
from distributor.service.settings import Settings
from distributor.session.result import Clock

TOKEN = "a-token-of-the-tests"
#: No bound that a test of something else could meet.
GENEROUS = Limits(rate_per_s=1e6, burst=10**6)


@dataclass
class Running:
    """Where it is, and what it is, for tests that look behind the scenes."""

    path: Path
    url: str
    service: Service
    loop: asyncio.AbstractEventLoop

    def client(self, **options: Any) -> httpx.Client:
        """Over the Unix socket."""
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.path)),
            base_url="http://service",
            timeout=60,
            **options,
        )


@contextmanager
def running(
    folder: Path, kind: MachineKind | None = None, limits: Limits = GENEROUS, **settings: Any
) -> Iterator[Running]:
    """A service over simulated machines, or those of a kind; gone at the end."""
    begun: Future[Running] = Future()
    ending = asyncio.Event()

    async def live() -> None:
        made = kind or machine_kind(clock=Clock.SIMULATED, cpus=settings.get("cpus", 1))
        asked = {
            "store": str(folder / "results.db"),
            "maximum": 2,
            "max_allowed": 42,
            "clock": Clock.SIMULATED,
            "limits": limits,
            **settings,
        }
        doors = Doors(folder / "service.sock", ("127.0.0.1", 0), TOKEN)
        async with (
            open_service(made, Settings(**asked)) as service,
            listening(service, doors) as told,
        ):
            loop = asyncio.get_running_loop()
            begun.set_result(Running(doors.path, told[1], service, loop))
            await ending.wait()

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            if begun.done():
                raise
            begun.set_exception(error)

    thread = threading.Thread(target=run, name="service")
    thread.start()
    try:
        found = begun.result(60)
        yield found
    finally:
        if begun.done() and not begun.exception():
            found.loop.call_soon_threadsafe(ending.set)
        thread.join()

"""How far a client is behind what happens when 500 machines decide sets at once."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import Measured, measured
from distributor.service.client import Client
from distributor.service.process import Doors, listening, open_service
from distributor.service.settings import Settings
from distributor.session.result import Clock
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.fakes.instant import InstantKind

MACHINES = 500
#: How long a machine is at a set: 500 of them begin 250 and end 250 each second.
SET_S = 2.0
SECONDS = 15


def main() -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as folder:
        seen = _watch(Path(folder))
    yield measured("service_events_in", seen.begun_and_ended_per_s, "events/s", 500)
    yield measured("service_client_lag_median", statistics.median(seen.lags_s), "s")
    yield measured("service_client_lag_max", max(seen.lags_s), "s")
    yield measured("service_sets_dropped", float(seen.dropped), "sets")


class _Seen:
    def __init__(self) -> None:
        self.lags_s: list[float] = []
        self.dropped = 0
        self.begun_and_ended_per_s = 0.0


def _watch(folder: Path) -> _Seen:
    doors = Doors(folder / "service.sock")
    settings = Settings(
        store=str(folder / "results.db"),
        maximum=MACHINES,
        max_allowed=MACHINES,
        clock=Clock.SIMULATED,
    )
    ready, ending = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def live() -> None:
        loops.append(asyncio.get_running_loop())
        async with open_service(InstantKind(SET_S), settings) as service, listening(service, doors):
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    ready.wait()
    seen = _Seen()
    try:
        with Client(str(doors.path)) as client:
            one = TaskSet(Task("busy", arg1=1))
            client.add_job([one] * int(2 * MACHINES * SECONDS / SET_S))
            events = client.events()
            # From the first verdict on: all machines are there then.
            next(None for name, _ in events if name == "sets")
            begun_s = time.monotonic()
            sets = 0
            for name, told in events:
                if time.monotonic() > begun_s + SECONDS:
                    break
                if name == "sets":
                    now = datetime.now(UTC)
                    sets += len(told)
                    seen.lags_s += [
                        (now - datetime.fromisoformat(each["finished_at"])).total_seconds()
                        for each in told
                    ]
                elif name == "dropped":
                    seen.dropped += told["dropped"]
            took_s = time.monotonic() - begun_s
            seen.begun_and_ended_per_s = 2 * (sets + seen.dropped) / took_s
    finally:
        loops[0].call_soon_threadsafe(ending.set)
        thread.join()
    return seen

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
from distributor.errors import MachineLost
from distributor.machines.machine import MachineState, Simulation
from distributor.service.client import Client
from distributor.service.process import Doors, listening, open_service
from distributor.service.settings import Settings
from distributor.session.event import Event, EventType
from distributor.session.result import Clock, MachineFacts
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

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
        async with open_service(_Kind(), settings) as service, listening(service, doors):
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


class _Kind:
    def create(self, machine_id: str) -> _Machine:
        return _Machine(machine_id)

    def close(self) -> None:
        pass


class _Machine:
    """Needs a second for each set, and computes nothing."""

    work_per_guest_s = 1.0

    def __init__(self, machine_id: str) -> None:
        self.id = machine_id
        self.state = MachineState.CREATED
        self.facts = MachineFacts(machine=machine_id, clock=Clock.SIMULATED)

    async def start(self) -> None:
        self.state = MachineState.READY

    async def simulate(self, taskset: TaskSet, switches: int = 0) -> Simulation:
        await asyncio.sleep(SET_S)
        return Simulation(
            [
                Event(EventType.START, 0, 1, 0, 0, exact=True),
                Event(EventType.EXIT, 0, 2, 0, 0, exit_value=0, exact=True),
                Event(EventType.JOBS_DONE, 0, 2, exact=True),
            ]
        )

    async def pause(self) -> None:
        pass

    async def resume(self) -> None:
        pass

    async def died(self) -> Exception:
        await asyncio.Event().wait()
        return MachineLost("never")

    def work_s(self) -> float | None:
        return None

    def console_tail(self, lines: int = 20) -> str:
        return ""

    async def stop(self) -> None:
        self.state = MachineState.DEAD

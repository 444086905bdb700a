"""How fast sets go through the queue, and through the whole engine, with a stub machine."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks import Measured, measured
from distributor.blocks import BlockTaskSet, hey, numberofjobs, offset, period
from distributor.distributor import Distributor
from distributor.jobs.action import Action, Run, Start
from distributor.jobs.job import Job
from distributor.jobs.queue import Queue
from distributor.machines.machine import MachineState
from distributor.session.result import Clock, MachineFacts
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

#: Goals of the design: sets a second, variants through which memory stays flat.
GOAL_SETS_PER_S = 5000.0
VARIANTS = 10_000_000
DRAWN = 1_000_000
SETS = 5_000


def main() -> Iterator[Measured]:
    before_mib = _peak_mib()
    begun_s = time.perf_counter()
    _through_queue(DRAWN)
    took_s = time.perf_counter() - begun_s
    yield measured("queue_variants_decided", DRAWN / took_s, "sets/s", GOAL_SETS_PER_S)
    # How many are drawn matters to the time alone; 10 million more would take minutes.
    yield measured("queue_memory_growth", _peak_mib() - before_mib, "MiB")
    begun_s = time.perf_counter()
    through_engine(SETS)
    took_s = time.perf_counter() - begun_s
    yield measured("engine_sets_decided", SETS / took_s, "sets/s", GOAL_SETS_PER_S)


def _variants() -> BlockTaskSet:
    """10 million sets of one task."""
    sets = BlockTaskSet(
        [
            hey.Values(range(100)),
            period.Values(range(1, 1001)),
            offset.Values(range(100)),
            numberofjobs.Value(1),
        ]
    )
    assert sets.variants == VARIANTS
    return sets


def _through_queue(count: int) -> None:
    queue = Queue(1, 1)
    actions: list[Action] = queue.add(Job(islice(_variants(), count)))
    while actions:
        match actions[-1]:
            case Start(machine):
                actions = queue.ready(machine)
            case Run(machine, _):
                actions = queue.finished(machine)
            case _:
                break
    assert queue.done


def through_engine(count: int) -> None:
    """Sets of one task, through queue, engine and session, to a stub that answers at once."""
    one = TaskSet(Task("hey", arg1=1))
    program = Path(__file__)
    with Distributor(session_type=_StubKind(), builtin={"hey": program}) as distributor:
        distributor.add_job(one for _ in range(count))
        distributor.wait()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _StubKind:
    def create(self, machine_id: str) -> _StubMachine:
        return _StubMachine(machine_id)

    def close(self) -> None:
        pass


class _StubMachine:
    """Answers every set at once, over a pair of connected sockets, with one finished job."""

    ABOUT = b'<profile loader="stub" kernel="none" clock="virtual" cpus="1"/>\0'
    DONE = (
        b'<profile><events><event type="START" task-id="0" time-stamp="0" job="0" release-ns="0"'
        b' time-ns="1"/><event type="EXIT" task-id="0" time-stamp="0" job="0" release-ns="0"'
        b' time-ns="2"/><event type="JOBS_DONE" task-id="0" time-stamp="0" time-ns="2"/>'
        b"</events></profile>\0"
    )

    def __init__(self, machine_id: str) -> None:
        self.id = machine_id
        self.state = MachineState.CREATED
        self.facts = MachineFacts(machine=machine_id, clock=Clock.VIRTUAL)
        self.work_per_guest_s = 1.0
        self.holds: dict[str, Path] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.state = MachineState.READY

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def word() -> int:
            return int.from_bytes(await reader.readexactly(4), "little")

        def frame(text: bytes) -> None:
            writer.write(len(text).to_bytes(4, "little") + text)

        try:
            while True:
                match await word():
                    case 0xDE5:
                        await reader.readexactly(await word())
                    case 0xDE5F11E:
                        for _ in range(await word()):
                            writer.write((0x90).to_bytes(4, "little"))
                            await reader.readexactly(16)
                            await reader.readexactly(await word())
                    case 0x514DE5:
                        frame(self.DONE)
                    case 0x159D1:
                        frame(self.ABOUT)
                    case 0xAAAAA:
                        writer.write((0xAAAAA).to_bytes(4, "little"))
        except asyncio.IncompleteReadError:
            writer.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return await asyncio.open_connection("127.0.0.1", port)

    async def pause(self) -> None:
        pass

    async def resume(self) -> None:
        pass

    async def died(self) -> Exception:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    def work_s(self) -> float | None:
        return None

    def console_tail(self, lines: int = 20) -> str:
        return ""

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

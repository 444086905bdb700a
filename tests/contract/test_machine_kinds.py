"""What the engine expects of machines, of every kind that needs no guest: fakes and simso."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distributor import (
    Attempt,
    Clock,
    ConfigurationError,
    Distributor,
    MachineLost,
    MachineState,
    Monitor,
    QueueState,
    Result,
    StoreMonitor,
    Task,
    TaskSet,
    Verdict,
)
from distributor.machines.simulated import SimsoKind
from distributor.session.simulated import SimulatedSession
from distributor.session.switch import Trace
from distributor.store.store import Store
from tests.fakes.machine import FakeKind, FakeMachine


@dataclass
class Subject:
    """A kind of machines, with what it takes to run on it and to kill one of them."""

    kind: Any
    builtin: dict[str, Path]

    def distributor(self, machines: int = 1, **options: Any) -> Distributor:
        return Distributor(machines, session_type=self.kind, builtin=self.builtin, **options)

    def kill(self, machine: Any) -> None:
        if isinstance(machine, FakeMachine):
            machine.die()
        else:
            os.kill(machine.pid, signal.SIGKILL)


@pytest.fixture(params=["fake", "simulated"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    (tmp_path / "busy").write_bytes(b"\x7fELF")
    kind = FakeKind() if request.param == "fake" else SimsoKind()
    return Subject(kind, {"busy": tmp_path / "busy"})


class Watcher(Monitor):
    def __init__(self) -> None:
        self.results: dict[int, Result] = {}
        self.said: list[str] = []
        self.attempts: list[Attempt] = []

    def started(self, attempt: Attempt) -> None:
        self.said.append(f"started {attempt.index}")
        self.attempts.append(attempt)

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.said.append(f"finished {attempt.index}")
        self.results[attempt.index] = result

    def bad(self, attempt: Attempt, result: Result) -> None:
        self.said.append(f"bad {attempt.index}")
        self.results[attempt.index] = result

    def stopped(self, attempt: Attempt) -> None:
        self.said.append(f"stopped {attempt.index}")


def sets(count: int) -> Iterator[TaskSet]:
    # A job takes 1 ms, to the fakes as well.
    for number in range(count):
        yield TaskSet(Task("busy", arg1=1000, period_ms=5 + number, priority=1, numberofjobs=3))


def test_every_set_has_one_verdict_and_all_its_jobs(subject: Subject) -> None:
    watcher = Watcher()
    with subject.distributor(2) as distributor:
        distributor.add_job(sets(12), watcher)
        assert distributor.wait(60)
        assert distributor.get_distributor_state() is QueueState.IDLE
    assert sorted(watcher.results) == list(range(12))
    for index, result in watcher.results.items():
        assert result.verdict is Verdict.SCHEDULABLE
        assert [(job.release_ns, job.response_ns) for job in result.jobs] == [
            (number * (5 + index) * 10**6, 10**6) for number in range(3)
        ]
        assert result.facts is not None
        assert result.facts.loader


def test_the_same_set_has_the_same_digest(subject: Subject) -> None:
    watcher = Watcher()
    with subject.distributor(2) as distributor:
        distributor.add_job((next(sets(1)) for _ in range(4)), watcher)
        assert distributor.wait(60)
    assert len({result.digest for result in watcher.results.values()}) == 1


def test_results_are_kept_with_the_name_of_their_clock(subject: Subject, tmp_path: Path) -> None:
    path = str(tmp_path / "results.db")
    with subject.distributor(monitors=[StoreMonitor(path)]) as distributor:
        distributor.add_job(sets(2))
        assert distributor.wait(60)
    clock = Clock.VIRTUAL if isinstance(subject.kind, FakeKind) else Clock.SIMULATED
    with Store.open(path) as store:
        rows = list(store.tasksets(store.run().id))
        assert [row.facts.clock for row in rows if row.facts] == [clock] * 2
        assert len(list(store.jobs(store.run().id))) == 6


def test_machines_that_are_killed_lose_no_set(subject: Subject) -> None:
    class Killer(Watcher):
        """Ends all machines as the third set begins, and lets things go on."""

        def started(self, attempt: Attempt) -> None:
            super().started(attempt)
            if len(self.attempts) == 3:
                engine = distributor._engine
                engine.do(engine.queue.kill_all())
                engine.do(engine.queue.resume())

    watcher = Killer()
    with subject.distributor(2) as distributor:
        distributor.add_job(sets(8), watcher)
        assert distributor.wait(60)
    assert sorted(watcher.results) == list(range(8))
    assert any(each.startswith("stopped") for each in watcher.said)


def state(machine: Any) -> MachineState:
    found: MachineState = machine.state
    return found


async def test_a_machine_lives_once_and_ends_for_good(subject: Subject) -> None:
    machine = subject.kind.create("m1")
    assert (machine.id, state(machine)) == ("m1", MachineState.CREATED)
    await machine.stop()  # however far its start came
    assert state(machine) is MachineState.DEAD
    machine = subject.kind.create("m2")
    try:
        await machine.start()
        assert state(machine) is MachineState.READY
        await machine.pause()
        await machine.resume()
        assert (machine.work_s() or 0.0) >= 0
    finally:
        await machine.stop()
        await machine.stop()
    assert state(machine) is MachineState.DEAD
    subject.kind.close()


async def test_the_death_of_a_machine_is_told(subject: Subject) -> None:
    machine = subject.kind.create("m1")
    try:
        await machine.start()
        death = asyncio.ensure_future(machine.died())
        await asyncio.sleep(0)
        assert not death.done()
        subject.kill(machine)
        error = await asyncio.wait_for(death, 20)
        assert isinstance(error, MachineLost)
        assert error.transient
    finally:
        await machine.stop()


def test_a_set_that_is_refused_is_undecided_and_the_rest_runs(subject: Subject) -> None:
    # The fakes have no such file, a simulation no such knowledge.
    refused = TaskSet(Task("pi", arg1=1))
    watcher = Watcher()
    with subject.distributor() as distributor:
        distributor.add_job([refused, *sets(1)], watcher)
        assert distributor.wait(60)
    assert watcher.results[0].verdict is Verdict.UNDECIDED
    assert "pi" in watcher.results[0].reason
    assert watcher.results[1].verdict is Verdict.SCHEDULABLE


async def test_a_simulation_tells_its_switches_where_they_are_asked_for() -> None:
    machine = SimsoKind().create("m1")
    try:
        await machine.start()
        async with SimulatedSession(machine) as session:
            record = await session.run(next(sets(1)), lambda _: None, None, 100)
            assert len(record.switches) == 6
            assert record.trace is Trace.COMPLETE
            record = await session.run(next(sets(1)), lambda _: None, None, 4)
            assert (len(record.switches), record.trace) == (4, Trace.CUT)
            record = await session.run(next(sets(1)), lambda _: None)
            assert (record.switches, record.trace) == ((), None)
    finally:
        await machine.stop()


def test_the_facade_makes_simulated_machines() -> None:
    watcher = Watcher()
    with Distributor(clock="simulated", cpus=2) as distributor:
        pair = TaskSet(Task("busy", arg1=800, period_ms=1, priority=k) for k in range(2))
        distributor.add_job(pair, watcher)
        assert distributor.wait(60)
        distributor.add_job(pair, watcher, 0, {"goal": {"fairness": {"apply": 1}}})
        assert distributor.wait(60)
    assert watcher.said == ["started 0", "finished 0", "started 0", "bad 0"]
    assert watcher.results[0].reason == "a simulated machine has no admission control"
    with pytest.raises(ConfigurationError, match="no option memory_mib"):
        Distributor(clock="simulated", memory_mib=64)

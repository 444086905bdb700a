"""Engine and facade over fake machines: who runs what, what monitors see, what is raised."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from distributor import (
    Attempt,
    ConfigurationError,
    Distributor,
    Event,
    GuestFault,
    LaunchError,
    MachineError,
    Monitor,
    QueueState,
    Result,
    SessionTimeout,
    StateError,
    StoreError,
    Task,
    TaskSet,
    Verdict,
)
from distributor.jobs.job import Job
from tests.fakes.loader import ExtendedLoader, PlainLoader, PlainTask
from tests.fakes.machine import FakeKind, FakeMachine


@pytest.fixture
def builtin(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "hey").write_bytes(b"\x7fELF")
    return {"hey": tmp_path / "hey"}


def sets(count: int) -> list[TaskSet]:
    return [TaskSet([Task("hey", arg1=n, period_ms=5, numberofjobs=3)]) for n in range(count)]


class Watcher(Monitor):
    """Remembers what it saw."""

    def __init__(self) -> None:
        self.verdicts: dict[int, Result] = {}
        self.said: list[str] = []
        self.events = 0
        self.closed = 0

    def started(self, attempt: Attempt) -> None:
        self.said.append(f"started {attempt.index}")

    def event(self, attempt: Attempt, events: Sequence[Event]) -> None:
        self.events += len(events)

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.said.append(f"finished {attempt.index}")
        self.verdicts[attempt.index] = result

    def bad(self, attempt: Attempt, result: Result) -> None:
        self.said.append(f"bad {attempt.index}")
        self.verdicts[attempt.index] = result

    def stopped(self, attempt: Attempt) -> None:
        self.said.append(f"stopped {attempt.index}")

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("loader", [PlainLoader, ExtendedLoader])
def test_every_set_is_run_and_judged(
    builtin: dict[str, Path], loader: Callable[[], PlainLoader]
) -> None:
    kind, watcher = FakeKind(loader), Watcher()
    with Distributor(3, session_type=kind, builtin=builtin) as distributor:
        assert distributor.add_job(sets(20), watcher) == 1
        assert distributor.wait(20)
        (job,) = distributor.jobs
        assert (job.decided, job.total, job.done) == (20, 20, True)
        assert distributor.get_distributor_state() is QueueState.IDLE
        assert len(distributor.machines) == 3
    assert {r.verdict for r in watcher.verdicts.values()} == {Verdict.SCHEDULABLE}
    assert sorted(watcher.verdicts) == list(range(20))
    assert watcher.events == 20 * 7
    assert watcher.closed == 1
    # One connection a machine, however many sets; the binary went over once.
    for machine in kind.made.values():
        assert machine.loader.connections == 1
        assert machine.loader.words.count(0x0DE5F11E) == 1


class Lame(ExtendedLoader):
    """Hangs up as soon as it is to run a set, the canary included."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        raise ConnectionResetError


def test_a_sick_host_ends_the_run_and_makes_no_set_undecided(builtin: dict[str, Path]) -> None:
    watcher = Watcher()
    with Distributor(session_type=FakeKind(Lame), builtin=builtin) as distributor:
        distributor.add_job(sets(9), watcher)
        with pytest.raises(MachineError, match="3 machines in a row failed a task set whose"):
            distributor.wait(20)
        assert distributor.get_distributor_state() is QueueState.FAILED
    assert not watcher.verdicts


def test_machines_that_give_the_canary_another_verdict_are_not_believed(
    builtin: dict[str, Path],
) -> None:
    lame = iter([Lame, Lame])
    kind = FakeKind(
        lambda: next(lame, lambda: ExtendedLoader(lambda task, job: ("EXIT_ERROR", 1)))()
    )
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(9))
        with pytest.raises(MachineError, match="a task set that cannot fail was failed on m5"):
            distributor.wait(20)


def test_a_machine_without_the_canarys_task_is_believed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"\x7fELF")
    lame = iter([Lame, Lame])
    watcher = Watcher()
    kind = FakeKind(lambda: next(lame, ExtendedLoader)())
    with Distributor(session_type=kind, builtin={}) as distributor:
        distributor.add_job([TaskSet([Task(str(tmp_path / "mine"), period_ms=5)])] * 3, watcher)
        assert distributor.wait(20)
    assert len(watcher.verdicts) == 3


def test_a_job_is_paused_resumed_and_cancelled(builtin: dict[str, Path]) -> None:
    watcher = Watcher()
    with Distributor(session_type=FakeKind(), builtin=builtin) as distributor:
        distributor.set_max_machine_value(0)
        first = distributor.add_job(sets(3), watcher)
        second = distributor.add_job(sets(2))
        third = distributor.add_job(sets(1))
        distributor.pause_job(first)
        distributor.cancel_job(third)
        distributor.set_max_machine_value(1)
        until(lambda: distributor.jobs[second - 1].done)
        assert [job.state for job in distributor.jobs] == ["paused", "done", "cancelled"]
        assert not watcher.said
        distributor.resume_job(first)
        assert distributor.wait(20)
        assert [job.state for job in distributor.jobs] == ["done", "done", "cancelled"]
        with pytest.raises(StateError, match="job 1 is done: it cannot be cancelled"):
            distributor.cancel_job(first)
        with pytest.raises(StateError, match="there is no job 4"):
            distributor.pause_job(4)
    assert sorted(watcher.verdicts) == [0, 1, 2]


def test_a_machine_that_is_ended_before_it_began_makes_room(builtin: dict[str, Path]) -> None:
    with Distributor(session_type=FakeKind(), builtin=builtin) as distributor:
        engine = distributor._engine

        def start_and_kill() -> None:
            engine.add(Job(sets(1), number=1))
            engine.do(engine.queue.kill_all())

        distributor._thread.call(start_and_kill)
        distributor.resume()
        assert distributor.wait(20)


def test_a_changed_binary_is_sent_again(builtin: dict[str, Path]) -> None:
    kind = FakeKind()
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(1))
        assert distributor.wait(20)
        builtin["hey"].write_bytes(b"\x7fELF, but longer")
        distributor.add_job(sets(1))
        assert distributor.wait(20)
    (machine,) = kind.made.values()
    assert machine.loader.binaries["hey"] == b"\x7fELF, but longer"


def test_outcomes_become_verdicts(builtin: dict[str, Path]) -> None:
    def outcome(task: PlainTask, job: int) -> tuple[str, int]:
        return [("EXIT", 1), ("EXIT", 6), ("EXIT_ERROR", 1), ("EXIT_CRITICAL", 2)][int(task.arg1)]

    watcher = Watcher()
    kind = FakeKind(lambda: ExtendedLoader(outcome))
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(4), watcher)
        assert distributor.wait(20)
    assert [watcher.verdicts[n].verdict for n in range(4)] == [
        Verdict.SCHEDULABLE,
        Verdict.MISSED,
        Verdict.FAILED,
        Verdict.MISSED,
    ]
    facts = watcher.verdicts[0].facts
    assert facts is not None
    assert (facts.kernel, facts.loader) == ("6.1.0-fake", "fake 1")


class Stuck(ExtendedLoader):
    """Never says anything of the sets that it runs."""

    async def run(self, writer: asyncio.StreamWriter) -> None:
        return


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_set_whose_machine_dies_is_run_elsewhere(builtin: dict[str, Path]) -> None:
    loaders: Iterator[PlainLoader] = iter([Stuck(), ExtendedLoader()])
    kind, watcher = FakeKind(lambda: next(loaders)), Watcher()
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(1), watcher)
        until(lambda: watcher.said)
        distributor._thread.call(kind.made["m1"].die)
        assert distributor.wait(20)
    assert watcher.said == ["started 0", "stopped 0", "started 0", "finished 0"]
    assert watcher.verdicts[0].machines == ("m1", "m2")


def test_a_set_that_panics_its_guest_is_undecided_with_the_evidence(
    builtin: dict[str, Path],
) -> None:
    kind, watcher = FakeKind(Stuck), Watcher()
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(1), watcher)
        until(lambda: watcher.said)
        distributor._thread.call(
            lambda: kind.made["m1"].die(GuestFault("the guest panicked", console="Oops"))
        )
        assert distributor.wait(20)
    result = watcher.verdicts[0]
    assert (result.verdict, result.reason) == (Verdict.UNDECIDED, "the guest panicked")
    assert result.console == "Oops"


def test_a_machine_without_progress_is_given_up(builtin: dict[str, Path]) -> None:
    kind, watcher = FakeKind(Stuck), Watcher()
    with Distributor(session_type=kind, builtin=builtin, timeout=0.6) as distributor:
        distributor.add_job(sets(1), watcher)
        assert distributor.wait(20)
    result = watcher.verdicts[0]
    assert result.verdict is Verdict.UNDECIDED
    assert "m1 was given up: it stood still" in result.reason
    assert result.console == "last words"


def test_a_machine_that_talks_nonsense_is_given_up(builtin: dict[str, Path]) -> None:
    class Liar(ExtendedLoader):
        async def run(self, writer: asyncio.StreamWriter) -> None:
            await self.frame(
                writer, '<profile><event type="EXIT" task-id="9" time-stamp="0"/></profile>'
            )

    watcher = Watcher()
    with Distributor(session_type=FakeKind(Liar), builtin=builtin) as distributor:
        distributor.add_job(sets(1), watcher)
        assert distributor.wait(20)
    assert watcher.verdicts[0].verdict is Verdict.UNDECIDED
    assert "task 9, which the set does not have" in watcher.verdicts[0].reason


def test_machines_that_do_not_start_end_the_wait(builtin: dict[str, Path]) -> None:
    kind = FakeKind(launches=lambda machine_id: False)
    with Distributor(2, session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(5))
        with pytest.raises(LaunchError, match="did not start"):
            distributor.wait(20)
        assert distributor.get_distributor_state() is QueueState.FAILED


def test_what_lets_no_machine_start_is_a_warning_once(
    builtin: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    class Same(FakeKind):
        def create(self, machine_id: str) -> FakeMachine:
            machine = super().create(machine_id)
            machine._id = "each"
            return machine

    kind = Same(launches=lambda machine_id: False)
    with Distributor(2, session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(5))
        with pytest.raises(LaunchError, match="did not start"):
            distributor.wait(20)
    assert len([each for each in caplog.records if each.levelname == "WARNING"]) == 1


def test_killing_pauses_and_resume_loses_none(builtin: dict[str, Path]) -> None:
    loaders: Iterator[PlainLoader] = iter([Stuck(), Stuck()])
    kind = FakeKind(lambda: next(loaders, ExtendedLoader()))
    watcher = Watcher()
    with Distributor(2, session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(5), watcher)
        until(lambda: len(watcher.said) == 2)
        distributor.kill_all_machines()
        assert distributor.get_distributor_state() is QueueState.PAUSED
        until(lambda: not distributor.machines)
        assert not distributor.wait(0.05)
        distributor.resume()
        assert distributor.wait(20)
    assert sorted(watcher.verdicts) == list(range(5))


def test_a_verdict_that_comes_as_its_set_is_given_back_is_dropped(
    builtin: dict[str, Path],
) -> None:
    class Killer(Watcher):
        def event(self, attempt: Attempt, events: Sequence[Event]) -> None:
            """The set's last events are here; its machine is ended before it is judged."""
            super().event(attempt, events)
            if len(kind.made) == 1:
                engine = distributor._engine
                engine.do(engine.queue.kill_all())
                engine.do(engine.queue.resume())

    kind, watcher = FakeKind(), Killer()
    with Distributor(1, session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(1), watcher)
        assert distributor.wait(20)
    assert watcher.said == ["started 0", "stopped 0", "started 0", "finished 0"]
    assert kind.closed


def test_the_maximum_changes_while_it_runs(builtin: dict[str, Path]) -> None:
    with Distributor(1, 3, session_type=FakeKind(), builtin=builtin) as distributor:
        distributor.set_max_machine_value(3)
        assert distributor.get_max_machine_value() == 3
        with pytest.raises(ConfigurationError, match="at most 3 are allowed"):
            distributor.set_max_machine_value(4)
        with pytest.raises(ConfigurationError, match="whole number"):
            distributor.set_max_machine_value(-1)
        distributor.add_job(sets(50))
        assert distributor.wait(20)
        distributor.set_max_machine_value(1)
        until(lambda: len(distributor.machines) == 1)


def test_an_idle_machine_is_paused(builtin: dict[str, Path]) -> None:
    kind = FakeKind()
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(1))
        assert distributor.wait(20)
        until(lambda: kind.made["m1"].paused)
        distributor.add_job(sets(1))
        assert distributor.wait(20)


def test_a_monitor_that_raises_is_logged_and_stops_nothing(
    builtin: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy(Watcher):
        def started(self, attempt: Attempt) -> None:
            raise RuntimeError("butterfingers")

    watcher = Clumsy()
    with Distributor(session_type=FakeKind(), builtin=builtin) as distributor:
        distributor.add_job(sets(3), watcher)
        assert distributor.wait(20)
    assert len(watcher.verdicts) == 3
    assert "butterfingers" in caplog.text


def test_a_store_that_fails_ends_the_run(builtin: dict[str, Path]) -> None:
    class Full(Monitor):
        def finished(self, attempt: Attempt, result: Result) -> None:
            raise StoreError("the disk is full")

    with Distributor(session_type=FakeKind(), builtin=builtin, monitors=[Full()]) as distributor:
        distributor.add_job(sets(100))
        with pytest.raises(StoreError, match="the disk is full"):
            distributor.wait(20)


def test_a_broken_source_is_told_when_the_rest_is_done(builtin: dict[str, Path]) -> None:
    def source() -> Iterator[TaskSet]:
        yield from sets(2)
        raise ValueError("no more")

    watcher = Watcher()
    with Distributor(session_type=FakeKind(), builtin=builtin) as distributor:
        distributor.add_job(source(), watcher)
        with pytest.raises(ConfigurationError, match="ValueError: no more"):
            distributor.wait(20)
    assert len(watcher.verdicts) == 2


def test_names_of_earlier_distributors_work(builtin: dict[str, Path]) -> None:
    seen: list[str] = []

    class Old(Monitor):
        def __taskset_start__(self, taskset: TaskSet) -> None:
            seen.append("start")

        def __taskset_event__(self, taskset: TaskSet, event: Event) -> None:
            seen.append(event.type)

        def __taskset_finish__(self, taskset: TaskSet) -> None:
            seen.append("finish")

    with Distributor(max_machine=1, session_type=FakeKind(), builtin=builtin) as distributor:
        distributor.add_job(sets(2)[0], Old(), 0, {"goal": {"fairness": {"apply": 1}}})
        assert distributor.wait(20)
    assert seen == ["start", *["START", "EXIT"] * 3, "JOBS_DONE", "finish"]


def test_an_optimization_goal_goes_to_the_machine(builtin: dict[str, Path]) -> None:
    kind = FakeKind()
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(
            sets(1), None, 0, {"goal": {"fairness": {"apply": 1}}, "query_interval": 1000}
        )
        assert distributor.wait(20)
        with pytest.raises(ConfigurationError, match="no whole number"):
            distributor.add_job(sets(1), None, 0, {"goal": "fair"})
    assert kind.made["m1"].loader.goals == [
        b"<optimize><goal><fairness><apply>1</apply></fairness></goal>"
        b"<query_interval>1000</query_interval></optimize>"
    ]


def test_a_closed_distributor_says_so_and_leaves_no_thread(builtin: dict[str, Path]) -> None:
    distributor = Distributor(session_type=FakeKind(), builtin=builtin)
    distributor.add_job(sets(1))
    distributor.close()
    distributor.close()
    assert "distributor" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(StateError, match="closed"):
        distributor.add_job(sets(1))


def test_ctrl_c_is_left_to_the_main_thread(builtin: dict[str, Path]) -> None:
    with Distributor(session_type=FakeKind(), builtin=builtin) as distributor:
        thread = distributor._thread.call(threading.get_native_id)
        status = Path(f"/proc/self/task/{thread}/status").read_text()
    blocked = int(re.findall(r"^SigBlk:\s+(\w+)$", status, re.MULTILINE)[0], 16)
    assert blocked & 1 << (signal.SIGINT - 1)


def test_a_set_whose_binary_is_gone_is_undecided_and_the_rest_runs(
    builtin: dict[str, Path], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.write_bytes(b"\x7fELF")
    gone = TaskSet([Task(own)])
    own.unlink()
    watcher = Watcher()
    with Distributor(session_type=FakeKind(), builtin=builtin) as distributor:
        distributor.add_job([gone, *sets(1)], watcher)
        assert distributor.wait(20)
    assert watcher.verdicts[0].verdict is Verdict.UNDECIDED
    assert "cannot be read: No such file" in watcher.verdicts[0].reason
    assert watcher.verdicts[1].verdict is Verdict.SCHEDULABLE


def test_a_plain_loader_is_not_asked_for_what_it_does_not_know(builtin: dict[str, Path]) -> None:
    watcher = Watcher()
    with Distributor(session_type=FakeKind(PlainLoader), builtin=builtin) as distributor:
        distributor.add_job(TaskSet([Task("hey", period_ms=0.5)]), watcher)
        assert distributor.wait(20)
    assert "counts in whole milliseconds" in watcher.verdicts[0].reason


@pytest.mark.parametrize("chop", [1, 3, 7])
def test_frames_in_pieces_with_garbage_behind_them(builtin: dict[str, Path], chop: int) -> None:
    watcher = Watcher()
    kind = FakeKind(lambda: PlainLoader(garbage=b"\n\x07\xff<junk", chop=chop))
    with Distributor(session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(sets(2), watcher)
        assert distributor.wait(20)
    assert {r.verdict for r in watcher.verdicts.values()} == {Verdict.SCHEDULABLE}


def test_timeouts_are_their_own_error() -> None:
    assert not SessionTimeout("x").transient

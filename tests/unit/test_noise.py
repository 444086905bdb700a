"""What counts as a disturbance of a run in real time, and where the counts come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from distributor import Attempt, Clock, Distributor, MachineFacts, Monitor, Result, Task, TaskSet
from distributor.machines.noise import LATE_NS, Reading, noise_of, observe
from distributor.monitors.store import StoreMonitor
from distributor.store.store import Store
from tests.fakes.loader import ExtendedLoader
from tests.fakes.machine import FakeKind, FakeMachine

QUIET = Reading(100.0, {7: 5.0, 8: 1.0}, {0: 3.0, 1: 9.0}, 40.0)


def after(
    took_s: float, *, waited_s: float = 0, stolen_s: float = 0, pressure_s: float = 0
) -> Reading:
    """The reading of some seconds later; of two threads and two cores the second is disturbed."""
    return Reading(
        100.0 + took_s, {7: 5.0, 8: 1.0 + waited_s}, {0: 3.0, 1: 9.0 + stolen_s}, 40.0 + pressure_s
    )


@pytest.mark.parametrize(
    ("took_s", "disturbance", "late_ns"),
    [
        (2.0, {}, 1_800_000),
        (2.0, {}, None),
        (2.0, {"waited_s": 0.019}, 0),
        # In a short run the share says little: what counts is a scheduler's slice.
        (0.1, {"waited_s": 0.0029}, 0),
        (0.5, {"stolen_s": 0.01}, 0),
        (5.0, {"stolen_s": 0.04}, 0),
        (4.0, {"pressure_s": 1.9}, 0),
        # The kernel adds up pressure every two seconds: a short run can meet all of it.
        (0.1, {"pressure_s": 0.9}, 0),
    ],
)
def test_what_is_within_the_thresholds_is_quiet(
    took_s: float, disturbance: dict[str, float], late_ns: int | None
) -> None:
    assert noise_of(QUIET, after(took_s, **disturbance), late_ns) is None


@pytest.mark.parametrize(
    ("took_s", "disturbance", "late_ns", "told"),
    [
        (2.0, {}, LATE_NS + 1, "the canary woke up 3.0 ms late"),
        (2.0, {"waited_s": 0.5}, 0, "the machine waited 25% of the time for a host core"),
        (2.0, {"stolen_s": 0.1}, 0, "5% of a host core was stolen"),
        (4.0, {"pressure_s": 3.0}, 0, "processes waited for host cores 75% of the time"),
    ],
)
def test_each_measure_alone_makes_a_run_noisy(
    took_s: float, disturbance: dict[str, float], late_ns: int, told: str
) -> None:
    noise = noise_of(QUIET, after(took_s, **disturbance), late_ns)
    assert noise is not None
    assert noise.reasons == (told,)


def test_the_evidence_is_kept_whole() -> None:
    noise = noise_of(QUIET, after(2.0, waited_s=0.5, stolen_s=0.01, pressure_s=1.0), 9_000_000)
    assert noise is not None
    assert len(noise.reasons) == 2
    assert (noise.took_s, noise.late_ns) == (2.0, 9_000_000)
    assert (noise.waited_s, noise.stolen_s, noise.pressure) == (0.5, 0.01, 0.5)


def test_what_a_host_does_not_count_disturbs_nothing() -> None:
    # A thread that has ended meanwhile, a kernel without pressure, a board elsewhere.
    assert noise_of(QUIET, Reading(102.0), 0) is None
    noise = noise_of(Reading(100.0), Reading(102.0), LATE_NS + 1)
    assert noise is not None
    assert (noise.waited_s, noise.stolen_s, noise.pressure) == (None, None, None)


class Hosted(FakeMachine):
    """A machine of the real clock, whose one processor is a thread of this process."""

    clock = Clock.REAL

    @property
    def facts(self) -> MachineFacts:
        return MachineFacts(machine=self.id, clock=self.clock)

    @property
    def threads(self) -> tuple[int, ...]:
        return (os.getpid(),)


def test_a_hosts_counters_are_read(tmp_path: Path) -> None:
    thread = str(os.getpid())
    own = min(os.sched_getaffinity(0))
    folder = tmp_path / thread / "task" / thread
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text("123456 2500000000 77\n")
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure" / "cpu").write_text(
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=99\n"
    )
    (tmp_path / "stat").write_text(
        f"cpu  9 9 9 9 9 9 9 900 0 0\ncpu{own} 1 2 3 4 5 6 7 200 0 0\ncpu9999 1 2 3 4 5 6 7 8 0 0\n"
    )
    machine = Hosted("m1", ExtendedLoader())
    reading = observe(machine, tmp_path)
    assert reading is not None
    assert reading.waited_s == {os.getpid(): 2.5}
    assert reading.stolen_s == {own: pytest.approx(200 / os.sysconf("SC_CLK_TCK"))}
    assert reading.pressure_s == 1.5
    nothing = observe(machine, tmp_path / "nowhere")
    assert nothing is not None
    assert (nothing.waited_s, nothing.stolen_s, nothing.pressure_s) == ({}, {}, None)


def test_nothing_is_looked_at_with_the_virtual_clock() -> None:
    machine = Hosted("m1", ExtendedLoader())
    machine.clock = Clock.VIRTUAL
    assert observe(machine) is None


class Board(FakeMachine):
    """A machine of the real clock that does not run on this host."""

    @property
    def facts(self) -> MachineFacts:
        return MachineFacts(machine=self.id, clock=Clock.REAL)


def test_a_machine_elsewhere_has_its_canary_alone() -> None:
    reading = observe(Board("b1", ExtendedLoader()))
    assert reading is not None
    assert (reading.waited_s, reading.stolen_s, reading.pressure_s) == ({}, {}, None)


class Boards(FakeKind):
    def __init__(self, late_ns: Sequence[int]) -> None:
        super().__init__()
        self._late_ns = late_ns

    def create(self, machine_id: str) -> FakeMachine:
        loader = ExtendedLoader()
        loader.late_ns = self._late_ns
        return Board(machine_id, loader)


class Watcher(Monitor):
    def __init__(self) -> None:
        self.said: list[str] = []

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.said.append(f"finished {attempt.index} try {attempt.number} {result.noise}")

    def stopped(self, attempt: Attempt) -> None:
        self.said.append(f"stopped {attempt.index}")


@pytest.mark.parametrize(
    ("noisy_tries", "late_ms", "said"),
    [
        (2, [50, 40, 1], ["stopped 0", "stopped 0", "finished 0 try 3 None"]),
        (
            2,
            [50, 40, 30],
            ["stopped 0", "stopped 0", "finished 0 try 3 the canary woke up 30.0 ms late"],
        ),
        (0, [50], ["finished 0 try 1 the canary woke up 50.0 ms late"]),
    ],
)
def test_a_noisy_set_runs_again_and_its_last_result_is_kept(
    tmp_path: Path, noisy_tries: int, late_ms: list[int], said: list[str]
) -> None:
    program = tmp_path / "hey"
    program.write_bytes(b"\x7fELF")
    watcher = Watcher()
    store = str(tmp_path / "store.db")
    with Distributor(
        session_type=Boards([each * 10**6 for each in late_ms]),
        builtin={"hey": program},
        noisy_tries=noisy_tries,
        monitors=[StoreMonitor(store)],
    ) as distributor:
        distributor.add_job(TaskSet(Task("hey", arg1=1, period_ms=5)), watcher)
        assert distributor.wait(20)
    assert watcher.said == said
    with Store.open(store, create=False) as opened:
        (kept,) = opened.tasksets(1)
    assert f"finished 0 try {kept.attempts} {kept.noise}" == said[-1]
    if kept.noise is not None:
        assert kept.noise.late_ns == late_ms[-1] * 10**6

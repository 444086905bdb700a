"""A fleet in trouble: machines killed, the maximum changed, the whole run stopped and resumed."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from benchmarks.spread import busy_host
from distributor import (
    Distributor,
    Health,
    QueueState,
    StoreMonitor,
    Task,
    TaskSet,
    Verdict,
)
from distributor.machines.qemu import qemu_kind
from distributor.store.store import Store
from tests.integration.conftest import Results

pytestmark = pytest.mark.integration


def short(number: int) -> TaskSet:
    return TaskSet(
        [Task("busy", arg1=300, period_ms=5, priority=1, numberofjobs=4)], name=f"set-{number}"
    )


def test_every_set_has_one_verdict_whatever_befalls_the_machines(tmp_path: Path) -> None:
    """200 sets over 4 machines; SIGKILL at random, and the maximum goes 4, 1, 3."""
    store = tmp_path / "store.db"
    results = Results()
    chance = random.Random(1)
    over = threading.Event()
    killed = 0
    with Distributor(4, monitors=[StoreMonitor(str(store))]) as distributor:

        def harass() -> None:
            nonlocal killed
            while not over.wait(chance.uniform(2, 5)):
                pids = [
                    machine.pid  # type: ignore[attr-defined]
                    for machine, _ in distributor._thread.call(distributor._engine.machines)
                ]
                victims = [pid for pid in pids if pid is not None]
                if victims and killed < 8:
                    # Between the look and the blow a machine may have come to its own end.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chance.choice(victims), signal.SIGKILL)
                        killed += 1

        harasser = threading.Thread(target=harass)
        harasser.start()
        try:
            distributor.add_job((short(n) for n in range(200)), results)
            for decided, maximum in ((50, 1), (100, 3)):
                _until(lambda at=decided: len(results.found) >= at)
                distributor.set_max_machine_value(maximum)
            assert distributor.wait(400)
        finally:
            over.set()
            harasser.join()
    assert killed
    assert sorted(results.found) == [(1, n) for n in range(200)]
    assert {result.verdict for result in results.found.values()} == {Verdict.SCHEDULABLE}
    with Store.open(str(store), create=False) as opened:
        kept = [(row.set_index, row.name, row.verdict) for row in opened.tasksets(1)]
    assert kept == [(n, f"set-{n}", Verdict.SCHEDULABLE) for n in range(200)]


def test_killed_and_shut_down_machines_lose_no_set() -> None:
    results = Results()
    with Distributor(2) as distributor:
        distributor.add_job((short(n) for n in range(30)), results)
        _until(lambda: len(results.found) >= 5)
        distributor.kill_all_machines()
        assert distributor.get_distributor_state() is QueueState.PAUSED
        _until(lambda: not distributor.machines)
        distributor.resume()
        _until(lambda: len(results.found) >= 12)
        distributor.shut_down_all_machines()
        _until(lambda: not distributor.machines)
        decided = len(results.found)
        assert not distributor.wait(0.2)
        assert len(results.found) == decided < 30
        distributor.resume()
        assert distributor.wait(300)
    assert sorted(results.found) == [(1, n) for n in range(30)]


def test_a_guest_that_is_brought_down_makes_its_set_undecided(
    compile_c: object,
) -> None:
    own = compile_c(  # type: ignore[operator]
        "sysrq",
        "#include <fcntl.h>\n#include <unistd.h>\n#include <sys/reboot.h>\n"
        "int main(void) { return reboot(RB_POWER_OFF); }\n",
    )
    results = Results()
    with Distributor() as distributor:
        distributor.add_job([TaskSet([Task(own)]), short(1)], results)
        assert distributor.wait(300)
    down = results.found[1, 0]
    assert down.verdict is Verdict.UNDECIDED
    assert "gave up" in down.reason
    assert results.found[1, 1].verdict is Verdict.SCHEDULABLE


def test_sets_that_bring_their_guests_down_wait_and_the_machines_after_them_are_checked(
    compile_c: object, caplog: pytest.LogCaptureFixture
) -> None:
    own = compile_c(  # type: ignore[operator]
        "down",
        "#include <unistd.h>\n#include <sys/reboot.h>\n"
        "int main(void) { return reboot(RB_POWER_OFF); }\n",
    )
    results = Results()
    with (
        caplog.at_level(logging.INFO, "distributor.engine"),
        Distributor(set_tries=2) as distributor,
    ):
        distributor.add_job(
            [TaskSet([Task(own)]), TaskSet([Task(own)]), short(2), short(3)], results
        )
        assert distributor.wait(300)
        assert [machine.health for machine in distributor.machines] == [Health.GOOD] * len(
            distributor.machines
        )
    # The harmless ones went first, though they stood last.
    assert list(results.found) == [(1, 2), (1, 3), (1, 0), (1, 1)]
    assert [result.verdict for result in results.found.values()] == [
        *[Verdict.SCHEDULABLE] * 2,
        *[Verdict.UNDECIDED] * 2,
    ]
    down = results.found[1, 0]
    assert len(down.machines) == 2
    assert "gave up" in down.reason
    checked = [record for record in caplog.records if "is in doubt" in record.getMessage()]
    assert [record.args for record in checked] == [("m3",)]


def test_a_job_that_never_ends_is_given_up_by_the_watchdog(compile_c: object) -> None:
    own = compile_c("forever", "int main(void) { for (;;); }\n")  # type: ignore[operator]
    results = Results()
    with Distributor(timeout=3) as distributor:
        distributor.add_job(
            [TaskSet([Task(own, period_ms=10, overrun="skip", priority=1)]), short(1)], results
        )
        assert distributor.wait(300)
    assert results.found[1, 0].verdict is Verdict.UNDECIDED
    assert "not finished after" in results.found[1, 0].reason
    assert results.found[1, 1].verdict is Verdict.SCHEDULABLE


def test_the_real_clock_runs_and_says_so() -> None:
    results = Results()
    with Distributor(clock="real") as distributor:
        distributor.add_job(
            TaskSet([Task("busy", arg1=500, period_ms=50, priority=1, numberofjobs=4)]), results
        )
        assert distributor.wait(300)
    result = results.found[1, 0]
    assert len(result.jobs) == 4
    assert result.facts is not None
    assert result.facts.clock == "real"
    # Whether it holds is up to this host; that it was decided is not.
    assert result.verdict in (Verdict.SCHEDULABLE, Verdict.MISSED)


def test_several_processors_in_real_time() -> None:
    results = Results()
    taskset = TaskSet(
        [
            Task("busy", arg1=2000, period_ms=100, priority=1, cores=1, coreoffset=core)
            for core in (0, 1)
        ]
    )
    kind = qemu_kind(clock="real", cpus=2)
    with Distributor(session_type=kind, builtin=kind.image.tasks) as distributor:
        distributor.add_job(taskset, results)
        assert distributor.wait(300)
    assert len(results.found[1, 0].jobs) == 2


def test_no_job_begins_after_its_end_on_several_processors() -> None:
    """Whether it changes its processor, or gets its process while the trace is read.

    Each processor has a trace of its own, and what they say of more work than there is time for is
    told while jobs run: a job's first switch may be read before its process is known.
    """
    results = Results()
    every_2_ms = {"period_ms": 2, "priority": 0, "numberofjobs": 600}
    taskset = TaskSet(
        [
            Task("busy", arg1=200, **every_2_ms),
            Task("linpack", arg1=3, **every_2_ms),
            *(Task("linpack", arg1=3, cores=1, coreoffset=n, **every_2_ms) for n in (0, 1, 0)),
        ]
    )
    with Distributor(clock="real", cpus=2, noisy_tries=0) as distributor:
        distributor.add_job([taskset] * 3, results)
        assert distributor.wait(240)
    assert len(results.found) == 3
    for result in results.found.values():
        assert result.verdict is not Verdict.UNDECIDED, result.reason
        assert all(job.start_ns <= job.completion_ns for job in result.jobs)


def test_a_busy_host_marks_runs_in_real_time_and_a_quiet_one_does_not() -> None:
    """Two busy loops on each core are seen; without them a mark needs somebody else's."""
    taskset = TaskSet([Task("busy", arg1=5000, period_ms=50, priority=1, numberofjobs=60)])
    results = Results()
    with Distributor(clock="real", noisy_tries=0) as distributor:
        distributor.add_job(taskset, results)
        with busy_host():
            assert distributor.wait(300)
        noise = results.found[1, 0].noise
        assert noise is not None
        assert noise.late_ns is not None
        assert noise.waited_s is not None
        distributor.add_job([taskset] * 3, results)
        assert distributor.wait(300)
    others_work = os.getloadavg()[0] > 0.5  # our own loops decay in it, too
    assert others_work or any(results.found[2, n].noise is None for n in range(3))


def _until(condition: object) -> None:
    end_s = time.monotonic() + 300
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end_s
        time.sleep(0.02)

"""``distributor run --clock simulated``, from the file to the store, as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SETS = """
from distributor import Task, TaskSet

def pair(work_us):
    yield Task("busy", arg1=20_000, period_ms=50, priority=0, numberofjobs=4)
    yield Task("busy", arg1=work_us, period_ms=70, priority=1, numberofjobs=4)

tasksets = [TaskSet(pair(20_000), name="good"), TaskSet(pair(40_000), name="late")]
"""


def distributor(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distributor", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sets.py").write_text(SETS)
    return tmp_path


def test_a_run_is_kept_shown_and_repeated(folder: Path) -> None:
    done = distributor("run", "sets.py", "--clock", "simulated", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    counts = [summary[name] for name in ("tasksets", "schedulable", "missed", "clock")]
    assert counts == [2, 1, 1, "simulated"]
    shown = json.loads(distributor("show", "--set", 0, "--json", cwd=folder).stdout)
    assert shown["facts"]["clock"] == "simulated"
    assert [job["response_ns"] for job in shown["jobs"]] == [20_000_000] * 4 + [
        40_000_000, 20_000_000, 40_000_000, 20_000_000
    ]  # fmt: skip
    assert shown["theory"]["responses_ns"] == [20_000_000, 40_000_000]
    again = distributor("verify", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "2 of 2 task sets of run 1 ran as before" in again.stdout
    exported = distributor("export", "-o", "jobs.csv", cwd=folder)
    assert (exported.returncode, exported.stdout) == (0, "jobs.csv: 16 jobs of run 1\n")
    assert exported.stderr == ""  # what shows progress on a terminal is silent elsewhere
    report = distributor("report", cwd=folder)
    assert (report.returncode, report.stdout) == (0, "run-1.html: run 1, 2 task sets\n")
    assert report.stderr == ""


def test_what_such_a_machine_does_not_have_is_refused(folder: Path) -> None:
    done = distributor("run", "sets.py", "--clock", "simulated", "--network", "user", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("distributor: a simulated machine has no network")
    assert done.stderr.count("\n") == 1


def test_killing_the_controller_leaves_no_machine(folder: Path) -> None:
    program = (
        "import time\n"
        "from distributor import Distributor, Task, TaskSet\n"
        "one = Distributor(2, clock='simulated')\n"
        "one.add_job([TaskSet(Task('busy', arg1=1))] * 9)\n"
        "one.wait()\n"
        "engine = one._engine\n"
        "print(*(life.machine.pid for life in engine._lives.values()), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=folder
    ) as controller:
        assert controller.stdout is not None
        pids = [int(pid) for pid in controller.stdout.readline().split()]
        assert len(pids) == 2
        controller.send_signal(signal.SIGKILL)
        controller.wait()
    for pid in pids:
        _gone(pid)


def _gone(pid: int) -> None:
    """Wait for the end of a process that is not ours to wait for."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select

        assert select.select([descriptor], [], [], 20)[0], f"process {pid} lives on"
    finally:
        os.close(descriptor)

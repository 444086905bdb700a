"""A service as a user types it: real machines, killed, started again, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.service.client import Client

pytestmark = pytest.mark.integration

SETS = """
from distributor import Task, TaskSet

tasksets = [
    TaskSet(Task("busy", arg1=n, period_ms=10, numberofjobs=20, priority=1), name=f"{n}")
    for n in range(1000, 1000 + COUNT)
]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "many.py").write_text(SETS.replace("COUNT", "12"))
    (tmp_path / "two.py").write_text(SETS.replace("COUNT", "2"))
    return tmp_path


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A user's folders, short enough for a socket's path."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "run").mkdir(mode=0o700)
        names = {"XDG_STATE_HOME": f"{folder}/state", "XDG_RUNTIME_DIR": f"{folder}/run"}
        yield {**os.environ, **names}


def test_a_killed_service_goes_on_where_it_was(folder: Path, environment: dict[str, str]) -> None:
    def distributor(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "distributor", *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    socket = f"{environment['XDG_RUNTIME_DIR']}/distributor/service.sock"
    told = distributor("service", "start", "-n", "2")
    assert socket in told
    try:
        distributor("service", "start", "-n", "2", code=2)
        assert distributor("job", "add", "many.py", "--name", "many").strip() == "1"
        with Client(socket) as client:
            for name, what in client.events():
                if name == "job" and what["number"] == 1 and what["decided"] >= 2:
                    break
            process = client.where().process
        descriptor = os.pidfd_open(process)
        os.kill(process, signal.SIGKILL)
        _ended(descriptor)
        assert "no service" in _told_of_none(folder, environment)
        distributor("service", "start", "-n", "2")
        watched = distributor("job", "watch", "1", "--json")
        summary = json.loads(watched.splitlines()[-1])
        assert (summary["tasksets"], summary["schedulable"]) == (12, 12)
        # Every set has one verdict, whichever service it was decided by.
        results = json.loads(distributor("service", "results", "--limit", "0", "--json"))
        assert sorted(each["index"] for each in results) == list(range(12))
        handed = distributor("run", "two.py", "--service", "--json")
        assert json.loads(handed.splitlines()[-1])["schedulable"] == 2
        assert "job 1: " not in distributor("job", "list")
        assert json.loads(distributor("service", "status", "--json"))["jobs_done"] == 2
    finally:
        subprocess.run(
            [sys.executable, "-m", "distributor", "service", "stop"], cwd=folder, env=environment
        )
    # That no machine is left is what tests/conftest.py looks for.


def _ended(descriptor: int) -> None:
    import select

    try:
        assert select.select([descriptor], [], [], 30)[0]
    finally:
        os.close(descriptor)


def _told_of_none(folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "distributor", "service", "status"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    return done.stderr

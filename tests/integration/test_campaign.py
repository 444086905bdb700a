"""``distributor campaign`` on real sealed machines: what is run, killed, gone on with, refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distributor.store.store import Store
from tests.integration.test_command_line import distributor, refused

pytestmark = pytest.mark.integration

#: By utilization 0.2, 0.3, 0.4 and 0.5, with one period: good are sets of up to 0.9 or so.
TASKS = """
from distributor import Task
tasks = [
    Task("busy", arg1=work, period_ms=10, priority=place, numberofjobs=3)
    for place, work in enumerate((2000, 3000, 4000, 5000))
]
"""

Kept = dict[tuple[int, ...], tuple[str, str]]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.py"
    path.write_text(TASKS)
    return path


def kept(store: Path, run: int = 1) -> Kept:
    """Verdict and fingerprint by set; a set that was run twice is an error."""
    found: Kept = {}
    with Store.open(str(store), create=False) as opened:
        for record in opened.tasksets(run):
            assert record.origin is not None
            members = tuple(record.origin["tasks"])
            assert members not in found
            found[members] = (record.verdict.value, record.digest)
    return found


def test_a_campaign_grows_as_long_as_sets_hold_their_deadlines(tasks: Path, tmp_path: Path) -> None:
    done = distributor("campaign", tasks, "--machines", 2, "--also", "all.csv", cwd=tmp_path)
    assert done.returncode == 0, done
    assert [line.split() for line in done.stdout.splitlines()] == [
        "Tasks Candidates Run Schedulable Share Missed Failed Undecided".split(),
        "1 4 4 4 100.0 % 0 0 0".split(),
        "2 6 6 6 100.0 % 0 0 0".split(),
        "3 4 4 1 25.0 % 3 0 0".split(),
        "4 1 1 0 0.0 % 1 0 0".split(),
    ]
    assert "15 task sets in " in done.stderr
    assert "The campaign is complete." in done.stderr
    found = kept(tmp_path / "distributor.db")
    assert {members for members, (verdict, _) in found.items() if verdict == "missed"} == {
        (0, 1, 3),
        (0, 2, 3),
        (1, 2, 3),
        (0, 1, 2, 3),
    }
    rows = (tmp_path / "all.csv").read_text().splitlines()
    assert len({row.split(",")[2] for row in rows}) == 1 + 15
    # Nothing is left to run, and nothing is run.
    again = distributor("campaign", "--resume", "--json", cwd=tmp_path)
    assert again.returncode == 0, again
    summary = json.loads(again.stdout)
    assert (summary["complete"], sum(each["run"] for each in summary["sizes"])) == (True, 15)
    assert "0 task sets in" in again.stderr
    verified = distributor("verify", cwd=tmp_path)
    assert "15 of 15 task sets of run 1 ran as before" in verified.stdout


def test_killed_at_any_time_it_goes_on_and_comes_to_the_same_end(
    tasks: Path, tmp_path: Path
) -> None:
    whole = distributor("campaign", tasks, "--store", "whole.db", "--per-size", 4, cwd=tmp_path)
    assert whole.returncode == 0, whole
    words: tuple[str, ...] = (str(tasks), "--per-size", "4")
    told = 0
    for seen in (1, 2, 5):
        command = [sys.executable, "-m", "distributor", "campaign", *words, "--verbose"]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as running:
            assert running.stdout is not None
            for _ in range(seen):
                assert running.stdout.readline()
            running.send_signal(signal.SIGKILL)
            told += seen + len(running.stdout.read().splitlines())
        # What was told is kept; what was kept may not have been told any more.
        assert told <= len(kept(tmp_path / "distributor.db")) <= told + 2
        told = len(kept(tmp_path / "distributor.db"))
        words = ("--resume",)
    done = distributor("campaign", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done
    assert kept(tmp_path / "distributor.db") == kept(tmp_path / "whole.db")
    assert done.stdout == whole.stdout


def test_a_mistake_is_one_line(tasks: Path, tmp_path: Path) -> None:
    refused(distributor("campaign", cwd=tmp_path), "a campaign needs a FILE, or --resume")
    refused(distributor("campaign", "none.py", cwd=tmp_path), "there is no file none.py")
    refused(distributor("campaign", "--resume", cwd=tmp_path), "there is no store")
    refused(distributor("campaign", tasks, "--run", 1, cwd=tmp_path), "--run names the campaign")
    assert not (tmp_path / "distributor.db").exists()
    done = distributor("campaign", tasks, "--sets", 2, "--json", cwd=tmp_path)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["complete"] is False
    assert "The budget of 2 sets is spent" in done.stderr
    refused(distributor("campaign", tasks, "--resume", cwd=tmp_path), "it takes no file")
    refused(
        distributor("campaign", "--resume", "--per-size", 3, cwd=tmp_path),
        "--per-size cannot be changed",
    )
    refused(distributor("campaign", "--resume", "--run", 7, cwd=tmp_path), "no run 7")

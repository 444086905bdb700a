"""``distributor run --resume``: killed, with a full disk, with something wrong, to the same end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from benchmarks import kills
from distributor.cli.main import app
from distributor.errors import DistributorError
from distributor.store.store import Store
from tests.disk import run_on_disk

pytestmark = pytest.mark.integration

SETS = """
from distributor import Task, TaskSet
tasksets = [
    TaskSet(Task("hey", arg1=n, period_ms=5, executiontime_ms=1, numberofjobs=100))
    for n in range(40)
]
"""

UNSEEDED = """
import random
from distributor import Task, TaskSet
tasksets = [TaskSet(Task("hey", arg1=random.getrandbits(60), executiontime_ms=1, period_ms=5))]
"""

#: Fills a small disk with results, makes room, goes on.
FULL = """
import json, subprocess, sys
from pathlib import Path

def distributor(*words):
    return subprocess.run(
        [sys.executable, "-m", "distributor", "run", *words, "--store", "disk/results.db"],
        capture_output=True, text=True,
    )

Path("sets.py").write_text('''SETS''')
full = distributor("sets.py", "--clock", "simulated", "--quiet")
again = distributor("--resume", "--quiet")
subprocess.run(["mount", "--options-mode", "ignore", "-o", "remount,size=20m", "disk"], check=True)
room = distributor("--resume", "--json", "--quiet")
print(json.dumps({
    name: [done.returncode, done.stdout, done.stderr]
    for name, done in (("full", full), ("again", again), ("room", room))
}))
""".replace("SETS", SETS)


def test_killed_again_and_again_a_run_comes_to_the_same_end() -> None:
    figures = {each["name"]: each["value"] for each in kills.main(sets=16, kills=2)}
    assert figures["kills"] >= 1
    assert figures["kills_same_digests"] == figures["kills_verdicts"] == 16
    assert figures["kills_temporary_files_left"] == 0


def test_with_a_full_disk_a_run_ends_with_one_line_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    answer: dict[str, Any] = run_on_disk(FULL, "300k", tmp_path)
    for value, out, err in (answer["full"], answer["again"]):
        assert value == 2
        assert out == ""
        (told,) = [line for line in err.splitlines() if line.startswith("distributor: ")]
        assert "the store disk/results.db: the disk is full (free some space" in told
        assert "Traceback" not in err
    value, out, err = answer["room"]
    assert value == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert (summary["tasksets"], summary["schedulable"]) == (40, 40)


def run(*words: object) -> Result:
    """In this program: no machine's life is at stake."""
    return CliRunner().invoke(app, ["run", *map(str, words)])


def refusal(*words: object) -> str:
    done = run(*words)
    assert isinstance(done.exception, DistributorError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def test_a_run_goes_on_with_its_own_options_and_only_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "run needs a FILE, or --resume" in refusal()
    assert "there is no store" in refusal("--resume")
    (tmp_path / "sets.py").write_text(SETS)
    assert "--run names the run" in refusal("sets.py", "--run", 1)
    done = run("sets.py", "--clock", "simulated", "--cpus", 2, "--set-tries", 3, "--offset", 10)
    assert done.exit_code == 0, done.output
    assert "has no unfinished run" in refusal("--resume")
    assert "is complete: nothing is left to run" in refusal("--resume", "--run", 1)
    # As it would be had it been killed in the middle.
    with Store.open(str(tmp_path / "distributor.db")) as store:
        store.batches.set_state(1, 1, "open")
        with store._writer.begin() as connection:
            for table in ("jobs", "tasks"):
                connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE taskset_id IN"
                    " (SELECT id FROM tasksets WHERE set_index > 20)"
                )
            connection.exec_driver_sql("DELETE FROM tasksets WHERE set_index > 20")
        claim = store.claim(1)
        assert "is being written by another program" in refusal("--resume")
        claim.close()
    assert "it takes no file sets.py" in refusal("sets.py", "--resume")
    assert "--cpus cannot be changed" in refusal("--resume", "--cpus", 2)
    done = run("--resume", "--json")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 19 + 1
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["tasksets"], summary["clock"]) == (30, "simulated")
    with Store.open(str(tmp_path / "distributor.db"), create=False) as store:
        assert store.count_runs() == 1
        assert store.run(1).options["cpus"] == 2
        assert [each.set_index for each in store.tasksets(1)] == list(range(10, 40))


def test_what_cannot_be_drawn_again_is_run_and_cannot_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sets.py").write_text(UNSEEDED)
    done = run("sets.py", "--clock", "simulated")
    assert done.exit_code == 0, done.output
    assert "This run could not go on after a crash: sets.py makes other task sets" in done.stderr
    with Store.open(str(tmp_path / "distributor.db")) as store:
        store.continue_run(1, store.run(1).options)
    told = refusal("--resume")
    assert "run 1 of distributor.db cannot go on: sets.py makes other task sets each time" in told
    assert "give its generator a seed" in told

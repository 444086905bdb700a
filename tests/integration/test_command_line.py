"""The command as a user types it: results, exit values, and one line for each mistake."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from distributor.store.store import Store
from tests.disk import run_on_disk
from tests.fakes.mongodb import FakeMongo

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"

GOOD = """
from distributor import Task, TaskSet
tasksets = [
    TaskSet([Task("busy", arg1=500, period_ms=10, priority=1, numberofjobs=3)], name="good"),
    TaskSet([Task("busy", arg1=5000, period_ms=10, deadline_ms=2, priority=1)], name="late"),
]
"""


def distributor(*words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distributor", *map(str, words)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    """One line, exit value 2, no traceback."""
    assert done.returncode == 2, done
    assert done.stderr.startswith("distributor: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for text in says:
        assert text in done.stderr


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    path = tmp_path / "sets.py"
    path.write_text(GOOD)
    return path


def test_a_run_tells_its_verdicts_and_keeps_them(sets: Path, tmp_path: Path) -> None:
    done = distributor("run", sets, "--json", "--machines", 2, cwd=tmp_path)
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines[:-1]} == {"schedulable", "missed"}
    summary = json.loads(lines[-1])
    assert {name: summary[name] for name in ("tasksets", "schedulable", "missed")} == {
        "tasksets": 2,
        "schedulable": 1,
        "missed": 1,
    }
    assert (summary["failed"], summary["undecided"], summary["clock"]) == (0, 0, "virtual")
    assert summary["guest_s"] > 0.02
    with Store.open(str(tmp_path / "distributor.db"), create=False) as store:
        assert [row.name for row in store.tasksets(1)] == ["good", "late"]
        assert len(list(store.jobs(1))) == 4
    shown = distributor("show", "--set", 0, cwd=tmp_path)
    assert "good" in shown.stdout


def test_results_go_to_other_places_as_well(sets: Path, tmp_path: Path) -> None:
    with FakeMongo() as server:
        also = [word for each in ("r.csv", "r.jsonl", server.url) for word in ("--also", each)]
        done = distributor("run", sets, "--quiet", *also, cwd=tmp_path)
        assert done.returncode == 0, done
        assert len(server.documents("distributor.tasksets")) == 2
        assert server.documents("distributor.runs")[0]["options"]["network"] == "auto"
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 5
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    # In the order in which they ended, on several machines.
    assert sorted(row["verdict"] for row in rows) == ["missed"] + ["schedulable"] * 3


def test_a_place_that_cannot_be_written_to_is_one_line(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n")
    for place, says in [
        ("results.xls", "nothing is known that writes results to 'results.xls'"),
        ("mysql://me:secret@host/db", "nothing is known that writes results to mysql://..."),
        ("mine.csv", "mine.csv is there, and holds something else"),
        ("none/r.csv", "cannot open none/r.csv: No such file"),
    ]:
        refused(distributor("run", sets, "--also", place, cwd=tmp_path), says)
    assert not (tmp_path / "distributor.db").exists()


def test_the_textbook_example_in_json(tmp_path: Path) -> None:
    done = distributor("run", EXAMPLES / "textbook.json", "--quiet", "--json", cwd=tmp_path)
    (line,) = done.stdout.splitlines()
    assert (json.loads(line)["schedulable"], json.loads(line)["missed"]) == (1, 1)


def test_a_run_is_verified_and_compared(sets: Path, tmp_path: Path) -> None:
    for mips in (1000, 1000, 250):
        done = distributor("run", sets, "--quiet", "--mips", mips, cwd=tmp_path)
        assert done.returncode == 0, done
    same = distributor("diff", 1, 2, cwd=tmp_path)
    assert (same.returncode, same.stdout.strip()) == (
        0,
        "2 task sets are the same in runs 1 and 2, 0 are not.",
    )
    other = distributor("diff", 1, 3, cwd=tmp_path)
    assert other.returncode == 1
    assert "set 0 (good): schedulable, but job 0 of task 0 has another start" in other.stdout
    verified = distributor("verify", 3, cwd=tmp_path)
    assert verified.returncode == 0, verified
    assert "2 of 2 task sets of run 3 ran as before" in verified.stdout
    # A store that tells of another run than can be had is found out.
    which = "run_id = 3 AND set_index = 1"
    with closing(sqlite3.connect(tmp_path / "distributor.db")) as connection, connection:
        connection.execute(f"UPDATE tasksets SET digest = 'x' WHERE {which}")
        connection.execute(
            "UPDATE jobs SET start_ns = start_ns - 1 "
            f"WHERE taskset_id = (SELECT id FROM tasksets WHERE {which})"
        )
    found = distributor("verify", 3, cwd=tmp_path)
    assert found.returncode == 1
    assert "set 1 (late): missed, now missed; job 0 of task 0 has another start" in found.stdout
    refused(distributor("verify", 9, cwd=tmp_path), "no run 9")
    refused(distributor("diff", 1, 9, cwd=tmp_path), "no run 9")


def test_only_a_sealed_run_is_verified(sets: Path, tmp_path: Path) -> None:
    done = distributor("run", sets, "--quiet", "--network", "user", cwd=tmp_path)
    assert done.returncode == 0, done
    refused(distributor("verify", cwd=tmp_path), "run 1 was not sealed")


def test_an_undecided_set_is_exit_value_1(tmp_path: Path) -> None:
    (tmp_path / "forever.c").write_text("int main(void) { for (;;); }\n")
    subprocess.run(
        ["gcc", "-static", "-o", tmp_path / "forever", tmp_path / "forever.c"], check=True
    )
    (tmp_path / "sets.json").write_text(
        json.dumps([{"tasks": [{"binary": "./forever", "overrun": "skip", "period_ms": 5}]}])
    )
    done = distributor("run", "sets.json", "--timeout", 2, "--json", cwd=tmp_path)
    assert done.returncode == 1, done
    assert json.loads(done.stdout.splitlines()[-1])["undecided"] == 1


@pytest.mark.parametrize(
    ("number", "word", "value"),
    [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)],
)
def test_ctrl_c_and_sigterm_end_a_run_in_order_and_keep_what_was_decided(
    number: signal.Signals, word: str, value: int, tmp_path: Path
) -> None:
    (tmp_path / "sets.py").write_text(
        "from distributor import Task, TaskSet\n"
        "tasksets = (TaskSet([Task('idle')]) for _ in range(10_000))\n"
    )
    with subprocess.Popen(
        # Whoever runs the tests in the background may have SIGINT ignored, which is inherited.
        ["env", "--default-signal=INT", sys.executable, "-m", "distributor", "run", "sets.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()  # the first verdict
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
    assert running.returncode == value, told
    last = rf"{word}; (\d+) task sets are kept; go on with `distributor run --resume`\n$"
    kept = int(re.findall(f"distributor: {last}", told)[0])
    with Store.open(str(tmp_path / "distributor.db"), create=False) as store:
        assert sum(store.counts(1).values()) == kept > 0
    assert "Traceback" not in told


def test_a_dry_run_prints_the_command_and_runs_nothing(sets: Path, tmp_path: Path) -> None:
    done = distributor("run", sets, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "qemu-system-x86_64" in done.stdout
    assert "-icount" in done.stdout
    assert not (tmp_path / "distributor.db").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 0", "sets.py, line 1: ZeroDivisionError"),
        ("from distributor import Task\nTask(period_ms=5)", "line 2: a task has no binary"),
        ("from distributor import Task\nTask('hey', priority=200)", "priority is 200"),
        ("from distributor import Task\nTask('hey', period_ms=0)", "period is 0 ns"),
        ("from distributor import Task\nTask('hey', offset_ms=-5)", "offset is -5000000 ns"),
        ("from distributor import Task\nTask('./a_name_of_16_chr')", "at most 15 characters"),
        ("from distributor import TaskSet\nTaskSet([])", "at least one task"),
        ("from distributor import Task\nTask('hey', numberofjobs=0)", "numberofjobs is 0"),
        ("tasksets = []", "`tasksets` is empty (a run needs at least one task set)"),
        ("tasksets = (x for x in [1])", "set 0 of `tasksets` is no task set but 1"),
        (
            "from distributor import Task, TaskSet\n"
            "tasksets = (TaskSet(Task('hey', period_ms=5 // n)) for n in (1, 0))",
            "sets.py, line 2: ZeroDivisionError",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "sets.py").write_text(text + "\n")
    (tmp_path / "a_name_of_16_chr").touch()
    refused(distributor("run", "sets.py", cwd=tmp_path), says)
    # Nothing was run, so nothing is kept.
    assert not (tmp_path / "distributor.db").exists()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    refused(distributor("run", "none.py", cwd=tmp_path), "there is no file none.py")


def test_no_qemu_is_one_line(sets: Path, tmp_path: Path) -> None:
    refused(distributor("run", sets, cwd=tmp_path, PATH="/nowhere"), "qemu-system-x86")


def test_no_image_is_one_line(sets: Path, tmp_path: Path) -> None:
    refused(
        distributor("run", sets, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache")),
        "distributor image build",
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--store", "nosuch://x"], "nosuch"),
        (["--store", "/nowhere/at/all.db"], "/nowhere/at"),
        (["--network", "carrier-pigeon"], "network is auto, none, user"),
        (["--offset", "7"], "none after the first 7"),
        (["--machines", "many"], "--machines is auto or a number from 1 up"),
        (["--mips", "300"], "mips is one of 1000, 500, 250, 125, 62.5"),
        (["--machines", "0"], "--machines is auto or a number from 1 up"),
        (["--network", "none", "--clock", "real"], "the real clock is the host's"),
    ],
)
def test_a_wrong_option_is_one_line(
    sets: Path, tmp_path: Path, options: list[str], says: str
) -> None:
    refused(distributor("run", sets, *options, cwd=tmp_path), says)


FULL = """
import json, subprocess, sys
from pathlib import Path
from distributor.store.store import Store

Path("sets.py").write_text(
    "from distributor import Task, TaskSet\\n"
    "tasksets = [TaskSet([Task('idle', period_ms=1, numberofjobs=400)])] * 50\\n"
)
run = [sys.executable, "-m", "distributor", "run", "sets.py", "--quiet"]
done = subprocess.run([*run, "--store", "disk/store.db"], capture_output=True, text=True)
with Store.open("disk/store.db", create=False) as store:
    print(json.dumps([done.returncode, done.stderr, len(list(store.jobs(1)))]))
"""


def test_a_full_disk_ends_the_run_and_keeps_what_was_kept(tmp_path: Path) -> None:
    code, stderr, jobs = run_on_disk(FULL, "400k", tmp_path)
    assert code == 2, stderr
    complaints = [line for line in stderr.splitlines() if line.startswith("distributor:")]
    assert len(complaints) == 1, stderr
    assert "full" in complaints[0]
    assert "Traceback" not in stderr
    assert jobs % 400 == 0


def test_generated_sets_go_straight_into_a_run(tmp_path: Path) -> None:
    words = "generate --tasks 3 -u 0.5,1.5 --caps 1 --sets 2 --seed 4 --duration 100ms".split()
    drawn = distributor(*words, cwd=tmp_path)
    assert drawn.returncode == 0, drawn
    done = subprocess.run(
        [sys.executable, "-m", "distributor", "run", "-", "--json", "--quiet"],
        cwd=tmp_path,
        input=drawn.stdout,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done
    summary = json.loads(done.stdout)
    assert (summary["tasksets"], summary["undecided"]) == (4, 0)
    with Store.open(str(tmp_path / "distributor.db"), create=False) as store:
        origins = [row.origin or {} for row in store.tasksets(1)]
    assert [(each["seed"], each["utilization"], each["index"]) for each in origins] == [
        (4, 0.5, 0),
        (4, 0.5, 1),
        (4, 1.5, 0),
        (4, 1.5, 1),
    ]


def test_an_output_that_finds_no_room_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "distributor", "network", "dhcp-config"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "distributor: cannot write: No space left on device (make room)\n"

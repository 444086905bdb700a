"""``distributor export``: files that other programs open, with the right numbers in them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
import typer
from pyarrow import parquet
from typer.testing import CliRunner

from distributor.cli.export import export
from distributor.data.export import Format
from distributor.data.read import read_jobs
from distributor.errors import ConfigurationError, DistributorError, StoreError
from distributor.session.result import Clock, Verdict
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import a_job, a_result, an_attempt, an_undecided_result

Export = Callable[..., str]
BUSY = Task("busy", arg1=1500, period_ms=10, deadline_ms=7.5, priority=3, numberofjobs=2)
#: Sets that share a task, and one of more tasks than earlier distributors had.
SETS = [
    TaskSet(BUSY, Task("hey", arg1=1, period_ms=20, quota_mib=5, caps=235, criticaltime_ms=9)),
    TaskSet([BUSY] * 5, name='=1+1,"quoted"\nnext'),
]


@pytest.fixture
def store(tmp_path: Path) -> str:
    path = str(tmp_path / "results.db")
    with Store.open(path) as opened:
        run_id = opened.begin_run("distributor run x.py", clock=Clock.VIRTUAL, seed=7)
        opened.add(run_id, an_attempt(0, taskset=SETS[0]), a_result(jobs=2))
        opened.add(run_id, an_attempt(1, taskset=SETS[0]), an_undecided_result())
        opened.add(run_id, an_attempt(2, taskset=SETS[1]), a_result(Verdict.MISSED, jobs=3))
        opened.end_run(run_id)
    return path


@pytest.fixture
def exported(store: str) -> Export:
    app = typer.Typer()
    app.command()(export)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--store", store, *arguments])
        if isinstance(result.exception, DistributorError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_parquet_holds_what_a_frame_holds(exported: Export, store: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.parquet"
    assert exported("1", "-o", str(path)) == f"{path}: 5 jobs of run 1\n"
    expected = read_jobs(store)
    found = pandas.read_parquet(path)
    assert found.columns.tolist() == expected.columns.tolist()
    for name in found.columns:
        assert found[name].tolist() == expected[name].tolist()
    about = json.loads(parquet.read_schema(path).metadata[b"distributor"])
    assert (about["command"], about["clock"], about["seed"]) == (
        "distributor run x.py",
        "virtual",
        "7",
    )


def test_csv_and_json_lines_hold_the_same(exported: Export, store: str, tmp_path: Path) -> None:
    expected = read_jobs(store)
    exported("-o", str(tmp_path / "jobs.csv"))
    exported("-o", str(tmp_path / "jobs.jsonl"))
    table = pandas.read_csv(tmp_path / "jobs.csv")
    lines = (tmp_path / "jobs.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert table.columns.tolist() == list(rows[0]) == expected.columns.tolist()
    for name in expected.columns:
        assert table[name].tolist() == [row[name] for row in rows] == expected[name].tolist()


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_name_of_any_kind_survives(exported: Export, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sets.{ending}"
    exported("-o", str(path), "--rows", "tasksets")
    read = {
        "parquet": lambda: pandas.read_parquet(path),
        "csv": lambda: pandas.read_csv(path),
        "jsonl": lambda: pandas.DataFrame(map(json.loads, path.read_text().splitlines())),
    }
    frame = read[ending]()
    assert frame["name"].tolist()[2] == SETS[1].name
    assert frame["verdict"].tolist() == ["schedulable", "undecided", "missed"]
    assert frame["tasks"].tolist() == [2, 2, 5]


def test_tasks_can_be_exported(exported: Export, tmp_path: Path) -> None:
    path = tmp_path / "tasks.parquet"
    assert exported("-o", str(path), "--rows", "tasks").endswith("9 tasks of run 1\n")
    frame = pandas.read_parquet(path)
    assert frame["wcet_ns"].tolist()[0] == 1_500_000
    assert frame["utilization"].tolist()[0] == pytest.approx(0.15)


def test_earlier_distributors_tables_are_written(exported: Export, tmp_path: Path) -> None:
    path = tmp_path / "panda.sqlite"
    assert exported("-o", str(path)) == f"{path}: 5 jobs of run 1\n"
    with closing(sqlite3.connect(path)) as file:
        tasks = file.execute("SELECT * FROM Task ORDER BY Task_ID").fetchall()
        sets = file.execute("SELECT * FROM TaskSet ORDER BY Set_ID").fetchall()
        jobs = file.execute("SELECT * FROM Job ORDER BY Job_ID").fetchall()
        heads = [row[1] for row in file.execute("PRAGMA table_info(Task)")]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    assert (
        heads
        == (
            "Task_ID Priority Deadline Quota CAPS PKG Arg CORES COREOFFSET CRITICALTIME Period "
            "Number_of_Jobs OFFSET"
        ).split()
    )
    # The task that all share is there once. Milliseconds; 0 stands for no critical time.
    assert tasks == [
        (0, 3, 7.5, None, None, "busy", 1500, None, 0, 0, 10, 2, 0),
        (1, 128, 20, 5, 235, "hey", 1, None, 0, 9, 20, 1, 0),
    ]
    # The undecided set is left out; -1 is no task.
    assert sets == [(0, 1, 0, 1, -1, -1, -1), (1, 0, 0, 0, 0, 0, 0)]
    assert jobs[0] == (0, 0, 0, 0.027, 2, "EXIT", 0, 0)
    assert jobs[-1] == (1, 0, 4, 20.027, 22, "EXIT", 0, 2)


@pytest.mark.parametrize("format", [Format.PARQUET, Format.CSV, Format.JSONL, Format.SQLITE])
def test_a_run_without_a_set_is_a_file_without_a_row(
    exported: Export, store: str, tmp_path: Path, format: Format
) -> None:
    with Store.open(store) as opened:
        opened.begin_run("distributor run nothing.py")
    path = tmp_path / "empty"
    assert exported("2", "-o", str(path), "--format", format) == f"{path}: 0 jobs of run 2\n"
    assert path.is_file()


def test_a_file_that_is_there_stays_unless_it_is_to_go(exported: Export, tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match=r"already \(name another file, or give --force"):
        exported("-o", str(path))
    assert path.read_text() == "precious"
    exported("-o", str(path), "--force")
    assert path.read_text().startswith('"run_id"')


def test_the_store_itself_is_never_replaced(exported: Export, store: str) -> None:
    before = Path(store).read_bytes()
    with pytest.raises(ConfigurationError, match="is the store itself"):
        exported("-o", store, "--force")
    assert Path(store).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["-o", "x.xlsx"], ConfigurationError, "the name 'x.xlsx' does not say what to write"),
        (["-o", "/nowhere/x.csv"], ConfigurationError, "cannot write /nowhere/x.csv: No such"),
        (["9", "-o", "x.csv"], StoreError, "has no run 9"),
        (["-o", "x.db", "--rows", "tasks"], ConfigurationError, "holds all three tables"),
    ],
)
def test_bad_input_is_told(
    exported: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    error: type[DistributorError],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=told):
        exported(*arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"results.db"}


def test_times_are_exact_beyond_what_a_float_holds(
    exported: Export, store: str, tmp_path: Path
) -> None:
    late = a_job(response_ns=2**60 + 1)
    with Store.open(store) as opened:
        run_id = opened.begin_run("long")
        opened.add(run_id, an_attempt(), replace(a_result(), jobs=(late,)))
    for ending in ("csv", "jsonl", "parquet"):
        exported("-o", str(tmp_path / f"long.{ending}"))
    assert f",{2**60 + 1}," in (tmp_path / "long.csv").read_text()
    assert f":{2**60 + 1}," in (tmp_path / "long.jsonl").read_text()
    assert pandas.read_parquet(tmp_path / "long.parquet")["completion_ns"].tolist() == [2**60 + 1]

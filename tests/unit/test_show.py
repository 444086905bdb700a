"""``distributor show``, over a small store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from distributor.cli.show import show
from distributor.errors import ConfigurationError, DistributorError, StoreError
from distributor.session.result import Clock, Verdict
from distributor.store.store import Store
from tests.results import a_result, an_attempt, an_undecided_result

Show = Callable[..., list[str]]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A store of two runs: one of a single set, one with 70 sets and a second job."""
    path = str(tmp_path / "results.db")
    with Store.open(path) as store:
        first = store.begin_run("distributor run one.py", clock=Clock.REAL)
        store.add(first, an_attempt(), a_result(Verdict.MISSED))
        run_id = store.begin_run("distributor run many.py", clock=Clock.VIRTUAL)
        for index in range(70):
            store.add(run_id, an_attempt(index), a_result())
        store.add(run_id, an_attempt(3, job=2), an_undecided_result())
        store.end_run(run_id)
    return path


@pytest.fixture
def shown(path: str) -> Show:
    app = typer.Typer()
    app.command()(show)

    def run(*arguments: str) -> list[str]:
        result = CliRunner().invoke(app, ["--store", path, *arguments])
        if isinstance(result.exception, DistributorError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    return run


def test_the_last_run_is_shown(shown: Show) -> None:
    lines = shown()
    assert lines[0].startswith("Run 2 of ")
    assert lines[0].endswith("distributor run many.py")
    assert lines[1] == "71 task sets: 70 schedulable, 0 missed, 0 failed, 1 undecided"
    assert lines[2].split() == ["Job", "Set", "Name", "Tasks", "Verdict", "Reason"]
    assert lines[3] == "  1    0  pair      2  schedulable  every job met its deadline"
    assert lines[-1] == "21 more task sets left out; --limit 0 shows all"
    assert len(lines) == 3 + 50 + 1


def test_the_limit_can_be_set(shown: Show) -> None:
    assert len(shown("--limit", "0")) == 3 + 71
    assert shown("--limit", "70")[-1] == "1 more task set left out; --limit 0 shows all"
    assert len(shown("--limit", "71")) == 3 + 71


def test_another_run_and_one_job_of_it_can_be_shown(shown: Show) -> None:
    first = shown("--run", "1")
    assert shown("1") == shown("1", "--run", "1") == first
    with pytest.raises(ConfigurationError, match="run 1 and --run 2 are not the same"):
        shown("1", "--run", "2")
    assert "not ended" in first[0]
    assert first[1] == "1 task set: 0 schedulable, 1 missed, 0 failed, 0 undecided"
    second = shown("--job", "2")
    assert second[1] == "1 task set: 0 schedulable, 0 missed, 0 failed, 1 undecided"
    assert len(second) == 4


def test_one_set_is_shown_with_its_tasks_and_jobs(shown: Show) -> None:
    lines = shown("--set", "7")
    assert lines[0] == "Run 2, job 1, set 7 (pair)"
    assert lines[1] == "schedulable: every job met its deadline"
    assert lines[2] == "1 try, on m1, virtual clock; 12.00 ms of guest time in 250.0 ms"
    assert "kernel 6.1.0-rt, loader distributor 0.1.0, QEMU 7.2.22, accelerator tcg" in lines
    unknown = "task 1 (hey) has no known WCET: give it an executiontime"
    assert f"theory: unknown: {unknown}" in lines
    assert "Priority 0 is the highest." in lines
    heads = [line for line in lines if "Deadline Miss" in line]
    for column in ("Task", "Job", "Period", "Release", "Start", "Completion", "Response"):
        assert column in heads[0]
    assert sum(line.endswith("EXIT") for line in lines) == 2


def test_an_undecided_set_is_shown_with_its_console(shown: Show) -> None:
    lines = shown("--job", "2", "--set", "3")
    assert "undecided: the guest panicked" in lines
    assert "No job ran." in lines
    assert lines[-3:] == ["The machine's console ended with:", "    Kernel panic", "    halted"]


def test_runs_are_listed(shown: Show) -> None:
    heads, first, second = shown("--runs")
    assert heads.split()[0] == "Run"
    assert first.split()[:1] == ["1"]
    assert "not ended" in first
    assert second.endswith("71  virtual  distributor run many.py")
    assert shown("--runs", "--limit", "1")[0] == "1 older run left out; --limit 0 shows all"


def test_programs_read_one_object_a_line(shown: Show) -> None:
    sets = [json.loads(line) for line in shown("--json")]
    assert len(sets) == 71
    assert (sets[0]["verdict"], sets[0]["facts"]["clock"]) == ("schedulable", "virtual")
    runs = [json.loads(line) for line in shown("--runs", "--json")]
    assert [run["id"] for run in runs] == [1, 2]
    assert runs[0]["counts"] == {"schedulable": 0, "missed": 1, "failed": 0, "undecided": 0}
    (one,) = [json.loads(line) for line in shown("--set", "7", "--json")]
    assert one["theory"]["verdict"] == "unknown"
    assert [task["name"] for task in one["tasks"]] == ["busy", "hey"]
    assert one["jobs"][0]["response_ns"] == 2_000_000
    assert len(shown("--json", "--limit", "5")) == 5


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["--run", "9"], StoreError, "has no run 9"),
        (["--set", "99"], StoreError, "run 2 has no set 99"),
        (["--job", "2", "--set", "0"], StoreError, "job 2 of run 2 has no set 0"),
        (["--set", "3"], ConfigurationError, "jobs 1 and 2 each have a set 3"),
    ],
)
def test_what_is_not_there_is_told(
    shown: Show, arguments: list[str], error: type[DistributorError], told: str
) -> None:
    with pytest.raises(error, match=told):
        shown(*arguments)

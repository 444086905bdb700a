"""``distributor theory``: what it prints, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor.cli.main import app
from distributor.errors import ConfigurationError

SETS = """
from distributor import Task, TaskSet

def pair(work_us):
    yield Task("busy", arg1=20_000, period_ms=50, priority=0)
    yield Task("busy", arg1=work_us, period_ms=70, priority=1)

tasksets = [TaskSet(pair(20_000), name="good"), TaskSet(pair(40_000)), TaskSet(Task("pi", arg1=9))]
"""


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    path = tmp_path / "sets.py"
    path.write_text(SETS)
    return path


def theory(*words: object) -> str:
    done = CliRunner().invoke(app, ["theory", *map(str, words)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_each_set_has_a_line_with_its_verdict_and_why(sets: Path) -> None:
    head, good, late, unknown, total = theory(sets).splitlines()
    assert head.split() == ["Set", "Name", "Tasks", "Utilization", "Verdict", "Test", "Reason"]
    assert good.split()[:4] == ["0", "good", "2", "0.6857"]
    assert " schedulable  " in good
    assert "  response-time analysis  " in good
    assert "responses at most 20.00 ms, 40.00 ms" in good
    assert "not schedulable  response-time analysis  job 0 of task 1 (busy)" in late
    assert "task 0 (pi) has no known WCET" in unknown
    assert total == "3 task sets: 1 schedulable, 1 not schedulable, 1 unknown"


def test_json_is_one_object_a_line(sets: Path) -> None:
    good, late, unknown = map(json.loads, theory(sets, "--json").splitlines())
    assert (good["name"], good["verdict"], good["hyperbolic"]) == ("good", "schedulable", True)
    assert good["responses_ns"] == [20_000_000, 40_000_000]
    assert (late["task_id"], late["job"]) == (1, 0)
    assert unknown["utilization"] is None


def test_costs_are_counted(sets: Path) -> None:
    line = theory(sets, "--limit", 1, "--preemption-ns", 5_000_000).splitlines()[1]
    assert "responses at most 25.00 ms, 50.00 ms" in line
    line = theory(sets, "--limit", 1, "--preemption-ns", 20_000_000).splitlines()[1]
    assert " unknown " in line


def test_what_is_no_task_set_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text("tasksets = iter([])")
    with pytest.raises(ConfigurationError, match="`tasksets` gives none"):
        theory(path)
    path.write_text("tasksets = [7]")
    with pytest.raises(ConfigurationError, match="set 0 of `tasksets` is no task set but 7"):
        theory(path)

"""A server that behaves as Genode's loader does, driven through the profile that is shipped."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor import Distributor, Result, Task, TaskSet, Verdict
from distributor.cli.main import app
from tests.integration.conftest import Results

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the owner of an image has; the program in QEMU's place is found first."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "qemu-system-arm"
    program.write_text(
        f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && "
        f'exec {shlex.quote(sys.executable)} -m tests.fakes.genode "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "image.elf").write_bytes(b"\x7fELF of Genode")
    (tmp_path / "bin").mkdir()
    for name in ("hey", "namaste"):
        (tmp_path / "bin" / name).write_bytes(b"\x7fELF of Genode's own")
    return tmp_path


def run(folder: Path, sets: list[TaskSet]) -> list[Result]:
    results = Results()
    with Distributor(
        1,
        profile="genode-pbxa9",
        kernel=folder / "image.elf",
        binaries=folder / "bin",
        timeout=20,
    ) as distributor:
        job = distributor.add_job(sets, results)
        assert distributor.wait(120)
    return [results.found[job, place] for place in range(len(sets))]


def task(took_ms: int, **timing: object) -> Task:
    return Task("hey", arg1=took_ms, **timing)


def test_sets_on_genode_have_their_verdicts(folder: Path) -> None:
    sets = [
        TaskSet(
            [
                task(5, period_ms=50, priority=3, numberofjobs=4, offset_ms=10),
                Task("namaste", arg1=7, period_ms=100, deadline_ms=90, numberofjobs=2),
            ]
        ),
        TaskSet([task(60, period_ms=50, priority=3, numberofjobs=2)]),
        TaskSet([task(30, period_ms=50, priority=3, criticaltime_ms=20)]),
        TaskSet([task(30, period_ms=50, deadline_ms=20, numberofjobs=2)]),
        TaskSet([task(0, period_ms=50, priority=3)]),
        TaskSet([task(5, period_ns=1_500_000, priority=3)]),
        TaskSet([task(5, period_ms=50, priority=3, overrun="late")]),
    ]
    results = run(folder, sets)
    assert [result.verdict for result in results] == [
        Verdict.SCHEDULABLE,
        Verdict.MISSED,
        Verdict.MISSED,
        Verdict.MISSED,
        Verdict.FAILED,
        Verdict.UNDECIDED,
        Verdict.UNDECIDED,
    ]
    first = results[0]
    # quota and caps were granted, though no task names any; responses count from starts
    assert [(job.task_id, job.response_ns // 10**6) for job in first.jobs] == [
        *[(0, 5)] * 4,
        *[(1, 7)] * 2,
    ]
    assert "critical time" in results[2].reason
    assert "10 ms late" in results[3].reason
    assert "whole milliseconds" in results[5].reason
    assert "overrun=late" in results[6].reason
    assert {result.machines for result in results} == {("m1",)}  # none of them cost the machine


def test_the_command_line_of_an_owner_of_an_image(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENODE_BOOTED", "1")
    sets = folder / "sets.json"
    sets.write_text(json.dumps([{"tasks": [{"binary": "hey", "arg1": 5, "period_ms": 50}]}]))
    monkeypatch.chdir(folder)
    words = ["run", "--profile", "genode-pbxa9", "--kernel", "image.elf", "--json"]
    done = CliRunner().invoke(app, [*words, "--binaries", "bin", str(sets)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["schedulable"], told["clock"]) == (1, "real")
    lacking = CliRunner().invoke(app, [*words, str(sets)])
    assert lacking.exit_code == 1
    assert "no task 'hey'" in lacking.output
    assert "--binaries" in lacking.output

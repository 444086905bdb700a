"""The terminal's screen, driven by Textual's pilot over a service."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from distributor.cli.overview import Overview, job_cells, machine_cells
from distributor.cli.screen import ConsoleView, Question, TopScreen
from distributor.jobs.job import JobState
from distributor.service.client import Client
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.fakes.instant import InstantKind
from tests.services import running

#: As long as a busy host may take to do what is waited for.
PATIENCE_S = 60


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await pilot.pause(0.05)


def rows(app: TopScreen, name: str) -> list[list[str]]:
    table: DataTable[object] = app.query_one(f"#{name}", DataTable)
    return [[str(cell) for cell in table.get_row(key)] for key in table.rows]


async def test_the_screen_shows_and_steers_a_service(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        client.add_job([TaskSet(Task("busy", arg1=1), name="a\x1b[31mset")] * 3, name="first")
        client.wait()
        app = TopScreen(lambda: Client(str(service.path)))
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, lambda: bool(rows(app, "jobs")))
            assert rows(app, "jobs")[0][:3] == ["1", "done", "3/3 100 %"]
            assert "of 2 machines" in str(app.query_one("#headline", Static).render())
            client.add_job([TaskSet(Task("busy", arg1=1), name="a\x1b[31mset")] * 2)
            await until(pilot, lambda: len(rows(app, "sets")) == 2)
            # What a set is called cannot command the terminal.
            assert "\x1b" not in str(rows(app, "sets"))
            # The maximum, everything, one job.
            await pilot.press("plus")
            await until(pilot, lambda: client.get_max_machine_value() == 3)
            await until(pilot, lambda: "of 3 machines" in app.overview.headline())
            await pilot.press("minus")
            await until(pilot, lambda: client.get_max_machine_value() == 2)
            await pilot.press("p")
            await until(pilot, lambda: app.overview.state["state"] == "paused")
            client.add_job([TaskSet(Task("busy", arg1=1))] * 5)
            await until(pilot, lambda: len(rows(app, "jobs")) == 3)
            app.query_one("#jobs", DataTable).focus()
            await pilot.press("down", "down", "space")
            await until(pilot, lambda: client.job(3).state is JobState.PAUSED)
            await until(pilot, lambda: rows(app, "jobs")[2][1] == "paused")
            await pilot.press("c")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("n")
            await until(pilot, lambda: not isinstance(app.screen, Question))
            assert client.job(3).state is JobState.PAUSED
            await pilot.press("c", "y")
            await until(pilot, lambda: client.job(3).state is JobState.CANCELLED)
            # What is refused is said.
            await until(pilot, lambda: rows(app, "jobs")[2][1] == "cancelled")
            await pilot.press("space")
            failure = app.query_one("#failure", Static)
            await until(pilot, lambda: bool(failure.display) and "3" in str(failure.render()))
            await pilot.press("p")
            await until(pilot, lambda: app.overview.state["state"] == "idle")
            client.add_job([TaskSet(Task("busy", arg1=1))] * 5)
            await until(pilot, lambda: bool(rows(app, "machines")))
            app.query_one("#machines", DataTable).focus()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ConsoleView))
            assert "its last line" in str(app.screen.query_one(Static).render())
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, ConsoleView))
            await pilot.press("q")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_the_screen_is_left(key: str, tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service:
        app = TopScreen(lambda: Client(str(service.path)))
        async with app.run_test() as pilot:
            await pilot.press(key)
            await until(pilot, lambda: not app.is_running)


def test_an_overview_holds_what_the_events_add_up_to() -> None:
    overview = Overview()
    assert overview.headline() == "waiting for the service"
    machine = {"id": "m1", "state": "ready"}
    overview.apply("snapshot", {"state": {}, "jobs": [], "machines": [machine]})
    overview.apply("machine", {"id": "m2", "state": "ready"})
    overview.apply("machine", {"id": "m1", "state": "dead"})
    assert list(overview.machines) == ["m2"]
    overview.apply("sets", [{"id": 1}, {"id": 2}])
    assert [each["id"] for each in overview.sets] == [2, 1]


@pytest.mark.parametrize(
    ("left_s", "told"), [(None, ""), (5.4, "5 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_times_are_read_at_a_glance(left_s: float | None, told: str) -> None:
    job = {
        "number": 1,
        "state": "running",
        "decided": 1,
        "total": 3,
        "verdicts": {"missed": 1, "failed": 0},
        "left_s": left_s,
        "name": "x\ny",
        "error": None,
    }
    assert job_cells(job) == (
        "1",
        "running",
        "1/3 33 %",
        "1 missed",
        told,
        "x\N{REPLACEMENT CHARACTER}y",
    )


def test_a_machine_that_runs_nothing_says_so() -> None:
    idle = {
        "id": "m1",
        "state": "paused",
        "health": "good",
        "job": None,
        "index": None,
        "name": None,
        "uptime_s": 3.0,
        "work_s": None,
        "sets": 4,
        "address": None,
    }
    assert machine_cells(idle) == ("m1", "paused", "good", "", "3 s", "", "4", "")


def test_top_without_a_terminal_says_what_to_take_instead() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "distributor", "top"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("distributor: top is for a terminal (distributor service status")
    assert done.stderr.count("\n") == 1

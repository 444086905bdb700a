"""Plots and the report: files that open, say what was measured, and hold no surprise."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas
import pytest
import typer
from matplotlib.figure import Figure
from typer.testing import CliRunner

from distributor.cli.plot import plot
from distributor.cli.report import report
from distributor.data.read import RunFrames, read_run
from distributor.errors import ConfigurationError, DistributorError, StoreError
from distributor.figures.gantt import Window, gantt_chart, telling_window
from distributor.figures.html import Html, tag
from distributor.figures.style import COLOURS, picture, themed
from distributor.figures.trace import OTHERS, read_slices
from distributor.session.event import EventType
from distributor.session.result import Clock, TaskJob, Verdict
from distributor.session.switch import Occupant, Switch, Trace
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import MS, a_result, an_attempt, an_undecided_result

Run = Callable[..., str]
HOSTILE = "<script>alert(1)</script>\x1b[31m\x00 $\\frac{1}{0}$ \"'&"
TASKS = (
    Task("busy", arg1=2000, period_ms=10, priority=0, numberofjobs=2),
    Task("busy", arg1=7000, period_ms=20, priority=1),
)
JOBS = (
    TaskJob(0, 0, 0, 20_000, 2 * MS, EventType.EXIT, 0, 10 * MS),
    TaskJob(0, 1, 10 * MS, 10 * MS + 20_000, 12 * MS, EventType.EXIT, 0, 10 * MS),
    TaskJob(1, 0, 0, 2 * MS, 11 * MS, EventType.EXIT, 0, 20 * MS),
)
LATE = (*JOBS[:2], replace(JOBS[2], completion_ns=25 * MS, outcome=EventType.EXIT_PERIOD))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", autouse=True)
def _fonts_are_open() -> None:
    """matplotlib keeps its fonts open from the first picture on."""

    def draw(figure: Figure) -> None:
        figure.subplots().set_title("x")

    picture(draw, "png", (2, 1))


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Two runs of sets of two utilizations, with what can go wrong in each."""
    path = str(tmp_path / "results.db")
    with Store.open(path) as opened:
        for late in (False, True):
            run_id = opened.begin_run(f"distributor run {HOSTILE}", clock=Clock.VIRTUAL)
            for index, utilization in enumerate((0.5, 0.5, 0.9)):
                taskset = TaskSet(TASKS, name=HOSTILE, origin={"utilization": utilization})
                missed = index == 2 or (late and index == 1)
                verdict = Verdict.MISSED if missed else Verdict.SCHEDULABLE
                result = replace(a_result(verdict), jobs=LATE if missed else JOBS)
                opened.add(run_id, an_attempt(index, taskset=taskset), result)
            opened.add(run_id, an_attempt(3, taskset=TaskSet(TASKS)), an_undecided_result())
        opened.begin_run("distributor run nothing.py")
    return path


@pytest.fixture
def plotted(store: str) -> Run:
    return runner(plot, store)


@pytest.fixture
def reported(store: str) -> Run:
    return runner(report, store)


def runner(command: Callable[..., None], store: str) -> Run:
    app = typer.Typer()
    app.command()(command)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--store", store, *arguments])
        if isinstance(result.exception, DistributorError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def frames(store: str) -> RunFrames:
    with Store.open(store, create=False) as opened:
        return read_run(opened, 1, set_index=2)


def texts(svg: bytes | str) -> list[str]:
    """What an SVG picture says, which it says as text."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def drawn(frames: RunFrames, slices: pandas.DataFrame | None = None) -> Any:
    """The axes of a Gantt chart of the set."""
    figure = Figure()
    gantt_chart(frames.jobs, frames.tasks, Window(0, 30 * MS), slices)(figure)
    return figure.axes[0]


def bars(axes: Any) -> list[tuple[Any, Any]]:
    """Begin and end of every bar, in milliseconds, in the order of drawing."""
    found = []
    for collection in axes.collections:
        for path in collection.get_paths():
            if len(path.vertices) > 3:
                found.append((path.vertices[:, 0].min(), path.vertices[:, 0].max()))
    return [(pytest.approx(begin), pytest.approx(end)) for begin, end in found]


def test_a_gantt_chart_has_each_job_from_release_to_end(frames: RunFrames) -> None:
    axes = drawn(frames)
    assert bars(axes) == [
        (0, 2), (10, 12), (0.02, 2), (10.02, 12),  # task 0: released; started
        (0, 25), (2, 25), (20, 25),  # task 1: released; started; past its deadline
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0 busy", "1 busy"]


def test_a_gantt_chart_with_a_trace_has_what_ran_when(frames: RunFrames) -> None:
    slices = pandas.DataFrame(
        {"task_id": [0, 1, 0, 1], "begin_ns": [0, 2 * MS, 10 * MS, 12 * MS],
         "end_ns": [2 * MS, 10 * MS, 12 * MS, 25 * MS]}
    )  # fmt: skip
    axes = drawn(frames, slices)
    assert bars(axes) == [
        (0, 2), (10, 12), (0, 2), (10, 12), (0, 25), (2, 10), (12, 25), (20, 25),
    ]  # fmt: skip
    assert axes.get_yticklabels()[-1].get_text() == "system"


def test_what_ran_when_is_read_from_the_store(tmp_path: Path) -> None:
    switches = (
        Switch(0, 0, Occupant.LOADER),
        Switch(0, 1000, Occupant.JOB, 1, 0),
        Switch(0, 3000, Occupant.IDLE),
        Switch(0, 7000, Occupant.JOB, 0, 4),
        Switch(0, 9000, Occupant.IDLE),
    )
    with Store.open(str(tmp_path / "traced.db")) as opened:
        run_id = opened.begin_run("traced")
        result = replace(a_result(), switches=switches, trace=Trace.COMPLETE)
        opened.add(run_id, an_attempt(0), result)
        opened.add(run_id, an_attempt(1), a_result())
        traced, plain = (read_slices(opened, record.id) for record in opened.tasksets(run_id))
    assert plain is None
    assert traced is not None
    assert traced.to_numpy().tolist() == [
        [OTHERS, 0, 1000],
        [1, 1000, 3000],
        [0, 7000, 9000],
    ]


def test_the_highest_priority_is_on_top(frames: RunFrames) -> None:
    turned = replace_tasks(frames, priority=[5, 3])
    labels = [label.get_text() for label in drawn(turned).get_yticklabels()]
    assert labels == ["1 busy", "0 busy"]


def replace_tasks(frames: RunFrames, **columns: list[Any]) -> RunFrames:
    return replace(frames, tasks=frames.tasks.assign(**columns))


def test_a_long_run_is_shown_around_its_first_miss(frames: RunFrames) -> None:
    first = frames.jobs.iloc[[0]]
    many = pandas.concat([first] * 1000, ignore_index=True)
    many["release_ns"] = [index * 10 * MS for index in range(1000)]
    many["start_ns"] = many["release_ns"] + 20_000
    many["completion_ns"] = many["release_ns"] + 2 * MS
    window = telling_window(many)
    assert window.begin_ns == 0
    assert 200 * MS < window.end_ns < 500 * MS
    many.loc[700, "missed"] = True
    window = telling_window(many)
    assert window.begin_ns < 7002 * MS < window.end_ns
    assert window.end_ns - window.begin_ns < 500 * MS


@pytest.mark.parametrize("what", ["gantt", "responses", "schedulability"])
def test_plots_are_files_of_their_kind(plotted: Run, tmp_path: Path, what: str) -> None:
    png, svg = tmp_path / "plot.png", tmp_path / "plot.svg"
    told = plotted(what, "1", "-o", str(png))
    assert told.startswith(f"{png}: {what} of run 1")
    plotted(what, "1", "-o", str(svg))
    head = png.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert (width, height) > (1000, 200)
    said = texts(svg.read_bytes())
    assert len(said) > 5
    if what == "schedulability":
        assert {"Utilization", "theory"} <= set(said)
    before = svg.read_bytes()
    plotted(what, "1", "-o", str(svg))
    assert svg.read_bytes() == before


def test_a_gantt_chart_is_of_the_first_set_that_missed(plotted: Run, tmp_path: Path) -> None:
    path = tmp_path / "gantt.svg"
    assert plotted("gantt", "1", "-o", str(path)).endswith("run 1, job 1, set 2: missed\n")
    assert plotted("gantt", "1", "--set", "0", "-o", str(path)).endswith("set 0: schedulable\n")
    assert "missed" not in texts(path.read_bytes())


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["gantt", "-o", "x.gif"], ConfigurationError, "the name 'x.gif' does not say"),
        (["gantt", "3"], ConfigurationError, "run 3 has no task set to draw"),
        (["gantt", "1", "--set", "9"], StoreError, "run 1 has no set 9"),
        (["gantt", "1", "--from-ms", "50"], ConfigurationError, "nothing lies between 50 ms and"),
        (["responses", "1", "-o", "/nowhere/x.svg"], ConfigurationError, "cannot write /nowhere"),
        (["schedulability", "1", "--by", "colour"], ConfigurationError, "no 'colour' to tell"),
    ],
)
def test_bad_input_is_told(
    plotted: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    error: type[DistributorError],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=told):
        plotted(*arguments)


@pytest.mark.parametrize("what", ["gantt", "responses", "schedulability"])
def test_a_plot_of_nothing_says_so(plotted: Run, tmp_path: Path, what: str) -> None:
    path = tmp_path / "plot.svg"
    chosen = ["1", "--set", "3"] if what == "gantt" else ["3"]
    plotted(what, *chosen, "-o", str(path))
    assert any(text.startswith("No ") for text in texts(path.read_bytes()))


class _Page(HTMLParser):
    """What a page holds: its elements, its text, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.open: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(name)
        if name not in {"meta", "br"}:
            self.open.append(name)
        self.references += [
            value or "" for key, value in attributes if key in {"href", "src", "xlink:href"}
        ]
        assert not [key for key, _ in attributes if key.startswith("on")]

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(name, attributes)
        self.open.pop()

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, text: str) -> None:
        self.text += text


@pytest.fixture
def page(reported: Run, tmp_path: Path) -> str:
    path = tmp_path / "run.html"
    assert reported("1", "-o", str(path), "--against", "2").endswith("run 1, 4 task sets\n")
    return path.read_text(encoding="utf-8")


def test_a_report_is_whole_and_needs_nothing_else(page: str) -> None:
    parsed = _Page(page)
    assert parsed.open == []
    assert all(reference.startswith("#") for reference in parsed.references)
    assert not re.search(r"url\((?!#)|@import", page)
    assert page.startswith("<!DOCTYPE html>")
    assert "default-src &#x27;none&#x27;" in page


def test_nothing_in_a_report_can_command_a_browser(page: str) -> None:
    parsed = _Page(page)
    assert "script" not in parsed.elements
    assert "<script>alert(1)</script>" in parsed.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", page)


def test_a_report_says_what_was_measured(page: str) -> None:
    text = " ".join(_Page(page).text.split())
    assert "Run 1: 4 task sets" in text
    assert "2schedulable1missed0failed1undecided" in text
    # Theory has all sets for schedulable; the one that missed took 25 ms where 11 are the worst.
    assert "Sets on which they disagree: 1" in text
    assert "was late by 5.000 ms" in text
    assert "3 of 4 task sets are the same in both runs, to the nanosecond." in text
    assert "job 0 of task 1 has another completion: 11000000, 25000000" in text


def test_a_report_shows_each_plot_wide_and_narrow(page: str) -> None:
    pictures = re.findall(r'<div class="(wide|narrow)" role="img" aria-label="([^"]+)">', page)
    titles = {title for _, title in pictures}
    assert len(pictures) == 2 * len(titles)
    assert titles >= {"Gantt chart of set 2", "Response times of the tasks of set 2"}
    # Colours come from the page, so that it can be read in the dark.
    assert not [
        colour for colour in COLOURS.values() if f": {colour}" in page.split("</style>", 1)[1]
    ]


def test_an_empty_run_has_a_report(reported: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    reported("3", "-o", str(path))
    assert "Run 3: 0 task sets" in _Page(path.read_text()).text


def test_a_report_is_the_same_each_time(reported: Run, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.html", "two.html")]
    for path in paths:
        reported("2", "-o", str(path))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_users_matplotlib_settings_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    def draw(figure: Figure) -> None:
        figure.subplots().plot([1, 2], label="$x$")

    before = picture(draw, "svg", (3, 2))
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9)
    assert picture(draw, "svg", (3, 2)) == before
    assert matplotlib.rcParams["font.size"] == 30
    assert "var(--ink)" in themed(before) or "var(--muted)" in themed(before)


def test_text_and_attributes_are_escaped() -> None:
    element = tag("p", "<b>", Html("<br>"), 3, class_='"x"', aria_label="a\nb")
    assert element.text == (
        '<p class="&quot;x&quot;" aria-label="a\N{REPLACEMENT CHARACTER}b">&lt;b&gt;<br>3</p>'
    )

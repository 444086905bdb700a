"""The dashboard does with what it is told what it should, in a real browser.

Its counterpart here is a fake; tests/integration/test_page.py has the service and machines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, opened
from tests.fakes.dashboard import (
    PAGE,
    TOKEN,
    VERDICTS,
    Dashboard,
    a_job,
    a_machine,
    a_set,
    a_task,
    a_task_job,
    served,
)

#: Names that a browser would run, colour, reorder or end an element with, were they not text.
HOSTILE = '<img src=x onerror="document.title=1">\u202e</td></script>&lt;b&gt;\x1b[31m'
SHOWN = HOSTILE.replace("\u202e", "\ufffd").replace("\x1b", "\ufffd")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def dashboard() -> Dashboard:
    return Dashboard()


Open = Callable[..., AbstractContextManager[Page]]


@pytest.fixture
def open_page(browser: Browser, dashboard: Dashboard) -> Iterator[Open]:
    with served(dashboard.app()) as url:
        yield lambda **options: opened(browser, f"{url}/#token={TOKEN}", **options)


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("live")


def rows(page: Page, part: str) -> Any:
    return page.locator(f"#{part} tbody tr")


def test_what_others_named_is_text(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.state.update(error=HOSTILE, store=HOSTILE, version=HOSTILE)
    dashboard.jobs[1] = a_job(1, name=HOSTILE, error=HOSTILE)
    dashboard.machines["m"] = a_machine(HOSTILE, job=1, index=0, name=HOSTILE, address=HOSTILE)
    dashboard.sets = [a_set(1, 0, name=HOSTILE, reason=HOSTILE, machine=HOSTILE, digest=HOSTILE)]
    dashboard.tasks = [a_task(0, name=HOSTILE)]
    dashboard.console = HOSTILE
    dashboard.consoles[HOSTILE] = f"line\n\x1b]0;title\x07{HOSTILE}\r\n"
    with open_page() as page:
        live(page)
        expect(rows(page, "sets")).to_contain_text(SHOWN)
        expect(rows(page, "machines")).to_contain_text(f"1.0 {SHOWN}")
        expect(page.get_by_role("heading", name="Job 1")).to_contain_text(SHOWN)
        page.get_by_role("button", name="1.0", exact=True).click()
        panel = page.get_by_role("dialog", name="Set 1.0")
        expect(panel.get_by_role("row").last).to_contain_text(SHOWN)
        expect(panel.locator(".reason")).to_have_text(SHOWN)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Console of").click()
        text = page.get_by_role("dialog").locator("pre")
        expect(text).to_have_text(f"line\n\ufffd]0;title\ufffd{SHOWN}\n")
        page.keyboard.press("Escape")
        # Nothing became an element, and nothing ran.
        assert page.locator("main img, main b b, main script").count() == 0
        assert "Distributor" in page.title()


def test_a_set_that_comes_while_the_list_is_read_is_in_it(
    open_page: Open, dashboard: Dashboard
) -> None:
    dashboard.sets = [a_set(1, 0)]
    dashboard.sets_arrive.clear()
    with open_page() as page:
        live(page)
        dashboard.tell(
            ("sets", [a_set(1, 1)]),
            ("state", {**dashboard.state, "verdicts": {"schedulable": 2}}),
        )
        expect(page.locator("#verdicts li").first).to_contain_text("2")
        dashboard.sets_arrive.set()
        expect(rows(page, "sets")).to_have_count(2)
        expect(rows(page, "sets").first).to_contain_text("1.1")


def test_no_more_is_drawn_than_can_be_looked_at(open_page: Open, dashboard: Dashboard) -> None:
    with open_page() as page:
        live(page)
        for turn in range(10):
            machines = [
                ("machine", a_machine(f"qemu-{each}", job=1, index=turn, uptime_s=turn))
                for each in range(1, 501)
            ]
            sets = [a_set(1, turn * 200 + each) for each in range(200)]
            dashboard.tell(
                *machines, ("sets", sets), ("dropped", {"dropped": 300}),
                ("state", {**dashboard.state, "verdicts": {"schedulable": turn + 1}}),
            )  # fmt: skip
        expect(page.locator("#verdicts li").first).to_contain_text("10")
        expect(rows(page, "machines")).to_have_count(50)
        expect(rows(page, "machines").last).to_contain_text("qemu-50")
        expect(page.get_by_text("1 to 50 of 500")).to_be_visible()
        expect(rows(page, "sets")).to_have_count(100)
        expect(rows(page, "sets").first).to_contain_text("1.1999")
        page.get_by_role("button", name="Next machines").click()
        expect(rows(page, "machines").last).to_contain_text("qemu-100")
        # One that is gone leaves the list.
        dashboard.tell(("machine", a_machine("qemu-51", state="dead")))
        expect(rows(page, "machines").first).to_contain_text("qemu-52")
        assert page.locator("*").count() < 4000


def test_a_lost_connection_is_told_and_made_again(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.machines["qemu-1"] = a_machine("qemu-1")
    with open_page() as page:
        live(page)
        expect(rows(page, "machines")).to_have_count(1)
        dashboard.machines = {}
        dashboard.jobs[1] = a_job(1)
        with page.expect_request("**/api/v1/events"):
            dashboard.hang_up()
            expect(page.locator("#connection")).to_have_text(re.compile("no connection, again in"))
        live(page)
        # What was missed comes with the new beginning.
        expect(rows(page, "machines")).to_have_count(0)
        expect(page.get_by_role("heading", name="Job 1")).to_be_visible()


def test_what_is_pressed_is_asked_for(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.jobs[3] = a_job(3, state="running")
    dashboard.machines["qemu-1"] = a_machine("qemu-1")
    dashboard.consoles["qemu-1"] = ""
    with open_page() as page:

        def press(name: str) -> None:
            page.get_by_role("button", name=name, exact=True).click()

        live(page)
        press("One machine more")
        expect(page.get_by_role("status").last).to_have_text("4 machines at most from now on.")
        page.get_by_label("Machines at most").fill("2")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").last).to_have_text("2 machines at most from now on.")
        press("Pause all")
        press("Resume all")
        press("Pause job 3")
        press("Resume job 3")
        # Nothing that cannot be taken back happens by one press.
        press("Kill all machines")
        press("Keep as it is")
        press("Kill all machines")
        press("Kill them all")
        press("Console of qemu-1")
        press("Kill this machine")
        press("Kill it")
        expect(page.get_by_role("dialog", name="Kill machine")).to_be_hidden()
        press("Close")
        press("Cancel job 3")
        press("Cancel the job")
        expect(page.get_by_role("button", name="Pause job 3")).to_be_hidden()
        expect(page.get_by_role("button", name="Show sets job 3")).to_be_visible()
    assert dashboard.changes == [
        ("PUT", "/api/v1/maximum", {"maximum": 4}),
        ("PUT", "/api/v1/maximum", {"maximum": 2}),
        ("POST", "/api/v1/pause", None),
        ("POST", "/api/v1/resume", None),
        ("POST", "/api/v1/jobs/3/pause", None),
        ("POST", "/api/v1/jobs/3/resume", None),
        ("POST", "/api/v1/kill", None),
        ("POST", "/api/v1/machines/qemu-1/kill", None),
        ("POST", "/api/v1/jobs/3/cancel", None),
    ]


def test_the_console_of_a_machine_that_goes_stays(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.machines["qemu-1"] = a_machine("qemu-1")
    dashboard.consoles["qemu-1"] = "its last words"
    with open_page(allow="status of 404") as page:
        page.get_by_role("button", name="Console of qemu-1").click()
        panel = page.get_by_role("dialog", name="Console of qemu-1")
        expect(panel.locator("pre")).to_have_text("its last words")
        dashboard.consoles = {}
        dashboard.tell(("machine", a_machine("qemu-1", state="dead")))
        expect(panel.get_by_text("This machine is gone")).to_be_visible()
        expect(panel.locator("pre")).to_have_text("its last words")
        expect(panel.get_by_role("button", name="Kill this machine")).to_be_disabled()


def test_jobs_are_added_from_files_and_drawn(
    open_page: Open, dashboard: Dashboard, tmp_path: Path
) -> None:
    with open_page(allow="status of 400") as page:
        live(page)
        for suffix in ("json", "jsonl", "csv"):
            file = tmp_path / f"sets.{suffix}"
            file.write_text(f"a {suffix} file")
            page.get_by_role("button", name="Add a job").click()
            page.get_by_label("JSON, JSON lines or CSV").set_input_files(file)
            page.get_by_role("button", name="Add this file").click()
            expect(page.get_by_role("heading", name=f"sets.{suffix}")).to_be_visible()
        file.write_text("wrong")
        page.get_by_role("button", name="Add a job").click()
        page.get_by_label("JSON, JSON lines or CSV").set_input_files(file)
        page.get_by_role("button", name="Add this file").click()
        expect(page.get_by_text("line 1: no task set: see the schema")).to_be_visible()
        page.get_by_label("Name").fill("mine")
        page.get_by_label("Numbers of tasks").fill("2:4:2")
        page.get_by_label("Utilizations").fill("0.7:0.9:0.1, nonsense")
        page.get_by_role("button", name="Draw and add").click()
        expect(page.get_by_text("Utilizations: 0.7, or 0.4:1.0:0.1.")).to_be_visible()
        page.get_by_label("Utilizations").fill("0.7:0.9:0.1")
        expect(page.get_by_text("60 sets in all.")).to_be_visible()
        page.get_by_text("More options").click()
        page.get_by_label("Priorities").select_option("edf")
        page.get_by_role("button", name="Draw and add").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
    kinds = [(kind, body) for _, kind, body in dashboard.changes]
    assert kinds[:3] == [
        ("application/json", "a json file"),
        ("application/jsonl", "a jsonl file"),
        ("text/csv", "a csv file"),
    ]
    asked = json.loads(kinds[-1][1])
    assert asked["name"] == "mine"
    assert asked["generate"] == {
        "tasks": [2, 4], "utilization": [0.7, 0.8, 0.9], "sets": 10, "seed": 1,
        "periods": "log-uniform:10ms-1s", "deadlines": "implicit", "priorities": "edf",
        "method": "randfixedsum", "caps": [1], "processors": 1, "fit": "worst",
        "duration_ms": 1000,
    }  # fmt: skip


def test_sets_are_filtered_paged_and_held(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.jobs = {1: a_job(1), 2: a_job(2)}
    dashboard.sets = [a_set(1, each, verdict=VERDICTS[each % 2]) for each in range(150)]
    dashboard.sets += [a_set(2, each) for each in range(3)]
    with open_page() as page:
        live(page)
        first = rows(page, "sets").first
        expect(first).to_contain_text("2.2")
        page.get_by_role("button", name="Older sets").click()
        expect(first).to_contain_text("1.52")
        expect(rows(page, "sets")).to_have_count(53)
        page.get_by_role("button", name="Back to the newest").click()
        page.get_by_role("button", name="Show sets job 1").click()
        page.get_by_label("Verdict", exact=True).select_option("missed")
        expect(rows(page, "sets")).to_have_count(75)
        expect(first).to_contain_text("1.149")
        others = [a_set(1, 150), a_set(2, 9, verdict="missed")]
        dashboard.tell(("sets", [*others, a_set(1, 151, verdict="missed")]))
        expect(first).to_contain_text("1.151")
        expect(rows(page, "sets")).to_have_count(76)
        # Whoever is in the list does not have it move away.
        first.get_by_role("button").focus()
        dashboard.tell(("sets", [a_set(1, 153, verdict="missed")]))
        expect(page.get_by_text("1 new set waits while you are in the list.")).to_be_visible()
        expect(first).to_contain_text("1.151")
        page.get_by_role("button", name="Hold the list").click()
        expect(page.get_by_text("1 new set waits while it is held.")).to_be_visible()
        page.get_by_role("button", name="Hold the list").click()
        expect(first).to_contain_text("1.153")


def test_a_set_is_shown_with_what_its_jobs_come_to(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.sets = [a_set(1, 0, verdict="missed", reason="task 1: job 2 was late")]
    dashboard.tasks = [a_task(0), a_task(1, priority=128)]
    dashboard.task_jobs = [a_task_job(0, each, 3_000_000 + each) for each in range(3)]
    dashboard.task_jobs += [a_task_job(1, each, 9_500_000 + 1_000_000 * each) for each in range(2)]
    with open_page() as page:
        page.get_by_role("button", name="1.0", exact=True).click()
        panel = page.get_by_role("dialog", name="Set 1.0: set 0")
        expect(panel.get_by_text("task 1: job 2 was late")).to_be_visible()
        expect(panel.get_by_role("img", name="Gantt chart of set 1.0")).to_be_visible()
        assert panel.get_by_role("img").evaluate("image => image.decode().then(() => true)")
        expect(panel.get_by_role("row")).to_have_text([
            re.compile("^Task"),
            "0 task 0010.00 ms10.00 ms3 of 33.000 ms3.000 ms3.000 ms30.0 %0 ns0",
            "1 task 1EDF10.00 ms10.00 ms2 of 39.500 ms9.500 ms10.50 ms105.0 %500.0 us\u2717 1",
        ])  # fmt: skip
        page.keyboard.press("Escape")
        # The focus is back where it was.
        expect(page.get_by_role("button", name="1.0", exact=True)).to_be_focused()


def test_schedulability_is_drawn_as_it_grows(open_page: Open, dashboard: Dashboard) -> None:
    with open_page() as page:
        expect(page.get_by_text("The share of sets that hold")).to_be_visible()
        dashboard.points = [
            {"utilization": u, "sets": 10, "schedulable": s, "low": s / 10 - 0.1, "high": 1.0}
            for u, s in ((0.5, 10), (0.75, 9), (1.0, 2))
        ]
        dashboard.tell(("state", {**dashboard.state, "verdicts": {"schedulable": 21}}))
        chart = page.get_by_role("img", name="Share of schedulable sets over utilization")
        expect(chart).to_be_visible()
        expect(chart.locator("circle")).to_have_count(3)
        page.get_by_text("In figures").click()
        expect(page.locator("#ratio").get_by_role("row").nth(2)).to_have_text(
            "0.7510990.0 %80.0 %100.0 %"
        )


def test_an_empty_page_says_what_to_do(open_page: Open, dashboard: Dashboard) -> None:
    with open_page() as page:
        live(page)
        expect(page.get_by_text("Add a job takes a file of task sets")).to_be_visible()
        expect(page.get_by_text("No set has its verdict yet. Add a job")).to_be_visible()
        expect(page.get_by_text("No machine is up. They start as soon as")).to_be_visible()


def test_those_who_hear_it_find_their_way(open_page: Open, dashboard: Dashboard) -> None:
    dashboard.jobs[1] = a_job(1, decided=5)
    dashboard.machines["qemu-1"] = a_machine("qemu-1", health="bad")
    dashboard.sets = [a_set(1, 0)]
    with open_page() as page:
        live(page)
        for landmark in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(landmark)).to_be_visible()
        for name in ("Fleet", "Jobs", "Schedulability", "Sets as they finish", "Machines"):
            expect(page.get_by_role("region", name=name, exact=True)).to_be_attached()
            expect(page.get_by_role("heading", name=name, exact=True, level=2)).to_be_attached()
        for caption in ("Sets that have their verdict", "Machines, by their names"):
            table = page.get_by_role("table", name=caption)
            expect(table.get_by_role("columnheader").first).to_be_attached()
            expect(table.get_by_role("rowheader")).to_have_count(1)
        expect(page.get_by_role("cell", name="ready, bad")).to_be_visible()
        bar = page.get_by_role("progressbar", name="Progress of job 1")
        values = [bar.get_attribute(f"aria-value{each}") for each in ("min", "now", "max")]
        assert values == ["0", "5", "10"]
        page.get_by_role("button", name="Add a job").click()
        nameless = """[...document.querySelectorAll("button, input, select")].filter(
            (each) => each.type !== "hidden" && !each.hidden && !each.labels?.length
                && !each.getAttribute("aria-label") && !each.textContent.trim()
        ).map((each) => each.outerHTML)"""
        assert page.evaluate(nameless) == []


def test_it_fits_telephones_and_walls_in_light_and_dark(
    open_page: Open, dashboard: Dashboard
) -> None:
    dashboard.jobs[1] = a_job(1, name="x" * 200)
    dashboard.machines["m"] = a_machine("m" * 60, job=1, index=1, name="y" * 500)
    dashboard.sets = [a_set(1, 0, name="z" * 500, reason="w" * 3000)]
    backgrounds = set()
    for width, scheme in ((390, "dark"), (1920, "light")):
        with open_page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
            live(page)
            expect(rows(page, "sets")).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            colour = "getComputedStyle(document.body).backgroundColor"
            backgrounds.add(page.evaluate(colour))
            page.get_by_label("Theme").select_option("light" if scheme == "dark" else "dark")
            backgrounds.add(page.evaluate(colour))
            page.reload()
            assert page.evaluate("document.documentElement.dataset.theme") != scheme
    assert len(backgrounds) == 2


def test_reports_and_page_have_the_same_colours() -> None:
    report = PAGE.parents[1].joinpath("figures", "page.css").read_text()
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w+)", part)) for part in
                   report.split("@media (prefers-color-scheme: dark)"))  # fmt: skip
    ours = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", (PAGE / "page.css").read_text())
    assert {name for name, *_ in ours} >= {"ink", "paper", "late", "good", "accent"}
    for name, by_day, by_night in ours:
        if name in light:
            assert (light[name], dark[name]) == (by_day, by_night)
    colours = {name: pair for name, *pair in ours}
    # WCAG 2.2, 1.4.3: texts on what they stand on.
    for text in ("ink", "muted", "late", "good", "accent", "error"):
        for ground in ("paper", "raised"):
            for ink, paper in zip(colours[text], colours[ground], strict=True):
                assert contrast(ink, paper) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)

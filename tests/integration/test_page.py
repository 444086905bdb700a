"""The dashboard in a browser, served by the service, whose machines are real."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from distributor.machines.image import Image
from tests.browser import chromium, opened

pytestmark = pytest.mark.integration

#: What a machine may take to start where no template is kept yet, on a busy host.
FIRST_MS = 180_000
HOSTILE = "<img src=x onerror=alert(1)>"
#: A task has its executable's name, of 15 letters at most.
SHORT = "<img src=x o=1>"
#: Prints lines on the console, and runs long enough to be looked at.
TALKING = {"name": "talking", "tasks": [
    {"binary": "hey", "arg1": 7, "period_ms": 20, "numberofjobs": 3, "priority": 0},
    {"binary": "busy", "arg1": 2000, "period_ms": 10, "numberofjobs": 1500, "priority": 1},
]}  # fmt: skip


class Service(NamedTuple):
    url: str
    token: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def service(tmp_path: Path, image: Image) -> Iterator[Service]:
    with running(tmp_path) as found:
        yield found


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """The service as its command starts it."""
    token = folder / "token"
    command = [
        sys.executable, "-m", "distributor", "service", "run", "--machines", "1",
        "--listen", "127.0.0.1:0", "--socket", str(folder / "s.sock"), "--token-file", str(token),
        "--store", str(folder / "results.db"),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            told = process.stderr.readline()
            found = re.search(r"http://\S+", told)
            assert found, told + process.stderr.read()
            yield Service(found[0], token.read_text().strip())
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("live")


def test_a_job_is_added_watched_and_looked_into(
    browser: Browser, service: Service, image: Image, tmp_path: Path
) -> None:
    program = shutil.copy(image.tasks["busy"], tmp_path / SHORT)
    late = {"binary": str(program), "arg1": 8000, "period_ms": 5, "numberofjobs": 2}
    file = tmp_path / f"{HOSTILE}.json"
    known = {"binary": "busy", "arg1": 1000, "period_ms": 10, "numberofjobs": 2}
    sets = [{"name": HOSTILE, "tasks": [late]}, {"name": "known", "tasks": [known]}, TALKING]
    file.write_text(json.dumps({"tasksets": sets}))
    with opened(browser, f"{service.url}/#token={service.token}") as page:
        live(page)
        assert service.token not in page.url
        page.get_by_role("button", name="Add a job").click()
        page.get_by_label("JSON, JSON lines or CSV").set_input_files(file)
        page.get_by_role("button", name="Add this file").click()
        expect(page.get_by_role("status").last).to_have_text("Job 1 is added, of 3 sets.")
        expect(page.get_by_role("heading", name="Job 1")).to_contain_text(HOSTILE)

        # Its console, opened while it runs.
        expect(page.get_by_role("cell", name="1.2 talking")).to_be_visible(timeout=FIRST_MS)
        page.get_by_role("button", name="Console of m1").click()
        console = page.get_by_role("dialog", name="Console of m1")
        # The loader is silent while tasks run: what they say comes at the set's end.
        expect(console.locator("pre")).to_contain_text("hey 7", timeout=60_000)
        page.keyboard.press("Escape")

        page.get_by_role("button", name="One machine more").click()
        expect(page.get_by_role("status").last).to_have_text("2 machines at most from now on.")

        # To its end.
        job = page.get_by_role("listitem").filter(has_text="Job 1")
        expect(job).to_contain_text("3 of 3 sets: 2 schedulable, 1 missed", timeout=60_000)
        expect(job).to_contain_text("done")
        expect(page.locator("#verdicts")).to_have_text(re.compile("2.*schedulable1.*missed"))
        expect(page.get_by_role("img", name="Share of schedulable sets")).to_be_visible()

        page.get_by_label("Verdict", exact=True).select_option("missed")
        expect(page.locator("#sets tbody tr")).to_have_count(1)
        page.get_by_role("button", name="1.0", exact=True).click()
        panel = page.get_by_role("dialog", name=f"Set 1.0: {HOSTILE}")
        chart = panel.get_by_role("img", name="Gantt chart of set 1.0")
        expect(chart).to_be_visible()
        width = chart.evaluate("image => image.decode().then(() => image.naturalWidth)")
        assert width > 100
        expect(panel.get_by_role("rowheader")).to_have_text(f"0 {SHORT}")
        expect(panel.locator("tbody .missed")).to_be_visible()
    state = ask(service, "state")
    assert (state["maximum"], state["verdicts"]["missed"]) == (2, 1)


def test_all_of_it_goes_by_keys_alone(browser: Browser, service: Service) -> None:
    with opened(browser, service.url, allow="status of 401") as page:
        keys = page.keyboard

        def go_to(name: str, role: str = "button") -> None:
            """By the tabulator, as far as it takes."""
            wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
            for _ in range(80):
                if wanted.evaluate_all("found => found.includes(document.activeElement)"):
                    return
                keys.press("Tab")
            raise AssertionError(f"no way to {name}")

        expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
        keys.type("wrong")
        keys.press("Enter")
        expect(page.get_by_text("This token is not the service's.")).to_be_visible()
        keys.type(service.token)
        keys.press("Enter")
        live(page)

        # Nothing is begun meanwhile: it is about the keys.
        go_to("Pause all")
        keys.press("Enter")
        expect(page.locator("#run-state")).to_have_text("paused")
        go_to("Machines at most", "spinbutton")
        keys.type("3")
        keys.press("Enter")
        expect(page.get_by_role("status").last).to_have_text("3 machines at most from now on.")

        go_to("Add a job")
        keys.press("Enter")
        go_to("Name", "textbox")
        keys.type("by keys")
        go_to("Draw and add")
        keys.press("Enter")
        expect(page.get_by_role("status").last).to_have_text("Job 1 is added, of 60 sets.")
        expect(page.get_by_role("button", name="Add a job")).to_be_focused()
        go_to("Pause job 1")
        keys.press("Enter")
        go_to("Resume job 1")
        go_to("Cancel job 1")
        keys.press("Enter")
        expect(page.get_by_role("dialog", name="Cancel job 1?")).to_be_visible()
        go_to("Cancel the job")
        keys.press("Enter")
        expect(page.get_by_role("listitem").filter(has_text="by keys")).to_contain_text("cancelled")

        # Without the token nothing is told any more, and nothing changes.
        go_to("Sign out")
        keys.press("Enter")
        expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
        page.reload()
        expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
        resume = "fetch('/api/v1/resume', {method: 'POST'}).then((answer) => answer.status)"
        assert page.evaluate(resume) == 401
        assert page.get_by_role("listitem").filter(has_text="by keys").count() == 0
    state = ask(service, "state")
    assert (state["state"], state["maximum"]) == ("paused", 3)
    assert ask(service, "jobs")[0]["state"] == "cancelled"


def ask(service: Service, what: str) -> dict:
    headers = {"Authorization": f"Bearer {service.token}"}
    return httpx.get(f"{service.url}/api/v1/{what}", headers=headers).raise_for_status().json()

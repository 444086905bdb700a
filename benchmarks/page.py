"""How far behind the dashboard is when 500 machines change at once.

The service's events, its HTTP and the browser are real; what the machines do is made up, since 500
of them do not fit a small host: each ends a set and begins another once a second. What is measured
is measured in the page: from the moment at which the service was told of the newest set to the end
of the frame in which its row was drawn. Others of its batch are up to 0.2 s older.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import CDPSession, Page

from benchmarks import Measured, measured
from benchmarks._outside import needs
from distributor.jobs.queue import Health
from distributor.machines.machine import MachineState
from distributor.service.changes import Event
from distributor.service.models import Machine, Set
from distributor.service.service import Service
from distributor.session.result import Verdict
from tests.browser import chromium, opened
from tests.services import TOKEN, Running, running

MACHINES = 500
MEASURED_S = 20.0
#: Of a second: when machines end their sets.
STEP_S = 0.02
#: What one would call at once; and two frames of 60 a second.
GOAL_S, GOAL_FRAME_S = 1.0, 0.033

#: Notes the age of the newest row at the end of the frame that drew it, and how long frames take.
_WATCH = """() => {
    const body = document.querySelector("#sets tbody");
    window.ages = []; window.frames = [];
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
        window.ages.push(Date.now() - Date.parse(body.querySelector("time").dateTime));
    }))).observe(body, { childList: true });
    let before = performance.now();
    const frame = (now) => {
        window.frames.push(now - before);
        before = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""


def main() -> Iterator[Measured]:
    needs("chromium")
    with (
        tempfile.TemporaryDirectory() as name,
        running(Path(name)) as service,
        chromium() as browser,
        opened(browser, f"{service.url}/#token={TOKEN}") as page,
    ):
        page.wait_for_selector("#connection[data-state=live]")
        crowd = _Crowd(service.service)
        working = _in_loop(service, crowd)
        try:
            yield from _measure(crowd, page)
        finally:
            service.loop.call_soon_threadsafe(crowd.ending.set)
            working.result(10)


class _Crowd:
    """Machines that the service sees where its own would be."""

    def __init__(self, service: Service) -> None:
        self.told = 0
        self.ending = asyncio.Event()
        self._service = service
        self._sets = [0] * MACHINES
        self._begun_s = time.monotonic()

    async def work(self) -> None:
        """End sets, those of other machines at each step, until told to end."""
        self._service.machines = self.machines  # type: ignore[method-assign]
        publish = self._service.stream.publish

        def counting(events: list[Event]) -> None:
            for event in events:
                self.told += len(event.told) if isinstance(event.told, list) else 1
            publish(events)

        self._service.stream.publish = counting  # type: ignore[assignment,method-assign]
        due = 0.0
        while not self.ending.is_set():
            due = min(MACHINES, due + MACHINES * STEP_S)
            while due >= 1:
                due -= 1
                self._end_set()
            await asyncio.sleep(STEP_S)

    def machines(self) -> list[Machine]:
        """All of them, each with the set that it runs."""
        up_s = round(time.monotonic() - self._begun_s, 1)
        return [
            Machine(
                id=f"m{number}", state=MachineState.READY, health=Health.GOOD, job=1,
                index=done * MACHINES + number, name="one of many", uptime_s=up_s, work_s=up_s / 2,
                memory_mib=368, address=None, sets=done,
            )
            for number, done in enumerate(self._sets)
        ]  # fmt: skip

    def _end_set(self) -> None:
        number = sum(self._sets) % MACHINES
        index = self._sets[number] * MACHINES + number
        self._sets[number] += 1
        told = Set(
            id=index + 1, job=1, index=index, name="one of many", verdict=Verdict.SCHEDULABLE,
            reason="all 3 jobs met their deadlines", machine=f"m{number}", attempts=1,
            finished_at=datetime.now(UTC), guest_s=1, host_s=0.5, utilization=0.5, tasks=3,
            noise=None, digest="0" * 32,
        )  # fmt: skip
        self._service._changes.finished(told)


def _in_loop(service: Running, crowd: _Crowd) -> Future[None]:
    return asyncio.run_coroutine_threadsafe(crowd.work(), service.loop)


def _measure(crowd: _Crowd, page: Page) -> Iterator[Measured]:
    page.get_by_text(f"1 to 50 of {MACHINES}").wait_for()
    page.wait_for_timeout(3000)
    page.evaluate(_WATCH)
    # Processor time of the page's own thread, which other work on the host does not blur.
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable", {"timeDomain": "threadTicks"})
    before, used_s, begun_s = crowd.told, _used_s(browser), time.monotonic()
    page.wait_for_timeout(MEASURED_S * 1000)
    took_s = time.monotonic() - begun_s
    told_per_s = (crowd.told - before) / took_s
    share = (_used_s(browser) - used_s) / took_s
    ages: list[float] = sorted(page.evaluate("window.ages"))
    frames: list[float] = sorted(page.evaluate("window.frames"))
    yield measured("page_events_told", told_per_s, "events/s", MACHINES)
    yield measured("page_lag_median", ages[len(ages) // 2] / 1000, "s", GOAL_S)
    yield measured("page_lag_max", ages[-1] / 1000, "s", GOAL_S)
    yield measured("page_frame_p99", frames[len(frames) * 99 // 100] / 1000, "s", GOAL_FRAME_S)
    yield measured("page_frame_max", frames[-1] / 1000, "s")
    yield measured("page_processors", share, "cores")
    yield measured("page_elements", page.evaluate("document.querySelectorAll('*').length"), "")


def _used_s(browser: CDPSession) -> float:
    metrics = browser.send("Performance.getMetrics")["metrics"]
    found: float = next(each["value"] for each in metrics if each["name"] == "TaskDuration")
    return found

"""What `distributor top` shows, kept up to date by a service's events. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from distributor.analysis.table import printable, shortened

#: Sets that are kept to be shown.
SETS_MAX = 200
_STYLES = {"schedulable": "green", "missed": "red", "failed": "magenta", "undecided": "yellow"}


class Overview:
    """State, jobs, machines and the last sets, as of the events so far."""

    def __init__(self) -> None:
        self.state: Mapping[str, Any] = {}
        self.jobs: dict[int, Mapping[str, Any]] = {}
        self.machines: dict[str, Mapping[str, Any]] = {}
        #: The newest first.
        self.sets: deque[Mapping[str, Any]] = deque(maxlen=SETS_MAX)

    def apply(self, name: str, told: Any) -> None:
        """One event (docs/service.md)."""
        if name == "snapshot":
            self.state = told["state"]
            self.jobs = {job["number"]: job for job in told["jobs"]}
            self.machines = {machine["id"]: machine for machine in told["machines"]}
        elif name == "state":
            self.state = told
        elif name == "job":
            self.jobs[told["number"]] = told
        elif name == "machine":
            if told["state"] == "dead":
                self.machines.pop(told["id"], None)
            else:
                self.machines[told["id"]] = told
        elif name == "sets":
            self.sets.extendleft(told)

    def headline(self) -> str:
        """The service in one line."""
        state = self.state
        if not state:
            return "waiting for the service"
        parts = [
            f"{state['state']}",
            f"{state['machines']} of {state['maximum']} machines",
            f"{state['sets_per_s']:.1f} sets/s",
            verdicts(state["verdicts"]),
            f"{state['clock']} clock",
            f"load {state['load'][0]:.1f}",
            f"{state['memory_free_mib']} MiB free",
        ]
        error = f": {printable(state['error'])}" if state["error"] else ""
        return " · ".join(part for part in parts if part) + error


def job_cells(job: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of the jobs."""
    total = job["total"]
    share = f" {100 * job['decided'] // total} %" if total else ""
    decided = str(job["decided"]) if total is None else f"{job['decided']}/{total}{share}"
    left = "" if job["left_s"] is None else span(job["left_s"])
    name = text(job["name"], 40) + (f": {text(job['error'], 60)}" if job["error"] else "")
    return str(job["number"]), job["state"], decided, verdicts(job["verdicts"]), left, name


def machine_cells(machine: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of the machines."""
    running = ""
    if machine["job"] is not None:
        running = f"{machine['job']}/{machine['index']} {text(machine['name'] or '', 30)}"
    work = "" if machine["work_s"] is None else f"{machine['work_s']:.1f} s"
    return (
        text(machine["id"], 16),
        machine["state"],
        machine["health"],
        running.strip(),
        span(machine["uptime_s"]),
        work,
        str(machine["sets"]),
        machine["address"] or "",
    )


def set_cells(each: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of the sets."""
    noisy = " (noisy)" if each["noise"] else ""
    load = "" if each["utilization"] is None else f"{each['utilization']:.2f}"
    return (
        f"{each['job']}/{each['index']}",
        each["verdict"],
        load,
        f"{each['guest_s']:.3f} s",
        text(each["machine"], 16),
        text(each["name"], 30),
        text(each["reason"], 100) + noisy,
    )


def style_of(verdict: str) -> str:
    """The colour of a verdict; its word stands beside it."""
    return _STYLES.get(verdict, "")


def verdicts(counts: Mapping[str, int]) -> str:
    """Those that there are: ``9 schedulable, 1 missed``."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def span(seconds: float) -> str:
    """A time that is read at a glance."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def text(value: str, width: int) -> str:
    """Somebody's words, in one line that cannot command a terminal."""
    return shortened(printable(value), width)

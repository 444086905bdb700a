"""rt-app's JSON (https://github.com/scheduler-tools/rt-app, doc/tutorial.txt), both ways.

What both can say is a thread that runs for some time, waits for a timer, and does so again.
Whatever else a file says is told in one line each, and left out or taken as the line says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.task import EDF, Overrun, Task
from distributor.tasks.taskset import TASKS_MAX, TaskSet

_US = 1000
#: rt-app's priorities of real-time threads: 99 is the highest, 10 the default.
_TOP, _DEFAULT = 99, 10
#: As many tasks as a machine takes in a set.
_INSTANCES_MAX = TASKS_MAX
#: Of `global`: what says where rt-app writes, which has no meaning here.
_SILENT = set(
    "calibration logdir log_size log_basename ftrace gnuplot lock_pages pi_enabled io_device "
    "mem_buffer_size cumulative_slack frag".split()
)
_KNOWN = set(
    "instance delay loop policy priority dl-runtime dl-period dl-deadline cpus phases".split()
)
_EVENT = re.compile(r"(run|runtime|timer|sleep)\d*")
# A text first, so that nothing inside one is taken for a comment.
_EXTRAS = re.compile(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*|,(?=\s*[}\]])', re.DOTALL)


def parse(text: str) -> Any:
    """The document, in which rt-app allows comments and a comma after the last member.

    :raise ValueError: it is no JSON even so.
    :raise RecursionError: it is nested too deeply.
    """
    # Again, for a comma that a comment stood behind.
    for _ in range(2):
        text = _EXTRAS.sub(lambda found: found[1] or " ", text)
    return json.loads(text)


def looks_like_rtapp(document: Any) -> bool:
    """Whether a document is rt-app's: an object whose ``tasks`` are named threads."""
    return isinstance(document, dict) and isinstance(document.get("tasks"), dict)


def from_rtapp(document: Mapping[str, Any], name: str = "") -> tuple[TaskSet, list[str]]:
    """The task set of an rt-app document, and a line for each thing that it cannot say.

    :raise ConfigurationError: a thread is no periodic task.
    """
    notes: list[str] = []
    general = document.get("global", {})
    if not isinstance(general, dict):
        raise ConfigurationError("its `global` is no object")
    for key in document:
        if key not in ("tasks", "global", "resources"):
            notes.append(f"{key}: not known, left out")
    for key in general:
        if key not in _SILENT | {"duration", "default_policy"}:
            notes.append(f"global: {key} is left out")
    tasks = []
    for thread, description in document["tasks"].items():
        tasks += _tasks(thread, description, general, notes)
    if not tasks:
        raise ConfigurationError("it has no thread that is a periodic task")
    return TaskSet(tasks, name=name, origin={"format": "rt-app"}), notes


def _tasks(thread: str, told: Any, general: Mapping[str, Any], notes: list[str]) -> list[Task]:
    if not isinstance(told, dict):
        raise ConfigurationError(f"thread {thread} is no object")
    loops = _whole(thread, told, "loop", -1)
    phase: Mapping[str, Any] = told
    if "phases" in told:
        if not isinstance(told["phases"], dict) or len(told["phases"]) != 1:
            raise ConfigurationError(
                f"thread {thread} has other than one phase, and so is no periodic task"
            )
        (phase,) = told["phases"].values()
        if not isinstance(phase, dict):
            raise ConfigurationError(f"thread {thread}: its phase is no object")
        inner = _whole(thread, phase, "loop", 1)
        loops = -1 if -1 in (loops, inner) else loops * inner
    both = {**told, **phase}
    timing, ran_us = _timing(thread, both, phase, notes)
    period_us = timing["period_us"]
    if loops == -1:
        timing["numberofjobs"] = _jobs(thread, general.get("duration", -1), period_us, notes)
    else:
        timing["numberofjobs"] = max(1, loops)
    if both.get("delay"):
        timing["offset_us"] = _whole(thread, both, "delay", 0)
    timing |= _policy(thread, both, general, notes) | _processors(thread, both, notes)
    copies = _whole(thread, told, "instance", 1)
    if copies > _INSTANCES_MAX:
        raise ConfigurationError(f"thread {thread} has {copies} instances, over {_INSTANCES_MAX}")
    if copies == 0:
        notes.append(f"{thread}: no instance of it is started, left out")
    return [Task("busy", arg1=ran_us, **timing)] * copies


def _timing(
    thread: str, both: Mapping[str, Any], phase: Mapping[str, Any], notes: list[str]
) -> tuple[dict[str, Any], int]:
    """Period and processor time of one round of events, in microseconds."""
    ran_us = slept_us = 0
    period_us: int | None = None
    for key in both:
        found = _EVENT.fullmatch(key)
        if found is None:
            if key not in _KNOWN:
                notes.append(f"{thread}: {key} is left out")
        elif key not in phase:
            continue
        elif found[1] in ("run", "runtime"):
            ran_us += _whole(thread, phase, key, 0)
        elif found[1] == "sleep":
            slept_us += _whole(thread, phase, key, 0)
        elif period_us is not None:
            raise ConfigurationError(f"thread {thread} waits for more than one timer a round")
        elif not isinstance(phase[key], dict):
            raise ConfigurationError(f"thread {thread}: {key} is no object")
        else:
            period_us = _whole(thread, phase[key], "period", 0)
            if phase[key].get("mode", "relative") != "absolute":
                notes.append(f"{thread}: its timer is relative; taken as absolute")
    if period_us is not None and slept_us:
        notes.append(f"{thread}: it sleeps for {slept_us} us beside its timer, left out")
    if period_us is None and slept_us:
        period_us = ran_us + slept_us
        notes.append(
            f"{thread}: it sleeps after it ran; taken as a period of {period_us} us, "
            "which no delay makes longer"
        )
    if period_us is None and "dl-period" in both:
        period_us = _whole(thread, both, "dl-period", 0)
    if not period_us:
        raise ConfigurationError(f"thread {thread} has no timer, and so is no periodic task")
    return {"period_us": period_us}, ran_us


def _jobs(thread: str, duration_s: Any, period_us: int, notes: list[str]) -> int:
    if isinstance(duration_s, int) and duration_s > 0:
        return max(1, -(-duration_s * 10**6 // period_us))
    notes.append(f"{thread}: it runs without an end; taken as one job")
    return 1


def _policy(
    thread: str, both: Mapping[str, Any], general: Mapping[str, Any], notes: list[str]
) -> dict[str, Any]:
    policy = both.get("policy", general.get("default_policy", "SCHED_OTHER"))
    if policy == "SCHED_DEADLINE":
        told: dict[str, Any] = {"priority": EDF}
        if both.get("dl-runtime"):
            told["executiontime_us"] = _whole(thread, both, "dl-runtime", 0)
        if both.get("dl-deadline"):
            told["deadline_us"] = _whole(thread, both, "dl-deadline", 0)
        return told
    if policy in ("SCHED_FIFO", "SCHED_RR"):
        if policy == "SCHED_RR":
            notes.append(f"{thread}: SCHED_RR; taken as SCHED_FIFO")
        return {"priority": _TOP - _whole(thread, both, "priority", _DEFAULT)}
    notes.append(f"{thread}: {policy} is no real-time policy; taken as the lowest priority")
    return {"priority": EDF - 1}


def _processors(thread: str, both: Mapping[str, Any], notes: list[str]) -> dict[str, int]:
    cpus = both.get("cpus")
    if not cpus:
        return {}
    if not isinstance(cpus, list) or not all(isinstance(cpu, int) for cpu in cpus):
        raise ConfigurationError(f"thread {thread}: cpus is no list of numbers")
    low, high = min(cpus), max(cpus)
    if high - low >= len(cpus) or sorted(cpus) != list(range(low, high + 1)):
        notes.append(f"{thread}: its processors {cpus} do not follow each other, left out")
        return {}
    return {"cores": len(cpus), "coreoffset": low}


def _whole(thread: str, told: Mapping[str, Any], key: str, default: int) -> int:
    value = told.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < min(0, default):
        raise ConfigurationError(f"thread {thread}: {key} is a whole number, not {value!r}")
    return value


def to_rtapp(taskset: TaskSet) -> tuple[dict[str, Any], list[str]]:
    """An rt-app document of a task set, and a line for each thing that it cannot say.

    :raise ConfigurationError: no task of the set has a known execution time.
    """
    notes: list[str] = []
    threads = {}
    fixed = sorted({task.priority for task in taskset if task.priority != EDF})
    for place, task in enumerate(taskset):
        name = f"{task.name}-{place}"
        if task.wcet_ns is None:
            notes.append(f"task {place}: rt-app cannot run {task.name}, left out")
            continue
        threads[name] = _thread(place, task, fixed, notes)
    if not threads:
        raise ConfigurationError(
            "no task of it has an execution time", hint="give its tasks an executiontime"
        )
    if any(task.overrun is not Overrun.LATE for task in taskset):
        notes.append("a job that overruns its period is never killed or left out by rt-app")
    seconds = -(-taskset.horizon_ns // 10**9)
    return {
        "global": {"duration": seconds, "default_policy": "SCHED_FIFO"},
        "tasks": threads,
    }, notes


def _thread(place: int, task: Task, fixed: list[int], notes: list[str]) -> dict[str, Any]:
    def us(name: str, time_ns: int) -> int:
        if time_ns % _US:
            notes.append(f"task {place}: its {name} of {time_ns} ns is rounded to microseconds")
        return max(1, round(time_ns / _US))

    wcet_ns = task.wcet_ns or 0
    if task.binary != "busy":
        notes.append(f"task {place}: {task.name} becomes a load as long as its execution time")
    thread: dict[str, Any] = {"loop": task.numberofjobs}
    if task.priority == EDF:
        thread |= {
            "policy": "SCHED_DEADLINE",
            "dl-runtime": us("execution time", max(wcet_ns, _US)),
            "dl-period": us("period", task.period_ns),
            "dl-deadline": us("deadline", task.deadline_ns),
        }
        if task.executiontime_ns is None:
            notes.append(f"task {place}: rt-app ends its budget after {wcet_ns // _US} us a period")
    else:
        priority = _TOP - task.priority
        if task.priority > _TOP - 1 or fixed[-1] > _TOP - 1:
            priority = max(1, _TOP - 1 - fixed.index(task.priority))
        thread |= {"policy": "SCHED_FIFO", "priority": priority}
        if task.deadline_ns != task.period_ns:
            notes.append(f"task {place}: a deadline that is not the period is left out")
    if task.offset_ns:
        thread["delay"] = us("offset", task.offset_ns)
    if task.cores is not None:
        thread["cpus"] = list(range(task.coreoffset, task.coreoffset + task.cores))
    for name in ("criticaltime_ns", "quota_bytes", "caps"):
        if getattr(task, name) is not None:
            notes.append(f"task {place}: its {name.split('_')[0]} is left out")
    thread["run"] = us("execution time", wcet_ns) if wcet_ns else 0
    thread["timer"] = {"ref": "unique", "period": us("period", task.period_ns), "mode": "absolute"}
    return thread

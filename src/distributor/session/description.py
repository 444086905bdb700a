"""A task set as the XML that a loader reads."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from xml.sax.saxutils import escape

from distributor.errors import ConfigurationError
from distributor.session.rules import OURS, Rules
from distributor.tasks.task import EDF, Overrun, Task
from distributor.tasks.taskset import TaskSet

_MS = 10**6


def describe(taskset: TaskSet, *, extended: bool, switches: int = 0, rules: Rules = OURS) -> bytes:
    """The document that follows SEND_DESCS, without an XML declaration (Genode refuses one).

    :param extended: whether the loader knows our extensions: nanoseconds, ``overrun`` and
        ``switches``.
    :param switches: how many switches of the processors to tell, at most; 0 for none.
    :param rules: of the loader: what it needs that a task does not name.
    :raise ConfigurationError: the set needs an extension that the loader does not know.
    """
    tasks = "".join(_task(place, task, extended, rules) for place, task in enumerate(taskset))
    if not switches:
        return f"<taskset>{tasks}</taskset>".encode("ascii")
    if not extended:
        raise ConfigurationError("a plain loader cannot trace the switches of its processors")
    return f"<taskset><switches>{switches}</switches>{tasks}</taskset>".encode("ascii")


def _task(place: int, task: Task, extended: bool, rules: Rules) -> str:
    if not extended and task.overrun is not Overrun.KILL:
        raise ConfigurationError(
            f"task {place} wants overrun={task.overrun}, which a plain loader does not know"
        )
    elements = [
        ("id", str(place)),
        ("pkg", escape(task.name)),
        ("config", f"<arg1>{escape(task.arg1)}</arg1>"),
        ("priority", str(task.priority)),
        *_time("period", task.period_ns, place, extended),
        *_time("offset", task.offset_ns, place, extended),
        ("numberofjobs", str(task.numberofjobs)),
    ]
    if task.priority == EDF or extended:
        elements += _time("deadline", task.deadline_ns, place, extended)
    if task.executiontime_ns is not None:
        elements += _time("executiontime", task.executiontime_ns, place, extended)
    if task.criticaltime_ns is not None:
        elements += _time("criticaltime", task.criticaltime_ns, place, extended)
    quota_bytes = rules.quota_bytes if task.quota_bytes is None else task.quota_bytes
    if quota_bytes is not None:
        elements.append(("quota", _quota(quota_bytes)))
    caps = rules.caps if task.caps is None else task.caps
    if caps is not None:
        elements.append(("caps", str(caps)))
    if task.cores is not None:
        elements += [("cores", str(task.cores)), ("coreoffset", str(task.coreoffset))]
    if extended:
        elements.append(("overrun", task.overrun.value))
    return (
        "<periodictask>"
        + "".join(f"<{name}>{value}</{name}>" for name, value in elements)
        + "</periodictask>"
    )


def _time(name: str, time_ns: int, place: int, extended: bool) -> list[tuple[str, str]]:
    """Milliseconds, and nanoseconds beside them where they say more."""
    if time_ns % _MS == 0 and time_ns // _MS < 2**32:
        return [(name, str(time_ns // _MS))]
    if not extended:
        raise ConfigurationError(
            f"task {place} has a {name} of {time_ns} ns, but a plain loader counts in "
            "whole milliseconds"
        )
    return [(f"{name}_ns", str(time_ns))]


def _quota(quota_bytes: int) -> str:
    """``5M`` where it is whole mebibytes, else ``n`` KiB rounded up."""
    if quota_bytes % 2**20 == 0:
        return f"{quota_bytes // 2**20}M"
    return f"{-(-quota_bytes // 2**10)}K"


class Goal(StrEnum):
    """Whom admission control takes first, until no more can be shown to fit."""

    #: First come, first served: in the order of the set, whatever a task's size.
    FAIRNESS = "fairness"
    #: The larger tasks first, where that uses the processors more than their order does.
    UTILIZATION = "utilization"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """As :func:`describe_goal` and ``add_job`` take it."""
        return {
            "goal": {goal.value: {"apply": int(goal is self)} for goal in Goal},
            "query_interval": 1000,
        }


def describe_goal(goal: Mapping[str, Any]) -> bytes:
    """The document that follows OPTIMIZE, from a nested mapping of names to numbers.

    ``{"goal": {"fairness": {"apply": 1}}, "query_interval": 1000}`` asks for fairness.

    :raise ConfigurationError: a name that XML does not allow, or a value that is neither
        a mapping nor a whole number.
    """
    return f"<optimize>{_goal(goal)}</optimize>".encode("ascii")


def _goal(goal: Mapping[str, Any], depth: int = 0) -> str:
    parts = []
    for name, value in goal.items():
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            raise ConfigurationError(f"{name!r} is no name for a part of an optimization goal")
        if isinstance(value, Mapping) and depth < 8:
            inner = _goal(value, depth + 1)
        elif isinstance(value, int):
            inner = str(int(value))
        else:
            raise ConfigurationError(f"{name}={value!r} in an optimization goal is no whole number")
        parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)

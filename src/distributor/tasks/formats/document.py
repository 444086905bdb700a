"""Task sets as JSON holds them (docs/tasksets.md; :mod:`.schema` says the same as a schema)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.block import BlockTaskSet
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.span import UNIT_NS
from distributor.tasks.task import EDF, Overrun, Task
from distributor.tasks.taskset import TaskSet

#: What a document holds, one of them: sets, a product of values, or a description of draws.
KINDS = ("tasksets", "product", "generate")
#: Parameters that RandomTaskSets takes from a document.
GENERATE = tuple(
    "tasks utilization sets method caps periods deadlines priorities processors fit duration_ms "
    "seed".split()
)


_SETS = 'a file holds a list of sets: [{"tasks": [...]}]'


def tasksets_of(document: Any, where: str, folder: Path) -> Iterable[TaskSet]:
    """The task sets that a document describes.

    :param where: the file, for messages.
    :param folder: where a binary's relative path begins.
    :raise ConfigurationError: naming the place in the document.
    """
    if isinstance(document, list):
        document = {"tasksets": document}
    if not isinstance(document, dict):
        raise ConfigurationError(f"{where} holds no object and no list")
    if isinstance(document.get("tasks"), dict):
        raise ConfigurationError(
            f"{where} looks like one of rt-app's", hint="`distributor convert` makes sets of it"
        )
    given = [kind for kind in KINDS if kind in document]
    for key in document:
        if key not in (*KINDS, "$schema"):
            raise ConfigurationError(
                f"{where}: {key!r} is not known there", hint=_SETS if key == "tasks" else ""
            )
    if len(given) != 1:
        raise ConfigurationError(f"{where} holds one of {', '.join(KINDS)}, not {len(given)}")
    content = document[given[0]]
    if given[0] == "generate":
        return _generate(content, where)
    if given[0] == "product":
        return _product(content, where, folder)
    if not isinstance(content, list) or not content:
        raise ConfigurationError(f"{where} holds no list of task sets under `tasksets`")
    return [
        taskset_of(entry, f"{where}, task set {place}", folder)
        for place, entry in enumerate(content)
    ]


def taskset_of(entry: Any, where: str, folder: Path) -> TaskSet:
    """One task set: an object with ``tasks``, and perhaps ``name`` and ``origin``."""
    tasks, name = _members(entry, where, {"name", "tasks", "origin"})
    made = []
    for number, parameters in enumerate(tasks):
        with_place = f"{where}, task {number}"
        try:
            made.append(Task(**from_folder(parameters, folder)))
        except ConfigurationError as error:
            raise ConfigurationError(f"{with_place}: {error}") from error
    try:
        return TaskSet(made, name=name, origin=entry.get("origin"))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def entry_of(taskset: TaskSet) -> dict[str, Any]:
    """What :func:`taskset_of` reads; what has its default is left out."""
    entry: dict[str, Any] = {"name": taskset.name} if taskset.name else {}
    entry["tasks"] = [parameters_of(task) for task in taskset]
    if taskset.origin is not None:
        entry["origin"] = taskset.origin
    return entry


def parameters_of(task: Task) -> dict[str, Any]:
    """The keywords that make the task; each time in the greatest unit that it is whole in."""
    told: dict[str, Any] = {"binary": task.binary}
    if task.arg1:
        # As a number where it reads back as the same text.
        number = task.arg1.isdecimal() and str(int(task.arg1)) == task.arg1
        told["arg1"] = int(task.arg1) if number else task.arg1
    told |= _time("period", task.period_ns)
    if task.deadline_ns != task.period_ns:
        told |= _time("deadline", task.deadline_ns)
    if task.offset_ns:
        told |= _time("offset", task.offset_ns)
    if task.priority != EDF:
        told["priority"] = task.priority
    if task.numberofjobs != 1:
        told["numberofjobs"] = task.numberofjobs
    for name in ("executiontime", "criticaltime"):
        time_ns = getattr(task, f"{name}_ns")
        if time_ns is not None:
            told |= _time(name, time_ns)
    if task.quota_bytes is not None:
        told["quota_mib"] = task.quota_bytes / 2**20
    for name in ("caps", "cores"):
        if getattr(task, name) is not None:
            told[name] = getattr(task, name)
    if task.coreoffset:
        told["coreoffset"] = task.coreoffset
    if task.overrun is not Overrun.KILL:
        told["overrun"] = task.overrun.value
    return told


def from_folder(parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The parameters; a binary's relative path is taken from the folder."""
    told = dict(parameters)
    for name in ("binary", "pkg"):
        if isinstance(told.get(name), str) and "/" in told[name]:
            told[name] = str(folder / told[name])
    return told


def _members(entry: Any, where: str, known: set[str]) -> tuple[list[dict[str, Any]], str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("tasks"), list):
        raise ConfigurationError(f"{where}: it is an object with a list `tasks`")
    for key in entry:
        if key not in known:
            raise ConfigurationError(f"{where}: {key!r} is not known")
    for number, parameters in enumerate(entry["tasks"]):
        if not isinstance(parameters, dict):
            raise ConfigurationError(f"{where}, task {number}: it is an object of parameters")
    name = entry.get("name", "")
    if not isinstance(name, str):
        raise ConfigurationError(f"{where}: its name is a text, not {name!r}")
    return entry["tasks"], name


def _product(content: Any, where: str, folder: Path) -> BlockTaskSet:
    """Every combination; a parameter's list, or ``{"from", "to", "step"}``, is many values."""
    where = f"{where}, product"
    tasks, name = _members(content, where, {"name", "tasks"})
    blocks = []
    for number, parameters in enumerate(tasks):
        block = from_folder(parameters, folder)
        for key, value in block.items():
            if isinstance(value, dict):
                block[key] = _range(value, f"{where}, task {number}: {key}")
        blocks.append([block])
    try:
        return BlockTaskSet(*blocks, name=name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _range(value: dict[str, Any], where: str) -> range:
    numbers = [value.get("from"), value.get("to"), value.get("step", 1)]
    if not value.keys() <= {"from", "to", "step"} or not all(
        isinstance(number, int) and not isinstance(number, bool) for number in numbers
    ):
        raise ConfigurationError(f"{where}: a range has whole numbers `from`, `to` and `step`")
    low, high, step = numbers
    if step < 1 or low > high:
        raise ConfigurationError(f"{where}: the range goes upward, in steps from 1")
    return range(low, high + 1, step)


def _generate(content: Any, where: str) -> RandomTaskSets:
    where = f"{where}, generate"
    if not isinstance(content, dict) or not {"tasks", "utilization"} <= content.keys():
        raise ConfigurationError(f"{where}: it is an object with `tasks` and `utilization`")
    for key in content:
        if key not in GENERATE:
            raise ConfigurationError(
                f"{where}: {key!r} is not known", hint="it has " + ", ".join(GENERATE)
            )
    if "seed" not in content:
        raise ConfigurationError(
            f"{where}: it has no seed", hint="any whole number: the same one draws the same sets"
        )
    try:
        return RandomTaskSets(**content)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _time(name: str, time_ns: int) -> dict[str, int]:
    # Not in seconds: a set's times are best compared in one unit.
    for unit in ("ms", "us", "ns"):
        if time_ns % UNIT_NS[unit] == 0:
            return {f"{name}_{unit}": time_ns // UNIT_NS[unit]}
    raise AssertionError("every time is whole nanoseconds")

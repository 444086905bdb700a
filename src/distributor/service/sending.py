"""A job as a client sends it: task sets of any origin, to a body and its type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.session.description import Goal
from distributor.tasks.block import BlockTaskSet
from distributor.tasks.formats.document import from_folder
from distributor.tasks.formats.lines import line_of
from distributor.tasks.formats.text import parse_json, read_text
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.load import load
from distributor.tasks.taskset import TaskSet

_JSON, _JSON_LINES = "application/json", "application/jsonl"
#: More than a service takes.
_BODY_MAX = 256 * 2**20


def write_body(given: TaskSet | Iterable[TaskSet] | Path | str) -> tuple[str, str]:
    """A body that holds the sets, and its type.

    :param given: task sets, or a file of them. What to draw is sent as its description.
    :raise ConfigurationError: it holds none, or more than one job may bring.
    """
    if isinstance(given, str | Path):
        path = Path(given)
        given = load(path)
        if path.suffix == ".json" and isinstance(given, BlockTaskSet):
            return json.dumps({"product": _product(path)}), _JSON
    if isinstance(given, RandomTaskSets):
        return json.dumps({"generate": given.description}), _JSON
    if isinstance(given, TaskSet):
        given = [given]
    if not isinstance(given, Iterable):
        raise ConfigurationError(
            f"a job takes a task set or an iterable of task sets, not {given!r:.60}"
        )
    lines: list[str] = []
    length = 0
    for place, each in enumerate(given):
        if not isinstance(each, TaskSet):
            raise ConfigurationError(f"set {place} is no task set but {each!r:.80}")
        lines.append(line_of(each))
        length += len(lines[-1])
        if length > _BODY_MAX:
            raise ConfigurationError(
                f"these are more task sets than one job may bring: {place} are {length >> 20} MiB",
                hint="send them as several jobs, or as a description: product, generate",
            )
    if not lines:
        raise ConfigurationError("a job needs at least one task set; this has none")
    return "\n".join(lines), _JSON_LINES


def _product(path: Path) -> Any:
    """What a file holds under ``product``; its binaries' paths are absolute."""
    product = parse_json(read_text(path), str(path))["product"]
    folder = path.parent.resolve()
    return {**product, "tasks": [from_folder(task, folder) for task in product["tasks"]]}


def name_goal(given: tuple[Mapping[str, Any], ...]) -> str:
    """The name of the goal with these parameters.

    :raise ConfigurationError: it is none that a service knows.
    """
    for goal in Goal:
        if len(given) == 1 and given[0] == goal.parameters:
            return goal.value
    raise ConfigurationError(
        f"a service takes one optimization goal of {', '.join(Goal)}, as Goal.parameters has it"
    )

"""A pool: the tasks that a search makes sets of, from a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.formats.document import from_folder
from distributor.tasks.formats.text import parse_json, read_text
from distributor.tasks.load import STANDARD_INPUT, load, run_python
from distributor.tasks.task import Task

#: Most tasks in a pool; pairs of more are beyond what anybody runs.
POOL_MAX = 10_000


def load_pool(path: Path) -> list[Task]:
    """The tasks that a file describes.

    A Python file defines ``tasks``: an iterable of :class:`Task`, of task sets (a
    ``BlockTaskSet``, whose variants are taken apart), or of both. A JSON file holds
    ``{"tasks": [{"binary": "busy", "period_ms": 10}]}``. Any other file of task sets does as
    well: its pool are the different tasks of all its sets.

    :raise ConfigurationError: naming the file, and what is wrong with it.
    """
    if not path.exists() and path != STANDARD_INPUT:
        raise ConfigurationError(f"there is no file {path}")
    given = _given(path)
    try:
        tasks = list(islice(given, POOL_MAX + 1))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except Exception as error:  # the user's generator may raise anything
        raise ConfigurationError(f"{path}: {type(error).__name__}: {error}") from error
    if not tasks:
        raise ConfigurationError(f"{path} holds no task")
    if len(tasks) > POOL_MAX:
        raise ConfigurationError(
            f"{path} holds more than {POOL_MAX} tasks", hint="make sets of fewer"
        )
    return tasks


def _given(path: Path) -> Iterator[Task]:
    if path.suffix == ".py":
        names = run_python(path)
        if "tasks" in names:
            return _apart(names["tasks"], "`tasks`")
        if "tasksets" in names:
            return _different(_apart(names["tasksets"], "`tasksets`"))
        raise ConfigurationError(
            f"{path} does not define `tasks`", hint="assign a list of tasks to that name"
        )
    if path.suffix == ".json" and (listed := _listed(path)) is not None:
        return (_task(each, path.parent, place) for place, each in enumerate(listed))
    return _different(_apart(load(path), "it"))


def _listed(path: Path) -> list[Any] | None:
    """The list ``tasks`` of a JSON document; None if it has none, or cannot be read."""
    try:
        document = parse_json(read_text(path), str(path))
    except ConfigurationError:
        return None  # load() says why
    listed = document.get("tasks") if isinstance(document, dict) else None
    return listed if isinstance(listed, list) else None


def _task(parameters: Any, folder: Path, place: int) -> Task:
    if not isinstance(parameters, dict):
        raise ConfigurationError(f"task {place}: it is an object of parameters")
    try:
        return Task(**from_folder(parameters, folder))
    except ConfigurationError as error:
        raise ConfigurationError(f"task {place}: {error}") from error


def _apart(given: Any, name: str) -> Iterator[Task]:
    if isinstance(given, Task):
        yield given
        return
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | dict):
        raise ConfigurationError(f"{name} is no task and no iterable of them, but {given!r:.60}")
    for each in given:
        if isinstance(each, Task):
            yield each
        elif isinstance(each, Iterable) and not isinstance(each, str | bytes | dict):
            yield from _apart(each, f"what stands in {name}")
        else:
            raise ConfigurationError(f"{name} holds {each!r:.60}, which is no task")


def _different(tasks: Iterable[Task]) -> Iterator[Task]:
    seen: set[Task] = set()
    for task in tasks:
        if task not in seen:
            seen.add(task)
            yield task

"""Task sets from a file: Python that defines ``tasksets``, or JSON."""

from __future__ import annotations

import json
import runpy
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet


def load(path: Path) -> TaskSet | Iterable[TaskSet]:
    """The task sets that a file describes.

    A Python file defines ``tasksets``: a :class:`TaskSet`, a ``BlockTaskSet`` or any
    iterable of task sets, a generator included. A JSON file holds
    ``{"tasksets": [{"name": "...", "tasks": [{"binary": "busy", "period_ms": 10}]}]}``,
    with the parameters of :class:`Task`; a binary's path is taken from the file's folder.

    :raise ConfigurationError: naming the file, and the line or the place in it.
    """
    if not path.exists():
        raise ConfigurationError(f"there is no file {path}")
    if path.suffix == ".json":
        return _load_json(path)
    if path.suffix == ".py":
        return _load_python(path)
    raise ConfigurationError(f"{path} is neither Python (.py) nor JSON (.json)")


def _load_python(path: Path) -> TaskSet | Iterable[TaskSet]:
    # As for a script: modules beside it can be imported, later in its generators too.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        names = runpy.run_path(str(path), run_name="<tasksets>")
    except SyntaxError as error:
        raise ConfigurationError(f"{path}, line {error.lineno}: {error.msg}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # the user's file may raise anything
        raise ConfigurationError(f"{path}{_line(error, path)}: {_say(error)}") from error
    if "tasksets" not in names:
        raise ConfigurationError(
            f"{path} does not define `tasksets`",
            hint="assign a TaskSet, or an iterable of them, to that name",
        )
    tasksets: TaskSet | Iterable[TaskSet] = names["tasksets"]
    if not isinstance(tasksets, Iterable):
        raise ConfigurationError(
            f"{path}: `tasksets` is no task set and no iterable of them, but {tasksets!r:.60}"
        )
    return tasksets


def _line(error: Exception, path: Path) -> str:
    """The last line of the user's own file that was running."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return f", line {lines[-1]}" if lines else ""


def _say(error: Exception) -> str:
    if isinstance(error, ConfigurationError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _load_json(path: Path) -> list[TaskSet]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}, line {error.lineno}: {error.msg}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if isinstance(document, dict) and "tasksets" in document:
        unknown = set(document) - {"tasksets"}
        entries = document["tasksets"]
    else:
        unknown, entries = set(), document
    if unknown:
        raise ConfigurationError(f"{path}: {sorted(unknown)[0]!r} is not known beside `tasksets`")
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(f"{path} holds no list of task sets under `tasksets`")
    return [_taskset(entry, path, place) for place, entry in enumerate(entries)]


def _taskset(entry: Any, path: Path, place: int) -> TaskSet:
    where = f"{path}, task set {place}"
    if not isinstance(entry, dict) or not isinstance(entry.get("tasks"), list):
        raise ConfigurationError(f"{where}: it is an object with a list `tasks`")
    unknown = set(entry) - {"name", "tasks"}
    if unknown:
        raise ConfigurationError(f"{where}: {sorted(unknown)[0]!r} is not known")
    tasks = []
    for number, parameters in enumerate(entry["tasks"]):
        if not isinstance(parameters, dict):
            raise ConfigurationError(f"{where}, task {number}: it is an object of parameters")
        try:
            tasks.append(Task(**_from_folder(parameters, path.parent)))
        except ConfigurationError as error:
            raise ConfigurationError(f"{where}, task {number}: {error}") from error
    try:
        return TaskSet(tasks, name=str(entry.get("name", "")))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _from_folder(parameters: dict[str, Any], folder: Path) -> dict[str, Any]:
    binary = parameters.get("binary")
    if isinstance(binary, str) and "/" in binary:
        return {**parameters, "binary": str(folder / binary)}
    return parameters

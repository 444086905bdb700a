"""Where a job's task sets come from, told so that they can be drawn again by another program.

A source is a mapping that JSON can hold, of one of two kinds:

- ``{"content": "...", "format": ".json", "name": "sets.json", "folder": "/lab"}``: all that is
  to be known, as a file would hold it, in any format of :mod:`distributor.tasks.load` but Python;
- ``{"path": "/lab/sets.py", "sha256": "..."}``: a file, which must be the same one later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.formats.lines import line_of
from distributor.tasks.formats.text import read_text, unread
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.load import STANDARD_INPUT, load, parse
from distributor.tasks.taskset import TaskSet

#: Longest content kept in a source, in characters; a longer file is told by its path.
CONTENT_MAX = 2**20
#: Sets at the head of a Python file's that are drawn twice, to see whether they are the same.
_TWICE = 16

Source = Mapping[str, Any]


def describe(tasksets: TaskSet | Iterable[TaskSet]) -> Source:
    """The source of task sets that were made in this program.

    :param tasksets: a task set, a list of them, or a :class:`RandomTaskSets`.
    :raise ConfigurationError: they cannot be told, or are too many.
    """
    if isinstance(tasksets, RandomTaskSets):
        return _content(json.dumps({"generate": tasksets.description}), ".json", "random task sets")
    if isinstance(tasksets, TaskSet):
        tasksets = [tasksets]
    if not isinstance(tasksets, list | tuple):
        raise ConfigurationError(
            f"task sets from a {type(tasksets).__name__} cannot be drawn again when this program "
            "is gone",
            hint="write them to a file, or define them in a Python file, and describe that",
        )
    lines: list[str] = []
    length = 0
    for taskset in tasksets:
        lines.append(line_of(taskset) + "\n")
        length += len(lines[-1])
        if length > CONTENT_MAX:
            raise ConfigurationError(
                f"these task sets are more than the {CONTENT_MAX} characters that a store keeps",
                hint="write them to a file, and describe that",
            )
    return _content("".join(lines), ".jsonl", "task sets")


def describe_content(content: str, suffix: str, name: str) -> Source:
    """The source of what a file holds that is not on this host's disk.

    :param suffix: what it is: ``.json``, ``.jsonl`` or ``.csv``.
    :param name: what messages call it.
    :raise ConfigurationError: it is too long.
    """
    if len(content) > CONTENT_MAX:
        raise ConfigurationError(
            f"{name} is longer than the {CONTENT_MAX} characters that a store keeps",
            hint="put it into a file on this host, and run that",
        )
    return _content(content, suffix, name)


def describe_file(path: Path) -> Source:
    """The source of a file's task sets.

    A Python file is run, and the first of its sets are drawn, to see that they are the same
    each time; JSON, JSON lines and CSV are taken as they are.

    :raise ConfigurationError: it cannot be drawn again, or not read; the line says what to do.
    """
    if path == STANDARD_INPUT or not path.is_file():
        what = "standard input" if path == STANDARD_INPUT else str(path)
        raise ConfigurationError(
            f"task sets from {what} cannot be drawn again",
            hint="write them to a file, and run that, to be able to go on after a crash",
        )
    if path.suffix == ".py":
        _check_steady(path)
    elif path.stat().st_size <= CONTENT_MAX:
        return _content(read_text(path), path.suffix, str(path), path.parent)
    return {"path": str(path.resolve()), "sha256": _fingerprint(path)}


def draw(source: Source) -> TaskSet | Iterable[TaskSet]:
    """The task sets, from the first one on.

    :raise ConfigurationError: the file is gone or another one, or cannot be read.
    """
    if "content" in source:
        folder = Path(source["folder"])
        return parse(source["content"], source["format"], source["name"], folder)
    path = Path(source["path"])
    if not path.is_file():
        raise ConfigurationError(
            f"{path} is gone, and task sets were to be drawn from it", hint="put it back"
        )
    if _fingerprint(path) != source["sha256"]:
        raise ConfigurationError(
            f"{path} has changed since its task sets were begun",
            hint="put it back as it was, or begin a new run",
        )
    return load(path)


def is_program(source: Source) -> bool:
    """Whether its sets are made by a program, which may make others another time."""
    return str(source.get("path", "")).endswith(".py")


def _content(content: str, suffix: str, name: str, folder: Path = Path()) -> Source:
    return {"content": content, "format": suffix, "name": name, "folder": str(folder.resolve())}


def _check_steady(path: Path) -> None:
    first, again = (_head(path) for _ in range(2))
    if first != again:
        raise ConfigurationError(
            f"{path} makes other task sets each time that it is run",
            hint="give its generator a seed, to be able to go on after a crash",
        )


def _head(path: Path) -> list[TaskSet]:
    drawn = load(path)
    if isinstance(drawn, TaskSet):
        return [drawn]
    try:
        return list(islice(drawn, _TWICE))
    except ConfigurationError:
        raise
    except Exception as error:  # the user's generator may raise anything
        raise ConfigurationError(f"{path}: {type(error).__name__}: {error}") from error


def _fingerprint(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unread(path, error) from error

"""Task sets in JSON lines, one a line, read and written one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from distributor.errors import ConfigurationError
from distributor.tasks.formats.document import entry_of, taskset_of
from distributor.tasks.formats.text import ENCODING, no_text, parse_json, unread
from distributor.tasks.taskset import TaskSet


class JSONLines:
    """The sets of a file, read as they are asked for; it may have any length.

    :raise ConfigurationError: when a line is read that holds no set, naming it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count: int | None = None

    def __iter__(self) -> Iterator[TaskSet]:
        try:
            with self._path.open(encoding=ENCODING) as file:
                yield from read_lines(file, str(self._path), self._path.parent)
        except OSError as error:
            raise unread(self._path, error) from error

    def __len__(self) -> int:
        if self._count is None:
            try:
                with self._path.open("rb") as file:
                    self._count = sum(1 for line in file if line.strip())
            except OSError as error:
                raise unread(self._path, error) from error
        return self._count


def read_lines(file: Iterable[str], name: str, folder: Path) -> Iterator[TaskSet]:
    """The sets of an open file; empty lines are passed over.

    :raise ConfigurationError: a line holds no set, or none holds anything.
    """
    some = False
    try:
        for number, line in enumerate(file, 1):
            if line.strip():
                some = True
                where = f"{name}, line {number}"
                yield taskset_of(parse_json(line, where), where, folder)
    except UnicodeDecodeError as error:
        raise no_text(name, error) from error
    if not some:
        raise ConfigurationError(f"{name} holds no task set")


def line_of(taskset: TaskSet) -> str:
    """One line, without its end."""
    return json.dumps(entry_of(taskset), separators=(", ", ": "))


def write_lines(tasksets: Iterable[TaskSet], file: IO[str]) -> None:
    for taskset in tasksets:
        file.write(line_of(taskset) + "\n")


def write_document(tasksets: Iterable[TaskSet], file: IO[str]) -> None:
    """One JSON object with every set under ``tasksets``, a set a line."""
    file.write('{"tasksets": [')
    for place, taskset in enumerate(tasksets):
        file.write((",\n" if place else "\n") + line_of(taskset))
    file.write("\n]}\n")

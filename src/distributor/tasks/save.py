"""Task sets into a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from distributor.errors import ConfigurationError
from distributor.tasks.formats.lines import write_document, write_lines
from distributor.tasks.formats.table import write_table
from distributor.tasks.taskset import TaskSet

_WRITERS = {".json": write_document, ".jsonl": write_lines, ".csv": write_table}


def check_suffix(path: Path) -> None:
    """:raise ConfigurationError: the name's ending tells no format that is written."""
    if path.suffix not in _WRITERS:
        raise ConfigurationError(
            f"{path}: task sets are written to {', '.join(_WRITERS)}, not {path.suffix or 'that'}"
        )


def save(tasksets: TaskSet | Iterable[TaskSet], path: Path) -> None:
    """Write the sets, one at a time; :func:`distributor.tasks.load.load` reads them back.

    :param path: its ending says how: ``.json``, ``.jsonl`` or ``.csv``.
    :raise ConfigurationError: the ending says nothing, or the file cannot be written.
    """
    check_suffix(path)
    if isinstance(tasksets, TaskSet):
        tasksets = (tasksets,)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            _WRITERS[path.suffix](tasksets, file)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from error

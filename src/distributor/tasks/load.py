"""Task sets from a file: Python that defines ``tasksets``, JSON, JSON lines or CSV."""

from __future__ import annotations

import io
import runpy
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.formats.document import tasksets_of
from distributor.tasks.formats.lines import JSONLines, read_lines
from distributor.tasks.formats.table import read_table
from distributor.tasks.formats.text import ENCODING, parse_json, read_text, unread
from distributor.tasks.taskset import TaskSet

#: A file that stands for the standard input.
STANDARD_INPUT = Path("-")
_ONE = "a run needs at least one task set"


def load(path: Path) -> TaskSet | Iterable[TaskSet]:
    """The task sets that a file describes (docs/tasksets.md).

    A Python file defines ``tasksets``: a :class:`TaskSet`, a ``BlockTaskSet`` or any
    iterable of task sets, a generator included. A JSON file holds sets
    (``{"tasksets": [{"tasks": [{"binary": "busy", "period_ms": 10}]}]}``), a ``product`` or
    what to ``generate``; JSON lines (``.jsonl``) and CSV hold sets. A binary's path is taken
    from the file's folder. ``-`` reads JSON lines from the standard input.

    :raise ConfigurationError: naming the file, and the line or the place in it; for JSON
        lines when the line is read.
    """
    if path == STANDARD_INPUT:
        return read_lines(sys.stdin, "standard input", Path())
    if not path.exists():
        raise ConfigurationError(f"there is no file {path}")
    if path.is_dir():
        raise ConfigurationError(
            f"{path} is a folder", hint="name a file in it: .py, .json, .jsonl or .csv"
        )
    if path.suffix not in _READERS:
        raise ConfigurationError(
            f"{path} is neither Python (.py) nor JSON (.json), JSON lines (.jsonl) or CSV (.csv)"
        )
    return _READERS[path.suffix](path)


def parse(content: str, suffix: str, name: str, folder: Path) -> Iterable[TaskSet]:
    """The task sets that a file's content describes; any format of :func:`load` but Python.

    :param suffix: of the file: ``.json``, ``.jsonl`` or ``.csv``.
    :param name: the file, for messages.
    :param folder: where a binary's relative path begins.
    :raise ConfigurationError: naming the line or the place in it.
    """
    if suffix == ".jsonl":
        return list(read_lines(io.StringIO(content), name, folder))
    if suffix == ".csv":
        return read_table(io.StringIO(content, newline=""), name, folder)
    document = parse_json(content, name, several_lines=True)
    return tasksets_of(document, name, folder)


def run_python(path: Path) -> dict[str, Any]:
    """What a Python file defines, by name.

    :raise ConfigurationError: it raises; with its name, and the line.
    """
    # As for a script: modules beside it can be imported, later in its generators too.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        return runpy.run_path(str(path), run_name="<tasksets>")
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise ConfigurationError(f"{path}{line}: {error.msg}") from error
    except OSError as error:
        raise unread(path, error) from error
    except (Exception, SystemExit) as error:  # the user's file may raise anything
        raise ConfigurationError(f"{path}{_line(error, path)}: {_say(error)}") from error


def _load_python(path: Path) -> TaskSet | Iterable[TaskSet]:
    names = run_python(path)
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
    if isinstance(tasksets, Iterator):
        return _drawn(tasksets, path)
    if isinstance(tasksets, list | tuple):
        if not tasksets:
            raise ConfigurationError(f"{path}: `tasksets` is empty", hint=_ONE)
        for place, each in enumerate(tasksets):
            _check(each, place, path)
    return tasksets


def _drawn(tasksets: Iterator[TaskSet], path: Path) -> Iterator[TaskSet]:
    """The same; what goes wrong in the file while they are made is told with its line."""
    place = 0
    while True:
        try:
            taskset = next(tasksets)
        except StopIteration:
            if not place:
                raise ConfigurationError(f"{path}: `tasksets` gives none", hint=_ONE) from None
            return
        except (Exception, SystemExit) as error:  # the user's generator may raise anything
            raise ConfigurationError(f"{path}{_line(error, path)}: {_say(error)}") from error
        _check(taskset, place, path)
        yield taskset
        place += 1


def _check(given: object, place: int, path: Path) -> None:
    if not isinstance(given, TaskSet):
        raise ConfigurationError(
            f"{path}: set {place} of `tasksets` is no task set but {given!r:.40}",
            hint="TaskSet(...) makes one of tasks",
        )


def _line(error: BaseException, path: Path) -> str:
    """The last line of the user's own file that was running."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return f", line {lines[-1]}" if lines else ""


def _say(error: BaseException) -> str:
    if isinstance(error, ConfigurationError):
        return str(error)
    if isinstance(error, SystemExit):
        return "it ends the program (sys.exit), so that none of its sets can be had"
    return f"{type(error).__name__}: {error}"


def _load_json(path: Path) -> Iterable[TaskSet]:
    return parse(read_text(path), ".json", str(path), path.parent)


def _load_table(path: Path) -> list[TaskSet]:
    try:
        with path.open(encoding=ENCODING, newline="") as file:
            return read_table(file, str(path), path.parent)
    except OSError as error:
        raise unread(path, error) from error


_READERS: dict[str, Callable[[Path], TaskSet | Iterable[TaskSet]]] = {
    ".py": _load_python,
    ".json": _load_json,
    ".jsonl": JSONLines,
    ".csv": _load_table,
}

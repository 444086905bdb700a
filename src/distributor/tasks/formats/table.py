"""Task sets in CSV: one row a task, its parameters in columns, a set's rows together."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from distributor.errors import ConfigurationError
from distributor.tasks.formats.document import from_folder, parameters_of
from distributor.tasks.formats.text import no_text, parse_json
from distributor.tasks.task import Task, is_parameter
from distributor.tasks.taskset import TaskSet

#: Columns that tell of the set; ``origin`` is JSON, and stands in a set's first row.
_OF_SET = ("set", "name", "origin")
_TEXTS = ("binary", "pkg", "arg1", "overrun")
#: Columns that are written, whatever units they are read in.
_COLUMNS = (
    *("set", "name", "binary", "arg1", "priority", "period_ns", "deadline_ns", "offset_ns"),
    *("numberofjobs", "executiontime_ns", "criticaltime_ns", "quota_mib", "caps", "cores"),
    *("coreoffset", "overrun", "origin"),
)


def read_table(file: Iterable[str], name: str, folder: Path) -> list[TaskSet]:
    """The task sets of an open CSV file.

    The first row names the columns: ``set`` (rows that follow each other with the same
    content are one set; without it each row is one), ``name``, ``origin``, and any
    parameter of a task. An empty cell is a parameter that is not given.

    :raise ConfigurationError: naming the line.
    """
    reader = csv.DictReader(file, strict=True)
    try:
        columns = reader.fieldnames or []
        for place, column in enumerate(columns):
            if column in columns[:place]:
                raise ConfigurationError(f"{name}, line 1: there are two columns {column!r}")
            if column not in _OF_SET and not is_parameter(column):
                hint = "the first line names the columns; times end in _ms, _us, _ns or _s"
                if ";" in column:
                    hint = "cells are parted by commas"
                raise ConfigurationError(
                    f"{name}, line 1: there is no parameter {column!r}", hint=hint
                )
        rows = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        raise no_text(name, error) from error
    except csv.Error as error:
        raise ConfigurationError(f"{name}, line {reader.line_num}: {error}") from error
    if not rows:
        raise ConfigurationError(f"{name} holds no task")
    grouped = groupby(rows, lambda row: row[1]["set"] if "set" in columns else row[0])
    return [_taskset(list(members), name, folder) for _, members in grouped]


def write_table(tasksets: Iterable[TaskSet], file: IO[str]) -> None:
    """The sets, numbered from 0; times in nanoseconds."""
    writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for number, taskset in enumerate(tasksets):
        for place, task in enumerate(taskset):
            row: dict[str, Any] = {"set": number, "name": taskset.name}
            row |= {
                name: value
                for name, value in parameters_of(task).items()
                if not name.endswith(("_ms", "_us", "_ns"))
            }
            for column in _COLUMNS:
                if column.endswith("_ns"):
                    row[column] = getattr(task, column)
            if taskset.origin is not None and place == 0:
                row["origin"] = json.dumps(taskset.origin)
            writer.writerow(row)


def _taskset(rows: list[tuple[int, dict[str, Any]]], name: str, folder: Path) -> TaskSet:
    first, head = rows[0]
    tasks = []
    for number, row in rows:
        where = f"{name}, line {number}"
        if None in row or None in row.values():
            raise ConfigurationError(f"{where}: it has more or fewer cells than the first line")
        parameters = {
            column: cell if column in _TEXTS else _number(column, cell, where)
            for column, cell in row.items()
            if column not in _OF_SET and cell != ""
        }
        try:
            tasks.append(Task(**from_folder(parameters, folder)))
        except ConfigurationError as error:
            raise ConfigurationError(f"{where}: {error}") from error
    origin = parse_json(head["origin"], f"{name}, line {first}") if head.get("origin") else None
    try:
        return TaskSet(tasks, name=head.get("name", ""), origin=origin)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}, line {first}: {error}") from error


def _number(column: str, cell: str, where: str) -> float:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    raise ConfigurationError(f"{where}: {column} is a number, not {cell!r}")

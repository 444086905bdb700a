"""``distributor convert`` and ``distributor schema``: task sets from one format to another."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from distributor.errors import ConfigurationError
from distributor.tasks.formats import rtapp
from distributor.tasks.formats.text import ENCODING
from distributor.tasks.load import load
from distributor.tasks.save import check_suffix, save
from distributor.tasks.taskset import TaskSet


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Any file that `run` takes, or rt-app's JSON.", metavar="FROM", show_default=False
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(help="A .json, .jsonl or .csv file.", metavar="TO", show_default=False),
    ],
    rt_app: Annotated[
        bool, typer.Option("--rt-app", help="Write rt-app's JSON, which holds one set.")
    ] = False,
    number: Annotated[
        int | None, typer.Option("--set", help="Only this set, from 0.", min=0)
    ] = None,
) -> None:
    """Write the task sets of one file to another, in the format that its ending names.

    A line on standard error tells each thing that the other format cannot say.
    """
    check_suffix(target)
    tasksets, notes = _read(source)
    if number is not None:
        tasksets = list(islice(tasksets, number, number + 1))
        if not tasksets:
            raise ConfigurationError(f"{source} has no set {number}")
    if rt_app:
        notes += _write_rtapp(tasksets, source, target)
    else:
        save(tasksets, target)
    for note in notes:
        sys.stderr.write(f"{source}: {note}\n")


def schema() -> None:
    """Print the JSON Schema of files that describe task sets."""
    from distributor.tasks.formats.schema import schema as described

    typer.echo(json.dumps(described(), indent=2))


def _read(source: Path) -> tuple[Iterable[TaskSet], list[str]]:
    if source.suffix == ".json" and source.is_file():
        try:
            document = rtapp.parse(source.read_text(ENCODING))
        except (ValueError, OSError, RecursionError):
            document = None  # load says what is wrong with it
        if rtapp.looks_like_rtapp(document):
            try:
                taskset, notes = rtapp.from_rtapp(document, source.stem)
            except ConfigurationError as error:
                raise ConfigurationError(f"{source}: {error}") from error
            return [taskset], notes
    tasksets = load(source)
    return [tasksets] if isinstance(tasksets, TaskSet) else tasksets, []


def _write_rtapp(tasksets: Iterable[TaskSet], source: Path, target: Path) -> list[str]:
    if target.suffix != ".json":
        raise ConfigurationError(f"{target}: rt-app reads .json files")
    first = list(islice(tasksets, 2))
    if len(first) > 1:
        raise ConfigurationError(
            f"{source} holds several sets, and rt-app's files one", hint="--set says which"
        )
    try:
        document, notes = rtapp.to_rtapp(first[0])
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from error
    try:
        target.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written: {error.strerror}") from error
    return notes

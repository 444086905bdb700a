"""Files of a run for other programs: Parquet, CSV and JSON lines."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributor.errors import ConfigurationError
from distributor.store.record import RunRecord
from distributor.store.store import Store

if TYPE_CHECKING:
    import pyarrow


class Format(StrEnum):
    """What an exported file is."""

    PARQUET = "parquet"
    CSV = "csv"
    #: One object a line.
    JSONL = "jsonl"
    #: The three tables of earlier distributors (:mod:`distributor.data.threetable`).
    SQLITE = "sqlite"


class Content(StrEnum):
    """What the rows of an exported file are."""

    JOBS = "jobs"
    TASKS = "tasks"
    TASKSETS = "tasksets"


_BY_ENDING = {
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".sqlite": Format.SQLITE,
    ".sqlite3": Format.SQLITE,
    ".db": Format.SQLITE,
}


def format_of(path: Path) -> Format:
    """The format that a file's name ends in.

    :raise ConfigurationError: it ends in none that is known.
    """
    try:
        return _BY_ENDING[path.suffix.lower()]
    except KeyError:
        raise ConfigurationError(
            f"the name {path.name!r} does not say what to write",
            hint=f"end it in {', '.join(_BY_ENDING)}, or give --format",
        ) from None


def export(
    store: Store,
    run: RunRecord,
    path: Path,
    *,
    format: Format,  # the word that users know
    content: Content = Content.JOBS,
    replace: bool = False,
    told: Callable[[int], object] = lambda rows: None,
) -> int:
    """Write a run to a file; tells how many rows (of jobs, for SQLite) it has.

    The file is there as a whole or not at all. A run of any length needs little memory.

    :param replace: take the place of a file that is there.
    :param told: called with the number of rows written since it was called last.
    :raise ConfigurationError: there is such a file, or it cannot be written.
    """
    if _same(path, store.name):
        raise ConfigurationError(f"{path} is the store itself", hint="name another file")
    if format is Format.SQLITE:
        from distributor.data.threetable import write_three_tables

        if content is not Content.JOBS:
            raise ConfigurationError("an SQLite file holds all three tables", hint="drop --rows")
        with _new_file(path, replace=replace) as new:
            return write_three_tables(store, run, new, told)
    with _new_file(path, replace=replace) as new:
        return _write(format, new, run, _batches(store, run, content), told)


def _same(path: Path, store: str) -> bool:
    """A store on a server is no file."""
    return path.exists() and Path(store).exists() and path.samefile(store)


def _batches(store: Store, run: RunRecord, content: Content) -> Iterator[pyarrow.RecordBatch]:
    from distributor.data.columns import job_batches, read_members

    members = read_members(store, run.id)
    if content is Content.JOBS:
        return job_batches(store, members)
    table = members.tasks if content is Content.TASKS else members.tasksets
    return iter(table.unify_dictionaries().combine_chunks().to_batches() or _nothing(table.schema))


def _nothing(schema: pyarrow.Schema) -> list[pyarrow.RecordBatch]:
    """A batch without rows, for the file's heads."""
    import pyarrow

    return [pyarrow.RecordBatch.from_pylist([], schema=schema)]


def _write(
    format: Format,
    path: Path,
    run: RunRecord,
    batches: Iterator[pyarrow.RecordBatch],
    told: Callable[[int], object],
) -> int:
    first = next(batches)
    rows = 0
    with _WRITERS[format](path, first.schema, run) as write:
        batch: pyarrow.RecordBatch | None = first
        while batch is not None:
            write(batch)
            rows += len(batch)
            told(len(batch))
            batch = next(batches, None)
    return rows


_Write = Callable[[Any], object]


@contextmanager
def _parquet(path: Path, schema: pyarrow.Schema, run: RunRecord) -> Iterator[_Write]:
    from pyarrow import parquet

    # Whoever finds the file alone can tell what it is of.
    about = {
        "run": run.id,
        "command": run.command,
        "started_at": run.started_at.isoformat(),
        "clock": run.clock,
        "seed": run.seed,
        "distributor": run.distributor,
        "qemu": run.qemu,
    }
    schema = schema.with_metadata({b"distributor": json.dumps(about).encode()})
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        yield lambda batch: writer.write_batch(batch.replace_schema_metadata(schema.metadata))


@contextmanager
def _csv(path: Path, schema: pyarrow.Schema, run: RunRecord) -> Iterator[_Write]:
    import pyarrow
    from pyarrow import csv

    plain = pyarrow.schema(
        field.with_type(pyarrow.string()) if pyarrow.types.is_dictionary(field.type) else field
        for field in schema
    )
    with csv.CSVWriter(path, plain) as writer:
        yield lambda batch: writer.write_batch(batch.cast(plain))


@contextmanager
def _json_lines(path: Path, schema: pyarrow.Schema, run: RunRecord) -> Iterator[_Write]:
    from distributor.data.jsonlines import json_lines

    with path.open("wb") as file:
        yield lambda batch: file.write(json_lines(batch))


_WRITERS = {Format.PARQUET: _parquet, Format.CSV: _csv, Format.JSONL: _json_lines}


@contextmanager
def _new_file(path: Path, *, replace: bool) -> Iterator[Path]:
    """A file beside the one to write, which takes its place when it is whole."""
    if path.exists() and not (replace and path.is_file()):
        raise ConfigurationError(
            f"there is {path} already", hint="name another file, or give --force to replace it"
        )
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            new = Path(folder, path.name)
            yield new
            new.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}",
            hint="see that its directory exists, may be written to and has room",
        ) from error

"""Rows in bulk: a query's columns as Arrow record batches, with no object made for a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, Column, Connection, Integer, Select, SmallInteger, String

from distributor.store.schema import tasksets

if TYPE_CHECKING:
    import pyarrow

#: What is read of task sets in bulk: no times of day, machines or consoles.
TASKSET_COLUMNS: tuple[Column[Any], ...] = tuple(
    column
    for column in tasksets.c
    if column.key not in {"run_id", "finished_at", "machines", "console"}
)

#: Rows taken from the driver at a time: what is small enough to stay in the processor's caches.
_FETCH = 1000
#: Rows of one batch; what a Parquet row group of a few mebibytes holds.
_BATCH = 65_536


def read_batches(
    connection: Connection, query: Select[Any], columns: tuple[Column[Any], ...]
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a query, in their order, some ten thousand at a time; at least one batch.

    Whole numbers become int64, and texts dictionaries, since few of them differ; JSON is text.

    :param columns: what the query selects.
    """
    import pyarrow

    schema = pyarrow.schema(
        [(column.key, _arrow_type(column), bool(column.nullable)) for column in columns]
    )
    values: list[list[Any]] = [[] for _ in columns]
    objects = [place for place, column in enumerate(columns) if isinstance(column.type, JSON)]
    some = False
    for rows in _fetched(connection, query):
        for kept, more in zip(values, zip(*rows, strict=True), strict=True):
            kept.extend(more)
        for place in objects:
            values[place][-len(rows) :] = map(_json, values[place][-len(rows) :])
        if len(values[0]) >= _BATCH:
            yield _batch(schema, values)
            some = True
    if values[0] or not some:
        yield _batch(schema, values)


def _fetched(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
    if connection.dialect.name != "sqlite":
        with connection.execution_options(yield_per=_FETCH).execute(query) as result:
            yield from result.partitions()
        return
    # The driver's own rows: those of SQLAlchemy cost as much again.
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text)
        while rows := cursor.fetchmany(_FETCH):
            yield rows
    finally:
        cursor.close()


def _batch(schema: pyarrow.Schema, values: list[list[Any]]) -> pyarrow.RecordBatch:
    """The values as a batch; the lists are emptied."""
    import pyarrow

    arrays = []
    for field, kept in zip(schema, values, strict=True):
        arrays.append(pyarrow.array(kept, field.type))
        kept.clear()
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def _json(value: Any) -> str | None:
    """The text of a JSON value, which some drivers give and others have read already."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _arrow_type(column: Column[Any]) -> pyarrow.DataType:
    import pyarrow

    if isinstance(column.type, BigInteger | Integer | SmallInteger):
        return pyarrow.int64()
    if isinstance(column.type, String | JSON):
        return pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    return pyarrow.float64()

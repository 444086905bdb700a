"""Data frames of a run, in one call each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distributor.store.record import RunRecord, TaskRecord
from distributor.store.store import DEFAULT_STORE, Store

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from distributor.data.columns import Members


def read_jobs(
    store: str | Store = DEFAULT_STORE,
    run: int | None = None,
    *,
    batch: int | None = None,
    set_index: int | None = None,
) -> pandas.DataFrame:
    """Every job of a run, one row each: times, response, lateness, tardiness, outcome.

    docs/analysis.md describes the columns. Times are whole nanoseconds; a column that can have
    gaps (``release_ns``, from a plain loader) has pandas' nullable ``Int64``.

    :param store: the path of an SQLite file, a database's URL, or an open store.
    :param run: number of the run; the last one if unset.
    :param batch: only sets of this job, by the order of adding them.
    :param set_index: only the set with this index.
    :raise StoreError: the store or the run is not there.
    """
    import pyarrow

    from distributor.data.columns import job_batches, read_members

    with _opened(store) as opened:
        members = read_members(opened, opened.run(run).id, batch=batch, set_index=set_index)
        rows = job_batches(opened, members, batch=batch, set_index=set_index)
        return _frame(pyarrow.Table.from_batches(rows))


def read_tasks(store: str | Store = DEFAULT_STORE, run: int | None = None) -> pandas.DataFrame:
    """Every task of a run's sets, one row each: its parameters, WCET and utilization.

    Parameters and errors are those of :func:`read_jobs`.
    """
    from distributor.data.columns import read_members

    with _opened(store) as opened:
        return _frame(read_members(opened, opened.run(run).id).tasks)


def read_tasksets(store: str | Store = DEFAULT_STORE, run: int | None = None) -> pandas.DataFrame:
    """Every task set of a run, one row each: its verdict, utilization and what made it.

    Each entry of the sets' origins is a column of its own: ``origin.generator``, ...

    Parameters and errors are those of :func:`read_jobs`.
    """
    from distributor.data.columns import read_members

    with _opened(store) as opened:
        return tasksets_frame(read_members(opened, opened.run(run).id))


def tasksets_frame(members: Members) -> pandas.DataFrame:
    """As of :func:`read_tasksets`, from sets that have been read."""
    return with_origin(_frame(members.tasksets))


def with_origin(tasksets: pandas.DataFrame) -> pandas.DataFrame:
    """The sets with a column for each entry of their origins, instead of one with JSON."""
    import pandas

    told = [json.loads(text) if isinstance(text, str) else {} for text in tasksets["origin"]]
    names = dict.fromkeys(name for origin in told for name in origin)
    columns = {
        f"origin.{name}": pandas.Series([origin.get(name) for origin in told], tasksets.index)
        for name in names
    }
    return tasksets.drop(columns="origin").assign(**columns)


@dataclass(frozen=True, slots=True)
class RunFrames:
    """A run, or some sets of it, with all that is to be told of it."""

    run: RunRecord
    tasksets: pandas.DataFrame
    tasks: pandas.DataFrame
    jobs: pandas.DataFrame
    #: The tasks again, as records, by their sets' ``id``.
    members: dict[int, list[TaskRecord]]


def read_run(
    store: Store, run: int | None = None, *, batch: int | None = None, set_index: int | None = None
) -> RunFrames:
    """All frames of a run at once; parameters and errors are those of :func:`read_jobs`."""
    import pyarrow

    from distributor.data.columns import job_batches, read_members, task_records

    found = store.run(run)
    members = read_members(store, found.id, batch=batch, set_index=set_index)
    rows = job_batches(store, members, batch=batch, set_index=set_index)
    return RunFrames(
        run=found,
        tasksets=with_origin(_frame(members.tasksets)),
        tasks=_frame(members.tasks),
        jobs=_frame(pyarrow.Table.from_batches(rows)),
        members=task_records(members),
    )


@contextmanager
def _opened(store: str | Store) -> Iterator[Store]:
    if isinstance(store, Store):
        yield store
        return
    with Store.open(store, create=False) as opened:
        yield opened


#: Columns with gaps in some runs; their type must not depend on whether this run has any.
_GAPS = frozenset(
    """
    release_ns start_latency_ns exit_value executiontime_ns criticaltime_ns quota_bytes caps
    cores wcet_ns
    """.split()
)


def _frame(table: pyarrow.Table) -> pandas.DataFrame:
    import pandas
    import pyarrow

    gaps = {pyarrow.int64(): pandas.Int64Dtype()}
    columns = {}
    for name, column in zip(table.column_names, table.unify_dictionaries().columns, strict=True):
        types_mapper = gaps.get if name in _GAPS else None
        columns[name] = column.to_pandas(types_mapper=types_mapper)
    return pandas.DataFrame(columns, copy=False)
